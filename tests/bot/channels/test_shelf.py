"""The shelf: new goods and one product, as the card of products draws them; a shop that is away is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy import select

from actions.shop import cards
from actions.shop.errors import ShopTimeoutError
from actions.shop.schema import ProductRow, SkuRow
from bot.app.shelf_goods import ShelfGoods
from bot.channels.limits import Rate
from bot.channels.openapi import document
from bot.desk.assist.labels import shop_label
from tests.bot.conversation.harness import OPEN_LIMITS, Front
from tests.bot.conversation.rasa_stub import RasaStub
from tests.support.shop import demo_shop
from tests.support.stage import broken

ARRIVALS, PRODUCT = "/api/v1/shelf/arrivals", "/api/v1/shelf/products/{product_id}"


def check(path: str, got: Any) -> None:
    told = document(demo=False)
    answer = told["paths"][path]["get"]["responses"][str(got.status)]["content"]["application/json"]
    whole = {**answer["schema"], "components": told["components"]}
    jsonschema.Draft202012Validator(whole).validate(got.json)


async def test_new_goods_and_one_product_are_rows_of_the_card(rasa: RasaStub, tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    in_stock = ProductRow.product_id.in_(select(SkuRow.product_id).where(SkuRow.stock > 0))
    listed = (
        select(ProductRow.product_id)
        .where(in_stock)
        .order_by(ProductRow.listed_on.desc(), ProductRow.product_id)
    )
    newest = await shop._read(lambda session: session.execute(listed.limit(6)).scalars().all())
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, shop=shop) as front:
        got = await front.request("GET", ARRIVALS)
        check(ARRIVALS, got)
        assert [row["product_id"] for row in got.json["products"]] == newest
        one = await front.request("GET", "/api/v1/shelf/products/p302")
        check(PRODUCT, one)
        product = await shop.product("p302")
        assert one.json["product"] == cards.products_card([(product, "")], shop_label)["products"][0]
        for wrong in ("p999", "p%20302", "..%2fp302", "%00", "p" * 65, "%E4%BA%A7"):
            missing = await front.request("GET", f"/api/v1/shelf/products/{wrong}")
            check(PRODUCT, missing)
            assert missing.status == 404
            assert missing.json["error"]["code"] in {"unknown_product", "not_found"}
    await shop.close()


async def test_they_are_asked_for_once_a_minute(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    now = [0.0]
    shelf = ShelfGoods(shop, lambda: now[0])
    first = await shelf.arrivals()
    with broken(shop, "recommend", ShopTimeoutError("away")):
        now[0] = 59.0
        assert await shelf.arrivals() is first
    now[0] = 61.0
    again = await shelf.arrivals()
    assert again == first and again is not first
    await shop.close()


async def test_a_shop_that_is_away_is_said(rasa: RasaStub, tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    url = f"sqlite:///{tmp_path / 'record.db'}"
    async with Front(url, rasa.port, shop=shop) as front:
        with (
            broken(shop, "recommend", ShopTimeoutError("away")),
            broken(shop, "product", ShopTimeoutError("away")),
        ):
            for path, schema in ((ARRIVALS, ARRIVALS), ("/api/v1/shelf/products/p302", PRODUCT)):
                got = await front.request("GET", path)
                check(schema, got)
                assert (got.status, got.json["error"]["code"]) == (503, "shop_unavailable")
                assert "Retry-After" in got.headers
        assert (await front.request("GET", ARRIVALS)).status == 200  # a failure is not kept
    await shop.close()
    async with Front(url, rasa.port) as alone:
        assert (await alone.request("GET", ARRIVALS)).status == 503


@pytest.mark.parametrize("path", [ARRIVALS, "/api/v1/shelf/products/p302"])
async def test_it_counts_as_a_request(rasa: RasaStub, tmp_path: Path, path: str) -> None:
    limits = replace(OPEN_LIMITS, address=Rate(0.001, 1))
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, limits=limits) as front:
        statuses = [(await front.request("GET", path)).status for _ in range(2)]
    assert statuses == [503, 429]
