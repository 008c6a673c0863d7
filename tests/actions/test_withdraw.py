"""Taking a request back: which one, what follows from it, a plain yes, once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from actions.aftersale import AfterSaleForm
from actions.shop.models import AfterSale, AfterSaleKind, AfterSaleState, Order, OrderState
from actions.shop.schema import AfterSaleRow
from actions.shop.sql import SqlShop
from actions.withdraw import WithdrawForm
from tests.shop.helpers import order_in, order_numbers
from tests.support.forms import FormStage
from tests.support.shop import Clock
from tests.support.stage import Stage


def form_of(shop: SqlShop, customer_id: str | None, **more: object) -> FormStage:
    return FormStage(Stage(shop, customer_id=customer_id, **more), WithdrawForm())  # type: ignore[arg-type]


async def asked(
    shop: SqlShop, kind: AfterSaleKind = AfterSaleKind.RETURN, reason: str = "no_reason"
) -> tuple[Order, AfterSale]:
    """Return the newest order for which such a request could be opened, and the request."""
    for number in reversed(order_numbers(shop)):
        terms = await shop.return_terms(number, customer_id=None)
        if kind in terms.kinds and reason in terms.reasons:
            opened = await shop.request_after_sale(
                number, kind, reason, customer_id=None, key=f"ask:{number}"
            )
            return await shop.order(number, customer_id=None), opened.request
    raise LookupError


async def state_of(shop: SqlShop, request: AfterSale) -> AfterSaleState:
    found = await shop.after_sale_of_order(request.order_number, customer_id=None)
    assert found is not None
    return found.state


def put(shop: SqlShop, request: AfterSale, state: AfterSaleState) -> None:
    with shop.engine.begin() as connection:
        connection.execute(
            update(AfterSaleRow)
            .where(AfterSaleRow.request_number == request.request_number)
            .values(state=state.value)
        )


async def test_what_follows_is_said_before_the_yes(shop: SqlShop) -> None:
    order, request = await asked(shop)
    terms = await shop.return_terms(order.order_number, customer_id=None)
    form = form_of(shop, order.customer_id)
    number = {"order_number": order.order_number}
    summary = await form.open("这个退货我不退了", intent="cancel_refund", entities=number)
    assert summary.responses == ["utter_withdraw_confirm_until"]
    assert terms.deadline is not None
    assert summary.facts["until"] == terms.deadline.isoformat()
    assert (summary.facts["quality_only"], summary.facts["sent"]) == (False, False)
    assert await state_of(shop, request) is AfterSaleState.SUBMITTED
    done = await form.confirm()
    assert done.responses == ["utter_withdrawn"]
    assert await state_of(shop, request) is AfterSaleState.WITHDRAWN
    assert (await shop.order(order.order_number, customer_id=None)).state is OrderState.DELIVERED
    assert done.cards[0]["data"]["state"] == "withdrawn"
    assert form.waits_for is None


async def test_only_for_quality_and_already_approved_are_said(shop: SqlShop, clock: Clock) -> None:
    order, request = await asked(shop, reason="quality")
    put(shop, request, AfterSaleState.APPROVED)
    delivered = order.shipment.delivered_at if order.shipment else None
    assert delivered is not None
    clock.now = delivered + timedelta(days=10)
    number = {"order_number": order.order_number}
    summary = await form_of(shop, order.customer_id).open(intent="cancel_refund", entities=number)
    assert (summary.facts["quality_only"], summary.facts["sent"]) == (True, True)
    clock.now = delivered + timedelta(days=4000)
    last = await form_of(shop, order.customer_id).open(intent="cancel_refund", entities=number)
    assert last.responses == ["utter_withdraw_confirm_last"]


async def test_a_parcel_on_its_way_goes_on(shop: SqlShop) -> None:
    order, request = await asked(shop, AfterSaleKind.REFUND, "not_received")
    form = form_of(shop, order.customer_id)
    number = {"order_number": order.order_number}
    summary = await form.open("退款申请帮我取消", intent="cancel_refund", entities=number)
    assert (summary.responses, summary.facts["moving"]) == (["utter_withdraw_confirm"], True)
    await form.say("好的", intent="affirm")
    assert await state_of(shop, request) is AfterSaleState.WITHDRAWN
    assert (await shop.order(order.order_number, customer_id=None)).state is OrderState.SHIPPED


async def test_the_only_open_request_is_meant_and_of_several_one_is_chosen(shop: SqlShop) -> None:
    order, request = await asked(shop)
    form = form_of(shop, order.customer_id)
    alone = await form.open("我不想退了，取消申请", intent="cancel_refund")
    assert alone.facts["request"] == request.request_number
    others = [
        other
        for other in await shop.orders(order.customer_id, limit=50)
        if other.state is OrderState.DELIVERED and other.order_number != order.order_number
    ]
    for other in others:
        terms = await shop.return_terms(other.order_number, customer_id=None)
        if "quality" in terms.reasons:
            await shop.request_after_sale(
                other.order_number, terms.kinds[0], "quality", customer_id=None, key=other.order_number
            )
            break
    else:
        pytest.fail("she has no second order")
    several = form_of(shop, order.customer_id)
    which = await several.open("我不想退了，取消申请", intent="cancel_refund")
    assert (which.responses, len(which.options)) == (["utter_which_order"], 2)
    chosen = await several.say(intent="cancel_refund", entities={"order_number": order.order_number})
    assert chosen.facts["request"] == request.request_number


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (AfterSaleState.RECEIVED, "already_received"),
        (AfterSaleState.DONE, "already_done"),
        (AfterSaleState.REJECTED, "already_closed"),
        (AfterSaleState.WITHDRAWN, "already_closed"),
    ],
)
async def test_too_late_is_said_with_its_reason(shop: SqlShop, state: AfterSaleState, rule: str) -> None:
    order, request = await asked(shop)
    put(shop, request, state)
    form = form_of(shop, order.customer_id)
    number = {"order_number": order.order_number}
    scene = await form.open(intent="cancel_refund", entities=number)
    assert (scene.responses, scene.facts["rule"]) == (["utter_withdraw_refused"], rule)
    assert form.waits_for is None
    assert await state_of(shop, request) is state


async def test_the_refund_of_a_cancelled_order_stays(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    await shop.cancel_order(order.order_number, customer_id=None, key="c")
    form = form_of(shop, order.customer_id)
    number = {"order_number": order.order_number}
    scene = await form.open("取消退款，我又想要了", intent="cancel_refund", entities=number)
    assert (scene.facts["rule"], scene.facts["cancelled"]) == ("refund_started", True)
    assert all("重新下单" in text for text in scene.texts().values())


async def test_received_in_the_meantime_is_said_after_the_yes(shop: SqlShop) -> None:
    order, request = await asked(shop)
    form = form_of(shop, order.customer_id)
    await form.open(intent="cancel_refund", entities={"order_number": order.order_number})
    put(shop, request, AfterSaleState.RECEIVED)
    scene = await form.confirm()
    assert (scene.responses, scene.facts["rule"]) == (["utter_withdraw_refused"], "already_received")


async def test_a_yes_withdraws_only_what_was_summed_up(shop: SqlShop, clock: Clock) -> None:
    order, request = await asked(shop)
    form = form_of(shop, order.customer_id)
    await form.open(intent="cancel_refund", entities={"order_number": order.order_number})
    await shop.withdraw_after_sale(request.request_number, customer_id=None, key="elsewhere")
    clock.forward(minutes=1)
    anew = await shop.request_after_sale(
        order.order_number, AfterSaleKind.RETURN, "no_reason", customer_id=None, key="anew"
    )
    assert (await form.confirm()).responses == ["utter_withdraw_refused"]
    assert (await shop.after_sale_of_order(order.order_number, customer_id=None)) == anew.request


async def test_nothing_is_asked_for(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    form = form_of(shop, order.customer_id)
    named = await form.open(intent="cancel_refund", entities={"order_number": order.order_number})
    assert named.responses == ["utter_no_aftersale_for_order"]
    stays = form_of(shop, order.customer_id)
    await asked(shop)
    left = await stays.say("算了", intent="stop")
    assert left.responses == ["utter_withdraw_left"]


async def test_somebody_elses_request_is_not_found(shop: SqlShop) -> None:
    order, request = await asked(shop)
    other = "u1001" if order.customer_id != "u1001" else "u1003"
    form = form_of(shop, other)
    scene = await form.open(f"{order.order_number}不退了", intent="cancel_refund")
    assert scene.responses == ["utter_not_found"]
    proven = form_of(shop, None, orders=[order.order_number])
    assert (await proven.open("不退了", intent="cancel_refund")).facts["request"] == request.request_number
    await proven.confirm()
    assert await state_of(shop, request) is AfterSaleState.WITHDRAWN


async def test_not_wanting_it_after_all_leaves_a_request_that_was_not_submitted(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.DELIVERED, customer_id="u1006")
    form = FormStage(Stage(shop, customer_id="u1006"), AfterSaleForm())
    await form.open(intent="request_return", entities={"order_number": order.order_number})
    assert (await form.say("退货申请取消掉", intent="cancel_refund")).responses == ["utter_aftersale_left"]
    assert form.waits_for is None


async def test_whether_one_could_is_answered_from_the_rules_where_nothing_is_open(shop: SqlShop) -> None:
    for customer in ("u1001", "u1003", "u1016"):
        if any(r.state is not AfterSaleState.DONE for r in await shop.after_sales(customer)):
            continue
        asked_whether = await form_of(shop, customer).open("退款申请还能撤销吗", intent="cancel_refund")
        assert asked_whether.responses[0].startswith("utter_policy_")
        told = await form_of(shop, customer).open("退款申请撤销掉", intent="cancel_refund")
        assert told.responses == ["utter_nothing_to_withdraw"]
        return
    pytest.fail("nobody fits")
