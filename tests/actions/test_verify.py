"""Verification without login: what it opens, what it never tells, and what goes on after it."""

from __future__ import annotations

import jwt
import pytest

from actions.identity import ACTIONS, FRONT
from actions.order_choice import verify_first
from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from actions.verify import VerifyForm
from tests.shop.helpers import order_in
from tests.support.forms import FormStage
from tests.support.stage import KEY, Scene, Stage


@pytest.fixture
async def order(shop: SqlShop) -> Order:
    return await order_in(shop, OrderState.SHIPPED)


def form_of(shop: SqlShop, pending: str = "track_shipment", **more: object) -> FormStage:
    slots = {e["name"]: e["value"] for e in verify_first(pending) if e["event"] == "slot"}
    return FormStage(Stage(shop, slots=slots, **more), VerifyForm())  # type: ignore[arg-type]


def tail(order: Order) -> str:
    return order.address.phone[-4:]


def wrong(order: Order) -> str:
    return f"{(int(tail(order)) + 1) % 10_000:04d}"


def grant_of(scene: Scene) -> dict[str, object]:
    (directive,) = scene.directives
    assert directive["directive"] == "verified"
    return dict(jwt.decode(directive["grant"], KEY, algorithms=["HS256"], audience=FRONT, issuer=ACTIONS))


async def test_number_then_digits_and_on_with_the_question(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    assert (await form.open("我的快递到哪了", intent="track_shipment")).responses == [
        "utter_verify_ask_number"
    ]
    asked = await form.say(f"订单号 {order.order_number}", intent="give_order_number")
    assert asked.responses == ["utter_verify_ask_tail"]
    done = await form.say(tail(order), intent="give_phone_tail")
    assert done.responses[0].startswith("utter_track_")
    claims = grant_of(done)
    assert claims["orders"] == [order.order_number]
    assert claims["cid"] == form.stage.conversation
    assert "sub" not in claims
    assert form.waits_for is None
    assert form.stage.slots["pending_task"] is None


async def test_all_in_one_message(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    scene = await form.open(f"{order.order_number} 尾号{tail(order)} 到哪了", intent="track_shipment")
    assert grant_of(scene)["orders"] == [order.order_number]


async def test_digits_first_then_number(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    await form.open("快递", intent="track_shipment")
    assert (await form.say(tail(order), intent="give_phone_tail")).responses == ["utter_verify_ask_number"]
    assert grant_of(await form.say(order.order_number, intent="give_order_number"))


async def test_a_write_goes_on_as_its_form(shop: SqlShop, order: Order) -> None:
    for pending in ("cancel_form", "request_return"):
        form = form_of(shop, pending)
        await form.open("", intent="cancel_order")
        await form.say(order.order_number, intent="give_order_number")
        scene = await form.say(tail(order), intent="give_phone_tail")
        wanted = {"cancel_form": "cancel_form", "request_return": "aftersale_form"}[pending]
        assert scene.events[-1] == {"event": "followup", "timestamp": None, "name": wanted}
        assert scene.slots["pending_task"] == wanted
        assert not scene.said


async def test_wrong_digits_unknown_order_and_the_limit_get_the_same_answer(
    shop: SqlShop, order: Order
) -> None:
    async def answer(number: str, digits: str) -> Scene:
        form = form_of(shop)
        await form.open("快递", intent="track_shipment")
        await form.say(number, intent="give_order_number")
        scene = await form.say(digits, intent="give_phone_tail")
        assert form.waits_for == "verify_tail"
        return scene

    wrong_digits = await answer(order.order_number, wrong(order))
    unknown = await answer("202601010000", tail(order))
    assert wrong_digits.messages == unknown.messages
    assert wrong_digits.responses == ["utter_verify_failed"]
    for _ in range(5):  # other conversations, the same order
        await answer(order.order_number, wrong(order))
    closed = await answer(order.order_number, tail(order))
    assert closed.messages == unknown.messages
    assert not closed.directives


async def test_after_a_failure_new_digits_or_a_new_number_may_follow(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    await form.open("快递", intent="track_shipment")
    await form.say(order.order_number, intent="give_order_number")
    await form.say(wrong(order), intent="give_phone_tail")
    assert grant_of(await form.say(f"不对 是{tail(order)}", intent="give_phone_tail"))


async def test_it_opens_that_order_alone(shop: SqlShop, order: Order) -> None:
    form = form_of(shop, "ask_order_status")
    await form.open(f"{order.order_number} {tail(order)}", intent="ask_order_status")
    others = [o for o in await shop.orders(order.customer_id) if o.order_number != order.order_number]
    grant = form.stage.slots["grant"]
    from actions.order import AskOrderStatus

    stage = Stage(shop, slots={"grant": grant}, conversation=form.stage.conversation)
    same_turn = await stage.play(AskOrderStatus(), f"{others[0].order_number}", intent="ask_order_status")
    assert not same_turn.said  # another order of the same customer has to be verified itself
    stranger = Stage(shop, slots={"grant": grant})  # another conversation
    stolen = await stranger.play(AskOrderStatus(), order.order_number, intent="ask_order_status")
    assert not stolen.said
    assert stolen.slots["pending_task"] == "ask_order_status"


async def test_another_topic_is_let_through_and_the_form_goes_on(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    await form.open("快递", intent="track_shipment")
    await form.say(order.order_number, intent="give_order_number")
    interrupted = await form.say("你是机器人吗", intent="ask_robot")
    assert not interrupted.events
    assert not interrupted.said
    resumed = await form.resume("你是机器人吗", intent="ask_robot")
    assert resumed.responses == ["utter_verify_ask_tail"]
    assert form.waits_for == "verify_tail"


async def test_four_digits_in_another_question_are_no_attempt(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    await form.open("快递", intent="track_shipment")
    await form.say(order.order_number, intent="give_order_number")
    for _ in range(6):
        assert not (await form.say("2024年买的还能退吗", intent="ask_return_policy")).said
    assert grant_of(await form.say(tail(order), intent="give_phone_tail"))


@pytest.mark.parametrize(("text", "intent"), [("算了", "stop"), ("不用了", "deny")])
async def test_it_can_be_left(shop: SqlShop, order: Order, text: str, intent: str) -> None:
    form = form_of(shop)
    await form.open(order.order_number, intent="give_order_number")
    scene = await form.say(text, intent=intent)
    assert scene.responses == ["utter_verify_left"]
    assert form.waits_for is None
    assert form.stage.slots["verify_order"] is None


async def test_a_number_taken_for_a_no_is_still_the_answer(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    await form.open("快递", intent="track_shipment")
    assert (await form.say(order.order_number, intent="deny")).responses == ["utter_verify_ask_tail"]
    assert grant_of(await form.say(f"不对，是{tail(order)}", intent="deny"))


async def test_what_is_no_number_is_explained(shop: SqlShop, order: Order) -> None:
    form = form_of(shop)
    await form.open("快递", intent="track_shipment")
    assert (await form.say("SF12345", intent="nlu_fallback")).responses == ["utter_verify_number_unclear"]
    await form.say(order.order_number, intent="give_order_number")
    assert (await form.say("忘了", intent="nlu_fallback")).responses == ["utter_verify_tail_unclear"]


async def test_who_is_logged_in_needs_none(shop: SqlShop) -> None:
    form = form_of(shop, customer_id="u1001")
    assert (await form.open("核验订单", intent="verify_me")).responses == ["utter_already_logged_in"]
    assert form.waits_for is None
