"""The shop of the cases: filled once, put back before every run, and looked at row by row.

Putting back is a copy of pages (`sqlite3`'s backup, one transaction of milliseconds), so that each of the
hundreds of runs finds the same orders under the same numbers. Only the customer is somebody new each time:
what the record keeps of her over conversations (belief, requests, notices told) belongs to that run alone.

What changed is found by comparing all rows with the first ones, so a write that nobody expected is found too.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.engine import Engine

from actions.shop.database import open_engine
from actions.shop.models import Order
from actions.shop.sql import SqlShop
from actions.shop.tables import Base
from persona.privacy.vault import Vault

#: Tables that tell how writing is done, not what was done, and those that no shopper writes to.
_INNER = {"writes", "attempts", "after_sale_steps"}
_INNER |= {"policies", "policy_versions", "categories", "products", "price_points", "reviews", "browses"}
#: Columns that are drawn by lot, or name what the row's label names already.
_UNTOLD = {"request_number", "claim_id", "customer_id", "order_number", "coupon_id"}
#: Between the customer's name and the number of the run.
_RUN = "-run"

_Key = tuple[Any, ...]


class CaseShop:
    """The embedded shop of a running stack, under a test's control.

    Args:
        path: its SQLite file, filled with the demo data.
        keys: the data keys.
    """

    def __init__(self, path: Path, keys: str) -> None:
        before = path.with_name("shop-before.db")
        self._runs = count(1)
        self._file = sqlite3.connect(path)
        self._file.execute("PRAGMA synchronous = OFF")
        with self._file:  # whether people are on duty is no question of the hour at which tests run
            hours = json.dumps({"opens": "00:00", "closes": "00:00", "answer_minutes": 15})
            self._file.execute("UPDATE settings SET value = ? WHERE name = 'service_hours'", (hours,))
        with closing(sqlite3.connect(before)) as copy:
            self._file.backup(copy)
        self._file.execute("ATTACH ? AS before", (str(before),))
        vault = Vault.from_text(keys)
        self._live = open_engine(f"sqlite:///{path}", vault)
        self._base = open_engine(f"sqlite:///{before}", vault)
        self._name = ("", "")
        customers = [str(row[0]) for row in self._file.execute("SELECT customer_id FROM customers")]
        self.orders = asyncio.run(_orders(SqlShop(f"sqlite:///{before}", vault), customers))
        self._products = {
            order.order_number: product
            for orders in self.orders.values()
            for product, order in orders.items()
            if product == order.items[0].product_id
        }

    def close(self) -> None:
        """Release the files."""
        self._file.close()
        self._live.dispose()
        self._base.dispose()

    def put_back(self, customer_id: str) -> str:
        """Make everything as it was, and return the name that the customer has in this run."""
        name = f"{customer_id}{_RUN}{next(self._runs)}" if customer_id else ""
        with closing(sqlite3.connect(":memory:")) as copy:
            self._file.backup(copy, name="before")
            for table in Base.metadata.sorted_tables:
                if name and "customer_id" in table.c:
                    rename = f"UPDATE {table.name} SET customer_id = ? WHERE customer_id = ?"
                    copy.execute(rename, (name, customer_id))
            copy.commit()
            copy.backup(self._file)
        self._name = (name, customer_id)
        return name

    def changes(self) -> dict[str, dict[str, Any]]:
        """Return what is different now: new values of changed rows, whole new rows, by table and label."""
        changed: dict[str, dict[str, Any]] = {}
        for table in Base.metadata.sorted_tables:
            if table.name in _INNER:
                continue
            gone, come = self._differing(table)
            for key in gone | come:
                old = self._row(self._base, table.name, key) if key in gone else None
                new = self._row(self._live, table.name, self._of_this_run(key)) if key in come else None
                told = _difference(old, new)
                if told:
                    changed[self._label(table.name, key, new or old or {})] = told
        return changed

    def _differing(self, table: Any) -> tuple[set[_Key], set[_Key]]:
        """Return the keys of rows as they were and are no more, and as they are and were not."""
        columns = [column.name for column in table.columns]
        name, customer_id = self._name
        hers = f"CASE customer_id WHEN '{name}' THEN '{customer_id}' ELSE customer_id END"
        now = ", ".join(hers if column == "customer_id" and name else column for column in columns)
        live = f"SELECT {now} FROM main.{table.name}"
        before = f"SELECT {', '.join(columns)} FROM before.{table.name}"
        places = [columns.index(column.name) for column in table.primary_key]

        def keys(query: str) -> set[_Key]:
            return {tuple(row[place] for place in places) for row in self._file.execute(query)}

        return keys(f"{before} EXCEPT {live}"), keys(f"{live} EXCEPT {before}")

    def names(self, customer_id: str) -> dict[str, Any]:
        """Return what `{…}` in a case may name."""
        own = self.orders.get(customer_id, {})
        tails = {product: order.address.phone[-4:] for product, order in own.items()}
        foreign = {
            name: {product: order.address.phone[-4:] for product, order in orders.items()}
            for name, orders in self.orders.items()
        }
        return {**self.orders, **own, "tail": {**foreign, **tails}}

    def _of_this_run(self, key: _Key) -> _Key:
        name, customer_id = self._name
        return tuple(name if name and part == customer_id else part for part in key)

    @staticmethod
    def _row(engine: Engine, name: str, key: _Key) -> dict[str, Any]:
        table = Base.metadata.tables[name]
        where = []
        for column, part in zip(table.primary_key, key, strict=True):
            read = column.type.dialect_impl(engine.dialect).result_processor(engine.dialect, None)
            where.append(column == (read(part) if read else part))
        with engine.connect() as connection:
            found = connection.execute(select(table).where(and_(*where))).mappings().one()
            return {column: plain(value) for column, value in found.items()}

    def _label(self, table: str, key: _Key, row: Mapping[str, Any]) -> str:
        if number := row.get("order_number"):
            what = self._products.get(str(number), str(number))
        elif table == "coupons":
            what = str(row["promotion_id"] or row["name"])
        else:
            own = {row.get("customer_id"), *self._name}
            what = " ".join(str(part) for part in key if part not in own and part != "") or "hers"
        if table in ("invoices", "payments", "price_claims"):
            what += f" {key[-1]}"
        return f"{table} {what}"


def _difference(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    if new is None:
        return {"": "gone"}
    told = {name: value for name, value in new.items() if name not in _UNTOLD}
    if old is None:
        return {"": "new", **{name: value for name, value in told.items() if value is not None}}
    return {name: value for name, value in told.items() if value != old[name]}


async def _orders(shop: SqlShop, customers: list[str]) -> dict[str, dict[str, Order]]:
    """Return each customer's newest order of each product, as the gateway tells them."""
    try:
        return {
            customer: {
                item.product_id: order
                for order in reversed(await shop.orders(customer, limit=50))
                for item in reversed(order.items)
            }
            for customer in customers
        }
    finally:
        await shop.close()


def plain(value: Any) -> Any:
    """Return a value as YAML has it: money and moments as text, codes for enums."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (str, int, float, list, dict)) or value is None:
        return value
    return str(value)
