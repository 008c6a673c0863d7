"""Whole dialogues with the really trained model about coupons, invoices, fallen prices and praise."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.shop.models import Order, OrderState
from actions.shop.schema import OrderRow
from actions.shop.service_models import InvoiceKind
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_numbers
from tests.support.dialogue import Talk

pytestmark = pytest.mark.model

UNIT, TAX = "杭州知行科技有限公司", "91330100MA2ABCDE1X"


@pytest.fixture
async def order(shop: SqlShop) -> Order:
    """Return a delivered order for which a special invoice can be had."""
    for number in reversed(order_numbers(shop, OrderRow.state == OrderState.DELIVERED.value)):
        terms = await shop.invoice_terms(number, customer_id=None)
        if terms.rule == "can_request" and InvoiceKind.SPECIAL in terms.kinds:
            return await shop.order(number, customer_id=None)
    raise LookupError


async def test_an_invoice_from_wish_to_result(model: Path, shop: SqlShop, order: Order) -> None:
    talk = Talk(model, shop, customer_id=order.customer_id)
    asked = await talk.say(f"{order.order_number}给我开个发票")
    assert (asked.responses, asked.form) == (["utter_invoice_which_kind"], "invoice_form")
    title = await talk.tap("电子普通发票")
    assert title.responses == ["utter_invoice_title_wanted"]
    aside = await talk.say("你是机器人吗")
    assert aside.responses == ["utter_robot", "utter_invoice_title_wanted"]
    tax = await talk.say(UNIT)
    assert tax.responses == ["utter_invoice_tax_wanted"]
    summary = await talk.say(TAX)
    assert (summary.responses, summary.form) == (["utter_invoice_confirm"], "invoice_form")
    mailed = await talk.say("发到fapiao@zhixing.example吧")
    assert mailed.facts("utter_invoice_confirm")["email"] == "fapiao@zhixing.example"
    done = await talk.say("好的")
    assert (done.responses, done.form) == (["utter_invoice_requested"], None)
    current = (await shop.invoice_terms(order.order_number, customer_id=None)).current
    assert current is not None
    assert (current.title.name, current.title.tax_number) == (UNIT, TAX)
    assert not any(done.slots[name] for name in ("invoice_name", "invoice_tax", "invoice_email"))
    where = await talk.say("发票开好了没")
    assert where.responses == ["utter_invoice_pending"]


async def test_a_stranger_proves_the_order_and_the_form_goes_on(
    model: Path, shop: SqlShop, order: Order
) -> None:
    talk = Talk(model, shop)
    await talk.say("帮我开个电子发票，抬头个人")
    await talk.say(order.order_number)
    summary = await talk.say(order.address.phone[-4:])
    assert (summary.responses[-1], summary.form) == ("utter_invoice_confirm", "invoice_form")
    assert (await talk.tap("确认")).responses == ["utter_invoice_requested"]


async def test_the_difference_from_complaint_to_money(model: Path, shop: SqlShop) -> None:
    numbers = order_numbers(shop)
    protections = [await shop.price_protection(number, customer_id=None) for number in numbers]
    number = next(n for n, found in zip(numbers, protections, strict=True) if found.allowed)
    bought = await shop.order(number, customer_id=None)
    talk = Talk(model, shop, customer_id=bought.customer_id)
    told = await talk.say(f"{number}刚买就降价了，怎么算")
    assert told.responses == ["utter_price_dropped"]
    summed = await talk.tap("退差价")
    assert (summed.responses, summed.form) == (["utter_price_confirm"], "price_protection_form")
    done = await talk.tap("确认")
    assert (done.responses, done.form) == (["utter_price_given_back"], None)
    again = await talk.say("再退一次差价")
    assert again.responses == ["utter_price_claimed"]


async def test_a_coupon_is_claimed_by_its_place(model: Path, shop: SqlShop) -> None:
    before = len(await shop.coupons("u1001"))
    talk = Talk(model, shop, customer_id="u1001")
    asked = await talk.say("我想领券")
    assert asked.responses == ["utter_which_coupon"]
    done = await talk.say("第二个")
    assert done.responses == ["utter_coupon_claimed"]
    assert len(await shop.coupons("u1001")) == before + 1
    assert (await talk.tap("我的优惠券")).responses == ["utter_coupons"]


async def test_praise_calls_nobody(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id="u1006")
    praised = await talk.say("快递小哥人真好，大热天还帮我搬上楼")
    assert praised.responses == ["utter_praise_service"]
    assert praised.directive("praise") is not None
    assert praised.directive("request_human") is None
    poor = await talk.say("不过东西质量太差了")
    assert "utter_praise_goods" not in poor.responses


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("我有多少积分", "promo"),
        ("这个多少钱", "price"),
        ("我要退款", "price"),
        ("我要投诉快递员态度差", "praise"),
        ("谢谢你", "praise_"),
        ("需要发票才能保修吗", "invoice"),
    ],
)
async def test_the_neighbours_keep_their_own(model: Path, shop: SqlShop, text: str, wrong: str) -> None:
    reply = await Talk(model, shop, customer_id="u1006").say(text)
    assert not [name for name in reply.responses if wrong in name]
