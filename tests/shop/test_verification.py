"""The last four digits open one order, the account's whole number tells its owner; neither can be guessed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
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


def another(phone: str) -> str:
    return phone[:-1] + str((int(phone[-1]) + 1) % 10)


@pytest.mark.parametrize("form", ["{}", " {} ", "+86 {}", "0086{}", "86-{}"])
async def test_the_number_of_her_account_tells_the_owner(shop: SqlShop, form: str) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    phone = (await shop.customer(order.customer_id)).phone
    given = form.format(phone)
    assert await shop.verify_owner(order.order_number, given, source="home") == order.customer_id


async def test_neither_digits_nor_the_recipients_number_tell_the_owner(shop: SqlShop) -> None:
    """A gift: its recipient knows the order's number and her own, and opens that one order with them."""
    order = await order_in(shop, OrderState.PAID)
    phone = (await shop.customer(order.customer_id)).phone
    gift = replace(order.address, phone=another(phone))
    number = order.order_number
    await shop.change_address(number, gift, customer_id=order.customer_id, key="gift")
    assert await shop.verify_order(number, gift.phone[-4:], source="friend")
    for at, wrong in enumerate((gift.phone, phone[-4:], "")):
        assert await shop.verify_owner(number, wrong, source=f"friend{at}") is None
    assert await shop.verify_owner(number, phone, source="home") == order.customer_id


async def test_failures_of_both_questions_count_together(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    number, tail = order.order_number, order.address.phone[-4:]
    phone = (await shop.customer(order.customer_id)).phone
    for at in range(2):
        assert not await shop.verify_order(number, another(tail), source=f"a{at}")
    for at in range(3):
        assert await shop.verify_owner(number, another(phone), source=f"b{at}") is None
    assert await shop.verify_owner(number, phone, source="mine") is None
    assert not await shop.verify_order(number, tail, source="mine")
    clock.forward(minutes=61)
    assert await shop.verify_owner(number, phone, source="mine") == order.customer_id


async def test_a_source_that_guessed_owners_is_closed_for_every_order(shop: SqlShop) -> None:
    orders = [await shop.order(number, customer_id=None) for number in order_numbers(shop)[:5]]
    for order in orders[:4]:
        phone = (await shop.customer(order.customer_id)).phone
        assert await shop.verify_owner(order.order_number, another(phone), source="thief") is None
    assert await shop.verify_owner("209901010001", "13800001234", source="thief") is None
    phone = (await shop.customer(orders[4].customer_id)).phone
    assert await shop.verify_owner(orders[4].order_number, phone, source="thief") is None
    assert await shop.verify_owner(orders[4].order_number, phone, source="home") == orders[4].customer_id


async def test_an_unknown_orders_owner_costs_the_same_work(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    work: list[str] = []
    event.listen(shop.engine, "before_cursor_execute", lambda *args: work.append(args[2]))
    await shop.verify_owner(order.order_number, "13800001234", source="a")
    known, work[:] = list(work), []
    await shop.verify_owner("209901010001", "13800001234", source="b")
    assert work == [statement for statement in known if not statement.startswith("DELETE")]


async def test_asking_whether_it_can_be_asked_counts_nothing(shop: SqlShop) -> None:
    for _ in range(6):
        assert await shop.verify_owner("", "", source="home") is None
    order = await order_in(shop, OrderState.SHIPPED)
    phone = (await shop.customer(order.customer_id)).phone
    assert await shop.verify_owner(order.order_number, phone, source="home") == order.customer_id
