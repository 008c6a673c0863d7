"""Typed Traditional characters: understood as Simplified ones, kept as typed where they are hers."""

from __future__ import annotations

import pytest

from actions.address import AddressForm
from actions.base import Events, ShopAction, TurnContext
from actions.finding import SearchProduct
from actions.order_choice import Choice, find_order
from actions.preference import DislikeProduct
from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from persona.temperament.simplified import simplified
from tests.shop.helpers import order_in
from tests.support.stage import Stage


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("我的電飯煲發貨了嗎", "我的电饭煲发货了吗"),
        ("已经是简体", "已经是简体"),
        ("乾隆 x 陳", "乾隆 x 陈"),
        ("abc 123", "abc 123"),
        ("\ud800電", "\ud800电"),
        ("\ufffd電", "\ufffd电"),
        ("", ""),
    ],
)
def test_simplified_sign_for_sign(typed: str, wanted: str) -> None:
    assert simplified(typed) == wanted
    assert len(simplified(typed)) == len(typed)


class Find(ShopAction):
    """Keeps which order was found, and the turn."""

    def __init__(self) -> None:
        self.found: list[tuple[Choice, TurnContext]] = []

    def name(self) -> str:
        return "action_find_for_this_test"

    async def handle(self, turn: TurnContext) -> Events | None:
        self.found.append((await find_order(turn), turn))
        return None


async def test_the_order_that_is_meant(shop: SqlShop) -> None:
    orders = await shop.orders("u1006")
    texts = ("最貴的那個訂單", "最贵的那个订单")
    found = []
    for text in texts:
        find = Find()
        await Stage(shop, "u1006").play(find, text)
        ((choice, turn),) = find.found
        found.append(choice)
        assert turn.typed == text
    assert found[0] == found[1]
    assert found[0].order is not None
    assert found[0].order.total == max(order.total for order in orders)


async def test_goods_are_found_and_passed_over(shop: SqlShop) -> None:
    scene = await Stage(shop).play(SearchProduct(), "有沒有嬰兒推車")
    assert scene.cards[0]["data"]["products"][0]["product_id"] == "p607"
    assert "read_as" not in scene.facts
    stage = Stage(shop, slots={"product_id": "p501"})
    await stage.play(DislikeProduct(), "不喜歡這個牌子")
    assert stage.slots["unwanted"] == ["brand:花隐"]


async def test_name_and_street_stay_hers(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    text = f"訂單{order.order_number}改地址：廣東省深圳市南山區學府路8號502，收件人：陳麗華，電話13800138000"
    form = AddressForm()
    stage = Stage(shop, order.customer_id)
    scene = await stage.play(form, text, intent="change_address")
    details = str(scene.slots)
    assert "陳麗華" in details
    assert "學府路8號502" in details
    assert "南山区" in details  # places are names that the shop knows


def test_a_part_is_given_back_as_typed() -> None:
    from rasa_sdk import Tracker
    from rasa_sdk.executor import CollectingDispatcher

    tracker = Tracker("c_1", {}, {"text": "請轉給陳先生"}, [], False, None, {}, "action_listen")
    turn = TurnContext(CollectingDispatcher(), tracker)
    assert turn.text == "请转给陈先生"
    assert turn.as_typed("陈先生") == "陳先生"
    assert turn.as_typed("李先生") == "李先生"
