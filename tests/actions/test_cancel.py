"""Cancelling: rules first, a plain yes, once; interrupted, corrected, left."""

from __future__ import annotations

import pytest

from actions.cancel import CancelForm
from actions.shop.errors import ShopTimeoutError
from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.forms import FormStage
from tests.support.stage import Stage, broken


async def state_of(shop: SqlShop, order: Order) -> OrderState:
    return (await shop.order(order.order_number, customer_id=None)).state


def form_of(shop: SqlShop, order: Order, **more: object) -> FormStage:
    return FormStage(Stage(shop, customer_id=order.customer_id, **more), CancelForm())  # type: ignore[arg-type]


async def opened(shop: SqlShop, state: OrderState = OrderState.PAID) -> tuple[FormStage, Order]:
    order = await order_in(shop, state)
    form = form_of(shop, order)
    await form.open(intent="cancel_order", entities={"order_number": order.order_number})
    return form, order


async def test_a_paid_order_is_summed_up_then_cancelled(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = form_of(shop, order)
    summary = await form.open(f"取消订单{order.order_number}", intent="cancel_order")
    assert summary.responses == ["utter_cancel_confirm"]
    assert summary.facts["total"] == str(order.total)
    assert summary.options == ["confirm_write", "leave"]
    assert await state_of(shop, order) is OrderState.PAID
    done = await form.confirm()
    assert done.responses == ["utter_cancelled"]
    assert done.facts["total"] == str(order.total)
    assert await state_of(shop, order) is OrderState.REFUNDING
    assert form.waits_for is None
    assert all(form.stage.slots[name] is None for name in ("write_order", "write_key", "confirmed"))


async def test_an_unpaid_order_costs_nothing(shop: SqlShop) -> None:
    form, order = await opened(shop, OrderState.UNPAID)
    assert (await form.say("确认", intent="affirm")).responses == ["utter_cancelled_unpaid"]
    assert await state_of(shop, order) is OrderState.CANCELLED


@pytest.mark.parametrize(
    ("state", "response", "step"),
    [
        (OrderState.SHIPPED, "utter_cancel_shipped", "request_refund"),
        (OrderState.EXCEPTION, "utter_cancel_shipped", "request_refund"),
        (OrderState.DELIVERED, "utter_cancel_delivered", "request_return"),
        (OrderState.CANCELLED, "utter_cancel_over", "ask_order_status"),
        (OrderState.REFUNDED, "utter_cancel_over", "ask_order_status"),
        (OrderState.REFUNDING, "utter_cancel_over", "ask_order_status"),
    ],
)
async def test_what_cannot_be_cancelled_is_said_before_anything_is_asked(
    shop: SqlShop, state: OrderState, response: str, step: str
) -> None:
    order = await order_in(shop, state)
    form = form_of(shop, order)
    scene = await form.open(intent="cancel_order", entities={"order_number": order.order_number})
    assert scene.responses == [response]
    assert scene.options[0] == step
    assert form.waits_for is None
    assert await state_of(shop, order) is state


async def test_shipped_in_the_meantime_is_said_after_the_yes(shop: SqlShop) -> None:
    from sqlalchemy import update

    from actions.shop.schema import OrderRow

    form, order = await opened(shop)
    with shop.engine.begin() as connection:
        here = OrderRow.order_number == order.order_number
        connection.execute(update(OrderRow).where(here).values(state=OrderState.CANCELLED.value))
    scene = await form.confirm()
    assert scene.responses == ["utter_cancel_over"]
    assert form.waits_for is None


@pytest.mark.parametrize("text", ["好吗", "好的但是我想先问下", "确认一下什么时候退钱", "行不行啊"])
async def test_only_a_plain_yes_cancels(shop: SqlShop, text: str) -> None:
    form, order = await opened(shop)
    scene = await form.say(text, intent="affirm")
    assert scene.responses == ["utter_cancel_confirm"]
    assert await state_of(shop, order) is OrderState.PAID


async def test_the_button_of_an_earlier_summary_confirms_nothing(shop: SqlShop) -> None:
    form, order = await opened(shop)
    stale = form.stage.slots["write_key"]
    await form.say("算了", intent="stop")
    await form.open(intent="cancel_order", entities={"order_number": order.order_number})
    scene = await form.say(intent="affirm", entities={"write": stale})
    assert scene.responses == ["utter_cancel_confirm"]
    assert await state_of(shop, order) is OrderState.PAID


async def test_the_same_confirmation_twice_is_one_write(shop: SqlShop) -> None:
    form, order = await opened(shop)
    before = dict(form.stage.slots)
    first = await form.confirm()
    form.stage.slots = before  # Rasa was killed before it kept the turn: the message comes again
    form.stage._count -= 1
    second = await form.confirm()
    assert first.responses == ["utter_cancelled"]
    assert second.messages == first.messages
    assert await state_of(shop, order) is OrderState.REFUNDING


async def test_a_shop_that_stalls_keeps_the_question_and_the_key(shop: SqlShop) -> None:
    form, order = await opened(shop)
    key = form.stage.slots["write_key"]
    with broken(shop, "cancel_order", ShopTimeoutError("slow")):
        scene = await form.confirm()
    assert scene.responses == ["utter_write_unsure"]
    assert scene.options == ["retry_write", "ask_human"]
    assert (form.waits_for, form.stage.slots["write_key"]) == ("confirmed", key)
    assert (await form.confirm()).responses == ["utter_cancelled"]
    assert await state_of(shop, order) is OrderState.REFUNDING


async def test_a_shop_that_is_down_opens_nothing(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = form_of(shop, order)
    with broken(shop, "orders", ShopTimeoutError("slow")):
        scene = await form.open("取消订单", intent="cancel_order")
    assert scene.responses == ["utter_shop_unavailable"]
    assert form.waits_for is None


async def test_it_is_interrupted_and_goes_on(shop: SqlShop) -> None:
    form, _ = await opened(shop)
    key = form.stage.slots["write_key"]
    interrupted = await form.say("退款要几天", intent="ask_aftersale_progress")
    assert not interrupted.events
    resumed = await form.resume("退款要几天", intent="ask_aftersale_progress")
    assert resumed.responses == ["utter_cancel_confirm"]
    assert form.stage.slots["write_key"] == key
    assert (await form.say("确认", intent="affirm")).responses == ["utter_cancelled"]


async def test_after_a_second_interruption_in_a_row_it_rests(shop: SqlShop) -> None:
    form, order = await opened(shop)
    await form.resume("退款要几天", intent="ask_aftersale_progress")
    rests = await form.resume("你是机器人吗", intent="ask_robot")
    assert rests.responses == ["utter_set_aside"]
    assert rests.options == ["cancel_order"]
    assert all("取消订单" in text for text in rests.texts().values())
    assert form.waits_for is None
    assert form.stage.slots["write_key"] is None
    assert await state_of(shop, order) is OrderState.PAID


async def test_an_answer_between_two_interruptions_keeps_it_waiting(shop: SqlShop) -> None:
    form, _ = await opened(shop)
    await form.resume("退款要几天", intent="ask_aftersale_progress")
    await form.say("好吗", intent="affirm")
    again = await form.resume("你是机器人吗", intent="ask_robot")
    assert again.responses == ["utter_cancel_confirm"]
    assert form.waits_for == "confirmed"


@pytest.mark.parametrize(
    ("text", "intent", "said"),
    [
        ("再见", "goodbye", []),  # the goodbye is the last word
        ("转人工", "ask_human", ["utter_set_aside"]),
        ("给我打电话", "ask_callback", ["utter_set_aside"]),
    ],
)
async def test_who_takes_leave_or_wants_a_person_has_left_it(
    shop: SqlShop, text: str, intent: str, said: list[str]
) -> None:
    form, order = await opened(shop)
    assert not (await form.say(text, intent=intent)).events  # that topic answers first
    left = await form.resume(text, intent=intent)
    assert left.responses == said
    assert not any(message.get("options") for message in left.said)
    assert form.waits_for is None
    assert form.stage.slots["write_order"] is None
    assert await state_of(shop, order) is OrderState.PAID


async def test_thanks_change_nothing_and_repeat_nothing(shop: SqlShop) -> None:
    form, _ = await opened(shop)
    for _ in range(3):
        assert not (await form.say("谢谢", intent="thank")).events
        thanked = await form.resume("谢谢", intent="thank")
        assert thanked.messages == []
        assert form.waits_for == "confirmed"
    assert (await form.say("确认", intent="affirm")).responses == ["utter_cancelled"]


@pytest.mark.parametrize(("text", "intent"), [("算了不取消了", "stop"), ("不", "deny")])
async def test_it_is_left(shop: SqlShop, text: str, intent: str) -> None:
    form, order = await opened(shop)
    scene = await form.say(text, intent=intent)
    assert scene.responses == ["utter_cancel_left"]
    assert form.waits_for is None
    assert await state_of(shop, order) is OrderState.PAID


async def test_another_order_is_taken_instead(shop: SqlShop) -> None:
    form, order = await opened(shop)
    other = next(o for o in await shop.orders(order.customer_id) if o.state is OrderState.DELIVERED)
    scene = await form.say(f"不是这个，是{other.order_number}", intent="deny")
    assert scene.responses == ["utter_cancel_delivered"]
    assert await state_of(shop, order) is OrderState.PAID


async def test_somebody_elses_order_is_never_cancelled(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    stranger = "u1001" if order.customer_id != "u1001" else "u1002"
    form = FormStage(Stage(shop, customer_id=stranger), CancelForm())
    scene = await form.open(f"取消{order.order_number}", intent="cancel_order")
    assert scene.responses == ["utter_not_found"]
    assert form.waits_for is None
    # A draft that names it (a tampered slot) is of no use either.
    form.stage.slots |= {
        "write_order": order.order_number,
        "write_key": "k",
        "requested_slot": "confirmed",
    }
    scene = await form.say("确认", intent="affirm")
    assert scene.responses == ["utter_not_found"]
    assert await state_of(shop, order) is OrderState.PAID


async def test_an_anonymous_shopper_verifies_first(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form = FormStage(Stage(shop), CancelForm())
    scene = await form.open(f"取消{order.order_number}", intent="cancel_order")
    assert not scene.said
    assert scene.events[-1]["name"] == "verify_form"
    assert scene.slots["pending_task"] == "cancel_form"
    assert scene.slots["verify_order"] == order.order_number
