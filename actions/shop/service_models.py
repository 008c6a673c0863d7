"""What a shop says about its services around an order.

Offers, invoices, price protection, repair, delivery times, payments, stock and events. Same conventions as
:mod:`actions.shop.models`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum

from actions.shop.models import AfterSale, Coupon, MemberLevel, Order, Preference


class PromotionKind(str, Enum):
    """How a promotion lowers what is paid."""

    REDUCTION = "reduction"  # 满减: `amount` off from `minimum` on
    DISCOUNT = "discount"  # 折扣: `percent` of the price is paid
    GIFT = "gift"  # 赠品: `gift` comes along from `minimum` on
    COUPON = "coupon"  # 领券: a coupon of `amount` from `minimum` on may be claimed


@dataclass(frozen=True)
class Promotion:
    """An offer of the shop that runs, or is announced. Fields that its kind does not use are None."""

    promotion_id: str
    title: str  # the shop's own words, at most 24 characters
    kind: PromotionKind
    scope: str  # category code, or "all"
    product_ids: tuple[str, ...]  # () where the scope says it all
    starts_at: datetime
    ends_at: datetime
    minimum: Decimal | None  # total of the goods from which it holds
    amount: Decimal | None  # yuan off, or the coupon's worth
    percent: int | None  # 1-99; 85 is 八五折
    gift: str | None
    with_coupons: bool  # may be combined with coupons
    level: MemberLevel | None  # only from this membership level on


@dataclass(frozen=True)
class CouponResult:
    """The outcome of claiming a coupon."""

    coupon: Coupon
    repeated: bool = False


class InvoiceKind(str, Enum):
    """Kinds of Chinese invoices."""

    ELECTRONIC = "electronic"  # 电子普通发票
    PAPER = "paper"  # 纸质普通发票
    SPECIAL = "special"  # 增值税专用发票


class InvoiceState(str, Enum):
    """Where an invoice stands."""

    REQUESTED = "requested"
    ISSUED = "issued"
    REVERSED = "reversed"  # 已红冲: after a refund or a change of title


@dataclass(frozen=True)
class InvoiceTitle:
    """To whom an invoice is made out. Personal data: never logged."""

    name: str  # 抬头: a person or a company, 1-100 characters
    tax_number: str | None = None  # 税号 of a company: 15-20 capitals and digits; needed for SPECIAL
    email: str | None = None  # where an electronic invoice goes; None: only in the order's page


@dataclass(frozen=True)
class Invoice:
    """The invoice of one order. `title` is personal data."""

    order_number: str
    kind: InvoiceKind
    state: InvoiceState
    title: InvoiceTitle
    amount: Decimal  # what is invoiced: goods and freight less discounts and what was refunded
    requested_at: datetime
    issue_by: datetime  # promised
    issued_at: datetime | None
    invoice_number: str | None  # once issued


@dataclass(frozen=True)
class InvoiceTerms:
    """Whether an invoice can be had for an order now.

    `rule`: ``can_request``, ``can_change`` (issued or requested, the title may still be changed),
    ``not_paid``,
    ``order_closed`` (cancelled or refunded), ``too_late`` (deadline over).
    """

    allowed: bool
    rule: str
    kinds: tuple[InvoiceKind, ...]
    amount: Decimal
    issue_hours: int  # an electronic invoice is issued within
    deadline: datetime | None  # last moment to ask for or to change it
    current: Invoice | None


@dataclass(frozen=True)
class InvoiceResult:
    """The outcome of asking for an invoice."""

    invoice: Invoice
    repeated: bool = False


@dataclass(frozen=True)
class PriceDrop:
    """One line of an order whose price fell since it was paid."""

    product_id: str
    short_name: str
    quantity: int
    paid: Decimal  # unit price at purchase
    now: Decimal  # unit price now
    difference: Decimal  # (paid - now) * quantity


@dataclass(frozen=True)
class PriceProtection:
    """Whether the difference is given back for an order, computed from its dates and prices.

    `rule`: ``price_dropped`` (allowed), ``no_drop``, ``too_late``, ``not_paid``, ``order_closed``,
    ``not_covered`` (the category has none), ``claimed`` (this difference was given already).
    """

    allowed: bool
    rule: str
    days: int  # protected from payment on
    deadline: datetime | None  # last moment to claim; None where not paid or not covered
    drops: tuple[PriceDrop, ...]  # those that count
    amount: Decimal  # sum of the drops; 0.00 where not allowed
    claimed: Decimal  # given back before for this order
    refund_days: tuple[int, int]  # (min, max) until the money is there


@dataclass(frozen=True)
class PriceProtectionResult:
    """The outcome of a claim: `amount` goes back the way it was paid until `refund_by`."""

    order_number: str
    amount: Decimal
    refund_by: datetime
    repeated: bool = False


@dataclass(frozen=True)
class Warranty:
    """The warranty of one line of an order.

    `rule`: ``covered``, ``expired``, ``no_warranty`` (none beyond the law's), ``not_delivered``.
    """

    product_id: str
    short_name: str
    covered: bool
    rule: str
    months: int
    until: datetime | None
    terms: str  # the maker's, in the shop's words
    repair_days: tuple[int, int]  # (min, max) from the arrival of the goods at the workshop
    paid_repair: bool  # out of warranty, a repair for money is offered


@dataclass(frozen=True)
class RepairResult:
    """The outcome of asking for a repair."""

    request: AfterSale
    repeated: bool = False


@dataclass(frozen=True)
class DeliverySlot:
    """A time in which a parcel can be brought."""

    slot_id: str
    starts_at: datetime
    ends_at: datetime
    fee: Decimal = Decimal("0.00")


@dataclass(frozen=True)
class SlotOffer:
    """The times that can be chosen for an order.

    `rule`: ``open`` (allowed), ``not_paid``, ``order_closed``, ``already_delivered``, ``out_for_delivery``,
    ``not_offered`` (this carrier or district has none).
    """

    allowed: bool
    rule: str
    slots: tuple[DeliverySlot, ...]  # ascending
    chosen: DeliverySlot | None


@dataclass(frozen=True)
class SlotResult:
    """The outcome of choosing a time."""

    order: Order
    slot: DeliverySlot
    repeated: bool = False


class PaymentOutcome(str, Enum):
    """What became of one attempt to pay."""

    SUCCEEDED = "succeeded"
    PENDING = "pending"  # the bank has not confirmed it yet
    FAILED = "failed"
    RETURNED = "returned"  # taken and given back, e.g. of two payments for one order


@dataclass(frozen=True)
class PaymentAttempt:
    """One attempt to pay an order.

    `cause` of a failure: ``insufficient_funds``, ``limit_exceeded``, ``bank_declined``,
    ``cancelled_by_payer``,
    ``risk_check``, ``expired``; None otherwise.
    """

    at: datetime
    method: str
    amount: Decimal
    outcome: PaymentOutcome
    cause: str | None = None
    return_by: datetime | None = None  # RETURNED: when the money is back at the latest


@dataclass(frozen=True)
class Payment:
    """How paying an order went. Newest attempt first."""

    order_number: str
    due: Decimal  # still to be paid; 0.00 once paid
    pay_by: datetime | None
    methods: tuple[str, ...]  # that can be used
    attempts: tuple[PaymentAttempt, ...]
    confirm_minutes: int  # a pending payment is confirmed or returned within


@dataclass(frozen=True)
class StockWatch:
    """A shopper's wish to be told when something is to be had again."""

    product_id: str
    sku_id: str | None  # None: any variant
    expected_on: date | None  # when the shop expects it; None: not known
    in_stock: bool = False  # it is there now: nothing was noted
    repeated: bool = False


@dataclass(frozen=True)
class PreferenceResult:
    """The outcome of noting a preference. `repeated` is true when the same key had already done it."""

    preference: Preference
    repeated: bool = False


@dataclass(frozen=True)
class LateOrder:
    """A parcel that does not keep its promise."""

    order: Order
    promised_by: datetime
    expected_by: datetime | None  # None: the carrier does not say


class EventKind(str, Enum):
    """What a shop tells of its own accord."""

    PAID = "paid"
    SHIPPED = "shipped"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RETURNED = "returned"
    REVIEWED = "reviewed"
    BROWSED = "browsed"
    PROFILE_CHANGED = "profile_changed"
    RESTOCKED = "restocked"


@dataclass(frozen=True)
class ShopEvent:
    """One thing that happened in the shop; `event_id` is the shop's and makes it idempotent.

    `data` holds what its kind needs (``docs/events.md``), already checked by whoever received it.
    """

    event_id: str
    kind: EventKind
    at: datetime
    customer_id: str | None  # None only for RESTOCKED
    order_number: str | None
    product_id: str | None
    data: tuple[tuple[str, str], ...] = ()
