"""Choices of orders: what a shopper sees on the buttons tells them apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from actions.order_choice import choice_options
from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from persona.strategy import Style
from tests.shop.helpers import order_in
from tests.support.forms import all_orders
from tests.support.stage import wording


def titles(*orders: Order) -> list[str]:
    options = choice_options(orders, "request_return")
    (first, *others) = (
        [b.title for b in wording().say("utter_which_order", {"count": 2}, style.value, options).buttons]
        for style in Style
    )
    assert all(other == first for other in others)
    return first


def earlier(order: Order, number: str, **delta: float) -> Order:
    """Return the same purchase, made and delivered earlier."""
    parcel = order.shipment
    if parcel is not None and parcel.delivered_at is not None:
        parcel = replace(parcel, delivered_at=parcel.delivered_at - timedelta(**delta))
    placed = order.placed_at - timedelta(**delta)
    return replace(order, order_number=number, placed_at=placed, shipment=parcel)


async def test_the_same_goods_in_the_same_state_show_their_day(shop: SqlShop) -> None:
    for state, what in ((OrderState.DELIVERED, "签收"), (OrderState.PAID, "下单")):
        order = await order_in(shop, state)
        other = earlier(order, "202601010001", days=30)
        first, second = titles(order, other)
        assert first != second
        assert what in first
        assert what in second


async def test_bought_twice_on_one_day_they_show_their_numbers(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    first, second = titles(order, earlier(order, "202601014321", minutes=0))
    assert order.order_number[-4:] in first
    assert "4321" in second


async def test_all_orders_of_a_customer_can_be_told_apart(shop: SqlShop) -> None:
    for customer in sorted({o.customer_id for o in await all_orders(shop)}):
        shown = titles(*await shop.orders(customer))
        assert len(set(shown)) == len(shown)
