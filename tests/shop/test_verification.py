"""The last four digits open one order, and cannot be guessed."""

from __future__ import annotations

import asyncio

from sqlalchemy import event, text

from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_numbers
from tests.support.shop import Clock


async def test_the_right_digits_open_the_order(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    tail = order.address.phone[-4:]
    assert await shop.verify_order(order.order_number, tail, source="home")
    for wrong in ("", tail[:3], tail + "0", "abcd", f"{(int(tail) + 1) % 10_000:04d}"):
        assert not await shop.verify_order(order.order_number, wrong, source=f"s{wrong}")


async def test_five_failures_close_an_order_for_an_hour(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    number, tail = order.order_number, order.address.phone[-4:]
    wrong = f"{(int(tail) + 1) % 10_000:04d}"
    for i in range(4):
        assert not await shop.verify_order(number, wrong, source=f"net{i}")
    assert await shop.verify_order(number, tail, source="mine")
    assert not await shop.verify_order(number, wrong, source="net5")
    assert not await shop.verify_order(number, tail, source="mine")
    clock.forward(minutes=59)
    assert not await shop.verify_order(number, tail, source="mine")
    clock.forward(minutes=2)  # tries while it was closed have not prolonged it
    assert await shop.verify_order(number, tail, source="mine")


async def test_five_failures_close_a_source_for_every_order(shop: SqlShop) -> None:
    orders = [await shop.order(number, customer_id=None) for number in order_numbers(shop)[:6]]
    for order in orders[:4]:
        wrong = f"{(int(order.address.phone[-4:]) + 1) % 10_000:04d}"
        assert not await shop.verify_order(order.order_number, wrong, source="thief")
    assert not await shop.verify_order("209901010001", "1234", source="thief")  # unknown orders count, too
    tail = orders[5].address.phone[-4:]
    assert not await shop.verify_order(orders[5].order_number, tail, source="thief")
    assert await shop.verify_order(orders[5].order_number, tail, source="owner")


async def test_an_unknown_order_costs_the_same_work(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    wrong = f"{(int(order.address.phone[-4:]) + 1) % 10_000:04d}"
    work: list[str] = []
    event.listen(shop.engine, "before_cursor_execute", lambda *args: work.append(args[2]))
    await shop.verify_order(order.order_number, wrong, source="a")
    known, work[:] = list(work), []
    await shop.verify_order("209901010001", wrong, source="b")
    known = [statement for statement in known if not statement.startswith("DELETE")]  # pruning, once
    assert work == known


async def test_parallel_guesses_count_all(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    tail = int(order.address.phone[-4:])
    guesses = [f"{(tail + i) % 10_000:04d}" for i in range(1, 13)]
    answers = await asyncio.gather(
        *(shop.verify_order(order.order_number, guess, source=f"n{guess}") for guess in guesses)
    )
    assert not any(answers)
    with shop.engine.connect() as connection:
        failed = connection.execute(text("SELECT count(*) FROM attempts WHERE failed")).scalar_one()
    assert failed == 5


async def test_neither_order_nor_source_is_stored_readably(shop: SqlShop) -> None:
    await shop.verify_order("209901010001", "1234", source="203.0.113.9")
    with shop.engine.connect() as connection:
        row = connection.execute(text("SELECT order_hash, source_hash FROM attempts")).one()
    assert "2099" not in row.order_hash
    assert "203" not in row.source_hash or len(row.source_hash) == 32
