"""Changing the address: complete before it is summed up, corrected, and shown only to whom it belongs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actions.address import AddressForm
from actions.shop.models import Address, Order, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.forms import FormStage
from tests.support.stage import Scene, Stage

WHOLE = "浙江省杭州市西湖区文三路88号3栋502，收件人李雷，电话13800001111"


async def address_of(shop: SqlShop, order: Order) -> Address:
    return (await shop.order(order.order_number, customer_id=None)).address


async def opened(
    shop: SqlShop, text: str = "", *, verified: bool = False, state: OrderState = OrderState.PAID
) -> tuple[FormStage, Order, Scene]:
    order = await order_in(shop, state)
    stage = (
        Stage(shop, orders=[order.order_number]) if verified else Stage(shop, customer_id=order.customer_id)
    )
    form = FormStage(stage, AddressForm())
    entities = {"order_number": order.order_number}
    return form, order, await form.open(text, intent="change_address", entities=entities)


async def test_asked_given_confirmed_changed(shop: SqlShop) -> None:
    form, order, asked = await opened(shop)
    assert asked.responses == ["utter_address_wanted"]
    summary = await form.say(WHOLE, intent="change_address")
    assert summary.responses == ["utter_address_confirm"]
    assert summary.facts["place"] == "浙江省杭州市西湖区文三路88号3栋502"
    assert (summary.facts["consignee"], summary.facts["phone"]) == ("李雷", "138****1111")
    assert await address_of(shop, order) == order.address
    done = await form.confirm()
    assert done.responses == ["utter_address_changed"]
    new = await address_of(shop, order)
    assert (new.city, new.district, new.street) == ("杭州市", "西湖区", "文三路88号3栋502")
    assert (new.consignee, new.phone) == ("李雷", "13800001111")
    assert form.waits_for is None
    assert form.stage.slots["new_address"] is None


async def test_given_with_the_wish_nothing_is_asked(shop: SqlShop) -> None:
    _, _, summary = await opened(shop, f"地址改成{WHOLE}")
    assert summary.responses == ["utter_address_confirm"]


async def test_what_is_not_said_stays(shop: SqlShop) -> None:
    form, order, _ = await opened(shop, "电话换成13900002222")
    await form.say("好的", intent="affirm")
    new = await address_of(shop, order)
    assert new.phone == "13900002222"
    assert (new.street, new.consignee, new.city) == (
        order.address.street,
        order.address.consignee,
        order.address.city,
    )


async def test_an_incomplete_place_is_asked_for_again(shop: SqlShop) -> None:
    form, _, _ = await opened(shop)
    missing = await form.say("四川省成都市武侯区", intent="change_address")
    assert missing.responses == ["utter_address_incomplete"]
    summary = await form.say("人民南路四段9号", intent="nlu_fallback")
    assert summary.facts["place"] == "四川省成都市武侯区人民南路四段9号"


async def test_corrections_before_the_yes(shop: SqlShop) -> None:
    form, order, _ = await opened(shop, f"改成{WHOLE}")
    first = form.stage.slots["write_key"]
    corrected = await form.say("不对，地址是成都市武侯区人民南路四段9号", intent="deny")
    assert corrected.responses == ["utter_address_confirm"]
    assert corrected.facts["place"] == "成都市武侯区人民南路四段9号"
    assert corrected.facts["consignee"] == "李雷"
    assert form.stage.slots["write_key"] != first
    stale = await form.say(intent="affirm", entities={"write": first})
    assert stale.responses == ["utter_address_confirm"]
    await form.say("收件人改成韩梅梅", intent="change_invoice")  # whatever it is taken for
    await form.confirm()
    new = await address_of(shop, order)
    assert (new.street, new.consignee, new.phone) == ("人民南路四段9号", "韩梅梅", "13800001111")


@pytest.mark.parametrize("how", ["tap", "ordinal"])
async def test_a_saved_address_is_tapped_or_pointed_to(shop: SqlShop, how: str) -> None:
    order = await order_in(shop, OrderState.PAID)
    saved = (await shop.customer(order.customer_id)).addresses[0]
    away = replace(order.address, street="临时借住路1号")
    await shop.change_address(order.order_number, away, customer_id=order.customer_id, key="moved")
    form, _, asked = await opened(shop)
    (offered,) = [o for o in asked.said[0]["options"] if o["args"]["address_id"] == saved.address_id]
    if how == "tap":
        await form.say(intent="choose_address", entities=offered["args"])
    else:
        await form.say("第一个", intent="choose")
    assert (await form.confirm()).responses == ["utter_address_changed"]
    assert (await address_of(shop, order)).street == saved.street


async def test_a_foreign_saved_address_is_no_choice(shop: SqlShop) -> None:
    form, order, _ = await opened(shop)
    other = "u1001" if order.customer_id != "u1001" else "u1002"
    theirs = (await shop.customer(other)).addresses[0]
    scene = await form.say(intent="choose_address", entities={"address_id": theirs.address_id})
    assert form.waits_for == "new_address"
    assert theirs.street not in str(scene.messages)


async def test_verification_shows_no_address(shop: SqlShop) -> None:
    form, order, asked = await opened(shop, verified=True)
    assert not asked.options
    partial = await form.say("文三路88号3栋502", intent="change_address")
    assert partial.responses == ["utter_address_incomplete"]
    summary = await form.say("杭州市西湖区文三路88号3栋502", intent="change_address")
    done = await form.confirm()
    for scene in (asked, partial, summary, done):
        shown = str(scene.messages)
        for secret in (order.address.street, order.address.consignee, order.address.phone):
            assert secret not in shown
    new = await address_of(shop, order)
    assert (new.street, new.consignee) == ("文三路88号3栋502", order.address.consignee)


@pytest.mark.parametrize(
    ("state", "response"),
    [
        (OrderState.SHIPPED, "utter_address_shipped"),
        (OrderState.EXCEPTION, "utter_address_shipped"),
        (OrderState.DELIVERED, "utter_address_over"),
        (OrderState.CANCELLED, "utter_address_over"),
    ],
)
async def test_the_rule_is_told_before_anything_is_asked(
    shop: SqlShop, state: OrderState, response: str
) -> None:
    form, order, scene = await opened(shop, f"改成{WHOLE}", state=state)
    assert scene.responses == [response]
    assert form.waits_for is None
    assert await address_of(shop, order) == order.address


async def test_interrupted_and_left(shop: SqlShop) -> None:
    form, order, _ = await opened(shop)
    assert not (await form.say("快递到哪了", intent="track_shipment")).events
    assert (await form.resume("快递到哪了", intent="track_shipment")).responses == ["utter_address_wanted"]
    assert (await form.say("算了不改了", intent="stop")).responses == ["utter_address_left"]
    assert form.waits_for is None
    assert await address_of(shop, order) == order.address


async def test_an_address_taken_for_something_else_is_still_the_answer(shop: SqlShop) -> None:
    form, _, _ = await opened(shop)
    scene = await form.say("杭州市西湖区文三路88号3栋502", intent="give_contact")
    assert scene.responses == ["utter_address_confirm"]
