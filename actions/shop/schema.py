"""The tables of the embedded shop. Changes need a migration under ``migrations/versions``.

Names, phones, addresses, birthdays, engravings and notes are sealed; of an order's phone only a blind hash of
the last four digits can be compared (keyed per order, so equal digits of two orders do not show).

The ignored ``misc`` errors: SQLAlchemy's mypy plugin takes every column for not null.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    false,
)

from actions.shop import (  # the metadata are whole whoever imports one part
    policy_schema,  # noqa: F401
    service_schema,  # noqa: F401
)
from actions.shop.columns import Moment, Money, Sealed
from actions.shop.models import AfterSaleKind, AfterSaleState, Fault, MemberLevel, OrderState
from actions.shop.tables import Base, one_of


class CategoryRow(Base):
    """A product category."""

    __tablename__ = "categories"
    code: str = Column(String(32), primary_key=True)
    label: str = Column(String(32), nullable=False)
    aliases: list[str] = Column(JSON, nullable=False)


class ProductRow(Base):
    """A product; its price is the lowest of its SKUs."""

    __tablename__ = "products"
    product_id: str = Column(String(32), primary_key=True)
    name: str = Column(String(120), nullable=False)
    short_name: str = Column(String(24), nullable=False)
    category: str = Column(String(32), ForeignKey("categories.code"), nullable=False, index=True)
    brand: str = Column(String(40), nullable=False)
    specs: list[list[str]] = Column(JSON, nullable=False)
    size_table: list[list[str]] = Column(JSON, nullable=False)
    warranty_months: int = Column(Integer, nullable=False)
    warranty_terms: str = Column(Text, nullable=False)
    certificates: list[str] = Column(JSON, nullable=False)
    returnable_days: int = Column(Integer, nullable=False)
    rating_tenths: int = Column(Integer, nullable=False)
    review_count: int = Column(Integer, nullable=False)
    sold_30_days: int = Column(Integer, nullable=False)
    listed_on: date = Column(Date, nullable=False)
    picture: str = Column(String(120), nullable=False)
    tags: list[str] = Column(JSON, nullable=False)
    aliases: list[str] = Column(JSON, nullable=False)
    contents: list[str] = Column(JSON, nullable=False, default=list, server_default="[]")
    usage: list[str] = Column(JSON, nullable=False, default=list, server_default="[]")
    search_words: list[str] = Column(JSON, nullable=False, default=list, server_default="[]")
    shelf_life_days: int | None = Column(Integer)  # type: ignore[misc]
    produced_on: date | None = Column(Date)  # type: ignore[misc]
    seller: str | None = Column(String(60))  # type: ignore[misc]
    installation_fee: Decimal | None = Column(Money)  # type: ignore[misc]
    gift_box: bool = Column(Boolean, nullable=False, default=False, server_default=false())
    cold_chain: bool = Column(Boolean, nullable=False, default=False, server_default=false())


class SkuRow(Base):
    """A sellable variant."""

    __tablename__ = "skus"
    sku_id: str = Column(String(40), primary_key=True)
    product_id: str = Column(String(32), ForeignKey("products.product_id"), nullable=False, index=True)
    position: int = Column(Integer, nullable=False)
    label: str = Column(String(60), nullable=False)
    size: str | None = Column(String(40))  # type: ignore[misc]
    colour: str | None = Column(String(40))  # type: ignore[misc]
    price: Decimal = Column(Money, nullable=False)
    stock: int = Column(Integer, nullable=False)
    stock_at: datetime | None = Column(Moment)  # type: ignore[misc]  # of the news that set it
    expected_on: date | None = Column(Date)  # type: ignore[misc]  # when a sold-out one is to be had again

    __table_args__ = (CheckConstraint("stock >= 0", name="ck_skus_stock"),)


class PricePointRow(Base):
    """The price of a product from a day on."""

    __tablename__ = "price_points"
    product_id: str = Column(String(32), ForeignKey("products.product_id"), primary_key=True)
    since: date = Column(Date, primary_key=True)
    price: Decimal = Column(Money, nullable=False)


class CustomerRow(Base):
    """A customer."""

    __tablename__ = "customers"
    customer_id: str = Column(String(32), primary_key=True)
    name: str = Column(Sealed("customers.name"), nullable=False)
    phone: str = Column(Sealed("customers.phone"), nullable=False)
    level: str = Column(String(16), nullable=False)
    points: int = Column(Integer, nullable=False)
    points_expiring: int = Column(Integer, nullable=False)
    points_expire_on: date | None = Column(Date)  # type: ignore[misc]
    registered_at: datetime = Column(Moment, nullable=False)
    birthday: str | None = Column(Sealed("customers.birthday"))  # type: ignore[misc]
    changed_at: datetime | None = Column(Moment)  # type: ignore[misc]  # of the news that set them

    __table_args__ = (one_of("level", MemberLevel),)


class AddressRow(Base):
    """An address in a customer's book."""

    __tablename__ = "addresses"
    address_id: str = Column(String(40), primary_key=True)
    customer_id: str = Column(String(32), ForeignKey("customers.customer_id"), nullable=False, index=True)
    consignee: str = Column(Sealed("addresses.consignee"), nullable=False)
    phone: str = Column(Sealed("addresses.phone"), nullable=False)
    province: str = Column(Sealed("addresses.province"), nullable=False)
    city: str = Column(Sealed("addresses.city"), nullable=False)
    district: str = Column(Sealed("addresses.district"), nullable=False)
    street: str = Column(Sealed("addresses.street"), nullable=False)
    is_default: bool = Column(Boolean, nullable=False)


class CouponRow(Base):
    """A coupon of a customer; scope is a category code or ``all``."""

    __tablename__ = "coupons"
    coupon_id: str = Column(String(40), primary_key=True)
    customer_id: str = Column(String(32), ForeignKey("customers.customer_id"), nullable=False, index=True)
    amount: Decimal = Column(Money, nullable=False)
    minimum: Decimal = Column(Money, nullable=False)
    scope: str = Column(String(32), nullable=False)
    valid_until: datetime = Column(Moment, nullable=False)
    used: bool = Column(Boolean, nullable=False)
    name: str = Column(String(40), nullable=False, default="", server_default="")
    promotion_id: str | None = Column(String(40))  # type: ignore[misc]  # no key: promotions are tidied away

    __table_args__ = (Index("ux_coupons_promotion", "customer_id", "promotion_id", unique=True),)


class OrderRow(Base):
    """An order with the address as it was (or was changed to)."""

    __tablename__ = "orders"
    order_number: str = Column(String(12), primary_key=True)
    customer_id: str = Column(String(32), ForeignKey("customers.customer_id"), nullable=False)
    state: str = Column(String(16), nullable=False)
    placed_at: datetime = Column(Moment, nullable=False)
    paid_at: datetime | None = Column(Moment)  # type: ignore[misc]
    cancelled_at: datetime | None = Column(Moment)  # type: ignore[misc]
    ship_by: datetime | None = Column(Moment)  # type: ignore[misc]
    pay_by: datetime | None = Column(Moment)  # type: ignore[misc]
    urged_at: datetime | None = Column(Moment)  # type: ignore[misc]
    goods_total: Decimal = Column(Money, nullable=False)
    freight: Decimal = Column(Money, nullable=False)
    discount: Decimal = Column(Money, nullable=False)
    total: Decimal = Column(Money, nullable=False)
    payment_method: str = Column(String(24), nullable=False)
    express: bool = Column(Boolean, nullable=False)
    coupon_id: str | None = Column(String(40), ForeignKey("coupons.coupon_id"))  # type: ignore[misc]
    address_id: str = Column(String(40), nullable=False)
    consignee: str = Column(Sealed("orders.consignee"), nullable=False)
    phone: str = Column(Sealed("orders.phone"), nullable=False)
    phone_tail: str = Column(String(32), nullable=False)  # blind, see `tail_hash`
    province: str = Column(Sealed("orders.province"), nullable=False)
    city: str = Column(Sealed("orders.city"), nullable=False)
    district: str = Column(Sealed("orders.district"), nullable=False)
    street: str = Column(Sealed("orders.street"), nullable=False)
    slot_starts_at: datetime | None = Column(Moment)  # type: ignore[misc]
    slot_ends_at: datetime | None = Column(Moment)  # type: ignore[misc]
    note: str | None = Column(Sealed("orders.note"))  # type: ignore[misc]
    cancel_cause: str | None = Column(String(24))  # type: ignore[misc]

    __table_args__ = (
        one_of("state", OrderState),
        CheckConstraint("total = goods_total + freight - discount", name="ck_orders_total"),
        Index("ix_orders_customer", "customer_id", "placed_at"),
    )


class OrderItemRow(Base):
    """A line of an order, with names as they were when it was placed."""

    __tablename__ = "order_items"
    order_number: str = Column(String(12), ForeignKey("orders.order_number"), primary_key=True)
    line: int = Column(Integer, primary_key=True)
    product_id: str = Column(String(32), ForeignKey("products.product_id"), nullable=False, index=True)
    sku_id: str = Column(String(40), ForeignKey("skus.sku_id"), nullable=False)
    name: str = Column(String(120), nullable=False)
    short_name: str = Column(String(24), nullable=False)
    sku_label: str = Column(String(60), nullable=False)
    quantity: int = Column(Integer, nullable=False)
    unit_price: Decimal = Column(Money, nullable=False)
    picture: str = Column(String(120), nullable=False)
    engraving: str | None = Column(Sealed("order_items.engraving"))  # type: ignore[misc]


class ShipmentRow(Base):
    """The parcel of an order."""

    __tablename__ = "shipments"
    order_number: str = Column(String(12), ForeignKey("orders.order_number"), primary_key=True)
    carrier: str = Column(String(40), nullable=False)
    tracking_number: str = Column(String(40), nullable=False)
    shipped_at: datetime = Column(Moment, nullable=False)
    promised_by: datetime = Column(Moment, nullable=False)
    expected_by: datetime = Column(Moment, nullable=False)
    delivered_at: datetime | None = Column(Moment)  # type: ignore[misc]
    exception: str | None = Column(String(120))  # type: ignore[misc]
    out_for_delivery_at: datetime | None = Column(Moment)  # type: ignore[misc]
    news_at: datetime | None = Column(Moment)  # type: ignore[misc]  # of the carrier's last news


class TraceRow(Base):
    """A dated step of a parcel."""

    __tablename__ = "shipment_trace"
    order_number: str = Column(String(12), ForeignKey("shipments.order_number"), primary_key=True)
    step: int = Column(Integer, primary_key=True)
    at: datetime = Column(Moment, nullable=False)
    place: str = Column(String(60), nullable=False)
    text: str = Column(String(200), nullable=False)


class AfterSaleRow(Base):
    """An after-sales request."""

    __tablename__ = "after_sales"
    request_number: str = Column(String(24), primary_key=True)
    order_number: str = Column(String(12), ForeignKey("orders.order_number"), nullable=False, index=True)
    customer_id: str = Column(String(32), ForeignKey("customers.customer_id"), nullable=False)
    kind: str = Column(String(16), nullable=False)
    state: str = Column(String(16), nullable=False)
    reason: str = Column(String(32), nullable=False)
    fault: str = Column(String(16), nullable=False)
    refund_amount: Decimal = Column(Money, nullable=False)
    created_at: datetime = Column(Moment, nullable=False)
    review_by: datetime = Column(Moment, nullable=False)
    refund_by: datetime | None = Column(Moment)  # type: ignore[misc]
    return_address: str | None = Column(String(200))  # type: ignore[misc]  # our own warehouse
    product_id: str | None = Column(String(32))  # type: ignore[misc]  # of a repair: which line
    description: str | None = Column(Sealed("after_sales.description"))  # type: ignore[misc]

    __table_args__ = (
        one_of("kind", AfterSaleKind),
        one_of("state", AfterSaleState),
        one_of("fault", Fault),
        Index("ix_after_sales_customer", "customer_id", "created_at"),
    )


class AfterSaleStepRow(Base):
    """A dated step of a request."""

    __tablename__ = "after_sale_steps"
    request_number: str = Column(String(24), ForeignKey("after_sales.request_number"), primary_key=True)
    step: int = Column(Integer, primary_key=True)
    at: datetime = Column(Moment, nullable=False)
    place: str = Column(String(60), nullable=False)
    text: str = Column(String(200), nullable=False)


class ReviewRow(Base):
    """A review of a bought product."""

    __tablename__ = "reviews"
    order_number: str = Column(String(12), ForeignKey("orders.order_number"), primary_key=True)
    product_id: str = Column(String(32), ForeignKey("products.product_id"), primary_key=True)
    customer_id: str = Column(String(32), ForeignKey("customers.customer_id"), nullable=False, index=True)
    stars: int = Column(Integer, nullable=False)
    text: str = Column(Text, nullable=False)
    pictures: int = Column(Integer, nullable=False)
    written_at: datetime = Column(Moment, nullable=False)

    __table_args__ = (Index("ix_reviews_product", "product_id", "written_at"),)


class BrowseRow(Base):
    """A product page seen by a customer."""

    __tablename__ = "browses"
    customer_id: str = Column(String(32), ForeignKey("customers.customer_id"), primary_key=True)
    at: datetime = Column(Moment, primary_key=True)
    product_id: str = Column(String(32), ForeignKey("products.product_id"), nullable=False)
    seconds: int = Column(Integer, nullable=False)
    compared: bool = Column(Boolean, nullable=False)
    detail_opened: bool = Column(Boolean, nullable=False)


class UrgeRow(Base):
    """One time that a shopper urged an order."""

    __tablename__ = "urges"
    order_number: str = Column(String(12), ForeignKey("orders.order_number"), primary_key=True)
    at: datetime = Column(Moment, primary_key=True)
    customer_id: str = Column(String(32), ForeignKey("customers.customer_id"), nullable=False, index=True)


class WriteRow(Base):
    """A write that was done under an idempotency key, kept in the same transaction as the write."""

    __tablename__ = "writes"
    key: str = Column(String(200), primary_key=True)
    digest: str = Column(String(32), nullable=False)
    outcome: str = Column(String(40), nullable=False)  # the number of the order or request
    at: datetime = Column(Moment, nullable=False, index=True)


class AttemptRow(Base):
    """One try to verify an order. Order and source are blind hashes."""

    __tablename__ = "attempts"
    attempt_id: int = Column(Integer, primary_key=True)
    order_hash: str = Column(String(32), nullable=False)
    source_hash: str = Column(String(32), nullable=False)
    failed: bool = Column(Boolean, nullable=False)
    at: datetime = Column(Moment, nullable=False, index=True)

    __table_args__ = (
        Index("ix_attempts_order", "order_hash", "at"),
        Index("ix_attempts_source", "source_hash", "at"),
    )


class SettingRow(Base):
    """A setting of the shop, e.g. the service hours."""

    __tablename__ = "settings"
    name: str = Column(String(40), primary_key=True)
    value: dict[str, Any] = Column(JSON, nullable=False)
