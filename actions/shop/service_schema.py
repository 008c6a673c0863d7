"""The tables of the services around an order: offers, invoices, price claims, payments, stock watches.

Titles, tax numbers and e-mail addresses of invoices are sealed.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import JSON, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String

from actions.shop.columns import Moment, Money, Sealed
from actions.shop.models import PreferenceKind
from actions.shop.service_models import (
    InvoiceKind,
    InvoiceState,
    PaymentOutcome,
    PromotionKind,
)
from actions.shop.tables import Base, one_of


class PromotionRow(Base):
    """An offer. Columns that its kind does not use are empty."""

    __tablename__ = "promotions"
    promotion_id: str = Column(String(40), primary_key=True)
    title: str = Column(String(24), nullable=False)
    kind: str = Column(String(16), nullable=False)
    scope: str = Column(String(32), nullable=False)
    product_ids: list[str] = Column(JSON, nullable=False)
    starts_at: datetime = Column(Moment, nullable=False)
    ends_at: datetime = Column(Moment, nullable=False, index=True)
    minimum: Decimal | None = Column(Money)  # type: ignore[misc]
    amount: Decimal | None = Column(Money)  # type: ignore[misc]
    percent: int | None = Column(Integer)  # type: ignore[misc]
    gift: str | None = Column(String(60))  # type: ignore[misc]
    with_coupons: bool = Column(Boolean, nullable=False)
    level: str | None = Column(String(16))  # type: ignore[misc]
    coupon_days: int | None = Column(Integer)  # type: ignore[misc]  # None: valid until the promotion ends

    __table_args__ = (
        one_of("kind", PromotionKind),
        CheckConstraint("starts_at < ends_at", name="ck_promotions_time"),
    )


class InvoiceRow(Base):
    """One invoice of an order; the one with the highest version is the current one."""

    __tablename__ = "invoices"
    order_number: str = Column(String(12), ForeignKey("orders.order_number"), primary_key=True)
    version: int = Column(Integer, primary_key=True)
    kind: str = Column(String(16), nullable=False)
    state: str = Column(String(16), nullable=False)
    name: str = Column(Sealed("invoices.name"), nullable=False)
    tax_number: str | None = Column(Sealed("invoices.tax_number"))  # type: ignore[misc]
    email: str | None = Column(Sealed("invoices.email"))  # type: ignore[misc]
    amount: Decimal = Column(Money, nullable=False)
    requested_at: datetime = Column(Moment, nullable=False)
    issue_by: datetime = Column(Moment, nullable=False)
    issued_at: datetime | None = Column(Moment)  # type: ignore[misc]
    invoice_number: str | None = Column(String(24))  # type: ignore[misc]

    __table_args__ = (one_of("kind", InvoiceKind), one_of("state", InvoiceState))


class PriceClaimRow(Base):
    """What was given back for one line of an order under the price protection."""

    __tablename__ = "price_claims"
    claim_id: str = Column(String(24), primary_key=True)
    line: int = Column(Integer, primary_key=True)
    order_number: str = Column(String(12), ForeignKey("orders.order_number"), nullable=False, index=True)
    price: Decimal = Column(Money, nullable=False)  # unit price down to which it was evened out
    amount: Decimal = Column(Money, nullable=False)
    at: datetime = Column(Moment, nullable=False)
    refund_by: datetime = Column(Moment, nullable=False)


class PaymentRow(Base):
    """One attempt to pay an order."""

    __tablename__ = "payments"
    order_number: str = Column(String(12), ForeignKey("orders.order_number"), primary_key=True)
    attempt: int = Column(Integer, primary_key=True)
    at: datetime = Column(Moment, nullable=False)
    method: str = Column(String(24), nullable=False)
    amount: Decimal = Column(Money, nullable=False)
    outcome: str = Column(String(16), nullable=False)
    cause: str | None = Column(String(32))  # type: ignore[misc]
    return_by: datetime | None = Column(Moment)  # type: ignore[misc]

    __table_args__ = (one_of("outcome", PaymentOutcome),)


class PreferenceRow(Base):
    """A product that a customer does not want to be shown: she dislikes it, or has it already."""

    __tablename__ = "product_preferences"
    customer_id: str = Column(String(32), ForeignKey("customers.customer_id"), primary_key=True)
    product_id: str = Column(String(32), ForeignKey("products.product_id"), primary_key=True)
    kind: str = Column(String(16), nullable=False)
    at: datetime = Column(Moment, nullable=False)

    __table_args__ = (one_of("kind", PreferenceKind),)


class StockWatchRow(Base):
    """A customer's wish to be told when something is to be had again; told once."""

    __tablename__ = "stock_watches"
    customer_id: str = Column(String(32), ForeignKey("customers.customer_id"), primary_key=True)
    product_id: str = Column(String(32), ForeignKey("products.product_id"), primary_key=True)
    sku_id: str = Column(String(40), primary_key=True)  # "" for any variant
    since: datetime = Column(Moment, nullable=False)
    told_at: datetime | None = Column(Moment)  # type: ignore[misc]

    __table_args__ = (Index("ix_stock_watches_product", "product_id", "told_at"),)
