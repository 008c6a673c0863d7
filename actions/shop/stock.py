"""Stock notices: who waits for what, and who was told."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from actions.shop.errors import NotFoundError
from actions.shop.loading import known_form
from actions.shop.schema import SkuRow
from actions.shop.service_models import StockWatch
from actions.shop.service_rules import expected_stock
from actions.shop.service_schema import StockWatchRow
from actions.shop.transaction import CustomerWrite

_ANY = ""
_THERE, _NOTED = "in_stock", "noted"


def watch_stock(write: CustomerWrite, product_id: str, sku_id: str | None) -> StockWatch:
    """Note that the customer waits for a product, or for one variant of it; what is there is not noted."""
    write.lock()
    variants = _variants(write.session, product_id, sku_id)

    def change() -> str:
        if any(row.stock > 0 for row in variants):
            return _THERE
        key = (write.customer_id, product_id, sku_id or _ANY)
        row = write.session.get(StockWatchRow, key)
        if row is None:
            write.session.add(
                StockWatchRow(
                    customer_id=write.customer_id,
                    product_id=product_id,
                    sku_id=sku_id or _ANY,
                    since=write.now,
                    told_at=None,
                )
            )
        elif row.told_at is not None:
            row.since, row.told_at = write.now, None
        write.session.flush()
        return _NOTED

    arguments = {"customer": write.customer_id, "product": product_id, "sku": sku_id}
    outcome, repeated = write.once("watch", arguments, change)
    return StockWatch(
        product_id=product_id,
        sku_id=sku_id,
        expected_on=_expected(variants, write.now) if outcome == _NOTED else None,
        in_stock=outcome == _THERE,
        repeated=repeated,
    )


def watchers(session: Session, product_id: str) -> list[str]:
    """Return the customers whose variant of a product is there now, those who wait longest first."""
    if not known_form(product_id):
        return []
    there = select(SkuRow.sku_id).where(SkuRow.product_id == product_id, SkuRow.stock > 0)
    if session.execute(there.limit(1)).first() is None:
        return []
    waiting = session.execute(
        select(StockWatchRow.customer_id)
        .where(
            StockWatchRow.product_id == product_id,
            StockWatchRow.told_at.is_(None),
            or_(StockWatchRow.sku_id == _ANY, StockWatchRow.sku_id.in_(there)),
        )
        .order_by(StockWatchRow.since, StockWatchRow.customer_id)
    ).scalars()
    return list(dict.fromkeys(waiting))


def told(write: CustomerWrite, product_id: str) -> None:
    """End the customer's watches of a product that can be met; if it is gone again, all of them."""
    write.lock()
    variants = _variants(write.session, product_id, None)

    def change() -> str:
        there = [row.sku_id for row in variants if row.stock > 0]
        statement = update(StockWatchRow).where(
            StockWatchRow.customer_id == write.customer_id,
            StockWatchRow.product_id == product_id,
            StockWatchRow.told_at.is_(None),
        )
        if there:
            statement = statement.where(StockWatchRow.sku_id.in_([_ANY, *there]))
        write.session.execute(
            statement.values(told_at=write.now).execution_options(synchronize_session=False)
        )
        return product_id

    write.once("told", {"customer": write.customer_id, "product": product_id}, change)


def _variants(session: Session, product_id: str, sku_id: str | None) -> list[SkuRow]:
    """Return the variants meant; NotFoundError if there are none."""
    if not known_form(product_id) or not (sku_id is None or known_form(sku_id)):
        raise NotFoundError("no such product")
    statement = select(SkuRow).where(SkuRow.product_id == product_id)
    if sku_id is not None:
        statement = statement.where(SkuRow.sku_id == sku_id)
    found = list(session.execute(statement).scalars())
    if not found:
        raise NotFoundError("no such product")
    return found


def _expected(variants: list[SkuRow], now: datetime) -> date | None:
    return expected_stock([row.expected_on for row in variants], now)
