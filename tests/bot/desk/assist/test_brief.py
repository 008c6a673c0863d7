"""The brief tells facts of the record and the shop, and leaves out what is not known."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from actions.shop.sql import SqlShop
from bot.conversation.desk_types import Reason
from bot.conversation.types import Owner
from bot.desk.assist.brief import Brief, make_brief
from bot.desk.assist.case import Case, gather
from persona.wording import Wording
from tests.bot.desk.assist.talks import START, Talk
from tests.support.shop import NOW

ORDER = {"items": ["耳机"], "number": "202611200001"}


def brief(talk: Talk, wording: Wording, case: Case | None = None, **changes: object) -> Brief:
    return make_brief(talk.made(**changes), case or Case(NOW), wording.catalogue, NOW)


def texts(deeds: tuple) -> list[str]:  # type: ignore[type-arg]
    return [deed.text for deed in deeds]


async def test_who_and_which_order(shop: SqlShop, wording: Wording) -> None:
    orders = await shop.orders("u1006")
    moving = next(o for o in orders if o.state.value == "shipped")
    talk = Talk("u1006").shopper(f"{moving.order_number} 到哪了", "track_shipment")
    made = brief(talk, wording, await gather(shop, talk.made(), NOW))
    assert (made.who.name, made.who.level) == ("林**", "金卡会员")
    assert f"最近 {len(orders)} 单" in made.who.lines
    assert made.order is not None
    assert (made.order.number, made.order.state_label) == (moving.order_number, "已发货")
    assert [name for name, _ in made.order.dates][:3] == ["发货时间", "承诺送达", "预计送达"]
    whole = json.dumps(made.to_json(), ensure_ascii=False)
    customer = await shop.customer("u1006")
    assert customer.name not in whole
    assert customer.phone not in whole


async def test_an_anonymous_shopper_and_a_silent_shop_leave_blanks(wording: Wording) -> None:
    made = brief(Talk().shopper("在吗", "greet"), wording, Case(NOW, complete=False))
    assert (made.who.name, made.who.lines, made.order, made.complete) == (None, ("没有登录",), None, False)
    assert (made.asked, made.did, made.promised, made.why) == ((), (), (), None)


def test_wishes_stand_in_her_order_with_short_masked_quotes(wording: Wording) -> None:
    talk = (
        Talk()
        .shopper("我的快递到哪了", "track_shipment")
        .bot("utter_which_order", count=2)
        .shopper("快点啊", "track_shipment")
        .taps("取消订单", "/cancel_order", "cancel_order")
        .shopper("好", "affirm")
        .shopper("打 13800138000 给我，" + "急" * 60, "ask_callback")
    )
    asked = brief(talk, wording).asked
    assert [a.label for a in asked] == ["查物流", "取消订单", "要回电"]
    assert asked[0].quote == "我的快递到哪了"
    assert asked[1].quote == ""  # a tap is no quote
    assert "13800138000" not in asked[2].quote
    assert len(asked[2].quote) == 40


def test_what_the_bot_did_promised_and_refused_is_read_from_facts(wording: Wording) -> None:
    late, due = NOW - timedelta(hours=1), NOW + timedelta(hours=5)
    talk = (
        Talk()
        .bot("utter_track_moving", **ORDER, carrier="顺丰", tracking_number="SF1", expected_by=due)
        .bot("utter_urged_parcel", items=["耳机"], due=late)
        .bot("utter_cancel_shipped", **ORDER, total="399.00")
        .bot("utter_return_submitted", **ORDER, amount="399.00", review_by=due, shop_pays=False, days=3)
        .bot("utter_cancelled", items=["杯子"], total="59.00", method="微信支付", days=3)
    )
    made = brief(talk, wording)
    assert texts(made.did) == [
        "催了耳机的快递",
        "提交了耳机的退货申请，退款 399 元，寄回运费顾客承担",
        "取消了杯子，59 元退回微信支付",
    ]
    assert texts(made.refused) == ["耳机已发货，不能取消，可以拒收"]
    # 19:30 was said first, 13:30 after it: the last promise about one thing counts
    assert [(d.text, d.overdue) for d in made.promised] == [
        ("耳机 11月20日 13:30 前送达", True),
        ("耳机的退货 11月20日 19:30 前审核", False),
        ("59 元 3 个工作日内到账", False),
    ]


def test_what_was_told_in_another_form_is_left_out_not_an_error(wording: Wording) -> None:
    talk = (
        Talk()
        .bot("utter_urged_parcel", items="no list", due="soon")
        .bot("utter_return_submitted", items=["耳机"])
        .bot("utter_no_such_response", a=1)
        .card("order", number=None)
    )
    talk._add(talk.messages[0].author, talk.messages[0].kind, {"text": "x", "told": "broken"})
    made = brief(talk, wording)
    assert (made.did, made.promised) == ((), ())


def test_what_is_open(wording: Wording) -> None:
    talk = Talk().bot("utter_cancel_confirm", **ORDER, total="1.00", method="微信", days=3)
    assert brief(talk, wording).open == ("等顾客确认取消耳机",)
    asked = talk.shopper("等等", "stop").shopper("先问个问题")
    assert brief(asked, wording).open == ("还没人回答：“等等”；“先问个问题”", "等顾客确认取消耳机")
    requested = asked.request("callback", NOW - timedelta(hours=1)).request("complaint", NOW, done_at=NOW)
    assert brief(requested, wording).open[-1] == "回电，11月20日 13:30 前答复（已超时）"
    assert len(brief(requested, wording).open) == 3
    answered = requested.agent("您好")
    assert brief(answered, wording).open == ("回电，11月20日 13:30 前答复（已超时）",)


def test_notices_and_notes_answer_nobody(wording: Wording) -> None:
    talk = Talk().shopper("在吗").notice("utter_queue_joined").note("她很急")
    made = brief(talk, wording)
    assert made.open == ("还没人回答：“在吗”",)
    assert made.waits_since == START + timedelta(minutes=1)
    assert made.waits_minutes == 19


def test_why_and_since_when(wording: Wording) -> None:
    talk = Talk().shopper("我要投诉", "complain").bot("utter_complaint_left")
    talk.escalated(Reason.COMPLAINT, detail="发错了两次，电话 13800138000")
    made = brief(talk, wording)
    assert made.why is not None
    assert (made.why.label, made.why.reason) == ("投诉", "complaint")
    assert made.why.detail is not None
    assert "13800138000" not in made.why.detail
    assert made.waits_since == talk.changes["escalations"][0].opened_at
    talk.shopper("人呢").agent("来了")
    escalation = talk.changes["escalations"][0]
    replied = datetime.fromisoformat("2026-11-20T14:20:00+08:00")
    talk.changes["escalations"] = (type(escalation)(**{**escalation.__dict__, "first_reply_at": replied}),)
    assert brief(talk, wording, owner=Owner.HUMAN).waits_since is None


def test_who_needs_care_is_told_in_chinese(wording: Wording) -> None:
    talk = Talk().shopper("我怀孕了", "ask_product_spec")
    assert brief(talk, wording, care=("pregnant", "allergy")).care == ("孕妇", "过敏")
    assert brief(talk, wording).care == ()


async def test_what_she_looks_at_is_told_by_its_name_and_only_if_it_is_hers(
    shop: SqlShop, wording: Wording
) -> None:
    async def looking(**page: str) -> tuple[str | None, str | None]:
        talk = Talk("u1006").shopper("这个防水吗").looks_at(**page)
        made = brief(talk, wording, await gather(shop, talk.made(), NOW))
        return made.looking, made.order.number if made.order else None

    own, foreign = (await shop.orders("u1006"))[0], (await shop.orders("u1008"))[0]
    assert (await looking(product_id="p302"))[0] == (await shop.product("p302")).name
    assert await looking(order_id=own.order_number) == (f"订单 {own.order_number}", own.order_number)
    assert (await looking(order_id=foreign.order_number))[0] is None
    assert (await looking(product_id="p999", page="购物车 13800138000"))[0] == "购物车 138****8000"
    talk = Talk("u1006").shopper("有货吗").looks_at(product_id="p302").shopper("在吗")
    assert brief(talk, wording, await gather(shop, talk.made(), NOW)).looking is None  # she has left the page
