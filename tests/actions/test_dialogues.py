"""Whole dialogues with the really trained model: forms opened, interrupted, corrected, left and replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_numbers
from tests.support.dialogue import Reply, Talk
from tests.support.shop import NOW, Clock

pytestmark = pytest.mark.model

NIGHT = NOW.replace(hour=2, minute=0)


async def state_of(shop: SqlShop, order: Order) -> OrderState:
    return (await shop.order(order.order_number, customer_id=None)).state


@pytest.fixture
async def paid(shop: SqlShop) -> Order:
    return await order_in(shop, OrderState.PAID)


async def test_cancelling_from_wish_to_result(model: Path, shop: SqlShop, paid: Order) -> None:
    talk = Talk(model, shop, customer_id=paid.customer_id)
    asked = await talk.say(f"取消订单{paid.order_number}")
    assert (asked.responses, asked.form) == (["utter_cancel_confirm"], "cancel_form")
    confirm = next(iter(asked.buttons.values()))
    done = await talk.tap("确认")
    assert (done.responses, done.form) == (["utter_cancelled"], None)
    assert await state_of(shop, paid) is OrderState.REFUNDING
    twice = await talk.say(confirm)  # the button is still on her screen
    assert twice.responses == ["utter_already_done"]


async def test_typed_yes(model: Path, shop: SqlShop, paid: Order) -> None:
    for yes in ("是", "好的", "确认"):
        talk = Talk(model, shop, customer_id=paid.customer_id)
        await talk.say(f"取消订单{paid.order_number}")
        reply = await talk.say(yes)
        assert reply.responses in (["utter_cancelled"], ["utter_nothing_to_confirm"])
        assert reply.form is None
    assert await state_of(shop, paid) is OrderState.REFUNDING


@pytest.mark.parametrize(
    ("text", "response"),
    [
        ("快递到哪了", "utter_order_paid"),
        ("七天无理由怎么算", None),
        ("你是机器人吗", "utter_robot"),
        ("我有多少积分", None),
    ],
)
async def test_a_question_in_between_is_answered_and_the_form_goes_on(
    model: Path, shop: SqlShop, paid: Order, text: str, response: str | None
) -> None:
    talk = Talk(model, shop, customer_id=paid.customer_id)
    await talk.say(f"取消订单{paid.order_number}")
    between = await talk.say(text)
    assert len(between.responses) >= 2
    if response:
        assert between.responses[0] == response
    assert (between.responses[-1], between.form) == ("utter_cancel_confirm", "cancel_form")
    assert await state_of(shop, paid) is OrderState.PAID
    assert (await talk.say("确认取消")).responses == ["utter_cancelled"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("再见", ["utter_goodbye"]),
        ("算了，再见", ["utter_goodbye"]),
        ("转人工", ["utter_human_transfer", "utter_set_aside"]),
    ],
)
async def test_leave_and_the_wish_for_a_person_end_the_form(
    model: Path, shop: SqlShop, paid: Order, text: str, answer: list[str]
) -> None:
    talk = Talk(model, shop, customer_id=paid.customer_id)
    await talk.say(f"取消订单{paid.order_number}")
    left = await talk.say(text)
    assert (left.responses, left.form) == (answer, None)
    assert left.slots["write_key"] is None
    # Nothing is left to confirm, and the conversation goes on.
    assert (await talk.say("确认")).responses == ["utter_nothing_to_confirm"]
    assert await state_of(shop, paid) is OrderState.PAID


async def test_thanks_do_not_repeat_the_question_and_a_yes_still_counts(
    model: Path, shop: SqlShop, paid: Order
) -> None:
    talk = Talk(model, shop, customer_id=paid.customer_id)
    await talk.say(f"取消订单{paid.order_number}")
    for _ in range(2):
        thanked = await talk.say("谢谢")
        assert (thanked.responses, thanked.form) == (["utter_thank"], "cancel_form")
    assert (await talk.say("确认取消")).responses == ["utter_cancelled"]


async def test_a_second_interruption_in_a_row_lays_it_aside(model: Path, shop: SqlShop, paid: Order) -> None:
    talk = Talk(model, shop, customer_id=paid.customer_id)
    await talk.say(f"取消订单{paid.order_number}")
    first = await talk.say("你是机器人吗")
    assert first.responses == ["utter_robot", "utter_cancel_confirm"]
    second = await talk.say("讲个笑话")
    assert (second.responses, second.form) == (["utter_chitchat", "utter_set_aside"], None)
    assert "取消订单" in second.buttons
    third = await talk.say("你叫什么名字")
    assert third.responses == ["utter_name"]
    assert await state_of(shop, paid) is OrderState.PAID


async def test_a_phone_after_the_wish_for_a_person_is_no_answer_to_the_verification(
    model: Path, shop: SqlShop, clock: Clock
) -> None:
    clock.now = NIGHT
    order = await order_in(shop, OrderState.SHIPPED)
    talk = Talk(model, shop)
    await talk.say("我的快递到哪了")
    await talk.say(order.order_number)
    left = await talk.say("转人工")
    assert (left.responses, left.form) == (["utter_human_ask_contact", "utter_set_aside"], None)
    given = await talk.say("打13812345678这个")
    assert given.responses == ["utter_human_recorded"]
    record = given.directive("request_human")
    assert record is not None
    assert record["completes"] is True


async def test_leaving(model: Path, shop: SqlShop, paid: Order) -> None:
    talk = Talk(model, shop, customer_id=paid.customer_id)
    for bye in ("算了不取消了", "不用了", "我再想想"):
        await talk.say(f"取消订单{paid.order_number}")
        left = await talk.say(bye)
        assert (left.responses, left.form) == (["utter_cancel_left"], None)
        assert left.slots["write_order"] is None
    after = await talk.say("好的")
    assert after.responses == ["utter_nothing_to_confirm"]
    assert await state_of(shop, paid) is OrderState.PAID


async def test_correcting_an_address(model: Path, shop: SqlShop, paid: Order) -> None:
    talk = Talk(model, shop, customer_id=paid.customer_id)
    assert (await talk.say(f"{paid.order_number}改地址")).responses == ["utter_address_wanted"]
    first = await talk.say("浙江省杭州市西湖区文三路88号3栋502")
    assert first.responses == ["utter_address_confirm"]
    second = await talk.say("不对，地址是成都市武侯区人民南路四段9号")
    assert second.facts("utter_address_confirm")["place"] == "成都市武侯区人民南路四段9号"
    third = await talk.say("收件人换成韩梅梅 电话13900002222")
    assert third.facts("utter_address_confirm")["consignee"] == "韩梅梅"
    assert (await talk.tap("确认")).responses == ["utter_address_changed"]
    new = (await shop.order(paid.order_number, customer_id=None)).address
    assert (new.street, new.consignee, new.phone) == ("人民南路四段9号", "韩梅梅", "13900002222")


async def test_another_write_replaces_the_form(model: Path, shop: SqlShop, paid: Order) -> None:
    talk = Talk(model, shop, customer_id=paid.customer_id)
    await talk.say(f"取消订单{paid.order_number}")
    taken_back = await talk.say("不取消了 我要改地址")
    assert taken_back.responses in (["utter_cancel_left"], ["utter_address_wanted"])
    assert taken_back.form in (None, "address_form")
    await talk.say(f"取消订单{paid.order_number}")
    asked = await talk.say("取消以后还能恢复吗")
    assert (asked.intent, asked.form) == ("restore_order", "cancel_form")
    assert asked.responses[-1] == "utter_cancel_confirm"  # a question takes nothing back
    await talk.say(f"取消订单{paid.order_number}")
    moved = await talk.say("改地址")
    assert moved.form == "address_form"
    assert (await talk.say("算了")).responses == ["utter_address_left"]
    # Nothing of the first form is left to confirm.
    assert (await talk.say("确认")).responses == ["utter_nothing_to_confirm"]
    assert await state_of(shop, paid) is OrderState.PAID


async def test_a_return_by_taps_and_words(model: Path, shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.DELIVERED)
    terms = await shop.return_terms(order.order_number, customer_id=None)
    talk = Talk(model, shop, customer_id=order.customer_id)
    asked = await talk.say(f"{order.order_number}退货")
    if not terms.allowed:
        assert asked.form is None
        return
    if "utter_aftersale_why" in asked.responses:
        asked = await talk.say("质量太差，用了一次就坏了")
    assert asked.responses == ["utter_return_confirm"]
    assert (await talk.tap("确认")).responses == ["utter_return_submitted"]
    again = await talk.say(f"{order.order_number}退货")
    assert again.responses == ["utter_aftersale_already_open"]
    assert again.form is None


async def test_choosing_among_several_in_words(model: Path, shop: SqlShop) -> None:
    for number in range(1001, 1019):
        talk = Talk(model, shop, customer_id=f"u{number}")
        asked = await talk.say("我要退货")
        if asked.responses != ["utter_which_order"]:
            continue
        offered = asked.slots["offered_orders"]
        chosen = await talk.say("第二个")
        assert chosen.responses[0] != "utter_which_order"
        assert chosen.slots["order_number"] == offered[1]
        return
    pytest.fail("no demo customer has two orders to send back")


async def test_without_login_from_question_to_answer(model: Path, shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    talk = Talk(model, shop)
    assert (await talk.say("我的快递到哪了")).form == "verify_form"
    assert (await talk.say("你是机器人吗")).responses == ["utter_robot", "utter_verify_ask_number"]
    assert (await talk.say(order.order_number)).responses == ["utter_verify_ask_tail"]
    wrong = f"{(int(order.address.phone[-4:]) + 1) % 10_000:04d}"
    assert (await talk.say(wrong)).responses == ["utter_verify_failed"]
    told = await talk.say(order.address.phone[-4:])
    assert told.responses[0].startswith("utter_track_")
    assert told.form is None
    assert talk.orders == [order.order_number]
    # What is verified stays open in later turns, and nothing else does.
    assert (await talk.say("订单什么状态")).slots["order_number"] == order.order_number
    other = next(o for o in await shop.orders(order.customer_id) if o.order_number != order.order_number)
    assert (await talk.say(f"查订单{other.order_number}")).form == "verify_form"


async def test_without_login_a_write_goes_on_after_the_verification(
    model: Path, shop: SqlShop, paid: Order
) -> None:
    talk = Talk(model, shop)
    assert (await talk.say(f"取消订单{paid.order_number}")).responses == ["utter_verify_ask_tail"]
    asked = await talk.say(f"尾号{paid.address.phone[-4:]}")
    assert (asked.responses, asked.form) == (["utter_cancel_confirm"], "cancel_form")
    assert (await talk.tap("确认")).responses == ["utter_cancelled"]
    assert await state_of(shop, paid) is OrderState.REFUNDING


async def test_without_login_a_write_that_the_rules_forbid_ends_there(model: Path, shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    talk = Talk(model, shop)
    await talk.say(f"取消订单{order.order_number}")
    told = await talk.say(order.address.phone[-4:])
    assert (told.responses, told.form) == (["utter_cancel_shipped"], None)
    assert (await talk.say("谢谢")).responses == ["utter_thank"]


async def test_a_form_that_ends_at_once_leaves_the_conversation_open(model: Path, shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.DELIVERED)
    talk = Talk(model, shop, customer_id=order.customer_id)
    told = await talk.say(f"取消订单{order.order_number}")
    assert (told.responses, told.form) == (["utter_cancel_delivered"], None)
    assert (await talk.say("谢谢")).responses == ["utter_thank"]


async def test_a_message_handled_again_writes_once(model: Path, shop: SqlShop, paid: Order) -> None:
    talk = Talk(model, shop, customer_id=paid.customer_id)
    first = await talk.say(f"{paid.order_number}催一下", message_id="same")
    urged = (await shop.order(paid.order_number, customer_id=None)).urged_at
    second = await talk.say(f"{paid.order_number}催一下", message_id="same")
    assert first.responses == second.responses == ["utter_urged_dispatch"]
    assert (await shop.order(paid.order_number, customer_id=None)).urged_at == urged


async def _returnable(shop: SqlShop) -> Order:
    for order in [await shop.order(number, customer_id=None) for number in order_numbers(shop)]:
        if order.state is OrderState.DELIVERED:
            terms = await shop.return_terms(order.order_number, customer_id=None)
            if terms.allowed and "no_reason" in terms.reasons:
                return order
    raise LookupError("no order can be sent back")


async def _in_form(model: Path, shop: SqlShop, form: str, step: str) -> tuple[Talk, Order, Reply]:
    """Talk until a write form waits for a detail or for the confirmation."""
    order = await _returnable(shop) if form == "aftersale_form" else await order_in(shop, OrderState.PAID)
    talk = Talk(model, shop, customer_id=order.customer_id)
    number = order.order_number
    if form == "cancel_form":
        asked = await talk.say("我要取消订单" if step == "which" else f"取消订单{number}")
    elif form == "address_form":
        asked = await talk.say(f"{number}改地址")
        if step == "confirm":
            asked = await talk.say("浙江省杭州市西湖区文三路88号3栋502")
    else:
        asked = await talk.say(f"{number}退货")
        if step == "confirm":
            asked = await talk.say("不喜欢")
    assert asked.form == form, asked
    return talk, order, asked


@pytest.mark.parametrize("form", ["cancel_form", "address_form", "aftersale_form"])
@pytest.mark.parametrize("step", ["detail", "confirm"])
async def test_after_a_person_the_very_next_message_is_answered_and_the_form_is_gone(
    model: Path, shop: SqlShop, form: str, step: str
) -> None:
    talk, order, asked = await _in_form(model, shop, form, step)
    yes = next((p for t, p in asked.buttons.items() if t.startswith("确认")), None)
    back = await talk.hand_back(outcome="solved", by="agent", order_number=order.order_number)
    assert (back.said, back.customs, back.form) == ([], [], None)
    told = await talk.say("你们几点下班")
    assert (told.responses, told.form) == (["utter_service_hours"], None)
    where = await talk.say("订单什么状态")
    assert where.responses[0].startswith("utter_order_")
    assert where.slots["order_number"] == order.order_number
    assert (await talk.say("好的")).responses == ["utter_nothing_to_confirm"]
    if yes is not None:  # the summary is still on her screen
        assert (await talk.say(yes)).responses == ["utter_nothing_to_confirm"]
    assert (await state_of(shop, order)) is order.state
    # What she wants anew is begun anew.
    talk, order, _ = await _in_form(model, shop, form, step)
    await talk.hand_back(outcome="follow_up", by="agent")
    again = await talk.say(
        {"cancel_form": "取消订单", "address_form": "改地址", "aftersale_form": "退货"}[form]
    )
    assert again.form == form


async def test_after_a_person_digits_are_no_answer_to_the_verification(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop)
    assert (await talk.say("我的快递到哪了")).form == "verify_form"
    assert (await talk.hand_back(outcome="solved", by="agent")).form is None
    assert (await talk.say("谢谢")).responses == ["utter_thank"]


async def test_after_a_person_a_story_is_no_complaint(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1006")
    assert (await talk.say("我要投诉")).form == "complaint_form"
    await talk.hand_back(outcome="solved", by="agent")
    reply = await talk.say("有什么推荐")
    assert (reply.responses, reply.form) == (["utter_recommend"], None)


async def test_what_a_person_settled_is_known_and_can_be_taken_up_again(model: Path, shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.DELIVERED)
    talk = Talk(model, shop, customer_id=order.customer_id)
    await talk.say("转人工")
    await talk.hand_back(outcome="follow_up", by="agent", agent="小陈", order_number=order.order_number)
    told = await talk.say("刚才那位客服最后给我怎么处理的")
    assert told.responses == ["utter_settled"]
    assert told.facts("utter_settled") == {
        "outcome": "follow_up",
        "agent": "小陈",
        "order_number": order.order_number,
    }
    again = await talk.tap("还没解决")
    assert again.responses == ["utter_not_solved", "utter_human_transfer"]
    wish = again.directive("request_human")
    assert wish is not None
    assert wish["live"] is True


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("刚才人工客服给的说法是什么来着", "ask_settled"),
        ("人工那边怎么处理的我的事", "ask_settled"),
        ("问题依旧没有解决呀", "not_solved"),
        ("人工看过了可还是没办成", "not_solved"),
        ("我那个耳机咋还没发出来呀", "ask_ship_time"),
        ("把我买过的都列给我瞅瞅", "list_orders"),
        ("包裹现在走到哪个城市了", "track_shipment"),
        ("您好呀，请问一下我上周买的电饭煲现在送到哪儿了呢😊", "track_shipment"),
        ("嘿嘿宝贝啥时到哇😍等不及啦！！", "track_shipment"),
        ("麻烦尽快帮我把这个订单取消掉吧，谢谢啦", "cancel_order"),
        ("哈喽，我那件外套能换个小一号的不呀～", "request_exchange"),
        ("好呀没关系，您辛苦了", "thank"),
        ("请问人工客服每天几点下班呢", "ask_service_hours"),
        ("麻烦帮忙催催仓库行不行", "urge_shipment"),
        ("收货地址选错了帮我换一个", "change_address"),
        ("这单帮我取消掉吧谢谢", "cancel_order"),
        ("衣服不合身想给你们退回去", "request_return"),
        ("鞋码小了能换双大的不", "request_exchange"),
        ("把钱退回给我", "request_refund"),
        ("打开箱子发现玻璃全碎了", "report_damaged"),
        ("上回申请的退款啥时候到账", "ask_refund_time"),
        ("退货的邮费是谁承担呢", "ask_return_fee"),
        ("202611209999", "give_order_number"),
        ("8421", "give_phone_tail"),
        ("第三个吧", "choose"),
        ("嗯嗯好的", "affirm"),
        ("不不不", "deny"),
        ("算了不弄这个了", "stop"),
    ],
)
async def test_words_that_were_not_trained_are_understood(
    model: Path, shop: SqlShop, text: str, intent: str
) -> None:
    assert (await Talk(model, shop, customer_id="u1001").say(text)).intent == intent
