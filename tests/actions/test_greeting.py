"""Greeting: who is there, her latest order, exactly four likely steps; nothing of hers without proof."""

from __future__ import annotations

from datetime import timedelta

import pytest

from actions.greeting import STEPS_BY_STATE, Goodbye, Greet, Identified, Welcome, in_trouble
from actions.shop.errors import ShopUnavailableError
from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from persona.strategy import Style
from tests.support.stage import Stage, broken


async def test_a_stranger_gets_four_general_steps_and_no_card(shop: SqlShop) -> None:
    scene = await Stage(shop).play(Welcome(), intent="open_conversation")
    assert scene.responses == ["utter_welcome"]
    assert scene.cards == []
    for style in Style:
        assert len(scene.worded(style.value).buttons) == 4


async def test_a_customer_sees_her_latest_order_and_four_steps_in_every_style(shop: SqlShop) -> None:
    order = (await shop.orders("u1006", limit=1))[0]
    scene = await Stage(shop, "u1006").play(Welcome(), intent="open_conversation")
    assert scene.cards[0]["card"] == "order"
    assert scene.cards[0]["data"]["number"] == order.order_number
    assert order.items[0].short_name in scene.worded("neutral").text
    expected = set(STEPS_BY_STATE[order.state])
    for style in Style:
        buttons = scene.worded(style.value).buttons
        assert len(buttons) == 4
        assert {b.payload.split("{")[0].strip("/") for b in buttons} == expected
        for button in buttons:
            if "order_number" in button.payload:
                assert order.order_number in button.payload


async def test_every_demo_customer_can_be_greeted(shop: SqlShop) -> None:
    troubled = 0
    for number in range(1, 26):
        customer = f"u10{number:02}"
        orders = await shop.orders(customer, limit=1)
        scene = await Stage(shop, customer).play(Welcome(), intent="open_conversation")
        assert len(scene.options) == 4
        assert len(scene.cards) == len(orders)
        in_need = bool(orders) and in_trouble(orders[0], await shop.now())
        assert (scene.responses == ["utter_welcome_order_trouble"]) == in_need
        troubled += in_need
    assert troubled >= 2


async def test_trouble_is_told_with_its_cause_and_without_cheer(shop: SqlShop) -> None:
    scene = await Stage(shop, "u1002").play(Welcome(), intent="open_conversation")
    assert scene.responses == ["utter_welcome_order_trouble"]
    for text in scene.texts().values():
        assert "分拨中心积压" in text
        assert "👋" not in text


async def test_an_order_is_in_trouble_from_the_promise_on(shop: SqlShop) -> None:
    paid = next(o for o in await shop.orders("u1003") if o.state is OrderState.PAID)
    assert paid.ship_by is not None
    assert not in_trouble(paid, paid.ship_by)
    assert in_trouble(paid, paid.ship_by + timedelta(seconds=1))


async def test_login_shows_the_order_without_a_second_welcome(shop: SqlShop) -> None:
    scene = await Stage(shop, "u1001").play(Identified(), intent="identified")
    assert scene.responses == ["utter_identified"]
    assert len(scene.cards) == 1
    assert len(scene.options) == 4
    new = await Stage(shop, "u1021").play(Identified(), intent="identified")
    assert new.responses == ["utter_identified_no_orders"]
    assert new.cards == []


@pytest.mark.parametrize("forged", ["expired", "foreign", "wrong key"])
async def test_an_assertion_that_proves_nothing_greets_a_stranger(shop: SqlShop, forged: str) -> None:
    stage = Stage(shop, "u1006")
    if forged == "expired":
        stage.lifetime_s = -60
    elif forged == "foreign":
        stage.signed_for = "c_other"
    else:
        stage.key = "some other key that is long enough for HS256"
    scene = await stage.play(Welcome(), intent="open_conversation")
    assert scene.responses == ["utter_welcome"]
    assert scene.cards == []
    assert "林静文" not in str(scene.messages)


async def test_a_dead_shop_is_no_reason_for_an_apology(shop: SqlShop) -> None:
    with broken(shop, "orders", ShopUnavailableError("down")):
        scene = await Stage(shop, "u1006").play(Welcome(), intent="open_conversation")
        assert scene.responses == ["utter_welcome"]
        greeted = await Stage(shop, "u1006").play(Greet(), "在吗", intent="greet")
        assert greeted.responses == ["utter_greet"]


async def test_leave_closes_the_conversation(shop: SqlShop) -> None:
    scene = await Stage(shop).play(Goodbye(), "拜拜", intent="goodbye")
    assert scene.directives == [{"type": "directive", "directive": "closed"}]
