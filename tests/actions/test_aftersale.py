"""Return, exchange, refund: what the rules allow, who pays, once; progress; policy."""

from __future__ import annotations

from datetime import timedelta

import pytest

from actions.aftersale import AfterSaleForm, AskAfterSaleProgress, AskReturnPolicy
from actions.order_choice import MOVING
from actions.shop.errors import NotFoundError, ShopTimeoutError
from actions.shop.models import AfterSaleKind, AfterSaleState, Fault, Order, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.forms import FormStage, all_orders, few_of_each_state
from tests.support.shop import Clock
from tests.support.stage import Scene, Stage, broken

pytestmark = pytest.mark.slow


async def returnable(shop: SqlShop, rule: str = "seven_days") -> Order:
    """Return an order under one clause, so fresh that every reason of the clause holds."""
    for order in await all_orders(shop):
        terms = await shop.return_terms(order.order_number, customer_id=None)
        if terms.allowed and terms.rule == rule:
            return order
    pytest.skip(f"the demo shop has no order under {rule}")


async def opened(shop: SqlShop, order: Order, intent: str, text: str = "") -> tuple[FormStage, Scene]:
    form = FormStage(Stage(shop, customer_id=order.customer_id), AfterSaleForm())
    return form, await form.open(text, intent=intent, entities={"order_number": order.order_number})


async def test_a_return_is_asked_summed_up_and_submitted(shop: SqlShop) -> None:
    order = await returnable(shop)
    form, asked = await opened(shop, order, "request_return")
    assert asked.responses == ["utter_aftersale_why"]
    assert set(asked.options) == {"choose_reason"}
    summary = await form.say(intent="choose_reason", entities={"reason": "quality"})
    assert summary.responses == ["utter_return_confirm"]
    assert summary.facts["shop_pays"] is True
    assert summary.facts["amount"] == str(order.total)
    done = await form.confirm()
    assert done.responses == ["utter_return_submitted"]
    request = await shop.after_sale_of_order(order.order_number, customer_id=None)
    assert request is not None
    assert (request.kind, request.reason, request.fault) == (AfterSaleKind.RETURN, "quality", Fault.SHOP)
    assert done.facts["amount"] == str(request.refund_amount) == summary.facts["amount"]
    assert done.cards[0]["card"] == "aftersale"
    assert form.waits_for is None


async def test_a_reason_in_words_and_who_pays(shop: SqlShop) -> None:
    order = await returnable(shop)
    form, summary = await opened(shop, order, "request_exchange", "尺码太小了想换一件")
    assert summary.responses == ["utter_exchange_confirm"]
    assert summary.facts["shop_pays"] is False
    corrected = await form.say("其实是收到就破了", intent="nlu_fallback")
    assert corrected.facts["reason"] == "damaged"
    assert corrected.facts["shop_pays"] is True
    instead = await form.say("还是退货吧", intent="request_return")
    assert instead.responses == ["utter_return_confirm"]
    assert (await form.say("确认", intent="affirm")).responses == ["utter_return_submitted"]


@pytest.mark.parametrize("state", [OrderState.PAID, OrderState.SHIPPED, OrderState.EXCEPTION])
async def test_before_delivery_a_return_is_a_refund(shop: SqlShop, state: OrderState) -> None:
    order = await order_in(shop, state)
    form, _ = await opened(shop, order, "request_return", "等太久了不想要了")
    summary = await form.resume("", intent="request_return")
    assert summary.responses == ["utter_refund_confirm"]
    assert summary.facts["refuse"] is (state is not OrderState.PAID)
    done = await form.confirm()
    assert done.responses == ["utter_refund_submitted"]
    assert done.facts["amount"] == str(order.total)


async def test_an_exchange_that_is_not_offered_is_said_with_what_is(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form, scene = await opened(shop, order, "request_exchange", "换货")
    assert scene.responses == ["utter_kind_not_offered"]
    assert scene.options == ["choose_kind"]
    assert form.waits_for == "aftersale_kind"
    next_question = await form.say(intent="request_refund", entities={"order_number": order.order_number})
    assert next_question.responses == ["utter_aftersale_why"]


async def test_a_reason_that_does_not_hold_is_said_with_those_that_do(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    form, scene = await opened(shop, order, "request_refund", "质量太差退款")
    assert scene.responses == ["utter_reason_not_accepted"]
    assert form.waits_for == "aftersale_reason"
    assert (await form.say("拍错了", intent="nlu_fallback")).responses == ["utter_refund_confirm"]


async def test_never_received_is_refunded_although_signed_for(shop: SqlShop) -> None:
    order = await returnable(shop)
    form, summary = await opened(shop, order, "request_refund", "显示签收但是我根本没收到")
    assert summary.responses == ["utter_refund_confirm"]
    assert (await form.confirm()).responses == ["utter_refund_submitted"]


async def test_rules_are_told_before_anything_is_asked(shop: SqlShop) -> None:
    told = set()
    for order in few_of_each_state(await all_orders(shop), 8):
        terms = await shop.return_terms(order.order_number, customer_id=None)
        form, scene = await opened(shop, order, "request_return", "")
        told.add(scene.responses[0])
        if terms.allowed:
            assert form.waits_for is not None
        else:
            assert form.waits_for is None
    assert {"utter_aftersale_unpaid", "utter_aftersale_over", "utter_aftersale_too_late"} <= told


async def test_the_same_confirmation_twice_is_one_request(shop: SqlShop) -> None:
    order = await returnable(shop)
    form, _ = await opened(shop, order, "request_return", "不喜欢")
    before = dict(form.stage.slots)
    first = await form.confirm()
    form.stage.slots = before
    second = await form.confirm()
    assert second.responses == first.responses == ["utter_return_submitted"]
    assert second.facts["request"] == first.facts["request"]
    requests = [r for r in await shop.after_sales(order.customer_id) if r.order_number == order.order_number]
    assert len(requests) == 1


async def test_a_stalled_shop_is_asked_again_under_the_same_key(shop: SqlShop) -> None:
    order = await returnable(shop)
    form, _ = await opened(shop, order, "request_return", "不喜欢")
    with broken(shop, "request_after_sale", ShopTimeoutError("slow")):
        scene = await form.confirm()
    assert scene.responses == ["utter_write_unsure"]
    assert (await form.confirm()).responses == ["utter_return_submitted"]


async def test_interrupted_and_left(shop: SqlShop) -> None:
    order = await returnable(shop)
    form, _ = await opened(shop, order, "request_return")
    assert not (await form.say("运费谁出", intent="ask_return_policy")).events
    assert (await form.resume("运费谁出", intent="ask_return_policy")).responses == ["utter_aftersale_why"]
    assert (await form.say("我再想想", intent="stop")).responses == ["utter_aftersale_left"]
    assert await shop.after_sale_of_order(order.order_number, customer_id=None) is None
    assert form.stage.slots["aftersale_kind"] is None


async def test_the_reason_may_be_the_second_of_the_list(shop: SqlShop) -> None:
    order = await returnable(shop)
    form, asked = await opened(shop, order, "request_return")
    second = asked.said[0]["options"][1]["args"]["reason"]
    assert (await form.say("第二个", intent="choose")).facts["reason"] == second


async def test_progress_of_every_request_is_told(shop: SqlShop) -> None:
    told = set()
    for number in range(1001, 1019):
        for request in await shop.after_sales(f"u{number}"):
            stage = Stage(shop, customer_id=f"u{number}")
            entities = {"order_number": request.order_number}
            scene = await stage.play(
                AskAfterSaleProgress(), intent="ask_aftersale_progress", entities=entities
            )
            assert scene.responses[0].startswith("utter_aftersale_")
            assert scene.cards[0]["data"]["order_number"] == request.order_number
            told.add(scene.responses[0])
    assert len(told) >= 2


async def test_a_review_that_is_overdue_is_called_late(shop: SqlShop, clock: Clock) -> None:
    [request] = [r for r in await shop.after_sales("u1007") if r.state is AfterSaleState.SUBMITTED]
    clock.now = request.review_by + timedelta(hours=1)
    stage = Stage(shop, customer_id="u1007")
    entities = {"order_number": request.order_number}
    scene = await stage.play(AskAfterSaleProgress(), intent="ask_aftersale_progress", entities=entities)
    assert scene.responses == ["utter_aftersale_submitted_late"]


async def test_progress_without_a_request(shop: SqlShop) -> None:
    order = await returnable(shop)
    stage = Stage(shop, customer_id=order.customer_id)
    entities = {"order_number": order.order_number}
    scene = await stage.play(AskAfterSaleProgress(), intent="ask_aftersale_progress", entities=entities)
    assert scene.responses == ["utter_no_aftersale_for_order"]
    other = "u1001" if order.customer_id != "u1001" else "u1002"
    stranger = Stage(shop, customer_id=other)
    scene = await stranger.play(AskAfterSaleProgress(), intent="ask_aftersale_progress", entities=entities)
    assert scene.responses == ["utter_not_found"]


async def test_the_policy_of_one_order_is_exact(shop: SqlShop) -> None:
    for order in few_of_each_state(await all_orders(shop), 8):
        terms = await shop.return_terms(order.order_number, customer_id=None)
        stage = Stage(shop, customer_id=order.customer_id)
        entities = {"order_number": order.order_number}
        scene = await stage.play(AskReturnPolicy(), intent="ask_return_policy", entities=entities)
        if terms.allowed and terms.deadline:
            assert scene.responses == ["utter_return_policy"]
            assert scene.facts["deadline"] == terms.deadline.isoformat()
            assert scene.facts["quality_only"] is ("no_reason" not in terms.reasons)
        elif terms.allowed:
            assert scene.responses == ["utter_return_policy_before_delivery"]
        else:
            assert scene.responses[0].startswith("utter_aftersale_")


async def test_the_policy_in_general_needs_no_proof(shop: SqlShop) -> None:
    scene = await Stage(shop).play(AskReturnPolicy(), "能退吗", intent="ask_return_policy")
    assert scene.responses == ["utter_return_policy_general"]
    assert scene.options == ["verify_me"]


async def test_a_state_of_every_kind_has_words(shop: SqlShop) -> None:
    from tests.support.stage import wording

    for state in AfterSaleState:
        assert f"utter_aftersale_{state.value}" in wording()


async def test_a_report_of_damage_asks_only_what_to_do_about_it(shop: SqlShop) -> None:
    order = await returnable(shop)
    form, asked = await opened(shop, order, "report_problem", "收到的杯子是碎的")
    assert asked.responses == ["utter_aftersale_which_kind"]
    assert set(asked.options) == {"choose_kind"}
    summary = await form.say(intent="request_exchange", entities={"order_number": order.order_number})
    assert summary.responses == ["utter_exchange_confirm"]
    assert (summary.facts["reason"], summary.facts["shop_pays"]) == ("damaged", True)


async def test_orders_that_can_still_be_returned_are_offered_and_past_ones_are_not(shop: SqlShop) -> None:
    asked_one = False
    for customer in sorted({o.customer_id for o in await all_orders(shop)}):
        allowed = {
            o.order_number
            for o in await shop.orders(customer)
            if (await shop.return_terms(o.order_number, customer_id=customer)).allowed
        }
        form = FormStage(Stage(shop, customer_id=customer), AfterSaleForm())
        scene = await form.open("我要退货", intent="request_return")
        if scene.responses == ["utter_which_order"]:
            asked_one = True
            assert set(form.stage.slots["offered_orders"]) <= allowed
            assert len(scene.options) <= 5
    assert asked_one


async def test_where_every_deadline_is_past_the_latest_is_told(shop: SqlShop, clock: Clock) -> None:
    clock.forward(days=3_000)
    told = 0
    for customer in sorted({o.customer_id for o in await all_orders(shop)}):
        delivered = [o for o in await shop.orders(customer) if o.state is OrderState.DELIVERED]
        others = [o for o in await shop.orders(customer) if o.state in (*MOVING, OrderState.PAID)]
        if len(delivered) < 2 or others:
            continue
        terms = [await shop.return_terms(o.order_number, customer_id=customer) for o in delivered]
        if any(t.rule != "too_late" for t in terms):
            continue
        form = FormStage(Stage(shop, customer_id=customer), AfterSaleForm())
        scene = await form.open("我要退货", intent="request_return")
        assert scene.responses == ["utter_aftersale_all_too_late"]
        assert scene.facts["deadline"] == max(t.deadline for t in terms if t.deadline).isoformat()
        assert form.waits_for is None
        policy = await Stage(shop, customer).play(AskReturnPolicy(), "能退吗", intent="ask_return_policy")
        assert policy.responses == ["utter_aftersale_all_too_late"]
        told += 1
    assert told


@pytest.mark.parametrize(
    ("intent", "text", "reason"),
    [
        ("report_damaged", "箱子打开里面都烂了", "damaged"),
        ("report_missing_item", "只有一瓶，另一瓶呢", "missing_parts"),
        ("report_wrong_item", "我买的不是这一款", "wrong_item"),
    ],
)
async def test_what_came_wrong_is_the_reason_whatever_the_words(
    shop: SqlShop, intent: str, text: str, reason: str
) -> None:
    order = await returnable(shop)
    form, asked = await opened(shop, order, intent, text)
    assert asked.responses == ["utter_policy_sorry", "utter_aftersale_which_kind"]
    summary = await form.say(intent="request_return", entities={"order_number": order.order_number})
    assert summary.responses == ["utter_return_confirm"]
    assert (summary.facts["reason"], summary.facts["shop_pays"]) == (reason, True)
    assert (await form.confirm()).responses == ["utter_return_submitted"]
    request = await shop.after_sale_of_order(order.order_number, customer_id=None)
    assert request is not None
    assert request.reason == reason


async def test_a_choice_of_orders_keeps_what_came_wrong(shop: SqlShop) -> None:
    for customer in sorted({o.customer_id for o in await all_orders(shop)}):
        form = FormStage(Stage(shop, customer_id=customer), AfterSaleForm())
        scene = await form.open("收到少了一件", intent="report_missing_item")
        if scene.responses != ["utter_which_order"]:
            continue
        assert form.stage.slots["offered_intent"] == "report_missing_item"
        chosen = form.stage.slots["offered_orders"][0]
        await form.say(intent="report_missing_item", entities={"order_number": chosen})
        assert form.stage.slots["aftersale_reason"] == "missing_parts"
        return
    pytest.fail("nobody has to choose")


async def test_without_a_policy_the_form_asks_all_the_same(shop: SqlShop) -> None:
    order = await returnable(shop)
    with broken(shop, "policy", NotFoundError("the shop says nothing of it")):
        _, asked = await opened(shop, order, "report_damaged", "收到是碎的")
    assert asked.responses == ["utter_aftersale_which_kind"]
