"""Fills, resets and describes the demo shop."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from actions.shop.columns import SHANGHAI
from actions.shop.database import WRITES, open_engine
from actions.shop.models import OrderState
from actions.shop.policy_book import policy_rows
from actions.shop.policy_file import delivered_topics
from actions.shop.rules import end_of_day
from actions.shop.schema import CustomerRow
from actions.shop.seed.catalogue import Row, catalogue_rows
from actions.shop.seed.plans import Person, past_orders, read_people, seed_texts
from actions.shop.seed.services import add_services
from actions.shop.seed.timeline import Timeline, address_row, phone_of
from actions.shop.sql import shanghai_now
from actions.shop.tables import Base
from persona.privacy.vault import Vault

DEMO_SEED = 20261111

_MOVING = {OrderState.SHIPPED, OrderState.EXCEPTION}


@dataclass(frozen=True)
class DemoCustomer:
    """A customer that the demo page offers to be."""

    customer_id: str
    display_name: str
    hint: str  # e.g. "金卡会员 · 2 个在途订单"; never says how the customer is read


def demo_customers() -> list[DemoCustomer]:
    """Return the demo customers in the order of the picker, without opening the shop."""
    return [DemoCustomer(person.customer_id, person.name, _hint(person)) for person in read_people()]


def _hint(person: Person) -> str:
    words, hints = seed_texts(), seed_texts()["hints"]
    states = [order.state for order in person.orders]
    counts = {
        "unpaid": states.count(OrderState.UNPAID),
        "paid": states.count(OrderState.PAID),
        "moving": sum(state in _MOVING for state in states),
        "refunding": states.count(OrderState.REFUNDING),
    }
    parts = [hints[name].format(n=count) for name, count in counts.items() if count]
    if not parts and states:
        parts = [hints["delivered"]]
    if not states:
        parts = [hints["quiet"] if person.past else hints["none"]]
    who = hints["new"] if person.habit == "new" else words["levels"][person.level]
    return " · ".join([who, *parts])


def seed_demo(
    url: str, vault: Vault, clock: Callable[[], datetime] = shanghai_now, seed: int = DEMO_SEED
) -> bool:
    """Fill an empty shop whose schema is up to date; a shop with customers is left alone.

    Returns:
        whether anything was written.
    """
    engine = open_engine(url, vault)
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            if connection.execute(select(CustomerRow.customer_id).limit(1)).first() is not None:
                return False
            _fill(connection, vault, clock(), seed)
            return True
    finally:
        engine.dispose()


def reset_demo(
    url: str, vault: Vault, clock: Callable[[], datetime] = shanghai_now, seed: int = DEMO_SEED
) -> None:
    """Delete all that is in the shop and fill it anew, in one transaction."""
    engine = open_engine(url, vault)
    try:
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(table.delete())
            _fill(connection, vault, clock(), seed)
    finally:
        engine.dispose()


def _fill(connection: Connection, vault: Vault, now: datetime, seed: int) -> None:
    rows = demo_rows(vault, now, seed)
    for table in Base.metadata.sorted_tables:
        if rows.get(table.name):
            connection.execute(table.insert(), rows[table.name])


def demo_rows(vault: Vault, now: datetime, seed: int = DEMO_SEED) -> dict[str, list[Row]]:
    """Return all rows of the demo shop by table; the same for the whole day of `now`."""
    midnight = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    timeline = Timeline(midnight, seed, vault)
    rows = timeline.rows
    rows.update(catalogue_rows(midnight.date(), random.Random(f"{seed}:stock")))
    rows["settings"].append({"name": "service_hours", "value": dict(seed_texts()["service_hours"])})
    for person in read_people():
        _add_person(timeline, person, midnight, seed)
    add_services(rows, midnight)
    rows["policies"] = policy_rows(delivered_topics().values())
    return rows


def _add_person(timeline: Timeline, person: Person, midnight: datetime, seed: int) -> None:
    rng = random.Random(f"{seed}:{person.customer_id}")
    phone = phone_of(seed, person.customer_id)
    address = address_row(person, phone)
    days = person.registered or (rng.randint(400, 1500) if person.past else 6)
    timeline.rows["customers"].append(
        {
            "customer_id": person.customer_id,
            "name": person.name,
            "phone": phone,
            "level": person.level,
            "points": person.points,
            "points_expiring": person.points // 10,
            "points_expire_on": midnight.date().replace(month=12, day=31) if person.points >= 10 else None,
            "registered_at": midnight - timedelta(days=days, minutes=rng.randint(60, 600)),
            "birthday": person.born.isoformat() if person.born else None,
        }
    )
    timeline.rows["addresses"].append({**address, "customer_id": person.customer_id, "is_default": True})
    for index in range({"lively": 3, "new": 1}.get(person.habit, rng.randint(0, 2))):
        timeline.rows["coupons"].append(_coupon(person, index, midnight, rng))
    orders = [*past_orders(person, rng), *person.orders]
    for index, plan in enumerate(orders):
        timeline.add_order(person, index, plan, address)


def _coupon(person: Person, index: int, midnight: datetime, rng: random.Random) -> dict[str, Any]:
    amount, minimum = rng.choice(((10, 99), (20, 199), (50, 499)))
    scope = rng.choice(("all", "all", "beauty", "clothing"))
    return {
        "coupon_id": f"c{person.customer_id[1:]}{index}",
        "customer_id": person.customer_id,
        "amount": Decimal(amount),
        "minimum": Decimal(minimum),
        "scope": scope,
        "valid_until": end_of_day(midnight, rng.randint(5, 40)),
        "used": False,
        "name": seed_texts()["coupons"][scope],
    }
