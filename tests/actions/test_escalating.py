"""Handing over for cause: a wish refused twice, a write whose outcome stays unknown."""

from __future__ import annotations

from typing import Any

import pytest

from actions.address import AddressForm
from actions.aftersale import AfterSaleForm, AskReturnPolicy
from actions.cancel import CancelForm
from actions.shop.errors import ShopTimeoutError
from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.forms import FormStage, all_orders
from tests.support.shop import NOW, Clock
from tests.support.stage import Scene, Stage, broken

NIGHT = NOW.replace(hour=2, minute=0)


def escalations(scene: Scene) -> list[Any]:
    return [d for d in scene.directives if d["directive"] == "escalate"]


async def too_late(shop: SqlShop) -> Order:
    """Return a delivered order that may not be sent back any more."""
    for order in await all_orders(shop):
        if order.state is OrderState.DELIVERED:
            terms = await shop.return_terms(order.order_number, customer_id=None)
            if terms.rule == "too_late":
                return order
    raise LookupError("no order is too late")


@pytest.fixture
async def shipped(shop: SqlShop) -> Order:
    return await order_in(shop, OrderState.SHIPPED)


async def ask(form: FormStage, order: Order, intent: str) -> Scene:
    return await form.open("", intent=intent, entities={"order_number": order.order_number})


@pytest.mark.parametrize(
    ("form", "intent", "refusal"),
    [
        (CancelForm, "cancel_order", "utter_cancel_shipped"),
        (AddressForm, "change_address", "utter_address_shipped"),
    ],
)
async def test_the_second_refusal_of_one_wish_goes_to_a_person(
    shop: SqlShop, shipped: Order, form: Any, intent: str, refusal: str
) -> None:
    stage = FormStage(Stage(shop, shipped.customer_id), form())
    first = await ask(stage, shipped, intent)
    assert (first.responses, escalations(first)) == ([refusal], [])
    second = await ask(stage, shipped, intent)
    assert second.responses == [refusal, "utter_exception_transfer"]  # the rule is told before
    (directive,) = escalations(second)
    assert directive["reason"] == "policy_exception"
    assert directive["order_number"] == shipped.order_number
    assert directive["live"] is True
    assert directive["level"] == (await shop.customer(shipped.customer_id)).level.value
    third = await ask(stage, shipped, intent)  # after the person, too, the rule is the rule
    assert (third.responses, escalations(third)) == ([refusal], [])


async def test_another_wish_is_another_wish(shop: SqlShop, shipped: Order) -> None:
    stage = Stage(shop, shipped.customer_id)
    await ask(FormStage(stage, CancelForm()), shipped, "cancel_order")
    moved = await ask(FormStage(stage, AddressForm()), shipped, "change_address")
    assert escalations(moved) == []
    other = next(
        o
        for o in await all_orders(shop)
        if o.state is OrderState.SHIPPED and o.order_number != shipped.order_number
    )
    verified = Stage(shop, orders=[shipped.order_number, other.order_number])
    await ask(FormStage(verified, CancelForm()), shipped, "cancel_order")
    assert escalations(await ask(FormStage(verified, CancelForm()), other, "cancel_order")) == []


async def test_terms_and_request_are_one_wish(shop: SqlShop) -> None:
    order = await too_late(shop)
    stage = Stage(shop, order.customer_id)
    number = {"order_number": order.order_number}
    told = await stage.play(AskReturnPolicy(), "还能退吗", intent="ask_return_policy", entities=number)
    assert (told.responses, escalations(told)) == (["utter_aftersale_too_late"], [])
    asked = await ask(FormStage(stage, AfterSaleForm()), order, "request_return")
    assert asked.responses == ["utter_aftersale_too_late", "utter_exception_transfer"]
    assert asked.slots["requested_slot"] is None
    assert len(escalations(asked)) == 1


async def test_at_night_it_is_recorded_and_told_by_when(shop: SqlShop, clock: Clock) -> None:
    clock.now = NIGHT
    order = await too_late(shop)
    stage = FormStage(Stage(shop, order.customer_id), AfterSaleForm())
    await ask(stage, order, "request_return")
    second = await ask(stage, order, "request_return")
    assert second.responses == ["utter_aftersale_too_late", "utter_exception_recorded"]
    assert escalations(second)[0]["live"] is False


async def test_with_nobody_at_the_desk_it_is_recorded_and_told_why(shop: SqlShop, shipped: Order) -> None:
    stage = Stage(shop, shipped.customer_id, metadata={"people": False})
    form = FormStage(stage, CancelForm())
    await ask(form, shipped, "cancel_order")
    second = await ask(form, shipped, "cancel_order")
    assert second.responses == ["utter_cancel_shipped", "utter_exception_recorded"]
    assert escalations(second)[0]["live"] is False
    recorded = Scene(second.messages[-2:], ())
    for style, text in recorded.texts().items():
        assert "在岗" in text, style
        assert "服务时间" not in text


async def test_what_is_no_rule_but_done_already_is_no_exception(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.CANCELLED)
    stage = FormStage(Stage(shop, order.customer_id), CancelForm())
    for _ in range(3):
        assert escalations(await ask(stage, order, "cancel_order")) == []


async def test_a_message_handled_again_is_no_second_wish(shop: SqlShop, shipped: Order) -> None:
    stage = Stage(shop, shipped.customer_id)
    form = FormStage(stage, CancelForm())
    await ask(form, shipped, "cancel_order")
    stage._count -= 1  # the same message id again
    assert escalations(await ask(form, shipped, "cancel_order")) == []


async def test_a_write_that_stays_unknown_goes_to_a_person(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = FormStage(Stage(shop, order.customer_id), CancelForm())
    await ask(form, order, "cancel_order")
    with broken(shop, "cancel_order", ShopTimeoutError("late")):
        first = await form.confirm()
        assert (first.responses, first.directives) == (["utter_write_unsure"], [])
        second = await form.confirm()
    assert second.responses == ["utter_write_unsure", "utter_write_unsure_handed"]
    (directive,) = second.directives
    assert (directive["directive"], directive["reason"]) == ("escalate", "tool_failure")
    assert directive["order_number"] == order.order_number
    assert directive["live"] is None  # nobody could be asked for the hours
    done = await form.confirm()  # the same write is still at hand
    assert done.responses == ["utter_cancelled"]
