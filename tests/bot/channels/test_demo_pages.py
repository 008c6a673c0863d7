"""The demo shop's data and pages: what the real shop holds, to its owner alone, and nothing in production."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest_asyncio

from actions.shop.errors import ShopUnavailableError
from bot.app.demo_goods import LIST_KEPT_S, DemoGoods
from bot.channels.demo_pages import FOLDER
from bot.channels.openapi import document
from tests.bot.conversation.harness import Front, token
from tests.bot.conversation.rasa_stub import RasaStub
from tests.support.shop import demo_shop

SCHEMAS = document(demo=True)["components"]["schemas"]


@pytest_asyncio.fixture
async def front(rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Front]:
    shop, _ = demo_shop(tmp_path)
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, shop=shop) as made:
        yield made
    await shop.close()


def fits(schema: str, got: Any) -> None:
    jsonschema.validate(got, {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": SCHEMAS}})


async def test_the_shelf_and_one_product(front: Front) -> None:
    shelf = (await front.request("GET", "/demo/products")).json
    fits("DemoProducts", shelf)
    assert len(shelf["products"]) > 60
    assert {row["category_label"] for row in shelf["products"]} >= {"手机数码", "食品生鲜"}
    for row in shelf["products"]:
        picture = FOLDER.parent / "static" / row["picture"]
        assert picture.is_file(), row["picture"]
    drawn = (await front.request("GET", f"/api/v1/shelf/products/{shelf['products'][0]['product_id']}")).json
    assert drawn["product"].items() <= shelf["products"][0].items()  # as the chat draws it, and more
    cooker = (await front.request("GET", "/demo/products/p201")).json
    fits("DemoProduct", cooker)
    assert cooker["product"]["price"] == "429.00"
    assert [sku["label"] for sku in cooker["product"]["skus"]][:2] == ["米白 / 3 升", "米白 / 4 升"]
    assert "量杯" in cooker["product"]["contents"] and cooker["product"]["reviews"]
    for wrong in ("p999", "..%2F..%2Fp201", "%00", "x" * 300):
        got = await front.request("GET", f"/demo/products/{wrong}")
        assert got.status == 404, wrong


async def test_orders_are_those_of_the_token(front: Front) -> None:
    async def orders_of(**headers: str) -> Any:
        return await front.request("GET", "/demo/my-orders?customer_id=u1002", headers=headers)

    mine = (await orders_of(Authorization=f"Bearer {token('u1001')}")).json
    fits("DemoOrders", mine)
    hers = (await orders_of(Authorization=f"Bearer {token('u1006')}")).json
    numbers, others = ({order["number"] for order in one["orders"]} for one in (mine, hers))
    assert numbers and others and not numbers & others
    assert any(order["shipment"] and order["shipment"]["trace"] for order in mine["orders"])
    assert "phone" not in str(mine) and "address" not in str(mine)
    assert (await orders_of(Authorization=f"Bearer {token('nobody')}")).json == {"orders": []}
    assert [(await orders_of()).status, (await orders_of(Authorization="Bearer x")).status] == [401, 401]


async def test_pages_and_files_and_their_policy(front: Front) -> None:
    for path in (
        "/demo/",
        "/demo/p/p201",
        "/demo/orders",
        "/demo/orders/202611194556",
        "/demo/files/shop.js",
    ):
        async with front.session.get(front.url(path)) as got:
            assert got.status == 200, path
            policy = got.headers["Content-Security-Policy"]
            assert ("frame-src 'self'" in policy) == ("/files/" not in path)
            assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
            assert got.headers["Cache-Control"] == "no-cache" and got.headers["Content-Encoding"] == "gzip"
    for wrong in (
        "/demo/files/../demo_pages.py",
        "/demo/files/%2e%2e/app.py",
        "/demo/files/index.html",
        "/demo/x",
    ):
        assert (await front.request("GET", wrong)).status == 404, wrong


async def test_a_shop_that_is_away_is_said_so_and_asked_again(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    now = [0.0]
    goods = DemoGoods(shop, lambda: now[0])
    kept = await goods.products()
    await shop.close()

    async def away(*_: object, **__: object) -> Any:
        raise ShopUnavailableError("away")

    shop.product = away  # type: ignore[method-assign]
    assert await goods.products() is kept
    now[0] += LIST_KEPT_S + 1
    for asking in (goods.products(), goods.product("p201"), DemoGoods(None).products()):
        try:
            await asking
        except Exception as exc:
            assert getattr(exc, "status", None) == 503, exc
        else:
            raise AssertionError("the shop is away")
