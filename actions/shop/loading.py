"""Reads dataclasses from the shop's tables: a fixed number of queries however many rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from actions.shop.errors import NotFoundError
from actions.shop.models import (
    Address,
    AfterSale,
    AfterSaleKind,
    AfterSaleState,
    Customer,
    Fault,
    MemberLevel,
    Order,
    OrderItem,
    OrderState,
    PricePoint,
    Product,
    Review,
    Shipment,
    Sku,
    TraceEvent,
)
from actions.shop.rules import effective_state
from actions.shop.schema import (
    AddressRow,
    AfterSaleRow,
    AfterSaleStepRow,
    CustomerRow,
    OrderRow,
    ProductRow,
    ReviewRow,
    ShipmentRow,
    TraceRow,
)

_ORDER_PARTS = (selectinload(OrderRow.items), joinedload(OrderRow.shipment).selectinload(ShipmentRow.trace))
_ID_LENGTH = 40


def known_form(identifier: str) -> bool:
    """Say whether a text can be an identifier at all; PostgreSQL refuses NUL bytes with an error."""
    return 0 < len(identifier) <= _ID_LENGTH and identifier.isascii() and identifier.isprintable()


def load_customer(session: Session, customer_id: str) -> Customer:
    """Return a customer with addresses; NotFoundError if unknown."""
    if not known_form(customer_id):
        raise NotFoundError("no such customer")
    statement = (
        select(CustomerRow)
        .where(CustomerRow.customer_id == customer_id)
        .options(selectinload(CustomerRow.addresses))
    )
    row = session.execute(statement).scalar_one_or_none()
    if row is None:
        raise NotFoundError("no such customer")
    return Customer(
        customer_id=row.customer_id,
        name=row.name,
        phone=row.phone,
        level=MemberLevel(row.level),
        points=row.points,
        points_expiring=row.points_expiring,
        points_expire_on=row.points_expire_on,
        registered_at=row.registered_at,
        birthday=datetime.strptime(row.birthday, "%Y-%m-%d").date() if row.birthday else None,  # noqa: DTZ007
        addresses=tuple(_address(a, a.is_default) for a in row.addresses),
    )


def load_orders(session: Session, now: datetime, *criteria: Any, limit: int | None = None) -> list[Order]:
    """Return the orders that fit, newest first, in three queries."""
    statement = (
        select(OrderRow)
        .where(*criteria)
        .order_by(OrderRow.placed_at.desc(), OrderRow.order_number.desc())
        .options(*_ORDER_PARTS)
        .execution_options(populate_existing=True)
    )
    if limit is not None:
        statement = statement.limit(limit)
    return [to_order(row, now) for row in session.execute(statement).scalars()]


def load_order(session: Session, now: datetime, order_number: str, customer_id: str | None) -> Order:
    """Return one order; NotFoundError if it does not exist or is somebody else's."""
    if not known_form(order_number) or not (customer_id is None or known_form(customer_id)):
        raise NotFoundError("no such order")
    criteria = [OrderRow.order_number == order_number]
    if customer_id is not None:
        criteria.append(OrderRow.customer_id == customer_id)
    orders = load_orders(session, now, *criteria)
    if not orders:
        raise NotFoundError("no such order")
    return orders[0]


def to_order(row: OrderRow, now: datetime) -> Order:
    """Turn a row with its parts loaded into an order as it stands at `now`."""
    state = effective_state(OrderState(row.state), row.pay_by, now)
    lapsed = state is not OrderState(row.state)
    return Order(
        order_number=row.order_number,
        customer_id=row.customer_id,
        state=state,
        placed_at=row.placed_at,
        paid_at=row.paid_at,
        cancelled_at=row.pay_by if lapsed else row.cancelled_at,
        ship_by=row.ship_by if state is OrderState.PAID else None,
        items=tuple(
            OrderItem(
                product_id=item.product_id,
                sku_id=item.sku_id,
                name=item.name,
                short_name=item.short_name,
                sku_label=item.sku_label,
                quantity=item.quantity,
                unit_price=item.unit_price,
                picture=item.picture,
                engraving=item.engraving,
            )
            for item in row.items
        ),
        goods_total=row.goods_total,
        freight=row.freight,
        discount=row.discount,
        total=row.total,
        payment_method=row.payment_method,
        express=row.express,
        address=_address(row, False),
        shipment=_shipment(row.shipment) if row.shipment is not None else None,
        urged_at=row.urged_at,
        pay_by=row.pay_by if state is OrderState.UNPAID else None,
    )


def _shipment(row: ShipmentRow) -> Shipment:
    return Shipment(
        carrier=row.carrier,
        tracking_number=row.tracking_number,
        shipped_at=row.shipped_at,
        promised_by=row.promised_by,
        expected_by=row.expected_by,
        delivered_at=row.delivered_at,
        exception=row.exception,
        trace=_steps(row.trace),
    )


def _steps(rows: Sequence[TraceRow] | Sequence[AfterSaleStepRow]) -> tuple[TraceEvent, ...]:
    return tuple(TraceEvent(at=row.at, place=row.place, text=row.text) for row in rows)


def _address(row: AddressRow | OrderRow, is_default: bool) -> Address:
    return Address(
        address_id=row.address_id,
        consignee=row.consignee,
        phone=row.phone,
        province=row.province,
        city=row.city,
        district=row.district,
        street=row.street,
        is_default=is_default,
    )


def load_after_sales(session: Session, *criteria: Any, limit: int | None = None) -> list[AfterSale]:
    """Return the requests that fit, newest first, in two queries."""
    statement = (
        select(AfterSaleRow)
        .where(*criteria)
        .order_by(AfterSaleRow.created_at.desc(), AfterSaleRow.request_number.desc())
        .options(selectinload(AfterSaleRow.steps))
        .execution_options(populate_existing=True)
    )
    if limit is not None:
        statement = statement.limit(limit)
    return [
        AfterSale(
            request_number=row.request_number,
            order_number=row.order_number,
            kind=AfterSaleKind(row.kind),
            state=AfterSaleState(row.state),
            reason=row.reason,
            fault=Fault(row.fault),
            refund_amount=row.refund_amount,
            created_at=row.created_at,
            review_by=row.review_by,
            refund_by=row.refund_by,
            return_address=row.return_address,
            steps=_steps(row.steps),
        )
        for row in session.execute(statement).scalars()
    ]


def load_products(session: Session, product_ids: Sequence[str]) -> list[Product]:
    """Return the products in the order of `product_ids`, in three queries; unknown ids are left out."""
    if not product_ids:
        return []
    statement = (
        select(ProductRow)
        .where(ProductRow.product_id.in_(list(product_ids)))
        .options(
            joinedload(ProductRow.category_row),
            selectinload(ProductRow.skus),
            selectinload(ProductRow.prices),
        )
    )
    found = {row.product_id: _product(row) for row in session.execute(statement).scalars()}
    return [found[product_id] for product_id in product_ids if product_id in found]


def _product(row: ProductRow) -> Product:
    skus = tuple(
        Sku(
            sku_id=sku.sku_id,
            label=sku.label,
            size=sku.size,
            colour=sku.colour,
            price=sku.price,
            stock=sku.stock,
        )
        for sku in row.skus
    )
    return Product(
        product_id=row.product_id,
        name=row.name,
        short_name=row.short_name,
        category=row.category,
        category_label=row.category_row.label,
        brand=row.brand,
        price=min(sku.price for sku in skus),
        specs=tuple((name, value) for name, value in row.specs),
        skus=skus,
        size_table=tuple(tuple(line) for line in row.size_table),
        price_history=tuple(PricePoint(since=point.since, price=point.price) for point in row.prices),
        warranty_months=row.warranty_months,
        warranty_terms=row.warranty_terms,
        certificates=tuple(row.certificates),
        returnable_days=row.returnable_days,
        rating=Decimal(row.rating_tenths) / 10,
        review_count=row.review_count,
        sold_30_days=row.sold_30_days,
        listed_on=row.listed_on,
        picture=row.picture,
        tags=tuple(row.tags),
        aliases=tuple(row.aliases),
    )


def to_review(row: ReviewRow, *, anonymous: bool) -> Review:
    """Turn a row into a review; an anonymous one does not say whose order it was."""
    return Review(
        product_id=row.product_id,
        order_number="" if anonymous else row.order_number,
        stars=row.stars,
        text=row.text,
        pictures=row.pictures,
        written_at=row.written_at,
    )
