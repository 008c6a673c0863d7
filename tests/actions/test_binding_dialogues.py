"""Binding with the really trained model: what is understood, and whole dialogues on a channel."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.dialogue import Talk

pytestmark = pytest.mark.model

BINDS = [
    "绑定",
    "验证绑定",
    "我想把微信号跟会员账号绑到一块儿",
    "账号咋绑到这边来",
    "能给我绑下会员不",
    "怎样才能在微信里查到我店里所有的单",
    "能把我店里的号关联过来吗",
]
UNBINDS = ["解绑", "怎么把绑定撤掉", "我不想让微信绑着会员了", "我要把微信跟账号解开", "不是我本人绑的账号"]
#: What sounds alike and is something else.
OTHERS = {
    "我的手机号换了，账号里怎么改": "change_phone_email",
    "没登录能查我的订单吗": "verify_me",
    "用订单号核验一下": "verify_me",
    "取消订单": "cancel_order",
    "忘记密码了怎么找回": "recover_password",
    "收货人手机号写错了，改一下": "change_address",
    "我有多少积分": "ask_points",
    "会员有什么好处": "ask_membership",
}


@pytest.fixture
async def order(shop: SqlShop) -> Order:
    return await order_in(shop, OrderState.SHIPPED)


@pytest.fixture
async def phone(shop: SqlShop, order: Order) -> str:
    return (await shop.customer(order.customer_id)).phone


@pytest.mark.parametrize("text", BINDS)
async def test_a_wish_to_bind_is_understood(model: Path, shop: SqlShop, text: str) -> None:
    reply = await Talk(model, shop, link=True).say(text)
    assert (reply.intent, reply.responses) == ("bind_account", ["utter_binding_ask_number"])
    assert reply.form == "binding_form"


@pytest.mark.parametrize("text", UNBINDS)
async def test_a_wish_to_unbind_is_understood(model: Path, shop: SqlShop, text: str) -> None:
    reply = await Talk(model, shop, link=True, customer_id="u1001").say(text)
    assert (reply.intent, reply.responses) == ("unbind_account", ["utter_binding_exists"])


@pytest.mark.parametrize(("text", "intent"), OTHERS.items())
async def test_what_sounds_alike_stays_what_it_was(
    model: Path, shop: SqlShop, text: str, intent: str
) -> None:
    assert (await Talk(model, shop, link=True).say(text)).intent == intent


async def test_from_the_wish_to_her_own_orders(model: Path, shop: SqlShop, order: Order, phone: str) -> None:
    talk = Talk(model, shop, link=True)
    assert (await talk.say("我有多少积分")).responses == ["utter_binding_needed"]
    assert (await talk.tap("绑定账号")).form == "binding_form"
    assert (await talk.say("你是机器人吗")).responses == ["utter_robot", "utter_binding_ask_number"]
    assert (await talk.say(order.order_number)).responses == ["utter_binding_ask_phone"]
    wrong = phone[:-1] + str((int(phone[-1]) + 1) % 10)
    failed = await talk.say(wrong)
    assert (failed.responses, failed.form) == (["utter_binding_failed"], "binding_form")
    bound = await talk.say(phone)
    assert (bound.responses, bound.form) == (["utter_bound"], None)
    assert talk.customer_id == order.customer_id
    assert bound.slots["bind_order"] is None
    assert bound.slots["bind_phone"] is None
    assert (await talk.say("我有多少积分")).responses[0].startswith("utter_points")
    assert (await talk.say("绑定")).responses == ["utter_binding_exists"]


async def test_the_step_after_the_binding_is_her_own(
    model: Path, shop: SqlShop, order: Order, phone: str
) -> None:
    talk = Talk(model, shop, link=True)
    bound = await talk.say(f"绑定账号 {order.order_number} {phone}")
    assert bound.responses == ["utter_bound"]
    listed = await talk.tap(next(iter(bound.buttons)))
    assert listed.responses and "utter_binding_needed" not in listed.responses


async def test_out_of_a_verification_into_a_binding(
    model: Path, shop: SqlShop, order: Order, phone: str
) -> None:
    talk = Talk(model, shop, link=True)
    assert (await talk.say("我的快递到哪了")).form == "verify_form"
    reply = await talk.say("绑定账号")
    assert (reply.responses, reply.form) == (["utter_binding_ask_number"], "binding_form")
    await talk.say(order.order_number)
    assert (await talk.say(phone)).responses == ["utter_bound"]


async def test_it_is_left_and_replaced(model: Path, shop: SqlShop, order: Order) -> None:
    talk = Talk(model, shop, link=True)
    await talk.say("绑定")
    left = await talk.say("算了")
    assert (left.responses, left.form) == (["utter_binding_left"], None)
    await talk.say("绑定")
    await talk.say(order.order_number)
    tail = order.address.phone[-4:]
    assert (await talk.say(tail)).responses == ["utter_binding_phone_unclear"]
    person = await talk.say("转人工客服")
    assert person.form is None
    assert person.slots["bind_order"] is None
    assert person.slots["bind_phone"] is None


async def test_on_the_page_there_is_nothing_to_bind(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop)
    reply = await talk.say("绑定账号")
    assert (reply.responses, reply.form) == (["utter_binding_log_in"], None)
    assert (await talk.say("怎么解绑")).responses == ["utter_unbinding_elsewhere"]
