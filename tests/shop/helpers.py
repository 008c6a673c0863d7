"""Finds the demo orders that a test needs."""

from __future__ import annotations

from actions.shop.models import Order, OrderState
from actions.shop.seed.plans import read_people
from actions.shop.sql import SqlShop


async def all_orders(shop: SqlShop) -> list[Order]:
    """Return every order of every demo customer."""
    people = read_people()
    return [order for person in people for order in await shop.orders(person.customer_id, limit=1000)]


async def order_in(shop: SqlShop, state: OrderState, **wanted: object) -> Order:
    """Return an order in a state, with the attributes wanted."""
    for order in await all_orders(shop):
        if order.state is state and all(getattr(order, name) == value for name, value in wanted.items()):
            return order
    raise LookupError(f"the demo shop has no {state.value} order with {wanted}")
