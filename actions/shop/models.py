"""What a shop knows, as frozen dataclasses: the vocabulary of :class:`actions.shop.gateway.ShopGateway`.

Conventions: money is :class:`~decimal.Decimal` in yuan with two places; every datetime is aware
(Asia/Shanghai); identifiers are opaque strings of the shop; ``None`` means "the shop does not say".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum


class OrderState(str, Enum):
    """Where an order stands."""

    UNPAID = "unpaid"  # 待付款
    PAID = "paid"  # 待发货
    SHIPPED = "shipped"  # 已发货
    EXCEPTION = "exception"  # 运输异常
    DELIVERED = "delivered"  # 已签收
    REFUNDING = "refunding"  # 退款中
    REFUNDED = "refunded"  # 已退款
    CANCELLED = "cancelled"  # 已取消


class MemberLevel(str, Enum):
    """Membership levels, ascending."""

    ORDINARY = "ordinary"
    SILVER = "silver"
    GOLD = "gold"
    DIAMOND = "diamond"


class AfterSaleKind(str, Enum):
    """What a shopper asks for after a purchase."""

    REFUND = "refund"  # money back, nothing to send back (not shipped, or not received)
    RETURN = "return"  # send back, money back
    EXCHANGE = "exchange"  # send back, get another
    REPAIR = "repair"  # send in, get the same piece back


class AfterSaleState(str, Enum):
    """Where an after-sales request stands."""

    SUBMITTED = "submitted"  # waiting for review
    APPROVED = "approved"  # shopper sends the goods back
    RECEIVED = "received"  # goods arrived, being checked
    DONE = "done"  # money returned, or replacement sent
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Fault(str, Enum):
    """Who pays for sending goods back: decided by the reason."""

    SHOP = "shop"
    SHOPPER = "shopper"


@dataclass(frozen=True)
class Address:
    """A delivery address. Personal data: never logged."""

    address_id: str
    consignee: str
    phone: str
    province: str
    city: str
    district: str
    street: str
    is_default: bool = False


@dataclass(frozen=True)
class Customer:
    """A customer's master data. Personal data: never logged."""

    customer_id: str
    name: str
    phone: str
    level: MemberLevel
    points: int
    points_expiring: int  # points that lapse at `points_expire_on`
    points_expire_on: date | None
    registered_at: datetime
    birthday: date | None = None
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True)
class PricePoint:
    """The price that held from a day on."""

    since: date
    price: Decimal


@dataclass(frozen=True)
class Sku:
    """One sellable variant of a product."""

    sku_id: str
    label: str  # "黑色 / 42 码"
    size: str | None
    colour: str | None
    price: Decimal
    stock: int  # pieces; 0 means sold out


@dataclass(frozen=True)
class Product:
    """A product with its variants."""

    product_id: str
    name: str
    short_name: str  # at most 12 characters, for buttons and cards
    category: str  # code: phone, appliance, clothing, food, beauty, baby
    category_label: str  # 手机数码 ...
    brand: str
    price: Decimal  # lowest current price of its SKUs
    specs: tuple[tuple[str, str], ...]  # ordered pairs as shown: ("屏幕", "6.7 英寸")
    skus: tuple[Sku, ...]
    size_table: tuple[tuple[str, ...], ...]  # first row is the head; () where sizes do not apply
    price_history: tuple[PricePoint, ...]
    warranty_months: int  # 0: no warranty beyond the law's
    warranty_terms: str
    certificates: tuple[str, ...]  # 3C, 质检报告 ...
    returnable_days: int  # days for 七天无理由; 0: not offered (fresh food, opened cosmetics ...)
    rating: Decimal  # mean stars, 1.0-5.0
    review_count: int
    sold_30_days: int
    listed_on: date
    picture: str  # path below the front's static root, "pictures/p001.svg"
    tags: tuple[str, ...] = ()  # 新品, 热卖, 礼盒, 可刻字 ...
    aliases: tuple[str, ...] = ()  # what shoppers call it
    contents: tuple[str, ...] = ()  # 包装清单: what is in the box
    usage: tuple[str, ...] = ()  # 使用要点: short steps
    shelf_life_days: int | None = None  # 保质期 from the day of production; None: does not spoil
    produced_on: date | None = None  # of the batch that is sold now
    seller: str | None = None  # None: our own goods (自营); else the shop that sells it here
    installation_fee: Decimal | None = None  # None: nothing to install; 0.00: free
    gift_box: bool = False  # comes in a gift box
    cold_chain: bool = False  # travels refrigerated


@dataclass(frozen=True)
class OrderItem:
    """One line of an order."""

    product_id: str
    sku_id: str
    name: str
    short_name: str
    sku_label: str
    quantity: int
    unit_price: Decimal
    picture: str
    engraving: str | None = None  # customisation ordered by the shopper


@dataclass(frozen=True)
class TraceEvent:
    """One dated step of a shipment."""

    at: datetime
    place: str
    text: str


@dataclass(frozen=True)
class Shipment:
    """A parcel on its way."""

    carrier: str
    tracking_number: str
    shipped_at: datetime
    promised_by: datetime  # what the shopper was told when paying
    expected_by: datetime  # what the carrier expects now; later than `promised_by` means late
    delivered_at: datetime | None
    exception: str | None  # the cause in the carrier's words, e.g. "分拨中心积压"
    trace: tuple[TraceEvent, ...]  # ascending by time


@dataclass(frozen=True)
class Order:
    """An order. `order_number` is what shoppers read and type: 12 digits."""

    order_number: str
    customer_id: str
    state: OrderState
    placed_at: datetime
    paid_at: datetime | None
    cancelled_at: datetime | None
    ship_by: datetime | None  # promise of dispatch, for PAID orders
    items: tuple[OrderItem, ...]
    goods_total: Decimal
    freight: Decimal
    discount: Decimal
    total: Decimal  # goods_total + freight - discount
    payment_method: str  # 微信支付, 支付宝 ...
    express: bool  # faster delivery chosen and paid
    address: Address
    shipment: Shipment | None
    urged_at: datetime | None = None
    pay_by: datetime | None = None  # UNPAID only: when the order lapses
    slot_starts_at: datetime | None = None  # the chosen delivery time
    slot_ends_at: datetime | None = None
    note: str | None = None  # the shopper's own words for those who pack it; personal data
    cancel_cause: str | None = None  # code of CANCEL_CAUSES, once it is cancelled


@dataclass(frozen=True)
class AfterSale:
    """An after-sales request. `refund_amount` excludes freight that the shopper owes."""

    request_number: str
    order_number: str
    kind: AfterSaleKind
    state: AfterSaleState
    reason: str  # code, see RETURN_REASONS
    fault: Fault
    refund_amount: Decimal
    created_at: datetime
    review_by: datetime
    refund_by: datetime | None  # latest day the money is back, once that is known
    return_address: str | None
    steps: tuple[TraceEvent, ...]
    product_id: str | None = None  # of a repair: the piece it is about
    description: str | None = None  # of a repair: the fault in the shopper's own words; personal data


#: Most characters of an order's note.
NOTE_LENGTH = 100

#: Why an order was cancelled: by whom, or for want of what. Labels are words and live in YAML.
CANCEL_CAUSES = ("shopper", "unpaid", "out_of_stock", "risk_check", "shop")


#: Reason codes of after-sales requests and who is at fault. Labels are words and live in YAML.
RETURN_REASONS: dict[str, Fault] = {
    "no_reason": Fault.SHOPPER,
    "wrong_size": Fault.SHOPPER,
    "quality": Fault.SHOP,
    "damaged": Fault.SHOP,
    "wrong_item": Fault.SHOP,
    "missing_parts": Fault.SHOP,
    "not_as_described": Fault.SHOP,
    "late": Fault.SHOP,
    "not_received": Fault.SHOP,
    "changed_mind": Fault.SHOPPER,  # before dispatch
    "broken": Fault.SHOP,  # repairs under warranty: carriage both ways is the shop's
    "worn": Fault.SHOPPER,  # repairs out of warranty, for money
}


@dataclass(frozen=True)
class Review:
    """A review that a customer wrote."""

    product_id: str
    order_number: str
    stars: int  # 1-5
    text: str
    pictures: int  # how many
    written_at: datetime


@dataclass(frozen=True)
class Browse:
    """One product page seen."""

    product_id: str
    at: datetime
    seconds: int
    compared: bool = False  # seen in the comparison view
    detail_opened: bool = False  # parameter table opened


@dataclass(frozen=True)
class Coupon:
    """A coupon of a customer."""

    coupon_id: str
    amount: Decimal
    minimum: Decimal  # order total from which it holds
    scope: str  # category code, or "all"
    valid_until: datetime
    used: bool = False
    name: str = ""  # as the shop calls it


class PreferenceKind(str, Enum):
    """Why a customer does not want to be shown a product."""

    DISLIKED = "disliked"
    OWNED = "owned"  # bought, here or elsewhere


@dataclass(frozen=True)
class Preference:
    """A product that a customer does not want to be shown; her last word on a product counts."""

    product_id: str
    kind: PreferenceKind
    noted_at: datetime


@dataclass(frozen=True)
class CustomerHistory:
    """All that the prior of the temperament is read from. Newest first in each tuple."""

    customer_id: str
    orders: tuple[Order, ...] = ()
    after_sales: tuple[AfterSale, ...] = ()
    reviews: tuple[Review, ...] = ()
    browses: tuple[Browse, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    urges: int = 0  # how often the customer urged a dispatch in the last year
    new_arrival_orders: int = 0  # orders of a product within 30 days of its listing
    same_brand_orders: int = 0  # orders that repeat a brand bought before
    preferences: tuple[Preference, ...] = ()  # whenever they were noted


@dataclass(frozen=True)
class ServiceHours:
    """When people answer. `answer_minutes` is the promised wait within the hours."""

    opens: str  # "09:00", shop's time zone
    closes: str  # "22:00"
    answer_minutes: int


@dataclass(frozen=True)
class Refund:
    """What goes back to the shopper for one kind of request."""

    kind: AfterSaleKind
    fault: Fault
    amount: Decimal


@dataclass(frozen=True)
class ReturnTerms:
    """What the shop's rules say about sending back one order, computed from its own dates.

    `allowed` decides; `rule` names the clause applied (a code, its label is a word in YAML);
    `deadline` is the last moment to ask; `review_hours`, `refund_days` are (min, max) promises.
    Where a request is open (``already_open``), `deadline` and `reasons` are what would hold without it:
    until when and why she may ask anew once it is withdrawn.
    `refunds` says for each allowed kind and fault what goes back; for a delivered parcel also what does if
    she says within the days for it that it never reached her (REFUND by the SHOP's fault).
    """

    allowed: bool
    rule: str
    deadline: datetime | None
    review_hours: int
    check_hours: int
    refund_days: tuple[int, int]
    kinds: tuple[AfterSaleKind, ...] = field(default=())
    reasons: tuple[str, ...] = field(default=())  # codes of RETURN_REASONS that hold under this clause
    refunds: tuple[Refund, ...] = field(default=())
    coupon_returns: bool | None = None  # whether ending the order now gives the coupon used for it back

    def refund(self, kind: AfterSaleKind, fault: Fault) -> Decimal | None:
        """Return what goes back for a request of this kind and fault; None if the terms do not say."""
        return next((r.amount for r in self.refunds if r.kind is kind and r.fault is fault), None)


@dataclass(frozen=True)
class ChangeResult:
    """The outcome of a write. `repeated` is true when the same key had already done it."""

    order: Order
    repeated: bool = False


@dataclass(frozen=True)
class AfterSaleResult:
    """The outcome of an after-sales write."""

    request: AfterSale
    repeated: bool = False


@dataclass(frozen=True)
class ProductMatch:
    """A product found by words; `score` in 0..1, higher fits better."""

    product: Product
    score: float
    read_as: str | None = None  # what was looked for where her words were taken for a slip: 耳机 for 尔机
    missing: str | None = None  # what she asked for, where there is none and this is only near to it
