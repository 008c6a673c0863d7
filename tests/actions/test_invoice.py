"""Invoices: who sees what, every way to give a title, one request however often it is confirmed."""

from __future__ import annotations

import logging

import pytest

from actions.invoice import AskInvoice, AskInvoiceReissue, AskInvoiceStatus, InvoiceForm
from actions.shop.errors import ShopTimeoutError
from actions.shop.models import Order, OrderState
from actions.shop.schema import OrderRow
from actions.shop.service_models import Invoice, InvoiceKind, InvoiceState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_numbers
from tests.support.forms import FormStage
from tests.support.shop import Clock
from tests.support.stage import Scene, Stage, broken

UNIT, TAX = "杭州知行科技有限公司", "91330100MA2ABCDE1X"
SPECIAL = InvoiceKind.SPECIAL


async def invoice_of(shop: SqlShop, order: Order) -> Invoice | None:
    return (await shop.invoice_terms(order.order_number, customer_id=None)).current


async def plain_order(shop: SqlShop, *, special: bool = False) -> Order:
    """Return a delivered order without an invoice, for which a special one can be had or not."""
    for number in reversed(order_numbers(shop, OrderRow.state == OrderState.DELIVERED.value)):
        terms = await shop.invoice_terms(number, customer_id=None)
        if terms.rule == "can_request" and terms.current is None and (SPECIAL in terms.kinds) is special:
            return await shop.order(number, customer_id=None)
    raise LookupError


async def with_invoice(shop: SqlShop, state: InvoiceState) -> Order:
    for number in order_numbers(shop):
        current = (await shop.invoice_terms(number, customer_id=None)).current
        if current is not None and current.state is state:
            return await shop.order(number, customer_id=None)
    raise LookupError


async def opened(
    shop: SqlShop,
    text: str = "",
    *,
    order: Order | None = None,
    intent: str = "request_invoice",
    verified: bool = False,
) -> tuple[FormStage, Order, Scene]:
    order = order or await plain_order(shop)
    stage = (
        Stage(shop, orders=[order.order_number]) if verified else Stage(shop, customer_id=order.customer_id)
    )
    form = FormStage(stage, InvoiceForm())
    entities = {"order_number": order.order_number}
    return form, order, await form.open(text, intent=intent, entities=entities)


# -- asking for one --------------------------------------------------------------------------------


async def test_a_person_taps_her_way_through(shop: SqlShop) -> None:
    form, order, asked = await opened(shop)
    terms = await shop.invoice_terms(order.order_number, customer_id=None)
    assert (asked.responses, asked.facts["amount"]) == (["utter_invoice_which_kind"], str(terms.amount))
    assert [o["args"]["invoice_kind"] for o in asked.said[0]["options"]] == [k.value for k in terms.kinds]
    title = await form.say(intent="choose_invoice_kind", entities={"invoice_kind": "electronic"})
    assert (title.responses, title.options) == (["utter_invoice_title_wanted"], ["choose_invoice_title"] * 2)
    summary = await form.say(intent="choose_invoice_title", entities={"invoice_title": "person"})
    assert summary.responses == ["utter_invoice_confirm"]
    assert (summary.facts["title"], summary.facts["hours"]) == ("个人", terms.issue_hours)
    assert await invoice_of(shop, order) is None
    done = await form.confirm()
    assert done.responses == ["utter_invoice_requested"]
    made = await invoice_of(shop, order)
    assert made is not None
    assert (made.kind, made.title.name, made.title.tax_number) == (InvoiceKind.ELECTRONIC, "个人", None)
    assert (done.facts["amount"], done.facts["issue_by"]) == (str(made.amount), made.issue_by.isoformat())
    assert form.waits_for is None
    assert not any(form.stage.slots[name] for name in InvoiceForm.details)


async def test_all_in_one_message_is_summed_up_at_once(shop: SqlShop) -> None:
    order = await plain_order(shop, special=True)
    text = f"开专票，抬头{UNIT}，税号{TAX.lower()}，发到fapiao@zhixing.example"
    form, _, summary = await opened(shop, text, order=order)
    assert summary.responses == ["utter_invoice_confirm"]
    assert summary.facts["title"] == UNIT
    assert (summary.facts["tax"], summary.facts["kind"]) == (TAX, "special")
    assert all(UNIT in t and TAX in t and "增值税专用发票" in t for t in summary.texts().values())
    await form.confirm()
    made = await invoice_of(shop, order)
    assert made is not None
    assert (made.kind, made.title.name, made.title.tax_number) == (SPECIAL, UNIT, TAX)
    assert made.title.email == "fapiao@zhixing.example"


async def test_a_companys_whole_data_is_pasted(shop: SqlShop) -> None:
    form, order, _ = await opened(shop, "开电子发票")
    pasted = (
        f"名称：{UNIT}\n纳税人识别号：{TAX}\n地址、电话：杭州市西湖区文三路88号 0571-88886666\n"
        "开户行及账号：招商银行杭州分行 5719 0000 1234 5678"
    )
    for intent in ("change_address", "give_order_number"):
        summary = await form.say(pasted, intent=intent)
        assert summary.responses == ["utter_invoice_confirm"]
        assert (summary.facts["title"], summary.facts["tax"]) == (UNIT, TAX)
    assert summary.facts["number"] == order.order_number


async def test_a_unit_is_asked_for_its_tax_number(shop: SqlShop) -> None:
    form, _, _ = await opened(shop, "开电子发票")
    asked = await form.say(UNIT, intent="nlu_fallback")
    assert (asked.responses, asked.options) == (["utter_invoice_tax_wanted"], ["no_tax_number"])
    short = await form.say("税号 91330100MA", intent="nlu_fallback")
    assert (short.responses, short.facts["malformed"]) == (["utter_invoice_tax_wanted"], True)
    done = await form.say("9133 0100 MA2A BCDE 1X", intent="nlu_fallback")
    assert (done.responses, done.facts["tax"]) == (["utter_invoice_confirm"], TAX)


@pytest.mark.parametrize(("text", "intent"), [("", "deny"), ("没有税号", "nlu_fallback"), ("不知道", "deny")])
async def test_a_school_may_have_none(shop: SqlShop, text: str, intent: str) -> None:
    form, _, _ = await opened(shop, "开电子发票，抬头杭州市第一中学")
    summary = await form.say(text, intent=intent)
    assert summary.responses == ["utter_invoice_confirm"]
    assert "tax" not in summary.facts


async def test_a_special_invoice_needs_one(shop: SqlShop) -> None:
    order = await plain_order(shop, special=True)
    form, _, asked = await opened(shop, "开专票", order=order)
    assert (asked.responses, asked.facts["special"]) == (["utter_invoice_unit_wanted"], True)
    tax = await form.say(UNIT, intent="nlu_fallback")
    assert (tax.responses, tax.options) == (["utter_invoice_tax_wanted"], [])
    again = await form.say("没有税号", intent="nlu_fallback")
    assert again.responses == ["utter_invoice_tax_wanted"]
    assert await invoice_of(shop, order) is None


async def test_a_kind_that_is_not_offered_is_said_and_the_others_stay(shop: SqlShop) -> None:
    _, _, scene = await opened(shop, "开专票")
    assert scene.responses == ["utter_invoice_kind_not_offered"]
    assert {o["args"]["invoice_kind"] for o in scene.said[0]["options"]} == {"electronic", "paper"}


async def test_a_correction_is_another_summary_and_the_old_button_confirms_nothing(shop: SqlShop) -> None:
    form, order, _ = await opened(shop, f"开电子发票，抬头{UNIT}，税号{TAX}")
    stale = form.stage.slots["write_key"]
    corrected = await form.say("抬头改成林小满", intent="change_invoice")
    assert (corrected.responses, corrected.facts["title"]) == (["utter_invoice_confirm"], "林小满")
    assert "tax" not in corrected.facts  # it was the company's
    tapped = await form.say(intent="affirm", entities={"write": stale})
    assert tapped.responses == ["utter_invoice_confirm"]
    assert await invoice_of(shop, order) is None
    await form.confirm()
    made = await invoice_of(shop, order)
    assert made is not None
    assert (made.title.name, made.title.tax_number) == ("林小满", None)


async def test_an_address_comes_after_the_summary(shop: SqlShop) -> None:
    form, _, summary = await opened(shop, "开电子发票 个人")
    assert summary.facts["no_email"] is True
    bad = await form.say("发到 linxiao@qq", intent="give_contact")
    assert (bad.responses, bad.facts["bad_email"]) == (["utter_invoice_confirm"], True)
    good = await form.say("linxiao@qq.com", intent="give_contact")
    assert good.facts["email"] == "linxiao@qq.com"
    assert "no_email" not in good.facts


@pytest.mark.parametrize("text", ["讲个笑话吧", "你好", "快递到哪了", "随便"])
async def test_what_is_no_title_is_not_taken_for_one(shop: SqlShop, text: str) -> None:
    form, _, _ = await opened(shop, "开电子发票")
    scene = await form.say(text, intent="nlu_fallback" if text == "随便" else "chitchat")
    assert form.stage.slots.get("invoice_name") is None
    assert scene.responses in ([], ["utter_invoice_title_unclear"])


async def test_what_she_types_stays_text(shop: SqlShop) -> None:
    nasty = "{{ 77*77 }}<b>公司"
    form, _, _ = await opened(shop, "开电子发票")
    summary = await form.say(f"抬头：{nasty}有限公司，税号{TAX}", intent="nlu_fallback")
    for text in summary.texts().values():
        assert "5929" not in text


async def test_several_orders_are_a_choice(shop: SqlShop) -> None:
    form = FormStage(Stage(shop, customer_id="u1006"), InvoiceForm())
    asked = await form.open("帮我开发票", intent="request_invoice")
    assert asked.responses == ["utter_which_order"]
    chosen = asked.said[0]["options"][0]["args"]
    after = await form.say(intent="request_invoice", entities=chosen)
    assert after.responses[0].startswith("utter_invoice_")


# -- changing --------------------------------------------------------------------------------------


async def test_an_issued_one_is_reversed_for_the_new_title(shop: SqlShop) -> None:
    order = await with_invoice(shop, InvoiceState.ISSUED)
    old = await invoice_of(shop, order)
    assert old is not None
    form, _, asked = await opened(shop, "抬头写错了", order=order, intent="change_invoice")
    assert (asked.responses, asked.facts["title"]) == (["utter_invoice_change_wanted"], old.title.name)
    summary = await form.say("换成个人", intent="nlu_fallback")
    assert (summary.responses, summary.facts["issued"]) == (["utter_invoice_change_confirm"], True)
    assert all("作废" in text for text in summary.texts().values())
    await form.confirm()
    new = await invoice_of(shop, order)
    assert new is not None
    assert (new.title.name, new.title.tax_number, new.state) == ("个人", None, InvoiceState.REQUESTED)


async def test_a_title_is_one_whatever_it_was_taken_for(shop: SqlShop) -> None:
    order = await with_invoice(shop, InvoiceState.ISSUED)
    form, _, _ = await opened(shop, "抬头写错了", order=order, intent="change_invoice")
    summary = await form.say("换成个人", intent="ask_human")
    assert summary.responses == ["utter_invoice_change_confirm"]
    assert not (await form.say("转人工", intent="ask_human")).events  # a wish for a person stays one


async def test_what_is_not_named_stays(shop: SqlShop) -> None:
    order = await with_invoice(shop, InvoiceState.ISSUED)
    old = await invoice_of(shop, order)
    assert old is not None
    _, _, summary = await opened(shop, "换成纸质发票", order=order, intent="change_invoice")
    assert summary.responses == ["utter_invoice_change_confirm"]
    assert (summary.facts["kind"], summary.facts["title"]) == ("paper", old.title.name)


async def test_who_asks_again_is_told_that_there_is_one(shop: SqlShop) -> None:
    order = await with_invoice(shop, InvoiceState.REQUESTED)
    form, _, scene = await opened(shop, order=order)
    assert (scene.responses, scene.options[0]) == (["utter_invoice_pending"], "change_invoice")
    assert form.waits_for is None


# -- once, and never by another --------------------------------------------------------------------


async def test_a_stall_keeps_the_question_and_two_yeses_are_one_invoice(shop: SqlShop) -> None:
    form, _, _ = await opened(shop, "开电子发票 个人")
    with broken(shop, "request_invoice", ShopTimeoutError("slow")):
        unsure = await form.confirm()
    assert unsure.responses == ["utter_write_unsure"]
    before = dict(form.stage.slots)
    first = await form.confirm()
    form.stage.slots = before  # Rasa was killed before it kept the turn: the message comes again
    form.stage._count -= 1
    second = await form.confirm()
    assert first.responses == ["utter_invoice_requested"]
    assert second.messages == first.messages


@pytest.mark.parametrize("action", [AskInvoice, AskInvoiceStatus])
async def test_somebody_elses_order_is_no_order(shop: SqlShop, action: type[AskInvoice]) -> None:
    order = await with_invoice(shop, InvoiceState.ISSUED)
    scene = await Stage(shop, customer_id="u1001").play(
        action(), f"{order.order_number} 发票", intent=action.intent
    )
    assert scene.responses == ["utter_not_found"]


async def test_verification_shows_no_title(shop: SqlShop) -> None:
    order = await with_invoice(shop, InvoiceState.ISSUED)
    current = await invoice_of(shop, order)
    assert current is not None
    stage = Stage(shop, orders=[order.order_number])
    told = await stage.play(AskInvoiceStatus(), "发票开了吗", intent="ask_invoice_status")
    assert told.responses == ["utter_invoice_issued"]
    form, _, asked = await opened(shop, "抬头写错了", order=order, intent="change_invoice", verified=True)
    kind = await form.say("换成纸质的", intent="nlu_fallback")
    assert kind.responses == ["utter_invoice_title_wanted"]
    title = current.title
    for scene in (told, asked, kind):
        for secret in filter(None, (title.name, title.tax_number, title.email)):
            assert secret not in str(scene.messages)
            assert secret not in str(scene.events)


async def test_no_personal_data_in_logs(shop: SqlShop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    form, order, _ = await opened(shop, f"开电子发票，抬头{UNIT}，税号{TAX}，fapiao@zhixing.example")
    with broken(shop, "request_invoice", RuntimeError(f"boom for {form.form}")):
        failed = await form.confirm()
    assert failed.responses == ["utter_action_failed"]
    with broken(shop, "invoice_terms", ShopTimeoutError("slow")):
        await opened(shop, f"开电子发票，抬头{UNIT}，税号{TAX}，fapiao@zhixing.example", order=order)
    for secret in (UNIT, TAX, "fapiao@zhixing"):
        assert secret not in caplog.text


# -- reading ---------------------------------------------------------------------------------------


async def test_what_can_be_had_is_told_with_its_last_day(shop: SqlShop) -> None:
    order = await plain_order(shop)
    terms = await shop.invoice_terms(order.order_number, customer_id=None)
    scene = await Stage(shop, customer_id=order.customer_id).play(
        AskInvoice(), f"{order.order_number}能开发票吗", intent="ask_invoice"
    )
    assert (scene.responses, scene.options[0]) == (["utter_invoice_possible"], "request_invoice")
    assert terms.deadline is not None
    assert scene.facts["deadline"] == terms.deadline.isoformat()
    for text in scene.texts().values():
        assert "电子普通发票" in text
        assert "24:00" in text


@pytest.mark.parametrize(
    ("state", "rule"), [(OrderState.UNPAID, "not_paid"), (OrderState.CANCELLED, "order_closed")]
)
async def test_what_cannot_be_had_is_refused_by_its_rule(shop: SqlShop, state: OrderState, rule: str) -> None:
    order = await order_in(shop, state)
    form, _, scene = await opened(shop, "开发票", order=order)
    assert (scene.responses, scene.facts["rule"]) == (["utter_invoice_refused"], rule)
    assert form.waits_for is None


async def test_too_late_names_the_day(shop: SqlShop, clock: Clock) -> None:
    order = await plain_order(shop)
    clock.forward(days=400)
    _, _, scene = await opened(shop, "开发票", order=order)
    assert scene.facts["rule"] == "too_late"
    assert "24:00" in scene.worded("power").text


@pytest.mark.parametrize(
    ("state", "response"),
    [
        (InvoiceState.REQUESTED, "utter_invoice_pending"),
        (InvoiceState.ISSUED, "utter_invoice_issued"),
        (InvoiceState.REVERSED, "utter_invoice_reversed"),
    ],
)
async def test_where_it_is(shop: SqlShop, state: InvoiceState, response: str) -> None:
    order = await with_invoice(shop, state)
    current = await invoice_of(shop, order)
    assert current is not None
    scene = await Stage(shop, customer_id=order.customer_id).play(
        AskInvoiceStatus(), intent="ask_invoice_status", entities={"order_number": order.order_number}
    )
    assert (scene.responses, scene.facts["title"]) == ([response], current.title.name)
    if current.title.email:
        assert current.title.email not in str(scene.messages)
    if current.title.tax_number:
        assert current.title.tax_number not in str(scene.messages)


async def test_the_order_with_an_invoice_is_meant(shop: SqlShop) -> None:
    order = await with_invoice(shop, InvoiceState.REQUESTED)
    scene = await Stage(shop, customer_id=order.customer_id).play(
        AskInvoiceStatus(), "我的发票呢", intent="ask_invoice_status"
    )
    assert scene.responses == ["utter_invoice_pending"]


async def test_strangers_get_the_general_part(shop: SqlShop) -> None:
    asked = await Stage(shop).play(AskInvoice(), "能开发票吗", intent="ask_invoice")
    assert (asked.responses, asked.options) == (["utter_invoice_general"], ["verify_me", "ask_human"])
    after = await Stage(shop).play(AskInvoiceReissue(), "退货了发票怎么办", intent="ask_invoice_reissue")
    assert after.responses == ["utter_invoice_after_return"]
    status = await Stage(shop).play(AskInvoiceStatus(), "我的发票呢", intent="ask_invoice_status")
    assert status.slots["pending_task"] == "ask_invoice_status"
    form = FormStage(Stage(shop), InvoiceForm())
    wished = await form.open(f"开电子发票，抬头{UNIT}，税号{TAX}", intent="request_invoice")
    assert wished.slots["pending_task"] == "invoice_form"
    assert wished.slots["invoice_name"] == UNIT  # what she has said is not asked again


async def test_after_a_return_her_own_is_told_too(shop: SqlShop) -> None:
    order = await with_invoice(shop, InvoiceState.ISSUED)
    scene = await Stage(shop, customer_id=order.customer_id).play(
        AskInvoiceReissue(),
        intent="ask_invoice_reissue",
        entities={"order_number": order.order_number},
    )
    assert scene.responses == ["utter_invoice_issued", "utter_invoice_after_return"]
