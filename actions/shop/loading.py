"""Reads dataclasses from the shop's tables: a fixed number of queries however many rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Table, bindparam, select
from sqlalchemy.orm import Session

from actions.shop.columns import SHANGHAI
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
    CategoryRow,
    CustomerRow,
    OrderItemRow,
    OrderRow,
    PricePointRow,
    ProductRow,
    ShipmentRow,
    SkuRow,
    TraceRow,
)

# Statements are built once, and on tables instead of mapped classes: SQLAlchemy's ORM would spend three times
# as long on the same rows, and an order is read in nearly every turn.
_orders: Table = OrderRow.__table__
_items: Table = OrderItemRow.__table__
_shipments: Table = ShipmentRow.__table__
_trace: Table = TraceRow.__table__
_requests: Table = AfterSaleRow.__table__
_request_steps: Table = AfterSaleStepRow.__table__
_products: Table = ProductRow.__table__
_skus: Table = SkuRow.__table__
_prices: Table = PricePointRow.__table__
_customers: Table = CustomerRow.__table__
_addresses: Table = AddressRow.__table__

_NEWEST_ORDERS = select(_orders).order_by(_orders.c.placed_at.desc(), _orders.c.order_number.desc())
_ORDER = select(_orders).where(_orders.c.order_number == bindparam("number"))
_OWN_ORDER = _ORDER.where(_orders.c.customer_id == bindparam("owner"))
_CUSTOMERS_ORDERS = (
    _NEWEST_ORDERS.where(_orders.c.customer_id == bindparam("owner"))
    .where(_orders.c.placed_at >= bindparam("since"))
    .limit(bindparam("count"))
)
_ORDERS_NUMBERED = select(_orders).where(_orders.c.order_number.in_(bindparam("numbers", expanding=True)))
_GOODS = select(
    _products.c.product_id,
    _products.c.category,
    _products.c.returnable_days,
    _products.c.warranty_months,
    _products.c.warranty_terms,
).where(_products.c.product_id.in_(bindparam("ids", expanding=True)))
_ITEMS = (
    select(_items)
    .where(_items.c.order_number.in_(bindparam("numbers", expanding=True)))
    .order_by(_items.c.order_number, _items.c.line)
)
_SHIPMENTS = select(_shipments).where(_shipments.c.order_number.in_(bindparam("numbers", expanding=True)))
_TRACE = (
    select(_trace)
    .where(_trace.c.order_number.in_(bindparam("numbers", expanding=True)))
    .order_by(_trace.c.order_number, _trace.c.at, _trace.c.step)
)
_NEWEST_REQUESTS = select(_requests).order_by(
    _requests.c.created_at.desc(), _requests.c.request_number.desc()
)
_REQUESTS_BY = {
    "customer_id": _NEWEST_REQUESTS.where(_requests.c.customer_id == bindparam("value")),
    "order_number": _NEWEST_REQUESTS.where(_requests.c.order_number == bindparam("value")),
    "request_number": _NEWEST_REQUESTS.where(_requests.c.request_number == bindparam("value")),
}
_REQUEST_STEPS = (
    select(_request_steps)
    .where(_request_steps.c.request_number.in_(bindparam("numbers", expanding=True)))
    .order_by(_request_steps.c.request_number, _request_steps.c.step)
)
_PRODUCTS = (
    select(_products, CategoryRow.label.label("category_label"))
    .join(CategoryRow, CategoryRow.code == _products.c.category)
    .where(_products.c.product_id.in_(bindparam("ids", expanding=True)))
)
_SKUS = (
    select(_skus)
    .where(_skus.c.product_id.in_(bindparam("ids", expanding=True)))
    .order_by(_skus.c.product_id, _skus.c.position)
)
_PRICES = (
    select(_prices)
    .where(_prices.c.product_id.in_(bindparam("ids", expanding=True)))
    .order_by(_prices.c.product_id, _prices.c.since)
)
_CUSTOMER = select(_customers).where(_customers.c.customer_id == bindparam("owner"))
_CUSTOMERS_ADDRESSES = (
    select(_addresses)
    .where(_addresses.c.customer_id == bindparam("owner"))
    .order_by(_addresses.c.is_default.desc(), _addresses.c.address_id)
)

_ID_LENGTH = 40
_EVER = datetime(2000, 1, 1, tzinfo=SHANGHAI)


def known_form(identifier: str) -> bool:
    """Say whether a text can be an identifier at all; PostgreSQL refuses NUL bytes with an error."""
    return 0 < len(identifier) <= _ID_LENGTH and identifier.isascii() and identifier.isprintable()


def load_customer(session: Session, customer_id: str) -> Customer:
    """Return a customer with addresses, the default one first; NotFoundError if unknown."""
    if not known_form(customer_id):
        raise NotFoundError("no such customer")
    row = session.execute(_CUSTOMER, {"owner": customer_id}).first()
    if row is None:
        raise NotFoundError("no such customer")
    addresses = session.execute(_CUSTOMERS_ADDRESSES, {"owner": customer_id})
    return Customer(
        customer_id=row.customer_id,
        name=row.name,
        phone=row.phone,
        level=MemberLevel(row.level),
        points=row.points,
        points_expiring=row.points_expiring,
        points_expire_on=row.points_expire_on,
        registered_at=row.registered_at,
        birthday=date.fromisoformat(row.birthday) if row.birthday else None,
        addresses=tuple(_address(address, address.is_default) for address in addresses),
    )


def load_order(session: Session, now: datetime, order_number: str, customer_id: str | None) -> Order:
    """Return one order; NotFoundError if it does not exist or is somebody else's."""
    if not known_form(order_number) or not (customer_id is None or known_form(customer_id)):
        raise NotFoundError("no such order")
    if customer_id is None:
        row = session.execute(_ORDER, {"number": order_number}).first()
    else:
        row = session.execute(_OWN_ORDER, {"number": order_number, "owner": customer_id}).first()
    if row is None:
        raise NotFoundError("no such order")
    return _with_parts(session, now, [row])[0]


def load_orders(
    session: Session, now: datetime, customer_id: str, *, limit: int, since: datetime = _EVER
) -> list[Order]:
    """Return a customer's orders, newest first, in four queries."""
    rows = session.execute(_CUSTOMERS_ORDERS, {"owner": customer_id, "since": since, "count": limit}).all()
    return _with_parts(session, now, rows)


def load_orders_numbered(
    session: Session, now: datetime, order_numbers: Iterable[str], customer_id: str | None
) -> list[Order]:
    """Return the orders of these numbers, in their order, in four queries.

    Those that do not exist or are somebody else's (where `customer_id` is given) are left out.
    """
    numbers = list(dict.fromkeys(filter(known_form, order_numbers)))
    if not numbers:
        return []
    rows = session.execute(_ORDERS_NUMBERED, {"numbers": numbers}).all()
    own = [row for row in rows if customer_id is None or row.customer_id == customer_id]
    found = {order.order_number: order for order in _with_parts(session, now, own)}
    return [found[number] for number in numbers if number in found]


def load_goods(session: Session, orders: Iterable[Order]) -> dict[str, Any]:
    """Return category, terms and warranty of all goods of `orders` by product id, in one query."""
    ids = {item.product_id for order in orders for item in order.items}
    return {row.product_id: row for row in session.execute(_GOODS, {"ids": sorted(ids)})} if ids else {}


def _with_parts(session: Session, now: datetime, rows: Sequence[Any]) -> list[Order]:
    numbers = {"numbers": [row.order_number for row in rows]}
    if not rows:
        return []
    items = _grouped(session.execute(_ITEMS, numbers), "order_number")
    shipments = {row.order_number: row for row in session.execute(_SHIPMENTS, numbers)}
    trace = _grouped(session.execute(_TRACE, numbers), "order_number") if shipments else {}
    return [
        _order(row, items.get(row.order_number, []), _shipment(shipments.get(row.order_number), trace), now)
        for row in rows
    ]


def _grouped(rows: Iterable[Any], name: str) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(getattr(row, name), []).append(row)
    return groups


def _order(row: Any, items: Sequence[Any], shipment: Shipment | None, now: datetime) -> Order:
    stored = OrderState(row.state)
    state = effective_state(stored, row.pay_by, now)
    return Order(
        order_number=row.order_number,
        customer_id=row.customer_id,
        state=state,
        placed_at=row.placed_at,
        paid_at=row.paid_at,
        cancelled_at=row.cancelled_at if state is stored else row.pay_by,
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
            for item in items
        ),
        goods_total=row.goods_total,
        freight=row.freight,
        discount=row.discount,
        total=row.total,
        payment_method=row.payment_method,
        express=row.express,
        address=_address(row, False),
        shipment=shipment,
        urged_at=row.urged_at,
        pay_by=row.pay_by if state is OrderState.UNPAID else None,
        slot_starts_at=row.slot_starts_at,
        slot_ends_at=row.slot_ends_at,
        note=row.note,
        cancel_cause=row.cancel_cause if state is stored else "unpaid",
    )


def _shipment(row: Any, trace: Mapping[str, Sequence[Any]]) -> Shipment | None:
    if row is None:
        return None
    return Shipment(
        carrier=row.carrier,
        tracking_number=row.tracking_number,
        shipped_at=row.shipped_at,
        promised_by=row.promised_by,
        expected_by=row.expected_by,
        delivered_at=row.delivered_at,
        exception=row.exception,
        trace=_events(trace.get(row.order_number, ())),
    )


def _events(rows: Sequence[Any]) -> tuple[TraceEvent, ...]:
    return tuple(TraceEvent(at=row.at, place=row.place, text=row.text) for row in rows)


def _address(row: Any, is_default: bool) -> Address:
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


def load_after_sales(session: Session, by: str, value: str) -> list[AfterSale]:
    """Return requests, newest first, in two queries.

    Args:
        session: an open session.
        by: ``customer_id``, ``order_number`` or ``request_number``.
        value: what that column must be.
    """
    rows = session.execute(_REQUESTS_BY[by], {"value": value}).all()
    if not rows:
        return []
    numbers = {"numbers": [row.request_number for row in rows]}
    steps = _grouped(session.execute(_REQUEST_STEPS, numbers), "request_number")
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
            steps=_events(steps.get(row.request_number, ())),
            product_id=row.product_id,
            description=row.description,
        )
        for row in rows
    ]


def load_products(session: Session, product_ids: Sequence[str]) -> list[Product]:
    """Return the products in the order of `product_ids`, in three queries; unknown ids are left out."""
    if not product_ids:
        return []
    ids = {"ids": list(product_ids)}
    skus = _grouped(session.execute(_SKUS, ids), "product_id")
    prices = _grouped(session.execute(_PRICES, ids), "product_id")
    found = {
        row.product_id: _product(row, skus[row.product_id], prices.get(row.product_id, []))
        for row in session.execute(_PRODUCTS, ids)
    }
    return [found[product_id] for product_id in product_ids if product_id in found]


def _product(row: Any, sku_rows: Sequence[Any], prices: Sequence[Any]) -> Product:
    skus = tuple(
        Sku(
            sku_id=sku.sku_id,
            label=sku.label,
            size=sku.size,
            colour=sku.colour,
            price=sku.price,
            stock=sku.stock,
        )
        for sku in sku_rows
    )
    return Product(
        product_id=row.product_id,
        name=row.name,
        short_name=row.short_name,
        category=row.category,
        category_label=row.category_label,
        brand=row.brand,
        price=min(sku.price for sku in skus),
        specs=tuple((name, value) for name, value in row.specs),
        skus=skus,
        size_table=tuple(tuple(line) for line in row.size_table),
        price_history=tuple(PricePoint(since=point.since, price=point.price) for point in prices),
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
        contents=tuple(row.contents),
        usage=tuple(row.usage),
        shelf_life_days=row.shelf_life_days,
        produced_on=row.produced_on,
        seller=row.seller,
        installation_fee=row.installation_fee,
        gift_box=row.gift_box,
        cold_chain=row.cold_chain,
    )


def to_review(row: Any, *, anonymous: bool) -> Review:
    """Turn a row into a review; an anonymous one does not say whose order it was."""
    return Review(
        product_id=row.product_id,
        order_number="" if anonymous else row.order_number,
        stars=row.stars,
        text=row.text,
        pictures=row.pictures,
        written_at=row.written_at,
    )
