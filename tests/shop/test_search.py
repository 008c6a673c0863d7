"""Finding and recommending products."""

from __future__ import annotations

import pytest

from actions.shop.search import words_of
from actions.shop.sql import SqlShop
from tests.support.shop import NOW


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("耳机", "p101"),
        ("那个降噪的", "p101"),
        ("有没有头戴式的耳机", "p102"),
        ("我想买个电饭锅", "p201"),
        ("宝宝推车", "p607"),
        ("尿不湿有吗", "p601"),
        ("跑步鞋42码", "p305"),
        ("送女朋友的口红", "p505"),
        ("充电宝能上飞机吗", "p108"),
        ("茶叶礼盒", "p408"),
        ("拓远 x70", "p103"),
        ("ＴＯＴＥ 托特包", "p309"),
        ("冲锋衣防水10000毫米的", "p304"),
        ("想吃三文鱼", "p404"),
    ],
)
async def test_what_shoppers_call_it(read_shop: SqlShop, words: str, expected: str) -> None:
    matches = await read_shop.find_products(words)
    assert matches[0].product.product_id == expected
    assert all(0 < match.score <= 1 for match in matches)
    assert [m.score for m in matches] == sorted((m.score for m in matches), reverse=True)


@pytest.mark.parametrize(
    "words", ["", "   ", "的", "asdf", "😀😀", "你好吗", "\0", "\ud800", "%%", "' OR 1=1", "您" * 5000]
)
async def test_nothing_is_found_where_nothing_fits(read_shop: SqlShop, words: str) -> None:
    assert list(await read_shop.find_products(words)) == []


async def test_a_category_or_brand_finds_its_products(read_shop: SqlShop) -> None:
    assert {m.product.category for m in await read_shop.find_products("护肤品")} == {"beauty"}
    assert {m.product.brand for m in await read_shop.find_products("北屿", limit=3)} == {"北屿"}
    assert len(await read_shop.find_products("手机", limit=2)) == 2


def test_fillers_are_left_out() -> None:
    assert words_of("那个降噪的耳机多少钱呀？") == ["降噪", "耳机"]


async def test_recommendations_leave_out_what_is_sold_out_or_owned(read_shop: SqlShop) -> None:
    owned = {item.product_id for order in (await read_shop.orders("u1016", limit=3)) for item in order.items}
    found = await read_shop.recommend(customer_id="u1016", limit=20)
    assert len(found) >= 8
    assert not owned & {product.product_id for product, _ in found}
    assert all(any(sku.stock for sku in product.skus) for product, _ in found)
    assert max(sum(p.category == product.category for p, _ in found) for product, _ in found) <= 2
    for product, reason in found:
        if reason == "new":
            assert (NOW.date() - product.listed_on).days <= 30


async def test_what_was_asked_comes_first(read_shop: SqlShop) -> None:
    found = await read_shop.recommend(customer_id=None, words="口红", limit=4)
    assert (found[0][0].product_id, found[0][1]) == ("p505", "asked")
    assert {reason for _, reason in found} <= {"asked", "new", "hot"}


async def test_somebody_with_a_past_gets_reasons_from_it(read_shop: SqlShop) -> None:
    reasons = {reason for _, reason in await read_shop.recommend(customer_id="u1006")}
    assert reasons & {"browsed", "bought_category"}
    assert len(await read_shop.recommend(customer_id="nobody")) == 5
