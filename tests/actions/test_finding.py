"""Search by chat: hits with reason, price and stock; slips named; what there is not, said plainly."""

from __future__ import annotations

import pytest

from actions.finding import SearchProduct
from actions.recommend import ShowMore
from actions.shop.sql import SqlShop
from tests.support.stage import Stage


async def test_hits_come_with_reason_price_and_stock(shop: SqlShop) -> None:
    scene = await Stage(shop, slots={"temperament": "perfect"}).play(SearchProduct(), "有没有声音小的加湿器")
    first = await shop.product("p208")
    row = scene.facts["picks"][0]
    assert (row["name"], row["why"]) == (first.name, "噪音 低于 30 dB")
    assert row["stock"] == sum(sku.stock for sku in first.skus)
    (card,) = scene.cards
    assert card["data"]["products"][0]["reason_label"] == "符合您说的要求"
    for text in scene.texts().values():
        assert first.name in text
        assert "239 元" in text


@pytest.mark.parametrize(
    ("text", "meant"), [("有没有尔机", "耳机"), ("找一下电饭褒", "电饭煲"), ("chongdianbao", "充电宝")]
)
async def test_a_slip_is_put_right_and_said(shop: SqlShop, text: str, meant: str) -> None:
    scene = await Stage(shop).play(SearchProduct(), text)
    assert meant in scene.facts["read_as"]
    for said in scene.texts().values():
        assert f"按「{scene.facts['read_as']}」" in said


async def test_what_there_is_not_is_said_with_the_nearest_and_what_sells(shop: SqlShop) -> None:
    scene = await Stage(shop, slots={"temperament": "lively"}).play(SearchProduct(), "有没有冰箱卖")
    assert scene.responses == ["utter_search_none"]
    assert scene.facts["words"] == "冰箱"
    (card,) = scene.cards
    reasons = {p["name"]: p["reason"] for p in card["data"]["products"]}
    assert {reasons[row["name"]] for row in scene.facts["near"]} == {"near"}
    assert {reasons[row["name"]] for row in scene.facts["hot"]} == {"hot"}
    for text in scene.texts().values():
        assert "没有" in text
        assert all(row["name"] in text for row in scene.facts["near"])


async def test_nothing_near_is_nothing_near(shop: SqlShop) -> None:
    scene = await Stage(shop).play(SearchProduct(), "有没有挖掘机")
    assert scene.responses == ["utter_search_none"]
    assert "near" not in scene.facts
    assert scene.facts["hot"]


async def test_the_budget_is_kept(shop: SqlShop) -> None:
    scene = await Stage(shop, slots={"temperament": "lively"}).play(SearchProduct(), "有没有五百以内的耳机")
    assert scene.facts["picks"]
    assert all(float(row["price"]) <= 500 for row in scene.facts["picks"])
    none = await Stage(shop).play(SearchProduct(), "有没有十块以内的手机")
    assert none.responses == ["utter_search_none"]


async def test_more_of_a_search_goes_on_with_it(shop: SqlShop) -> None:
    stage = Stage(shop, slots={"temperament": "power"})
    first = await stage.play(SearchProduct(), "有没有耳机")
    assert "compare_products" not in first.options
    assert "show_more" in first.options
    more = await stage.play(ShowMore(), "换一批")
    names = [row["name"] for row in (*first.facts["picks"], *more.facts["picks"])]
    assert len(set(names)) == 2
    assert all("耳机" in name for name in names)


@pytest.mark.parametrize("text", ["", "？？？", "😀", "的", "\ud800", "<b>x</b>", "{{ 7*7 }}"])
async def test_what_is_no_search_finds_nothing_and_breaks_nothing(shop: SqlShop, text: str) -> None:
    scene = await Stage(shop).play(SearchProduct(), text, intent="search_product")
    assert scene.responses == ["utter_search_none"]
