"""Orders made by hand, for the tests of pure rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from actions.shop.models import Address, Order, OrderState, Shipment
from tests.support.shop import NOW

ADDRESS = Address("a1", "林静", "13900001234", "浙江省", "杭州市", "西湖区", "新桥路 1 号")
_UNPAID = {OrderState.UNPAID, OrderState.CANCELLED}
_NO_PARCEL = {*_UNPAID, OrderState.PAID}


def moment(text: str) -> datetime:
    """Return a moment of the shop's zone from ``2026-11-20 14:30``."""
    return datetime.fromisoformat(f"{text}+08:00").astimezone(NOW.tzinfo)


def order_of(
    state: OrderState,
    *,
    paid: datetime | None = NOW - timedelta(days=3),
    delivered: datetime | None = None,
    expected: datetime = NOW + timedelta(days=1),
    express: bool = False,
) -> Order:
    """Return an order of 103.00 yuan, 8.00 of them freight, 5.00 less by a coupon."""
    parcel = None
    if state not in _NO_PARCEL:
        promised = NOW + timedelta(days=1)
        parcel = Shipment("迅达快递", "ZX1", NOW - timedelta(days=2), promised, expected, delivered, None, ())
    return Order(
        order_number="202611170001",
        customer_id="u1",
        state=state,
        placed_at=NOW - timedelta(days=3),
        paid_at=None if state in _UNPAID else paid,
        cancelled_at=None,
        ship_by=None,
        items=(),
        goods_total=Decimal(100),
        freight=Decimal(8),
        discount=Decimal(5),
        total=Decimal(103),
        payment_method="支付宝",
        express=express,
        address=ADDRESS,
        shipment=parcel,
    )


def in_province(order: Order, province: str) -> Order:
    """Return the order with another province."""
    return replace(order, address=replace(order.address, province=province))
