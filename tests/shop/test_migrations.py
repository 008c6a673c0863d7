"""The migrations with data in the tables, up and down, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, inspect, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.future import Engine

from actions.shop.database import downgrade, open_engine, upgrade, upgrade_engine
from actions.shop.models import AfterSaleKind
from actions.shop.seed.demo import seed_demo
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_with
from tests.support.shop import VAULT, Clock

pytestmark = pytest.mark.slow


def contents(url: str, columns: dict[str, list[str]]) -> dict[str, Counter[tuple[str, ...]]]:
    """Return all rows by table, of these columns, as the database holds them (sealed)."""
    engine = open_engine(url, None)
    try:
        with engine.connect() as connection:
            return {
                table: Counter(
                    tuple(map(str, row))
                    for row in connection.execute(text(f"SELECT {', '.join(names)} FROM {table}"))
                )
                for table, names in columns.items()
            }
    finally:
        engine.dispose()


def columns_of(url: str) -> dict[str, list[str]]:
    engine = open_engine(url, None)
    found = inspect(engine)
    tables = {name: sorted(c["name"] for c in found.get_columns(name)) for name in found.get_table_names()}
    engine.dispose()
    del tables["alembic_version"]
    return tables


def keys_of(url: str) -> dict[str, tuple[Any, ...]]:
    """Return what a copy of a table may lose: keys, indexes, constraints, what may be null."""
    engine = open_engine(url, None)
    found = inspect(engine)
    keys = {
        name: (
            found.get_pk_constraint(name)["constrained_columns"],
            sorted((k["constrained_columns"], k["referred_table"]) for k in found.get_foreign_keys(name)),
            sorted((i["name"], tuple(i["column_names"]), bool(i["unique"])) for i in found.get_indexes(name)),
            sorted(c["name"] for c in found.get_check_constraints(name)),
            sorted((c["name"], c["nullable"]) for c in found.get_columns(name)),
        )
        for name in found.get_table_names()
        if name != "alembic_version"
    }
    engine.dispose()
    return keys


async def test_down_and_up_with_all_the_demo_data(empty_url: str) -> None:
    upgrade(empty_url, "0001")
    old_columns, old_keys = columns_of(empty_url), keys_of(empty_url)
    upgrade(empty_url)
    new_keys = keys_of(empty_url)
    seed_demo(empty_url, VAULT, Clock())
    before = contents(empty_url, old_columns)
    assert all(before[table] for table in ("orders", "after_sales", "after_sale_steps", "coupons"))
    shop = SqlShop(empty_url, VAULT, Clock())
    order = await order_with(shop, "u1028", "p205")
    repair = (
        await shop.request_repair(order.order_number, "p205", "不吸", customer_id=None, key="r")
    ).request
    await shop.close()

    downgrade(empty_url, "0001")

    assert columns_of(empty_url) == old_columns
    assert keys_of(empty_url) == old_keys
    assert contents(empty_url, old_columns) == before  # the repair went, with its steps and its key

    upgrade(empty_url)

    assert keys_of(empty_url) == new_keys
    assert contents(empty_url, old_columns)["orders"] == before["orders"]
    shop = SqlShop(empty_url, VAULT, Clock())
    assert repair not in await shop.after_sales("u1028")
    again = await shop.request_repair(order.order_number, "p205", "不吸", customer_id=None, key="r")
    assert not again.repeated  # its key went with it
    assert again.request.kind is AfterSaleKind.REPAIR
    assert (await shop.customer("u1028")).name == "冯秀兰"  # still opened by its key
    await shop.close()


@pytest.mark.parametrize(
    ("revision", "kind", "admitted"),
    [
        ("0001", "repair", False),
        ("0002", "repair", True),
        ("0002", "gift", False),
        ("0001", "exchange", True),
    ],
)
def test_which_requests_a_schema_admits(empty_url: str, revision: str, kind: str, admitted: bool) -> None:
    upgrade(empty_url)
    seed_demo(empty_url, VAULT, Clock())
    downgrade(empty_url, revision)
    engine: Engine = open_engine(empty_url, None)
    change = text("UPDATE after_sales SET kind = :kind")
    with engine.connect() as connection:
        if admitted:
            connection.execute(change, {"kind": kind})
        else:
            with pytest.raises(IntegrityError):
                connection.execute(change, {"kind": kind})
    engine.dispose()


def test_the_first_schema_goes_down_to_nothing_with_data(empty_url: str) -> None:
    upgrade(empty_url)
    seed_demo(empty_url, VAULT, Clock())
    downgrade(empty_url, "0001")
    assert contents(empty_url, {"orders": ["order_number"]})["orders"]
    downgrade(empty_url, "base")
    assert columns_of(empty_url) == {}


def test_foreign_keys_hold_after_a_migration_in_memory() -> None:
    engine = open_engine("sqlite://", VAULT)
    upgrade_engine(engine)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
        urges = Table("urges", MetaData(), autoload_with=connection)
        with pytest.raises(IntegrityError):
            connection.execute(urges.insert().values(order_number="1", at=Clock().now, customer_id="u"))
    engine.dispose()
