"""Choices of orders: what a shopper sees on the buttons tells them apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from actions.base import Events, ShopAction, TurnContext
from actions.order_choice import Choice, choice_options, find_order, pick
from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from persona.strategy import Style
from tests.shop.helpers import order_in
from tests.support.forms import all_orders
from tests.support.stage import Stage, wording


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


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("我的尔机到哪了", "耳机"),  # the right sound, the wrong sign
        ("那个吹头发的到哪了", "吹风机"),
        ("电饭褒发货了吗", "电饭煲"),
        ("扫地的那个呢", "扫拖机器人"),
    ],
)
async def test_goods_in_other_words_and_misspelt(shop: SqlShop, text: str, name: str) -> None:
    by_customer: dict[str, list[Order]] = {}
    for order in await all_orders(shop):
        by_customer.setdefault(order.customer_id, []).append(order)

    def holding(orders: list[Order]) -> list[Order]:
        return [order for order in orders if any(name in item.name for item in order.items)]

    customer = next(c for c, orders in by_customer.items() if len(orders) > 3 and len(holding(orders)) == 1)
    wanted = holding(by_customer[customer])[0].order_number
    stage = Stage(shop, customer)
    found: list[Choice] = []

    class Find(ShopAction):
        def name(self) -> str:
            return "action_find_for_test"

        async def handle(self, turn: TurnContext) -> Events | None:
            found.append(await find_order(turn))
            return None

    await stage.play(Find(), text)
    assert found[0].order is not None
    assert found[0].order.order_number == wanted


async def test_goods_that_are_named_count_more_than_just_bought(shop: SqlShop) -> None:
    newest, other = await order_in(shop, OrderState.PAID), await order_in(shop, OrderState.DELIVERED)
    line = newest.items[0]
    newest = replace(newest, items=(replace(line, name="云岭挂耳咖啡"),))
    other = replace(other, items=(replace(line, name="霜屿轻暖羽绒服"),))
    assert pick("刚买的羽绒服降价了，能补差价吗", [newest, other]) == [other]
    assert pick("刚买的咖啡降价了", [newest, other]) == [newest]
    assert pick("刚买的就降价了", [newest, other]) == [newest]
