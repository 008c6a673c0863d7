"""Payments in the embedded shop, on both databases."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from actions.shop.errors import NotFoundError
from actions.shop.models import OrderState
from actions.shop.service_models import PaymentOutcome
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_with
from tests.support.shop import Clock


async def test_failed_attempts_leave_it_due(read_shop: SqlShop) -> None:
    order = await order_with(read_shop, "u1003", "p403")
    found = await read_shop.payment(order.order_number, customer_id="u1003")
    assert (found.due, found.pay_by) == (order.total, order.pay_by)
    assert [(a.outcome, a.cause) for a in found.attempts] == [
        (PaymentOutcome.FAILED, "insufficient_funds"),
        (PaymentOutcome.FAILED, "limit_exceeded"),
    ]
    assert "微信支付" in found.methods
    with pytest.raises(NotFoundError):
        await read_shop.payment(order.order_number, customer_id="u1001")


async def test_every_paid_order_shows_what_paid_it(read_shop: SqlShop) -> None:
    for state in (OrderState.PAID, OrderState.SHIPPED, OrderState.DELIVERED):
        order = await order_in(read_shop, state)
        found = await read_shop.payment(order.order_number, customer_id=None)
        assert (found.due, found.pay_by) == (Decimal(0), None)
        [paid] = [a for a in found.attempts if a.outcome is PaymentOutcome.SUCCEEDED]
        assert (paid.at, paid.amount, paid.method) == (order.paid_at, order.total, order.payment_method)


async def test_a_second_payment_is_on_its_way_back(read_shop: SqlShop) -> None:
    order = await order_with(read_shop, "u1030", "p406")
    newest, first = (await read_shop.payment(order.order_number, customer_id=None)).attempts
    assert (newest.outcome, first.outcome) == (PaymentOutcome.RETURNED, PaymentOutcome.SUCCEEDED)
    assert newest.at > first.at
    assert newest.return_by is not None


async def test_a_payment_that_is_not_confirmed_goes_back_by_itself(shop: SqlShop, clock: Clock) -> None:
    order = await order_with(shop, "u1018", "p409")
    found = await shop.payment(order.order_number, customer_id=None)
    [attempt] = found.attempts
    assert attempt.outcome is PaymentOutcome.PENDING
    clock.now = attempt.at + timedelta(minutes=found.confirm_minutes)
    [later] = (await shop.payment(order.order_number, customer_id=None)).attempts
    assert later.outcome is PaymentOutcome.RETURNED
    assert later.return_by is not None
    assert later.return_by > clock.now


async def test_a_lapsed_order_has_nothing_due(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.UNPAID)
    assert order.pay_by is not None
    clock.now = order.pay_by
    found = await shop.payment(order.order_number, customer_id=None)
    assert (found.due, found.pay_by) == (Decimal(0), None)
