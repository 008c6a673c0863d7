"""Notes, withdrawals, reports and disputes in whole talks with the trained model."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.shop.models import AfterSaleState, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.dialogue import Talk

pytestmark = pytest.mark.model


async def test_a_note_from_wish_to_slip(model: Path, shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID, customer_id="u1017")
    talk = Talk(model, shop, customer_id="u1017")
    asked = await talk.say("我想给订单加个备注")
    assert (asked.responses, asked.form) == (["utter_note_wanted"], "note_form")
    between = await talk.say("你是机器人吗")
    assert between.responses == ["utter_robot", "utter_note_wanted"]
    summary = await talk.say("送之前打个电话，别放驿站")
    assert summary.responses == ["utter_note_confirm"]
    done = await talk.tap("确认")
    assert (done.responses, done.form) == (["utter_note_taken"], None)
    noted = await shop.order(order.order_number, customer_id="u1017")
    assert noted.note == "送之前打个电话，别放驿站"
    again = await talk.say("再备注一下多包一层")
    assert again.facts("utter_note_confirm")["note"] == "送之前打个电话，别放驿站；多包一层"
    assert (await talk.say("算了")).responses == ["utter_note_left"]


async def test_a_return_is_asked_for_and_taken_back(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1006")
    order = await order_in(shop, OrderState.DELIVERED, customer_id="u1006")
    reported = await talk.say("打开箱子发现少了一件")
    assert reported.intent == "report_missing_item"
    if reported.responses == ["utter_which_order"]:
        reported = await talk.tap(order.items[0].short_name[:4])
    assert reported.responses == ["utter_policy_sorry", "utter_aftersale_which_kind"]
    await talk.tap("换货")
    submitted = await talk.tap("确认")
    assert submitted.responses == ["utter_exchange_submitted"]
    summary = await talk.say("售后申请帮我撤销掉吧")
    assert (summary.responses, summary.form) == (["utter_withdraw_confirm_until"], "withdraw_form")
    done = await talk.say("确认")
    assert (done.responses, done.form) == (["utter_withdrawn"], None)
    request = await shop.after_sale_of_order(order.order_number, customer_id="u1006")
    assert request is not None
    assert (request.state, request.reason) == (AfterSaleState.WITHDRAWN, "missing_parts")


async def test_a_stranger_proves_her_order_and_withdraws(model: Path, shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.REFUNDING, customer_id="u1007")
    talk = Talk(model, shop)
    await talk.say("我要撤销退款申请")
    await talk.say(order.order_number)
    summary = await talk.say(order.address.phone[-4:])
    assert (summary.responses[-1], summary.form) == ("utter_withdraw_confirm_until", "withdraw_form")
    assert (await talk.tap("确认")).responses == ["utter_withdrawn"]
    assert (await shop.order(order.order_number, customer_id=None)).state is OrderState.DELIVERED


async def test_a_dispute_is_told_and_handed_over(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1013")
    asked = await talk.say("我要申请纠纷单")
    assert (asked.responses, asked.form) == (["utter_dispute_ask_story"], "dispute_form")
    told = await talk.say("商家说不给退，可东西收到就是坏的")
    assert (told.responses, told.form) == (["utter_dispute_transfer"], None)
    directive = told.directive("escalate")
    assert directive is not None
    assert (directive["reason"], directive["live"]) == ("dispute", True)


async def test_pictures_go_along_with_a_claim_and_stop_nothing(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1006")
    order = await order_in(shop, OrderState.DELIVERED, customer_id="u1006")
    asked = await talk.send_picture()
    assert (asked.intent, asked.responses) == ("send_picture", ["utter_picture_what"])
    opened = await talk.tap("申请售后")
    if opened.responses == ["utter_which_order"]:
        opened = await talk.tap(order.items[0].short_name[:4])
    assert opened.form == "aftersale_form"
    question = opened.responses[-1]
    kept = await talk.send_picture()
    assert (kept.responses, kept.form) == (["utter_picture_kept", question], "aftersale_form")
    for number in (2, 3, 4):
        more = await talk.send_picture()
        assert (more.responses, more.form) == (["utter_picture_more"], "aftersale_form")
        assert more.facts("utter_picture_more") == {"count": number}
    # Neither four pictures nor a question beside them lay the claim aside.
    between = await talk.say("你是机器人吗")
    assert between.responses == ["utter_robot", question]
    assert (await talk.say("算了")).form is None


async def test_a_complaint_waits_for_words_beside_the_picture(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1013")
    await talk.say("我要申请纠纷单")
    shown = await talk.send_picture()
    assert shown.responses == ["utter_picture_kept", "utter_dispute_ask_story"]
    assert shown.form == "dispute_form"
    told = await talk.say("商家说不给退，可东西收到就是坏的")
    assert (told.responses, told.form) == (["utter_dispute_transfer"], None)


async def test_a_person_in_need_of_care_is_told_the_desk(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1013")
    reply = await talk.say("我怀孕了，能不能货到付款")
    directive = reply.directive("care")
    assert directive is not None
    assert directive["who"] == "pregnant"
