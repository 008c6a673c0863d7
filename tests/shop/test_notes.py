"""A note for those who pack an order: until dispatch, one for each order, sealed, erased."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from actions.shop.errors import KeyReusedError, NotFoundError, RuleError
from actions.shop.models import NOTE_LENGTH, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in

WISH = "放门口，不要按门铃"


async def test_a_note_stands_with_the_order_and_the_next_replaces_it(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    assert order.note is None
    owner = {"customer_id": order.customer_id}
    first = await shop.note_order(order.order_number, f"  {WISH}\n谢谢\0 ", **owner, key="n1")
    assert (first.order.note, first.repeated) == (f"{WISH} 谢谢", False)
    second = await shop.note_order(order.order_number, "包两层", **owner, key="n2")
    assert second.order.note == "包两层"
    assert (await shop.order(order.order_number, **owner)).note == "包两层"
    again = await shop.note_order(order.order_number, "包两层", **owner, key="n2")
    assert again.repeated
    with pytest.raises(KeyReusedError):
        await shop.note_order(order.order_number, "包三层", **owner, key="n2")
    taken_off = await shop.note_order(order.order_number, "  ", **owner, key="n3")
    assert taken_off.order.note is None


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (OrderState.SHIPPED, "already_shipped"),
        (OrderState.EXCEPTION, "already_shipped"),
        (OrderState.DELIVERED, "already_shipped"),
        (OrderState.REFUNDING, "order_closed"),
        (OrderState.REFUNDED, "order_closed"),
        (OrderState.CANCELLED, "order_closed"),
    ],
)
async def test_what_has_left_or_ended_takes_no_note(shop: SqlShop, state: OrderState, rule: str) -> None:
    order = await order_in(shop, state)
    with pytest.raises(RuleError) as refused:
        await shop.note_order(order.order_number, WISH, customer_id=None, key="n")
    assert refused.value.rule == rule
    assert (await shop.order(order.order_number, customer_id=None)).note == order.note


async def test_a_note_is_as_long_as_the_slip_and_no_longer(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.UNPAID)
    with pytest.raises(RuleError) as refused:
        await shop.note_order(order.order_number, "长" * (NOTE_LENGTH + 1), customer_id=None, key="n")
    assert refused.value.rule == "note_too_long"
    kept = await shop.note_order(order.order_number, "长" * NOTE_LENGTH, customer_id=None, key="n")
    assert kept.order.note == "长" * NOTE_LENGTH


async def test_nobody_notes_on_an_order_of_somebody_else(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    other = "u1001" if order.customer_id != "u1001" else "u1003"
    with pytest.raises(NotFoundError):
        await shop.note_order(order.order_number, WISH, customer_id=other, key="n")


async def test_a_note_is_sealed_at_rest_and_goes_with_the_customer(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    await shop.note_order(order.order_number, WISH, customer_id=None, key="n")
    number = {"number": order.order_number}
    stored = text("SELECT note FROM orders WHERE order_number = :number")
    with shop.engine.connect() as connection:
        assert WISH[:3] not in connection.execute(stored, number).scalar_one()
    await shop.erase_customer(order.customer_id)
    with shop.engine.connect() as connection:
        assert connection.execute(stored, number).scalar_one() is None
