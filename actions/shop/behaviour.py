"""Reads what a customer did (history) and recommends from it, set-based."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from actions.shop.loading import known_form, load_after_sales, load_customer, load_orders, to_review
from actions.shop.models import Browse, CustomerHistory
from actions.shop.offers import to_coupon
from actions.shop.preferences import load_preferences
from actions.shop.schema import (
    BrowseRow,
    CouponRow,
    OrderItemRow,
    OrderRow,
    ProductRow,
    ReviewRow,
    SkuRow,
    UrgeRow,
)

YEAR = timedelta(days=365)
NEW_DAYS = 30
_MAX_ORDERS = 100
_MAX_BROWSES = 500
_NOT_AGAIN = timedelta(days=180)
_PER_CATEGORY = 2


def load_history(session: Session, now: datetime, customer_id: str) -> CustomerHistory:
    """Return the last year of a customer; NotFoundError if unknown, empty for a new one."""
    load_customer(session, customer_id)
    since = now - YEAR
    orders = load_orders(session, now, customer_id, since=since, limit=_MAX_ORDERS)
    reviews = session.execute(
        select(ReviewRow.__table__)
        .where(ReviewRow.customer_id == customer_id, ReviewRow.written_at >= since)
        .order_by(ReviewRow.written_at.desc())
    )
    browses = session.execute(
        select(BrowseRow.__table__)
        .where(BrowseRow.customer_id == customer_id, BrowseRow.at >= since)
        .order_by(BrowseRow.at.desc())
        .limit(_MAX_BROWSES)
    )
    coupons = session.execute(
        select(CouponRow.__table__)
        .where(CouponRow.customer_id == customer_id)
        .order_by(CouponRow.valid_until.desc())
    )
    urges = session.execute(
        select(func.count())
        .select_from(UrgeRow)
        .where(UrgeRow.customer_id == customer_id, UrgeRow.at >= since)
    ).scalar_one()
    new_arrivals, same_brand = _brand_figures(session, customer_id, since)
    return CustomerHistory(
        customer_id=customer_id,
        orders=tuple(orders),
        after_sales=tuple(
            request
            for request in load_after_sales(session, "customer_id", customer_id)
            if request.created_at >= since
        ),
        reviews=tuple(to_review(row, anonymous=False) for row in reviews),
        browses=tuple(
            Browse(
                product_id=row.product_id,
                at=row.at,
                seconds=row.seconds,
                compared=row.compared,
                detail_opened=row.detail_opened,
            )
            for row in browses
        ),
        coupons=tuple(to_coupon(row) for row in coupons),
        urges=urges,
        new_arrival_orders=new_arrivals,
        same_brand_orders=same_brand,
        preferences=tuple(load_preferences(session, customer_id)),
    )


def _brand_figures(session: Session, customer_id: str, since: datetime) -> tuple[int, int]:
    """Count orders of a new arrival, and orders that repeat a brand of an earlier order."""
    lines = session.execute(
        select(OrderRow.order_number, OrderRow.placed_at, ProductRow.brand, ProductRow.listed_on)
        .join(OrderItemRow, OrderItemRow.order_number == OrderRow.order_number)
        .join(ProductRow, ProductRow.product_id == OrderItemRow.product_id)
        .where(OrderRow.customer_id == customer_id)
        .order_by(OrderRow.placed_at, OrderRow.order_number)
    ).all()
    new: set[str] = set()
    again: set[str] = set()
    first: dict[str, str] = {}  # brand -> the order that brought it
    for number, placed_at, brand, listed_on in lines:
        if first.setdefault(brand, number) != number and placed_at >= since:
            again.add(number)
        if placed_at >= since and (placed_at.date() - listed_on).days <= NEW_DAYS:
            new.add(number)
    return len(new), len(again)


def recommended_ids(
    session: Session, now: datetime, customer_id: str | None, asked: Sequence[str], limit: int
) -> list[tuple[str, str]]:
    """Return (product id, reason), best first: what was asked, then what fits the customer, then the rest.

    Nothing sold out, nothing bought within half a year, nothing that she does not want to be shown; what is
    like that comes last. At most two of a category unless asked for.
    """
    owned: set[str] = set()
    unwanted: set[str] = set()
    categories: dict[str, int] = {}
    browsed: dict[str, int] = {}
    if customer_id is not None and known_form(customer_id):
        bought = session.execute(
            select(ProductRow.product_id, ProductRow.category, func.max(OrderRow.placed_at).label("last"))
            .join(OrderItemRow, OrderItemRow.product_id == ProductRow.product_id)
            .join(OrderRow, OrderRow.order_number == OrderItemRow.order_number)
            .where(OrderRow.customer_id == customer_id)
            .group_by(ProductRow.product_id, ProductRow.category)
        ).all()
        for product_id, category, last in bought:
            categories[category] = categories.get(category, 0) + 1
            if last >= now - _NOT_AGAIN:
                owned.add(product_id)
        seen = session.execute(
            select(BrowseRow.product_id, func.sum(BrowseRow.seconds))
            .where(BrowseRow.customer_id == customer_id, BrowseRow.at >= now - timedelta(days=30))
            .group_by(BrowseRow.product_id)
        ).all()
        browsed = {product_id: int(seconds) for product_id, seconds in seen}
        unwanted = {noted.product_id for noted in load_preferences(session, customer_id)}

    stock = func.sum(case((SkuRow.stock > 0, 1), else_=0))
    shelf = session.execute(
        select(ProductRow.product_id, ProductRow.category, ProductRow.sold_30_days, ProductRow.listed_on)
        .join(SkuRow, SkuRow.product_id == ProductRow.product_id)
        .group_by(ProductRow.product_id, ProductRow.category, ProductRow.sold_30_days, ProductRow.listed_on)
        .having(stock > 0)
    ).all()
    in_stock = {row.product_id: row for row in shelf if row.product_id not in owned | unwanted}
    alike = _alike(session, unwanted)
    chosen: dict[str, str] = {
        pid: "asked" for pid in sorted(asked, key=lambda pid: pid in alike) if pid in in_stock
    }

    def rank(reason: str, product_ids: list[str]) -> list[tuple[str, str]]:
        return [(pid, reason) for pid in product_ids if pid not in chosen and pid not in alike]

    hot = sorted(in_stock, key=lambda pid: (-in_stock[pid].sold_30_days, pid))
    new = sorted(in_stock, key=lambda pid: (in_stock[pid].listed_on, pid), reverse=True)
    new = [pid for pid in new if (now.date() - in_stock[pid].listed_on).days <= NEW_DAYS]
    liked = sorted(
        (pid for pid in hot if in_stock[pid].category in categories),
        key=lambda pid: -categories[in_stock[pid].category],
    )
    queues = [
        rank("browsed", sorted((p for p in browsed if p in in_stock), key=lambda pid: (-browsed[pid], pid))),
        rank("bought_category", liked),
        rank("new", new),
        rank("hot", hot),
    ]
    last = [(pid, "hot") for pid in hot if pid in alike and pid not in chosen]
    counts: dict[str, int] = {}
    while len(chosen) < limit and any(queues):  # in turns, so that the reasons are mixed
        for queue in queues:
            while queue:
                product_id, reason = queue.pop(0)
                category = in_stock[product_id].category
                if product_id not in chosen and counts.get(category, 0) < _PER_CATEGORY:
                    chosen[product_id] = reason
                    counts[category] = counts.get(category, 0) + 1
                    break
            if len(chosen) >= limit:
                break
    for product_id, reason in last:
        if len(chosen) < limit and counts.get(in_stock[product_id].category, 0) < _PER_CATEGORY:
            chosen[product_id] = reason
            counts[in_stock[product_id].category] = counts.get(in_stock[product_id].category, 0) + 1
    return list(chosen.items())[:limit]


def _alike(session: Session, product_ids: set[str]) -> set[str]:
    """Return the products that shoppers call by a name of one of these too: 耳机 for one 耳机 and another."""
    if not product_ids:
        return set()
    names = {
        row.product_id: set(row.aliases)
        for row in session.execute(select(ProductRow.product_id, ProductRow.aliases))
    }
    called = {name for product_id in product_ids for name in names.get(product_id, ())}
    return {product_id for product_id, aliases in names.items() if aliases & called}
