"""Whole dialogues about choosing goods, with the really trained model: search, compare, pass over."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.shop.models import PreferenceKind
from actions.shop.sql import SqlShop
from tests.support.dialogue import Reply, Talk

pytestmark = pytest.mark.model

WHO = "u1006"


def shown(reply: Reply) -> list[str]:
    cards = [custom for custom in reply.customs if custom.get("type") == "card"]
    return [product["product_id"] for card in cards for product in card["data"]["products"]]


async def test_search_compare_and_ask_on(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop)
    found = await talk.say("有没有降噪的耳机")
    assert found.responses == ["utter_search_found"]
    assert "p101" in shown(found)
    compared = await talk.say("这两个哪个好")
    assert compared.responses == ["utter_comparison"]
    assert shown(compared) == shown(found)[:2]
    first = await talk.say("第一个多少钱")
    assert first.responses == ["utter_product_price"]


async def test_what_there_is_not(model: Path, shop: SqlShop) -> None:
    reply = await Talk(model, shop).say("有没有冰箱卖")
    assert reply.responses == ["utter_search_none"]


async def test_a_dislike_is_respected_at_once_and_later(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id=WHO)
    first = shown(await talk.say("有什么推荐"))
    second = await talk.say("不喜欢这个")
    assert second.responses == ["utter_disliked"]
    assert first[0] not in shown(second)
    third = await talk.say("第一个我买过了")
    assert third.responses == ["utter_owned"]
    gone = {first[0], shown(second)[0]}
    assert not gone & set(shown(third))
    noted = {one.product_id: one.kind for one in (await shop.history(WHO)).preferences}
    assert noted == {first[0]: PreferenceKind.DISLIKED, shown(second)[0]: PreferenceKind.OWNED}
    later = await Talk(model, shop, customer_id=WHO).say("给我推荐几款")
    assert not gone & set(shown(later))


async def test_the_same_in_traditional_characters(model: Path, shop: SqlShop) -> None:
    talk = Talk(model, shop, customer_id=WHO)
    found = await talk.say("有沒有電飯煲")
    assert found.responses == ["utter_search_found"]
    assert shown(found)[0] == "p201"
    disliked = await talk.say("不喜歡這個")
    assert disliked.responses == ["utter_disliked"]
    assert "p201" not in shown(disliked)
