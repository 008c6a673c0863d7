"""What reviews, visits, profiles and stocks that a shop tells of change; see :mod:`actions.shop.taking`."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.shop.errors import EventDataError, NotFoundError
from actions.shop.event_data import EventData
from actions.shop.loading import known_form
from actions.shop.models import MemberLevel
from actions.shop.schema import BrowseRow, CustomerRow, OrderItemRow, OrderRow, ProductRow, ReviewRow, SkuRow
from actions.shop.service_models import ShopEvent

_LONGEST_REVIEW = 5000
_LEVELS = frozenset(level.value for level in MemberLevel)


def reviewed(session: Session, row: OrderRow, event: ShopEvent, data: EventData) -> None:
    """Note a review of one product of the order; a later one replaces it. The product's mean follows."""
    stars = data.number("stars", least=1, most=5)
    if stars is None:
        raise EventDataError("stars")
    text, pictures = data.text("text", _LONGEST_REVIEW) or "", data.number("pictures", most=99) or 0
    product_id = _product_id(event)
    bought = session.execute(
        select(OrderItemRow.line).where(
            OrderItemRow.order_number == row.order_number, OrderItemRow.product_id == product_id
        )
    ).first()
    if bought is None:
        raise NotFoundError("no such line")
    product: ProductRow = session.execute(
        select(ProductRow).where(ProductRow.product_id == product_id).with_for_update()
    ).scalar_one()
    review = session.get(ReviewRow, (row.order_number, product_id))
    if review is None:
        _count(product, stars * 10)
        session.add(
            ReviewRow(
                order_number=row.order_number,
                product_id=product_id,
                customer_id=row.customer_id,
                stars=stars,
                text=text,
                pictures=pictures,
                written_at=event.at,
            )
        )
    elif event.at > review.written_at:
        review.stars, review.text, review.pictures, review.written_at = stars, text, pictures, event.at


def _count(product: ProductRow, tenths: int) -> None:
    total = product.rating_tenths * product.review_count + tenths
    product.review_count += 1
    product.rating_tenths = round(total / product.review_count)


def browsed(session: Session, row: CustomerRow, event: ShopEvent, data: EventData) -> None:
    """Note a visit. Two at the same moment are a moment apart."""
    seconds = data.number("seconds")
    if seconds is None:
        raise EventDataError("seconds")
    product_id = _product_id(event)
    if session.get(ProductRow, product_id) is None:
        raise NotFoundError("no such product")
    compared, detail_opened = data.flag("compared"), data.flag("detail_opened")
    at = event.at
    while session.get(BrowseRow, (row.customer_id, at)) is not None:
        at += timedelta(milliseconds=1)
    session.add(
        BrowseRow(
            customer_id=row.customer_id,
            at=at,
            product_id=product_id,
            seconds=seconds,
            compared=compared,
            detail_opened=detail_opened,
        )
    )


def profile_changed(session: Session, row: CustomerRow, event: ShopEvent, data: EventData) -> None:
    """Note what is new of a customer, unless something newer is known. Her orders keep what they say."""
    name, phone = data.text("name", 60), data.text("phone", 20)
    level, points = data.text("level", 16), data.number("points", most=100_000_000)
    if level is not None and level not in _LEVELS:
        raise EventDataError("level")
    if row.changed_at is not None and event.at < row.changed_at:
        return
    row.changed_at = event.at
    row.name = name or row.name
    row.phone = phone or row.phone
    row.level = level or row.level
    if points is not None:
        row.points = points
        row.points_expiring = min(row.points_expiring, points)


def lock_skus(session: Session, event: ShopEvent) -> list[SkuRow]:
    """Lock the variants of a product; NotFoundError if there are none."""
    product_id = _product_id(event)
    statement = (
        select(SkuRow).where(SkuRow.product_id == product_id).order_by(SkuRow.sku_id).with_for_update()
    )
    found = list(session.execute(statement).scalars())
    if not found:
        raise NotFoundError("no such product")
    return found


def restocked(skus: list[SkuRow], event: ShopEvent, data: EventData) -> None:
    """Note a stock: of the variant named, else of each that was sold out (a single one in any case)."""
    stock, sku_id = data.number("stock"), data.text("sku_id", 40)
    if stock is None:
        raise EventDataError("stock")
    meant = [sku for sku in skus if sku.sku_id == sku_id]
    if sku_id is None:
        meant = skus if len(skus) == 1 else [sku for sku in skus if sku.stock == 0]
    elif not meant:
        raise NotFoundError("no such variant")
    for sku in meant:
        if sku.stock_at is None or event.at >= sku.stock_at:
            sku.stock, sku.stock_at = stock, event.at
            if stock:
                sku.expected_on = None


def _product_id(event: ShopEvent) -> str:
    if event.product_id is None:
        raise EventDataError("product_id")
    if not known_form(event.product_id):
        raise NotFoundError("no such product")
    return event.product_id
