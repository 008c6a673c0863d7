"""Tell me when it is back: which product and variant, for whom, once; and there already."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from actions.product import ProductStock
from actions.shop.errors import ShopTimeoutError
from actions.shop.service_schema import StockWatchRow
from actions.shop.sql import SqlShop
from actions.stock_notice import StockForm
from tests.support.forms import FormStage
from tests.support.stage import Scene, Stage, broken

#: Headphones of which one colour is sold out; earphones that are sold out in both.
ONE_GONE, ALL_GONE, THERE = "p101", "p112", "p310"
WHO = "u1021"


def watches(shop: SqlShop, customer: str = WHO) -> set[tuple[str, str]]:
    with shop.engine.begin() as connection:
        rows = connection.execute(
            select(StockWatchRow.product_id, StockWatchRow.sku_id).where(
                StockWatchRow.customer_id == customer
            )
        )
        return {(row.product_id, row.sku_id) for row in rows}


async def opened(
    shop: SqlShop, text: str = "", customer: str | None = WHO, **entities: Any
) -> tuple[FormStage, Scene]:
    form = FormStage(Stage(shop, customer), StockForm())  # type: ignore[arg-type]
    return form, await form.open(text, intent="watch_stock", entities=entities)


async def test_the_only_variant_that_is_gone_is_meant(shop: SqlShop) -> None:
    form, scene = await opened(shop, product_id=ONE_GONE)
    assert scene.responses == ["utter_watch_noted"]
    assert scene.facts["sku"] == "雾蓝"
    assert scene.facts["expected_on"] == "2026-11-29"
    for style, text in scene.texts().items():
        assert "11月29日" in text, style
        assert "预留" in text, style
    assert form.waits_for is None
    assert watches(shop) == {(ONE_GONE, "p101-03")}


@pytest.mark.parametrize(
    ("text", "intent", "watched"),
    [
        ("墨蓝", "ask_product_stock", "p112-02"),
        ("珍珠白的", "choose", "p112-01"),
        ("第二个", "choose", "p112-02"),
        ("哪个都行", "affirm", ""),
    ],
)
async def test_of_several_one_is_chosen(shop: SqlShop, text: str, intent: str, watched: str) -> None:
    form, asked = await opened(shop, product_id=ALL_GONE)
    assert asked.responses == ["utter_watch_which"]
    assert asked.options == ["choose_sku", "choose_sku", "any_sku"]
    scene = await form.say(text, intent=intent)
    assert scene.responses == ["utter_watch_noted"]
    assert watches(shop) == {(ALL_GONE, watched)}


@pytest.mark.parametrize(("sku", "watched"), [("p112-02", "p112-02"), ("any", "")])
async def test_it_is_tapped(shop: SqlShop, sku: str, watched: str) -> None:
    form, _ = await opened(shop, product_id=ALL_GONE)
    scene = await form.say(intent="watch_stock", entities={"product_id": ALL_GONE, "sku_id": sku})
    assert scene.responses == ["utter_watch_noted"]
    assert watches(shop) == {(ALL_GONE, watched)}


async def test_named_at_once(shop: SqlShop) -> None:
    _, scene = await opened(shop, "耳夹耳机墨蓝的到货通知我", product="耳夹耳机")
    assert scene.responses == ["utter_watch_noted"]
    assert watches(shop) == {(ALL_GONE, "p112-02")}


async def test_what_is_there_is_sold_not_noted(shop: SqlShop) -> None:
    for entities, sku in (({"product_id": THERE}, None), ({"product_id": ONE_GONE}, "云白")):
        form, scene = await opened(shop, f"{sku or ''}到货通知我" if sku else "", **entities)
        assert scene.responses == ["utter_watch_in_stock"]
        assert scene.facts.get("sku") == sku
        assert all("商品页" in text for text in scene.texts().values())
        assert form.waits_for is None
    assert watches(shop) == set()


async def test_nobody_to_tell(shop: SqlShop) -> None:
    for product in (ONE_GONE, ALL_GONE):
        form, scene = await opened(shop, customer=None, product_id=product)
        assert scene.responses == ["utter_watch_login"]
        assert form.waits_for is None
    _, there = await opened(shop, customer=None, product_id=THERE)
    assert there.responses == ["utter_watch_in_stock"]  # that is no secret


async def test_a_message_that_comes_twice_is_one_wish(shop: SqlShop) -> None:
    form, first = await opened(shop, product_id=ONE_GONE)
    form.stage._count -= 1
    second = await form.open(intent="watch_stock", entities={"product_id": ONE_GONE})
    assert first.facts == second.facts
    with shop.engine.begin() as connection:
        here = StockWatchRow.customer_id == WHO
        assert connection.scalar(select(func.count()).select_from(StockWatchRow).where(here)) == 1


async def test_which_product_is_asked_and_other_topics_are_let_pass(shop: SqlShop) -> None:
    form, scene = await opened(shop, "耳机到货通知我", product="耳机")
    assert scene.responses == ["utter_product_choose"]
    assert form.waits_for is None
    assert scene.slots["offered_intent"] == "watch_stock"
    form, _ = await opened(shop, product_id=ALL_GONE)
    assert not (await form.say("我有多少积分", intent="ask_points")).events
    assert not (await form.say(intent="ask_product_price", entities={"product_id": THERE})).events
    again = await form.resume("我有多少积分", intent="ask_points")
    assert again.responses == ["utter_watch_which"]
    left = await form.say("算了", intent="stop")
    assert (left.responses, form.waits_for) == (["utter_watch_left"], None)
    assert watches(shop) == set()


async def test_a_shop_that_is_down_and_goods_that_are_gone_for_good(shop: SqlShop) -> None:
    with broken(shop, "watch_stock", ShopTimeoutError("slow")):
        form, scene = await opened(shop, product_id=ONE_GONE)
    assert scene.responses == ["utter_shop_unavailable"]
    assert form.waits_for is None
    _, gone = await opened(shop, product_id="p999")
    assert gone.responses == ["utter_which_product"]


async def test_sold_out_offers_the_notice(shop: SqlShop) -> None:
    one = await Stage(shop).play(
        ProductStock(), "雾蓝的有吗", intent="ask_product_stock", entities={"product_id": ONE_GONE}
    )
    assert one.said[0]["options"][0] == {
        "id": "watch_stock",
        "args": {"product_id": ONE_GONE, "sku_id": "p101-03"},
    }
    every = await Stage(shop).play(
        ProductStock(), intent="ask_product_stock", entities={"product_id": ALL_GONE}
    )
    assert every.options[0] == "watch_stock"
