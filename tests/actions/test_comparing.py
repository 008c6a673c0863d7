"""Products side by side: those that were meant, what differs first, verdicts from figures alone."""

from __future__ import annotations

import pytest

from actions.comparing import CompareProducts
from actions.shop.sql import SqlShop
from actions.traits import Trait, best, figure, traits
from persona.wording.cards import CardTexts
from tests.support.stage import Scene, Stage

SHOWN = ["p101", "p102", "p105"]


def compared(scene: Scene) -> list[str]:
    (card,) = scene.cards
    assert card["card"] == "comparison"
    return [product["product_id"] for product in card["data"]["products"]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("这两个哪个好", ["p101", "p102"]),
        ("第一个和第三个差在哪", ["p101", "p105"]),
        ("这三款有什么差别", SHOWN),
        ("对比一下", SHOWN),
        ("最后一个和第一个比", ["p105", "p101"]),
        ("羽绒服和冲锋衣哪个暖和", ["p301", "p304"]),
    ],
)
async def test_who_is_meant(shop: SqlShop, text: str, wanted: list[str]) -> None:
    stage = Stage(shop, slots={"offered_products": SHOWN, "product_id": "p101"})
    assert compared(await stage.play(CompareProducts(), text)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("精华和面霜哪个保湿", ["p501", "p503"]),
        ("听岚头戴耳机跟听岚降噪耳机怎么选", ["p102", "p101"]),
        ("苹果、脐橙、三文鱼比一比", ["p401", "p402", "p404"]),
    ],
)
async def test_named_out_of_nothing(shop: SqlShop, text: str, wanted: list[str]) -> None:
    assert compared(await Stage(shop).play(CompareProducts(), text)) == wanted


async def test_one_named_is_compared_with_what_was_talked_of(shop: SqlShop) -> None:
    stage = Stage(shop, slots={"product_id": "p101"})
    assert compared(await stage.play(CompareProducts(), "跟头戴式的比呢")) == ["p101", "p102"]


async def test_what_differs_stands_first_and_the_verdict_is_in_the_data(shop: SqlShop) -> None:
    scene = await Stage(shop).play(CompareProducts(), "暖屿破壁机和暖屿空气炸锅哪个好")
    rows = scene.cards[0]["data"]["rows"]
    assert [row["differs"] for row in rows] == sorted((row["differs"] for row in rows), reverse=True)
    products = [await shop.product(pid) for pid in compared(scene)]
    for row in scene.facts["verdicts"]:
        product = next(p for p in products if p.short_name == row["product"])
        name, _, value = row["value"].partition(" ")
        assert value in {*(v for _, v in product.specs), str(product.rating)}, (name, value)
    cheaper, dearer = sorted(products, key=lambda p: p.price)
    assert scene.facts["cheapest"] == cheaper.short_name
    assert scene.facts["saving"] == str(dearer.price - cheaper.price)
    for text in scene.texts().values():
        assert cheaper.short_name in text


async def test_variants_of_one_product(shop: SqlShop) -> None:
    stage = Stage(shop, slots={"product_id": "p210"})
    scene = await stage.play(CompareProducts(), "1.2米和1.5米选哪个")
    assert scene.responses == ["utter_variants_compared"]
    assert [row["name"] for row in scene.facts["variants"]] == ["1.2 米", "1.5 米"]
    for text in scene.texts().values():
        assert "459 元" in text
        assert "559 元" in text


@pytest.mark.parametrize("slots", [{}, {"product_id": "p101"}, {"offered_products": ["p999", "p998"]}])
async def test_too_few_are_asked_for(shop: SqlShop, slots: dict[str, object]) -> None:
    scene = await Stage(shop, slots=slots).play(CompareProducts(), "哪个更好一点")
    assert scene.responses == ["utter_compare_which"]


async def test_the_card_can_be_said(shop: SqlShop) -> None:
    scene = await Stage(shop, slots={"offered_products": SHOWN}).play(CompareProducts(), "这三款对比")
    text = CardTexts.load().say("comparison", scene.cards[0]["data"])
    assert "399 元" in text
    assert "重量" in text or "续航" in text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("248 克", (248.0, "克")),
        ("1.08 千克（L）", (1080.0, "克")),
        ("耳机 8 小时，连充电盒 36 小时", (480.0, "分钟")),
        ("低于 26 dB", (26.0, "db")),
        ("11 万转/分", (110_000.0, "")),
        ("支持", None),
    ],
)
def test_figures(text: str, wanted: tuple[float, str] | None) -> None:
    found = figure(text)
    assert (found and found[0]) == (wanted and wanted[0])


def test_only_what_can_be_compared_is_compared() -> None:
    weight: Trait = traits()["重量"]
    assert best(weight, ["248 克", "1.2 千克"]) == 0
    assert best(weight, ["248 克", "248 克"]) is None
    assert best(weight, ["248 克", "2 件"]) is None
    assert best(weight, ["248 克", None]) is None
    assert best(traits()["噪音"], ["最低 26 dB", "低于 30 dB"]) is None
