"""Repairs, delivery times, payments, stock notices and call backs in whole talks with the trained model."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from tests.support.dialogue import Talk
from tests.support.shop import Clock

pytestmark = pytest.mark.model

#: Sentences of no training file, as people of five temperaments type them, with their intent.
SAID = {
    "我上个月买的破壁机过没过保啊": "ask_my_warranty",
    "帮忙查下我那台投影仪保修哪天到期": "ask_my_warranty",
    "麻烦您看看我的耳机是否仍处于保修期内": "ask_my_warranty",
    "面霜保修吗": "ask_product_warranty",
    "这款手机一般保修几年": "ask_product_warranty",
    "扫地机罢工了，给我报个修": "request_repair",
    "东西坏了不退，就想修": "request_repair",
    "怎么把坏的寄给你们修": "request_repair",
    "我送修的那台好了没": "ask_repair_progress",
    "修一台大概得几天": "ask_aftersale_time",
    "能不能礼拜六给我送过来": "choose_slot",
    "平时上班没人，晚上八点后送": "choose_slot",
    "配送时间可以自己挑吗": "choose_slot",
    "快递放我家门口的鞋柜里就好": "wish_drop_off",
    "这回别再给我扔驿站了，送上来": "ask_to_door",
    "用白条能付不": "ask_payment_methods",
    "我那单最晚拖到几点付": "ask_pay_deadline",
    "点了支付老是提示失败": "report_payment_failed",
    "银行卡钱划走了，你们这还写着待付款": "report_paid_unpaid",
    "同一个订单划了我两回钱": "report_charged_twice",
    "怎么比结算页多扣了八块": "report_wrong_amount",
    "没货的话到了喊我一声": "watch_stock",
    "给我弄个有货提醒": "watch_stock",
    "明儿上午给我来个电话": "ask_callback",
    "不用再给我打电话啦": "cancel_callback",
    # The neighbours keep what is theirs.
    "我要改下收货地址": "change_address",
    "快递今天能到吗": "track_shipment",
    "黑色还有货吗": "ask_product_stock",
    "收到就是坏的，怎么办": "report_problem",
    "我想换个大一码的": "request_exchange",
    "赶紧给我发货": "urge_shipment",
    "我的订单啥情况了": "ask_order_status",
    "退款到哪一步了": "ask_refund_status",
}


async def test_what_people_type_reaches_its_topic(model: Path, shop: SqlShop) -> None:
    wrong = {}
    for text, intent in SAID.items():
        reply = await Talk(model, shop, customer_id="u1021").say(text)
        if reply.intent != intent:
            wrong[text] = (reply.intent, intent)
    assert len(wrong) <= 3, wrong


async def test_a_repair_from_wish_to_progress(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1028")
    first = await talk.say("我买的热水壶还在保修期吗")
    assert first.responses == ["utter_my_warranty_expired"]
    asked = await talk.tap("申请维修")
    assert (asked.responses, asked.form) == (["utter_repair_ask_fault"], "repair_form")
    between = await talk.say("你是机器人吗")
    assert between.responses == ["utter_robot", "utter_repair_ask_fault"]
    summary = await talk.say("烧到一半就自己跳闸，水烧不开")
    assert summary.responses == ["utter_repair_confirm_paid"]
    done = await talk.say("确认")
    assert (done.responses, done.form) == (["utter_repair_submitted"], None)
    progress = await talk.say("修好了吗")
    assert progress.responses == ["utter_repair_progress_submitted"]
    doubled = await talk.say("热水壶报修")
    assert doubled.responses == ["utter_aftersale_already_open"]


async def test_a_delivery_time_in_words(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1003")
    asked = await talk.say("扫地机能约个时间送吗")
    assert (asked.responses, asked.form) == (["utter_slot_which"], "slot_form")
    narrowed = await talk.say("周二")
    assert narrowed.responses == ["utter_slot_which_hour"]
    summary = await talk.say("晚上吧")
    assert summary.responses == ["utter_slot_confirm"]
    done = await talk.say("好的")
    assert done.responses == ["utter_slot_booked"]
    order = await shop.order("202611170246", customer_id="u1003")
    assert order.slot_starts_at is not None
    assert (order.slot_starts_at.day, order.slot_starts_at.hour) == (24, 18)
    changed = await talk.say("还是改到周三上午送吧")
    assert changed.responses == ["utter_slot_confirm"]
    assert (await talk.tap("先不办了")).responses == ["utter_slot_left"]


async def test_a_payment_that_failed(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1003")
    assert (await talk.say("付不了款怎么回事")).responses == ["utter_payment_failed"]
    assert (await talk.say("我明明付过了")).responses == ["utter_payment_failed"]
    assert (await talk.say("最晚几点前要付")).responses == ["utter_pay_by"]
    assert (await talk.say("能用花呗付吗")).responses == ["utter_payment_methods"]


async def test_a_notice_for_one_variant(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1021")
    asked = await talk.say("听岚耳夹耳机到货通知我")
    assert (asked.responses, asked.form) == (["utter_watch_which"], "stock_form")
    noted = await talk.say("墨蓝的")
    assert (noted.responses, noted.form) == (["utter_watch_noted"], None)
    sold_out = await talk.say("听岚耳夹耳机还有货吗")
    assert sold_out.responses == ["utter_product_sold_out"]
    assert "到货提醒我" in sold_out.buttons


async def test_the_first_of_the_products_shown(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop)
    asked = await talk.say("耳机多少钱")
    assert asked.responses == ["utter_product_choose"]
    payload = next(iter(asked.buttons.values()))
    first = await talk.say("第一个")
    assert first.responses == ["utter_product_price"]
    assert first.slots["product_id"] in payload


@pytest.mark.parametrize(
    ("asking", "named", "response", "goods"),
    [
        ("这个多少钱", "热水壶", "utter_product_price", "热水壶"),
        ("保修多久", "空气炸锅", "utter_product_warranty", "空气炸锅"),
        ("同一个订单划了我两回钱", "平板", "utter_payment_once", "平板"),
    ],
)
async def test_goods_named_alone_answer_what_was_asked(
    model: Path, shop: SqlShop, asking: str, named: str, response: str, goods: str
) -> None:
    talk = Talk(model, shop, customer_id="u1001")
    asked = await talk.say(asking)
    assert asked.responses[0] in ("utter_which_product", "utter_which_order")
    told = await talk.say(named)
    assert told.responses == [response]
    assert goods in str(told.facts(response))


async def test_goods_named_alone_are_looked_for_where_nothing_was_asked(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1001")
    assert (await talk.say("你们卖冰箱吗")).responses == ["utter_search_none"]
    assert (await talk.say("有哪些耳机")).responses == ["utter_search_found"]
    assert (await talk.say("第一个有什么参数")).responses == ["utter_product_spec"]
    assert (await talk.say("热水壶")).responses == ["utter_search_found"]
    asked = await talk.say("我的保修到什么时候")
    assert asked.responses == ["utter_which_order"]
    assert (await talk.say("找一款洗衣机")).intent == "search_product"
    assert (await talk.say("热水壶")).intent == "search_product"


async def test_not_sent_back_after_all(model: Path, shop: SqlShop) -> None:
    [request] = await shop.after_sales("u1007")
    asked = await Talk(model, shop, customer_id="u1007").say("不退了")
    assert (asked.intent, asked.form) == ("cancel_refund", "withdraw_form")
    assert asked.slots["write_order"] == request.order_number


async def test_how_an_order_by_instalments_is_paid_back(model: Path, shop: SqlShop) -> None:
    told = await Talk(model, shop, customer_id="u1001").say("信用卡分期买的怎么退")
    assert told.intent == "ask_refund_destination"


async def test_the_second_of_the_products_recommended(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop)
    shown = await talk.say("有什么好用的耳机推荐吗")
    assert shown.responses == ["utter_recommend"]
    second = await talk.say("第二个多少钱")
    assert second.responses == ["utter_product_price"]
    picked = shown.customs[0]["data"]["products"][1]["product_id"]
    assert second.slots["product_id"] == picked


@pytest.mark.parametrize(("customer", "other"), [("u1001", OrderState.SHIPPED), ("u1003", OrderState.UNPAID)])
async def test_when_it_is_sent_is_about_the_order_that_waits(
    model: Path, shop: SqlShop, customer: str, other: OrderState
) -> None:
    orders = await shop.orders(customer)
    assert other in [order.state for order in orders]
    [waiting] = [order for order in orders if order.state is OrderState.PAID]
    reply = await Talk(model, shop, customer_id=customer).say("什么时候发货")
    conclusion = reply.facts(reply.responses[0])["clauses"][0]["text"]
    assert waiting.items[0].short_name in conclusion


async def test_an_order_by_its_day(model: Path, shop: SqlShop) -> None:
    orders = await shop.orders("u1003")
    talk = Talk(model, shop, customer_id="u1003")
    reply = await talk.say("昨天下的那单什么情况")
    placed = [o for o in orders if o.placed_at.date().isoformat() == "2026-11-19"]
    assert len(placed) == 1
    assert reply.slots["order_number"] == placed[0].order_number


async def test_a_call_back_is_moved_and_taken_back(model: Path, shop: SqlShop, clock: Clock) -> None:
    talk = Talk(model, shop, customer_id="u1006")
    asked = await talk.say("明天下午给我打个电话")
    assert asked.responses == ["utter_callback_recorded"]
    moved = await talk.say("回电改到后天上午吧")
    assert moved.responses == ["utter_callback_changed"]
    directive = moved.directive("callback")
    assert directive is not None
    assert (directive["completes"], directive["answer_by"][:13]) == (True, "2026-11-22T12")
    assert (await talk.say("算了不用打电话了")).responses == ["utter_callback_cancelled"]
