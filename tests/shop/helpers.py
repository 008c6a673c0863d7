"""Finds the demo orders that a test needs."""

from __future__ import annotations

from sqlalchemy import select

from actions.shop.models import Order, OrderState
from actions.shop.schema import OrderRow
from actions.shop.sql import SqlShop


def order_numbers(shop: SqlShop, *criteria: object) -> list[str]:
    """Return the numbers of the demo orders that fit, the oldest first."""
    with shop.engine.connect() as connection:
        statement = select(OrderRow.order_number).where(*criteria).order_by(OrderRow.order_number)
        return list(connection.execute(statement).scalars())


async def order_in(shop: SqlShop, state: OrderState, customer_id: str | None = None) -> Order:
    """Return the newest order in a state, of one customer where one is named."""
    owner = [OrderRow.customer_id == customer_id] if customer_id else []
    numbers = order_numbers(shop, OrderRow.state == state.value, *owner)
    return await shop.order(numbers[-1], customer_id=None)


async def order_with(shop: SqlShop, customer_id: str, product_id: str) -> Order:
    """Return the customer's newest order with that product."""
    orders = await shop.orders(customer_id, limit=100)
    return next(o for o in orders if any(item.product_id == product_id for item in o.items))
