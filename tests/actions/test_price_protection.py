"""Price protection: told by its dates, given back once and in the amount that was confirmed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import update

from actions.price_protection import AskPriceProtection, PriceProtectionForm
from actions.shop.errors import ShopTimeoutError
from actions.shop.models import Order
from actions.shop.schema import SkuRow
from actions.shop.service_models import PriceProtection
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_numbers
from tests.support.forms import FormStage
from tests.support.shop import Clock
from tests.support.stage import Scene, Stage, broken


async def with_rule(shop: SqlShop, rule: str) -> tuple[Order, PriceProtection]:
    for number in order_numbers(shop):
        protection = await shop.price_protection(number, customer_id=None)
        if protection.rule == rule:
            return await shop.order(number, customer_id=None), protection
    raise LookupError(rule)


async def ask(shop: SqlShop, order: Order, text: str = "") -> Scene:
    stage = Stage(shop, customer_id=order.customer_id)
    entities = {} if text else {"order_number": order.order_number}
    return await stage.play(AskPriceProtection(), text, intent="ask_price_protection", entities=entities)


async def opened(shop: SqlShop, order: Order, text: str = "") -> tuple[FormStage, Scene]:
    form = FormStage(Stage(shop, customer_id=order.customer_id), PriceProtectionForm())
    entities = {} if text else {"order_number": order.order_number}
    return form, await form.open(text, intent="claim_price_protection", entities=entities)


def reprice(shop: SqlShop, order: Order, by: Decimal) -> None:
    """Change the price of what the order holds."""
    with shop.engine.begin() as connection:
        for item in order.items:
            connection.execute(
                update(SkuRow)
                .where(SkuRow.product_id == item.product_id)
                .values(price=SkuRow.price + by)
                .execution_options(synchronize_session=False)
            )


async def test_the_fall_is_told_with_amount_and_last_day(shop: SqlShop) -> None:
    order, protection = await with_rule(shop, "price_dropped")
    scene = await ask(shop, order)
    assert (scene.responses, scene.options[0]) == (["utter_price_dropped"], "claim_price_protection")
    assert scene.facts["amount"] == str(protection.amount)
    (drop, *_) = protection.drops
    for text in scene.texts().values():
        assert f"{drop.paid:.0f} 元" in text
        assert f"{drop.now:.0f} 元" in text
        assert f"{protection.days} 天" in text
        assert "24:00" in text


async def test_of_several_orders_the_one_that_fell_is_meant(shop: SqlShop) -> None:
    order, _ = await with_rule(shop, "price_dropped")
    scene = await ask(shop, order, "我买的是不是降价了")
    said = scene.responses
    fallen = [
        o
        for o in await shop.orders(order.customer_id)
        if (await shop.price_protection(o.order_number, customer_id=None)).allowed
    ]
    assert said == (["utter_price_dropped"] if len(fallen) == 1 else ["utter_which_order"])


@pytest.mark.parametrize(
    ("rule", "response"),
    [
        ("no_drop", "utter_price_no_drop"),
        ("claimed", "utter_price_claimed"),
        ("too_late", "utter_price_refused"),
        ("not_covered", "utter_price_refused"),
        ("not_paid", "utter_price_refused"),
        ("order_closed", "utter_price_refused"),
    ],
)
async def test_what_is_not_given_back_is_refused_by_its_rule(shop: SqlShop, rule: str, response: str) -> None:
    order, protection = await with_rule(shop, rule)
    asked = await ask(shop, order)
    form, wished = await opened(shop, order)
    for scene in (asked, wished):
        assert scene.responses == [response]
        assert scene.facts.get("rule", rule) == rule
        assert scene.facts.get("deadline") == (
            protection.deadline.isoformat() if protection.deadline else None
        )
    assert form.waits_for is None


async def test_who_insists_on_what_is_over_is_handed_over_once(shop: SqlShop) -> None:
    order, _ = await with_rule(shop, "too_late")
    stage = Stage(shop, customer_id=order.customer_id)
    entities = {"order_number": order.order_number}
    first = await stage.play(AskPriceProtection(), intent="ask_price_protection", entities=entities)
    second = await stage.play(AskPriceProtection(), intent="ask_price_protection", entities=entities)
    assert not first.directives
    assert [d["reason"] for d in second.directives] == ["policy_exception"]


async def test_claimed_once_in_the_amount_confirmed(shop: SqlShop) -> None:
    order, protection = await with_rule(shop, "price_dropped")
    form, summary = await opened(shop, order)
    assert (summary.responses, summary.options) == (["utter_price_confirm"], ["confirm_write", "leave"])
    assert summary.facts["amount"] == str(protection.amount)
    before = dict(form.stage.slots)
    done = await form.confirm()
    assert (done.responses, done.facts["amount"]) == (["utter_price_given_back"], str(protection.amount))
    after = await shop.price_protection(order.order_number, customer_id=None)
    assert (after.rule, after.claimed) == ("claimed", protection.claimed + protection.amount)
    form.stage.slots = before  # Rasa was killed before it kept the turn: the message comes again
    form.stage._count -= 1
    assert (await form.confirm()).messages == done.messages
    assert (await shop.price_protection(order.order_number, customer_id=None)).claimed == after.claimed


@pytest.mark.parametrize("by", [Decimal(-3), Decimal(2)])
async def test_another_price_is_summed_up_anew(shop: SqlShop, by: Decimal) -> None:
    order, _ = await with_rule(shop, "price_dropped")
    form, first = await opened(shop, order)
    reprice(shop, order, by)
    now = await shop.price_protection(order.order_number, customer_id=None)
    again = await form.confirm()
    assert (again.responses, again.facts["changed"]) == (["utter_price_confirm"], True)
    assert again.facts["amount"] == str(now.amount) != first.facts["amount"]
    assert (await shop.price_protection(order.order_number, customer_id=None)).claimed == now.claimed
    done = await form.say("确认", intent="affirm")
    assert done.facts["amount"] == str(now.amount)


async def test_dearer_again_before_the_yes_is_refused(shop: SqlShop) -> None:
    order, _ = await with_rule(shop, "price_dropped")
    form, _ = await opened(shop, order)
    reprice(shop, order, Decimal(500))
    scene = await form.confirm()
    assert scene.responses == ["utter_price_refused"]
    assert scene.facts["rule"] in ("no_drop", "claimed")
    assert form.waits_for is None


async def test_over_before_the_yes_is_refused(shop: SqlShop, clock: Clock) -> None:
    order, _ = await with_rule(shop, "price_dropped")
    form, _ = await opened(shop, order)
    clock.forward(days=30)
    scene = await form.confirm()
    assert (scene.responses, scene.facts["rule"]) == (["utter_price_refused"], "too_late")


async def test_a_stall_keeps_question_and_key(shop: SqlShop) -> None:
    order, _ = await with_rule(shop, "price_dropped")
    form, _ = await opened(shop, order)
    with broken(shop, "claim_price_protection", ShopTimeoutError("slow")):
        assert (await form.confirm()).responses == ["utter_write_unsure"]
    assert (await form.confirm()).responses == ["utter_price_given_back"]


async def test_left(shop: SqlShop) -> None:
    order, protection = await with_rule(shop, "price_dropped")
    form, _ = await opened(shop, order)
    assert (await form.say("算了", intent="stop")).responses == ["utter_price_left"]
    after = await shop.price_protection(order.order_number, customer_id=None)
    assert after.amount == protection.amount


async def test_strangers_prove_the_order_first_and_others_orders_are_none(shop: SqlShop) -> None:
    order, _ = await with_rule(shop, "price_dropped")
    stranger = await Stage(shop).play(AskPriceProtection(), "有价保吗", intent="ask_price_protection")
    assert stranger.slots["pending_task"] == "ask_price_protection"
    form = FormStage(Stage(shop), PriceProtectionForm())
    wished = await form.open("退差价", intent="claim_price_protection")
    assert wished.slots["pending_task"] == "price_protection_form"
    other = await Stage(shop, customer_id="u1001").play(
        AskPriceProtection(), f"{order.order_number}降价了", intent="ask_price_protection"
    )
    assert other.responses == ["utter_not_found"]
    proven = Stage(shop, orders=[order.order_number])
    scene = await proven.play(AskPriceProtection(), "有价保吗", intent="ask_price_protection")
    assert scene.responses == ["utter_price_dropped"]


async def test_a_shop_that_is_down_promises_nothing(shop: SqlShop) -> None:
    order, _ = await with_rule(shop, "price_dropped")
    with broken(shop, "price_protection", ShopTimeoutError("slow")):
        scene = await ask(shop, order)
        form, wished = await opened(shop, order)
    assert scene.responses == wished.responses == ["utter_shop_unavailable"]
    assert form.waits_for is None
