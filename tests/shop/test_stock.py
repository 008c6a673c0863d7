"""Stock notices in the embedded shop, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from actions.shop.errors import KeyReusedError, NotFoundError
from actions.shop.sql import SqlShop
from tests.support.shop import NOW, Clock


def set_stock(shop: SqlShop, sku_id: str, stock: int) -> None:
    with shop.engine.begin() as connection:
        statement = text("UPDATE skus SET stock = :stock WHERE sku_id = :sku")
        connection.execute(statement, {"stock": stock, "sku": sku_id})


async def sold_out(shop: SqlShop, product_id: str) -> str:
    return next(sku.sku_id for sku in (await shop.product(product_id)).skus if sku.stock == 0)


async def test_waiting_for_what_is_sold_out_altogether(shop: SqlShop) -> None:
    found = await shop.watch_stock("p112", sku_id=None, customer_id="u1001", key="k")
    assert (found.in_stock, found.repeated) == (False, False)
    assert found.expected_on == NOW.date() + timedelta(days=6)
    again = await shop.watch_stock("p112", sku_id=None, customer_id="u1001", key="k")
    assert (again.repeated, again.expected_on) == (True, found.expected_on)
    with pytest.raises(KeyReusedError):
        await shop.watch_stock("p101", sku_id=None, customer_id="u1001", key="k")
    assert await shop.stock_watchers("p112") == []


async def test_what_is_there_is_not_waited_for(shop: SqlShop) -> None:
    found = await shop.watch_stock("p101", sku_id=None, customer_id="u1001", key="k")
    assert (found.in_stock, found.expected_on) == (True, None)
    again = await shop.watch_stock("p101", sku_id=None, customer_id="u1001", key="k")
    assert (again.in_stock, again.repeated) == (True, True)
    blue = await sold_out(shop, "p101")
    noted = await shop.watch_stock("p101", sku_id=blue, customer_id="u1001", key="k2")
    assert (noted.in_stock, noted.expected_on) == (False, NOW.date() + timedelta(days=9))
    silent = await shop.watch_stock(
        "p203", sku_id=await sold_out(shop, "p203"), customer_id="u1001", key="k3"
    )
    assert silent.expected_on is None


async def test_watchers_are_told_once(shop: SqlShop, clock: Clock) -> None:
    blue = await sold_out(shop, "p101")
    await shop.watch_stock("p101", sku_id=blue, customer_id="u1001", key="k1")
    clock.forward(minutes=1)
    await shop.watch_stock("p101", sku_id=blue, customer_id="u1002", key="k2")
    assert await shop.stock_watchers("p101") == []  # other colours are there, which nobody waits for
    set_stock(shop, blue, 5)
    assert list(await shop.stock_watchers("p101")) == ["u1005", "u1001", "u1002"]  # longest first
    await shop.told_stock("p101", "u1001", key="t1")
    await shop.told_stock("p101", "u1001", key="t1")
    assert list(await shop.stock_watchers("p101")) == ["u1005", "u1002"]
    set_stock(shop, blue, 0)
    await shop.watch_stock("p101", sku_id=blue, customer_id="u1001", key="k3")
    set_stock(shop, blue, 1)
    assert "u1001" in await shop.stock_watchers("p101")  # she waits again


async def test_another_variants_watch_stays(shop: SqlShop) -> None:
    white, blue = [sku.sku_id for sku in (await shop.product("p112")).skus]
    for sku in (white, blue):
        await shop.watch_stock("p112", sku_id=sku, customer_id="u1001", key=sku)
    set_stock(shop, white, 3)
    assert "u1001" in await shop.stock_watchers("p112")
    await shop.told_stock("p112", "u1001", key="t")
    assert "u1001" not in await shop.stock_watchers("p112")
    set_stock(shop, blue, 3)
    assert list(await shop.stock_watchers("p112")).count("u1001") == 1


async def test_told_although_it_is_gone_again(shop: SqlShop) -> None:
    await shop.watch_stock("p112", sku_id=None, customer_id="u1001", key="k")
    await shop.told_stock("p112", "u1001", key="t")
    for sku in (await shop.product("p112")).skus:
        set_stock(shop, sku.sku_id, 9)
    assert list(await shop.stock_watchers("p112")) == ["u1016"]


async def test_what_does_not_exist(shop: SqlShop) -> None:
    for product, sku, customer in (
        ("p999", None, "u1001"),
        ("\0", None, "u1001"),
        ("p112", "p101-01", "u1001"),
        ("p112", "\0", "u1001"),
        ("p112", None, "nobody"),
    ):
        with pytest.raises(NotFoundError):
            await shop.watch_stock(product, sku_id=sku, customer_id=customer, key="k")
    with pytest.raises(NotFoundError):
        await shop.told_stock("p112", "nobody", key="k")
    for product in ("p999", "", "\0"):
        assert await shop.stock_watchers(product) == []


async def test_twins_wait_once(shop: SqlShop) -> None:
    calls = [shop.watch_stock("p112", sku_id=None, customer_id="u1001", key=f"k{i % 3}") for i in range(6)]
    results = await asyncio.gather(*calls)
    assert sum(result.repeated for result in results) == 3
    with shop.engine.connect() as connection:
        statement = text("SELECT count(*) FROM stock_watches WHERE customer_id = 'u1001'")
        assert connection.execute(statement).scalar_one() == 1
