"""Products: which one is meant, and exact answers that are the same for everybody."""

from __future__ import annotations

from typing import Any

import pytest

from actions.product import (
    ProductAction,
    ProductPrice,
    ProductSize,
    ProductSpec,
    ProductStock,
    ProductWarranty,
)
from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from tests.support.stage import Stage

ALL: tuple[type[ProductAction], ...] = (ProductSpec, ProductSize, ProductStock, ProductPrice, ProductWarranty)


def slot_event(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


# -- which product ------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ALL)
async def test_several_that_fit_become_choices_that_ask_the_same_again(
    shop: SqlShop, action: type[ProductAction]
) -> None:
    stage = Stage(shop)
    scene = await stage.play(action(), "耳机怎么样", intent=action.intent, entities={"product": "耳机"})
    assert scene.responses == ["utter_product_choose"]
    buttons = scene.worded("power").buttons
    assert len(buttons) == scene.facts["count"] >= 2
    assert all(b.payload.startswith(f'/{action.intent}{{"product_id": "p1') for b in buttons)
    tapped = await stage.play(action(), intent=action.intent, entities={"product_id": "p102"})
    assert tapped.facts["product"] == (await shop.product("p102")).name
    assert tapped.slots["product_id"] == "p102"


async def test_words_beside_the_product_tell_two_apart(shop: SqlShop) -> None:
    scene = await Stage(shop).play(ProductPrice(), "头戴的那款耳机多少钱", entities={"product": "耳机"})
    assert scene.slots["product_id"] == "p102"


async def test_whoever_bought_one_of_two_means_that_one(shop: SqlShop) -> None:
    scene = await Stage(shop, "u1008").play(ProductWarranty(), "耳机保修多久", entities={"product": "耳机"})
    assert scene.slots["product_id"] == "p101"


async def test_the_product_spoken_of_last_is_meant_and_a_new_name_changes_it(shop: SqlShop) -> None:
    stage = Stage(shop)
    await stage.play(ProductPrice(), "羽绒服多少钱", entities={"product": "羽绒服"})
    follow = await stage.play(ProductStock(), "黑色M有货吗")
    assert follow.responses == ["utter_sku_stock"]
    assert follow.slots["product_id"] == "p301"
    other = await stage.play(ProductPrice(), "那面膜呢", entities={"product": "面膜"})
    assert other.slots["product_id"] != "p301"


async def test_the_order_spoken_of_last_beats_a_product_before_it(shop: SqlShop) -> None:
    order = next(o for o in await shop.orders("u1005") if o.state is OrderState.DELIVERED)
    events = [slot_event("product_id", "p301"), slot_event("order_number", order.order_number)]
    slots = {"product_id": "p301", "order_number": order.order_number}
    scene = await Stage(shop, "u1005").play(ProductWarranty(), "保修多久", slots=slots, events=events)
    assert scene.slots["product_id"] == order.items[0].product_id
    back = await Stage(shop, "u1005").play(ProductWarranty(), "保修多久", slots=slots, events=events[::-1])
    assert back.slots["product_id"] == "p301"


async def test_an_order_of_somebody_else_names_no_product(shop: SqlShop) -> None:
    foreign = (await shop.orders("u1006", limit=1))[0]
    slots = {"order_number": foreign.order_number}
    events = [slot_event("order_number", foreign.order_number)]
    scene = await Stage(shop).play(ProductPrice(), "多少钱", slots=slots, events=events)
    assert scene.responses == ["utter_which_product"]
    assert foreign.items[0].product_id not in str(scene.messages)


async def test_without_a_name_her_own_goods_are_offered(shop: SqlShop) -> None:
    scene = await Stage(shop, "u1006").play(ProductPrice(), "多少钱")
    assert scene.responses == ["utter_which_product"]
    bought = {i.product_id for o in await shop.orders("u1006") for i in o.items}
    offered = {m["args"]["product_id"] for m in scene.said[0]["options"]}
    assert offered <= bought
    stranger = await Stage(shop).play(ProductPrice(), "多少钱")
    assert stranger.responses == ["utter_which_product"]
    assert "choose_product" not in stranger.options


async def test_what_the_shop_does_not_have_is_said(shop: SqlShop) -> None:
    scene = await Stage(shop).play(ProductPrice(), "冰箱多少钱", entities={"product": "冰箱"})
    assert scene.responses == ["utter_product_not_found"]
    assert scene.facts == {"words": "冰箱"}


async def test_a_word_in_a_description_names_nothing(shop: SqlShop) -> None:
    # 洗碗机 stands among the figures of an air fryer, whose basket it may wash.
    scene = await Stage(shop).play(ProductPrice(), "洗碗机多少钱", entities={"product": "洗碗机"})
    assert scene.responses == ["utter_product_not_found"]


async def test_a_tapped_product_that_is_gone_is_asked_for_again(shop: SqlShop) -> None:
    scene = await Stage(shop).play(
        ProductPrice(), intent="ask_product_price", entities={"product_id": "p999"}
    )
    assert scene.responses == ["utter_which_product"]


# -- the answers --------------------------------------------------------------------------------------


async def test_a_spec_that_is_asked_for_is_told_alone(shop: SqlShop) -> None:
    product = await shop.product("p101")
    entities = {"product_id": "p101", "attribute": "续航"}
    scene = await Stage(shop).play(ProductSpec(), "续航多久", entities=entities)
    assert [row["name"] for row in scene.facts["specs"]] == ["续航"]
    value = dict(product.specs)["续航"]
    for text in scene.texts().values():
        assert value in text
    everything = await Stage(shop).play(ProductSpec(), "参数", entities={"product_id": "p101"})
    assert len(everything.facts["specs"]) > 4


async def test_certificates_go_to_the_exact_and_ratings_to_the_cheerful(shop: SqlShop) -> None:
    scene = await Stage(shop).play(ProductSpec(), "参数", entities={"product_id": "p101"})
    texts = scene.texts()
    assert "3C 认证" in texts["perfect"]
    assert "3C 认证" not in texts["power"]
    assert "4.8" in texts["lively"]


async def test_care_is_added_where_it_is_natural(shop: SqlShop) -> None:
    scene = await Stage(shop).play(ProductSpec(), "孕妇能用吗", entities={"product_id": "p503"})
    for text in scene.texts().values():
        assert "问过医生" in text
    plain = await Stage(shop).play(ProductSpec(), "参数", entities={"product_id": "p503"})
    assert "care" not in plain.facts


async def test_a_body_gives_a_size_and_the_exact_see_the_table(shop: SqlShop) -> None:
    scene = await Stage(shop).play(ProductSize(), "165 110斤穿什么码", entities={"product_id": "p301"})
    assert scene.responses == ["utter_product_size_suggested"]
    assert scene.facts["size"] == "M"
    texts = scene.texts()
    for text in texts.values():
        assert "M" in text
        assert "165 cm、55 kg" in text
    assert "胸围" in texts["perfect"]
    assert "胸围" not in texts["neutral"]


async def test_sizes_in_stock_are_listed_and_some_goods_have_none(shop: SqlShop) -> None:
    scene = await Stage(shop).play(ProductSize(), "尺码表", entities={"product_id": "p301"})
    assert scene.facts["sizes"] == ["S", "M", "L", "XL"]
    none = await Stage(shop).play(ProductSize(), "什么尺码", entities={"product_id": "p101"})
    assert none.responses == ["utter_product_no_size"]


async def test_stock_is_exact_by_variant(shop: SqlShop) -> None:
    product = await shop.product("p301")
    stock = {sku.label: sku.stock for sku in product.skus}
    one = await Stage(shop).play(ProductStock(), "黑色M还有吗", entities={"product_id": "p301"})
    assert one.facts["stock"] == stock["雾黑 / M"]
    gone = await Stage(shop).play(ProductStock(), "奶茶色S还有吗", entities={"product_id": "p301"})
    assert gone.responses == ["utter_sku_sold_out"]
    assert "奶茶色 / S" not in gone.facts["others"]
    assert "😄" not in gone.texts()["lively"]
    every = await Stage(shop).play(ProductStock(), "有货吗", entities={"product_id": "p301"})
    told = {row["label"]: row["stock"] for row in every.facts["skus"]}
    assert told == {label: n for label, n in stock.items() if n > 0}
    assert set(every.facts["sold_out"]) == {label for label, n in stock.items() if n == 0}


async def test_the_price_comes_with_its_past(shop: SqlShop) -> None:
    product = await shop.product("p301")
    points = product.price_history
    scene = await Stage(shop).play(ProductPrice(), "多少钱", entities={"product_id": "p301"})
    assert scene.facts["price"] == str(product.price)
    assert scene.facts["previous"] == str(points[-2].price)
    assert scene.facts["lowest"] == str(min(p.price for p in points))
    for text in scene.texts().values():
        assert "499 元" in text
        assert "549 元" in text


async def test_a_dearer_variant_has_its_own_price_and_no_foreign_past(shop: SqlShop) -> None:
    product = await shop.product("p103")
    dearest = max(product.skus, key=lambda sku: sku.price)
    text = f"{dearest.colour}{dearest.size}多少钱"
    scene = await Stage(shop).play(ProductPrice(), text, entities={"product_id": "p103"})
    assert scene.facts["sku"] == dearest.label
    assert scene.facts["price"] == str(dearest.price)
    assert "previous" not in scene.facts
    span = await Stage(shop).play(ProductPrice(), "多少钱", entities={"product_id": "p103"})
    assert span.facts["top_price"] == str(dearest.price)


async def test_warranty_and_the_right_to_return_are_told_in_every_style(shop: SqlShop) -> None:
    earbuds = await Stage(shop).play(ProductWarranty(), "保修", entities={"product_id": "p101"})
    for text in earbuds.texts().values():
        assert "12 个月" in text
        assert "7 天" in text
    fresh = await Stage(shop).play(ProductWarranty(), "保修", entities={"product_id": "p403"})
    assert fresh.facts["returnable_days"] == 0
    for text in fresh.texts().values():
        assert "不支持" in text
        assert "质量问题" in text


async def test_every_product_of_the_shop_can_be_answered(shop: SqlShop) -> None:
    stage = Stage(shop)
    for group in range(1, 7):
        for number in range(1, 12):
            product_id = f"p{group}{number:02}"
            action = ALL[(group + number) % len(ALL)]
            scene = await stage.play(action(), "看看", entities={"product_id": product_id})
            assert scene.facts["product"] == (await shop.product(product_id)).name
