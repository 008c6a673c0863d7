"""Delivery times in the embedded shop, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from actions.shop.errors import KeyReusedError, NotFoundError, RuleError
from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_with
from tests.support.shop import NOW, Clock


async def test_the_demo_has_a_case_of_each(read_shop: SqlShop) -> None:
    door = await order_with(read_shop, "u1029", "p207")
    shipped, paid = await order_in(read_shop, OrderState.SHIPPED), await order_in(read_shop, OrderState.PAID)
    delivered = await order_in(read_shop, OrderState.DELIVERED)
    unpaid = await order_in(read_shop, OrderState.UNPAID)
    rules = {
        door.order_number: "out_for_delivery",
        shipped.order_number: "open",
        paid.order_number: "open",
        delivered.order_number: "already_delivered",
        unpaid.order_number: "not_paid",
    }
    for number, rule in rules.items():
        offer = await read_shop.delivery_slots(number, customer_id=None)
        assert (offer.rule, offer.allowed, bool(offer.slots)) == (rule, rule == "open", rule == "open")


async def test_a_slot_is_booked_and_changed(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    number, owner = order.order_number, order.customer_id
    slots = (await shop.delivery_slots(number, customer_id=owner)).slots
    first = await shop.choose_slot(number, slots[1].slot_id, customer_id=owner, key="k1")
    assert (first.repeated, first.slot) == (False, slots[1])
    assert (first.order.slot_starts_at, first.order.slot_ends_at) == (slots[1].starts_at, slots[1].ends_at)
    assert (await shop.delivery_slots(number, customer_id=owner)).chosen == slots[1]
    clock.forward(minutes=5)
    second = await shop.choose_slot(number, slots[4].slot_id, customer_id=owner, key="k2")
    assert second.order.slot_starts_at == slots[4].starts_at
    again = await shop.choose_slot(number, slots[1].slot_id, customer_id=owner, key="k1")
    assert (again.repeated, again.slot) == (True, slots[1])  # what that write booked
    assert again.order.slot_starts_at == slots[4].starts_at  # what is booked now
    listed = {o.order_number: o.slot_starts_at for o in await shop.orders(owner)}
    assert listed[number] == slots[4].starts_at
    with pytest.raises(KeyReusedError):
        await shop.choose_slot(number, slots[2].slot_id, customer_id=owner, key="k1")


async def test_a_slot_that_is_gone_books_nothing(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.PAID)
    number = order.order_number
    slot = (await shop.delivery_slots(number, customer_id=None)).slots[0]
    clock.now = slot.starts_at
    with pytest.raises(RuleError, match="slot_gone"):
        await shop.choose_slot(number, slot.slot_id, customer_id=None, key="k")
    assert (await shop.order(number, customer_id=None)).slot_starts_at is None
    door = await order_with(shop, "u1029", "p207")
    with pytest.raises(RuleError, match="out_for_delivery"):
        await shop.choose_slot(door.order_number, slot.slot_id, customer_id=None, key="k")


async def test_an_order_of_somebody_else(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    slot = (await shop.delivery_slots(order.order_number, customer_id=None)).slots[0]
    with pytest.raises(NotFoundError):
        await shop.delivery_slots(order.order_number, customer_id="u1001")
    with pytest.raises(NotFoundError):
        await shop.choose_slot(order.order_number, slot.slot_id, customer_id="u1001", key="k")
    assert (await shop.order(order.order_number, customer_id=None)).slot_starts_at is None


async def test_twins_book_once(shop: SqlShop) -> None:
    number = (await order_in(shop, OrderState.SHIPPED)).order_number
    slot = (await shop.delivery_slots(number, customer_id=None)).slots[3]
    calls = [shop.choose_slot(number, slot.slot_id, customer_id=None, key="k") for _ in range(5)]
    results = await asyncio.gather(*calls)
    assert sorted(result.repeated for result in results) == [False] + [True] * 4
    assert {result.slot for result in results} == {slot}


async def test_late_orders(read_shop: SqlShop) -> None:
    late = await read_shop.late_orders()
    assert len(late) >= 2
    assert [one.promised_by for one in late] == sorted(one.promised_by for one in late)
    for one in late:
        parcel = one.order.shipment
        assert parcel is not None
        assert one.order.state in (OrderState.SHIPPED, OrderState.EXCEPTION)
        assert one.promised_by < NOW or parcel.expected_by > one.promised_by
        assert one.expected_by is None or one.expected_by > NOW
    numbers = [one.order.order_number for one in late]
    assert (await order_with(read_shop, "u1012", "p601")).order_number in numbers
    assert (await order_with(read_shop, "u1001", "p105")).order_number not in numbers
    assert [one.order.order_number for one in await read_shop.late_orders(limit=1)] == numbers[:1]
    assert await read_shop.late_orders(limit=0) == []


async def test_late_orders_are_forgotten_after_two_weeks(shop: SqlShop, clock: Clock) -> None:
    on_time = await order_with(shop, "u1001", "p105")
    assert on_time.shipment is not None
    clock.now = on_time.shipment.promised_by + timedelta(minutes=1)
    found = {one.order.order_number: one for one in await shop.late_orders()}
    assert found[on_time.order_number].expected_by is None  # nobody says when it comes now
    clock.now = on_time.shipment.promised_by + timedelta(days=14, minutes=1)
    assert on_time.order_number not in {one.order.order_number for one in await shop.late_orders()}


async def test_who_chose_a_later_time_is_not_told_of_a_late_parcel(shop: SqlShop, clock: Clock) -> None:
    order = await order_with(shop, "u1012", "p601")
    number = order.order_number
    assert number in {one.order.order_number for one in await shop.late_orders()}
    slot = (await shop.delivery_slots(number, customer_id=None)).slots[-1]
    await shop.choose_slot(number, slot.slot_id, customer_id=None, key="k")
    assert number not in {one.order.order_number for one in await shop.late_orders()}
    clock.now = slot.ends_at + timedelta(minutes=1)
    [again] = [one for one in await shop.late_orders() if one.order.order_number == number]
    assert again.promised_by == slot.ends_at
