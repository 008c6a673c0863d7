"""Price protection: what fell in price since it was paid, and giving the difference back."""

from __future__ import annotations

import secrets
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from actions.shop.errors import RuleError
from actions.shop.loading import load_goods
from actions.shop.models import Order
from actions.shop.rules import REFUND_DAYS, end_of_day
from actions.shop.schema import OrderItemRow, SkuRow
from actions.shop.service_models import PriceProtection, PriceProtectionResult
from actions.shop.service_rules import NOTHING, PricedLine, drop_of, price_protection
from actions.shop.service_schema import PriceClaimRow
from actions.shop.transaction import Write
from actions.shop.writing import is_fresh


def judge_price(session: Session, now: datetime, order: Order) -> PriceProtection:
    """Return the price protection of an order."""
    claimed = session.execute(
        select(func.sum(PriceClaimRow.amount)).where(PriceClaimRow.order_number == order.order_number)
    ).scalar_one()
    return price_protection(order, _lines(session, order), claimed or NOTHING, now)


def claim_price(write: Write) -> PriceProtectionResult:
    """Give the difference back, line by line, so that a later fall is counted from there."""
    write.lock()

    def change() -> str:
        order = write.order()
        found = judge_price(write.session, write.now, order)
        if not found.allowed or order.paid_at is None:
            raise RuleError(found.rule)
        claim_id = f"PP{write.now:%y%m%d}{secrets.token_hex(6)}"
        for line in _lines(write.session, order):
            drop = drop_of(line, order.paid_at, write.now)
            if drop is None:
                continue
            write.session.add(
                PriceClaimRow(
                    claim_id=claim_id,
                    line=line.line,
                    order_number=write.order_number,
                    price=drop.now,
                    amount=drop.difference,
                    at=write.now,
                    refund_by=end_of_day(write.now, REFUND_DAYS[1]),
                )
            )
        write.session.flush()
        return claim_id

    claim_id, repeated = write.once("price_protection", {"order": write.order_number}, change)
    rows = write.session.execute(
        select(PriceClaimRow.amount, PriceClaimRow.refund_by).where(PriceClaimRow.claim_id == claim_id)
    ).all()
    amount = sum((row.amount for row in rows), Decimal("0.00"))
    return PriceProtectionResult(write.order_number, amount, rows[0].refund_by, repeated)


def _lines(session: Session, order: Order) -> list[PricedLine]:
    goods = load_goods(session, [order])
    sold = session.execute(
        select(OrderItemRow.line, OrderItemRow.product_id, OrderItemRow.short_name, OrderItemRow.quantity,
               OrderItemRow.unit_price, SkuRow.price)
        .join(SkuRow, SkuRow.sku_id == OrderItemRow.sku_id)
        .where(OrderItemRow.order_number == order.order_number)
        .order_by(OrderItemRow.line)
    ).all()  # fmt: skip
    evened: dict[int, Decimal] = {
        row.line: row.lowest
        for row in session.execute(
            select(PriceClaimRow.line, func.min(PriceClaimRow.price).label("lowest"))
            .where(PriceClaimRow.order_number == order.order_number)
            .group_by(PriceClaimRow.line)
        )
    }
    return [
        PricedLine(
            line=row.line,
            product_id=row.product_id,
            short_name=row.short_name,
            quantity=row.quantity,
            paid=row.unit_price,
            now=row.price,
            category=goods[row.product_id].category,
            fresh=is_fresh(goods[row.product_id]),
            evened_to=evened.get(row.line),
        )
        for row in sold
    ]
