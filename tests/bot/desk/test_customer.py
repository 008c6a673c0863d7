"""The side panel, and what an agent does with orders: once, by the rules, and only where she may."""

from __future__ import annotations

import pytest

from actions.shop.errors import ShopTimeoutError
from actions.shop.models import OrderState
from tests.bot.desk.harness import Browser, Page
from tests.bot.desk.stage import Stage
from tests.bot.desk.test_doing import do


async def held(stage: Stage, customer_id: str) -> tuple[Browser, str]:
    me = await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    shopper = await stage.shopper(customer_id)
    await shopper.say("我的订单呢")
    await stage.desk.handover.take_over(shopper.conversation_id, me.agent_id)
    return browser, shopper.conversation_id


async def order(browser: Browser, cid: str, act: str, number: str, **more: str) -> Page:
    return await do(browser, cid, "order", **{"key": "order-key-1", "act": act, "order": number, **more})


async def test_the_panel_says_who_what_and_how(stage: Stage) -> None:
    browser, cid = await held(stage, "u1002")
    text = (await browser.get(f"/desk/c/{cid}/customer")).text
    assert "赵**" in text
    assert "银卡会员" in text
    assert "逐野冲锋衣" in text
    assert "运输异常" in text
    assert "怎么跟这位顾客说话" in text
    assert text.count('class="suggestion"') == 3
    assert "订单已发货" in text  # why it cannot be cancelled
    customer = await stage.shop.customer("u1002")
    found = await stage.shop.order("202611140584", customer_id="u1002")
    for hidden in (customer.name, customer.phone, found.address.phone, found.address.street):
        assert hidden not in text
    view = next(e for e in await stage.desk.log() if e.action == "view_customer")
    assert (view.conversation_id, view.customer_id) == (cid, "u1002")


async def test_hidden_things_are_opened_one_by_one(stage: Stage) -> None:
    browser, cid = await held(stage, "u1002")
    found = await stage.shop.order("202611140584", customer_id="u1002")
    for what, shown in (
        ("name", "赵立扬"),
        ("phone:202611140584", found.address.phone),
        ("consignee:202611140584", found.address.consignee),
    ):
        assert (await do(browser, cid, "reveal", what=what)).text == shown
    assert found.address.street in (await do(browser, cid, "reveal", what="address:202611140584")).text
    for other in ("phone:202611194556", "address:", "card:202611140584"):
        assert (await do(browser, cid, "reveal", what=other)).status == 404
    opened = [e.detail for e in await stage.desk.log() if e.action == "reveal"]
    assert [d["what"] for d in opened if d] == ["name", "phone", "consignee", "address"]


async def test_an_order_is_cancelled_once(stage: Stage) -> None:
    browser, cid = await held(stage, "u1015")
    for _ in range(2):
        got = await order(browser, cid, "cancel_order", "202611190806")
        assert got.status == 200, got.text
        assert "取消订单" in got.text
    found = await stage.shop.order("202611190806", customer_id="u1015")
    assert found.state in {OrderState.CANCELLED, OrderState.REFUNDING}
    conversation = await stage.desk.reader.conversation(cid, "")
    assert conversation is not None
    written = [m for m in conversation.messages if m.agent_id]
    assert [m.kind.value for m in written] == ["note"]  # the shopper hears it from the agent alone
    assert "202611190806" in str(written[0].content["text"])
    entry = next(e for e in await stage.desk.log() if e.action == "order_action")
    assert entry.detail == {"act": "cancel_order", "order": "202611190806"}


async def test_an_address_is_changed_whole_or_not(stage: Stage) -> None:
    browser, cid = await held(stage, "u1015")
    number = "202611190806"
    part = await order(browser, cid, "change_address", number, street="人民路 1 号")
    assert (part.status, part.text) == (422, "改地址需要填全省、市和详细地址。")
    phone = await order(browser, cid, "change_address", number, phone="12345")
    assert phone.status == 422
    assert (await order(browser, cid, "change_address", number)).status == 422
    place = {"province": "四川省", "city": "成都市", "district": "武侯区", "street": "人民南路四段 9 号"}
    before = await stage.shop.order(number, customer_id="u1015")
    got = await order(browser, cid, "change_address", number, **place)
    assert got.status == 200, got.text
    after = (await stage.shop.order(number, customer_id="u1015")).address
    assert (after.city, after.street, after.consignee) == (
        "成都市",
        "人民南路四段 9 号",
        before.address.consignee,
    )


async def test_after_sales_by_the_terms(stage: Stage) -> None:
    browser, cid = await held(stage, "u1013")
    number = "202611125660"
    assert (await order(browser, cid, "after_sale", number, kind="gift", reason="quality")).status == 422
    terms = await stage.shop.return_terms(number, customer_id="u1013")
    kind, reason = terms.kinds[0].value, terms.reasons[0]
    got = await order(browser, cid, "after_sale", number, kind=kind, reason=reason)
    assert got.status == 200, got.text
    opened = await stage.shop.after_sale_of_order(number, customer_id="u1013")
    assert opened is not None
    assert opened.reason == reason
    again = await order(browser, cid, "after_sale", number, kind=kind, reason=reason, key="order-key-2")
    assert again.status == 409
    assert "已有申请在处理" in again.text


async def test_the_shop_s_no_is_said(stage: Stage) -> None:
    browser, cid = await held(stage, "u1002")
    got = await order(browser, cid, "cancel_order", "202611140584")
    assert (got.status, got.text) == (409, "商城没有办理：订单已发货。")


@pytest.mark.parametrize("number", ["202611194556", "999999999999", ""])
async def test_orders_of_others_are_no_orders(stage: Stage, number: str) -> None:
    browser, cid = await held(stage, "u1002")
    got = await order(browser, cid, "urge", number)
    assert (got.status, got.text) == (404, "没有找到这一单，或者不是这位顾客的订单。")


async def test_a_silent_shop_is_said_and_the_same_key_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, cid = await held(stage, "u1015")
    cancel = stage.shop.cancel_order

    async def lost(*args: object, **named: object) -> None:
        await cancel(*args, **named)  # type: ignore[arg-type]  # done, and the answer is lost
        raise ShopTimeoutError("late")

    monkeypatch.setattr(stage.shop, "cancel_order", lost)
    got = await order(browser, cid, "cancel_order", "202611190806")
    assert got.status == 503
    assert "不会重复办理" in got.text
    monkeypatch.setattr(stage.shop, "cancel_order", cancel)
    again = await order(browser, cid, "cancel_order", "202611190806")
    assert again.status == 200, again.text
