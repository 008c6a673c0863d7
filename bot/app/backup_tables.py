"""Rows as a backup carries them: the same for every kind of database, and exact.

What a table holds is not read from the code of today but from an empty database that was brought to the
backup's own revision: so an old backup is read as it was written, and then migrated like any old database.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

from bot.app.schemas import Schema, SchemaError, migrate

_BATCH = 500


@dataclass(frozen=True)
class Shape:
    """A table of a revision.

    Attributes:
        name: the table's.
        columns: name and kind of each column, in order.
        key: the columns of its primary key.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]

    def table(self) -> sa.Table:
        """Return the table as rows are read and written through it."""
        return sa.Table(
            self.name, sa.MetaData(), *(sa.Column(name, _TYPES[kind]()) for name, kind in self.columns)
        )

    def select(self, dialect: str) -> Any:
        """Return the query of all rows, in the order of the key."""
        table = self.table()
        postgres = dialect == "postgresql"
        columns = [
            # The text of a JSON value as it is stored: parsed and written anew it could be another one.
            sa.cast(table.c[name], sa.Text).label(name) if kind == "json" and postgres else table.c[name]
            for name, kind in self.columns
        ]
        kinds = dict(self.columns)
        order = [
            sa.collate(table.c[name], "C") if kinds[name] == "text" and postgres else table.c[name]
            for name in self.key
        ]
        return sa.select(*columns).order_by(*order)

    def rows(self, connection: Connection) -> Iterator[tuple[list[Any], str]]:
        """Yield all rows: the values that JSON carries, and the line that they are."""
        writers = [_WRITERS.get(kind) for _, kind in self.columns]
        query = self.select(connection.dialect.name)
        result = connection.execution_options(stream_results=True).execute(query)
        for batch in result.partitions(_BATCH):
            for row in batch:
                values = [
                    value if value is None or write is None else write(value)
                    for value, write in zip(row, writers, strict=True)
                ]
                yield values, json.dumps(values, separators=(",", ":"))

    def read(self, line: str) -> dict[str, Any]:
        """Return a row from its line.

        Raises:
            ValueError: the line is no row of this table.
        """
        values = json.loads(line)
        if not isinstance(values, list) or len(values) != len(self.columns):
            raise ValueError("a row has another number of columns")
        row = {}
        for value, (name, kind) in zip(values, self.columns, strict=True):
            read = _READERS.get(kind)
            row[name] = value if value is None or read is None else read(value)
            if row[name] is not None and not isinstance(row[name], _PLAIN[kind]):
                raise ValueError(f"{name} is no {kind}")
        return row

    def load(self, connection: Connection, lines: Iterator[str]) -> int:
        """Insert rows; return how many."""
        insert = self.table().insert()
        count = 0
        batch: list[dict[str, Any]] = []
        for line in lines:
            batch.append(self.read(line))
            count += 1
            if len(batch) == _BATCH:
                connection.execute(insert, batch)
                batch = []
        if batch:
            connection.execute(insert, batch)
        self._continue_numbers(connection)
        return count

    def _continue_numbers(self, connection: Connection) -> None:
        """Let PostgreSQL count on from the highest number that was inserted; SQLite does so by itself."""
        if connection.dialect.name != "postgresql" or len(self.key) != 1:
            return
        (key,) = self.key
        if dict(self.columns)[key] != "int":
            return
        sequence = connection.execute(
            sa.text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": self.name, "column": key}
        ).scalar()
        if sequence is not None:
            column = self.table().c[key]
            highest = connection.execute(sa.select(sa.func.max(column))).scalar()
            if highest is not None:
                connection.execute(
                    sa.text("SELECT setval(:sequence, :value)"), {"sequence": sequence, "value": highest}
                )


@lru_cache
def shapes(schema: Schema, revision: str) -> tuple[Shape, ...]:
    """Return the tables of a revision, each after those that its foreign keys point to."""
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.connect() as connection, connection.begin():
            migrate(schema, connection, "upgrade", revision)
            found = sa.MetaData()
            found.reflect(connection)
        return tuple(
            Shape(
                table.name,
                tuple((column.name, _kind(table.name, column)) for column in table.columns),
                tuple(column.name for column in table.primary_key.columns),
            )
            for table in found.sorted_tables
            if table.name != schema.version_table
        )
    finally:
        engine.dispose()


def differences(connection: Connection, expected: Sequence[Shape]) -> list[str]:
    """Return what a database lacks, or has too much, of the tables that it should have."""
    inspector = sa.inspect(connection)
    there = set(inspector.get_table_names())
    problems = []
    for shape in expected:
        if shape.name not in there:
            problems.append(f"table {shape.name} is missing")
            continue
        columns = {column["name"] for column in inspector.get_columns(shape.name)}
        wanted = {name for name, _ in shape.columns}
        if columns != wanted:
            problems.append(f"table {shape.name} has other columns: {', '.join(sorted(columns ^ wanted))}")
    return problems


def _kind(table: str, column: Any) -> str:
    for kind, types in _KINDS:
        if isinstance(column.type, types):
            return kind
    raise SchemaError(f"no backup can carry {table}.{column.name}: {column.type!r}")


def _moment(value: datetime) -> str:
    """Return a moment in UTC; what a database holds without a zone is UTC in all rooms."""
    aware = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


def _read_moment(text: str) -> datetime:
    if not text.endswith("Z"):
        raise ValueError("a moment is not in UTC")
    return datetime.fromisoformat(text[:-1])  # the sessions that write it are in UTC


# Boolean before Integer and Float before Numeric: each is looked for before what it is a special case of.
_KINDS: tuple[tuple[str, Any], ...] = (
    ("bool", sa.Boolean),
    ("json", sa.JSON),
    ("moment", sa.DateTime),
    ("date", sa.Date),
    ("bytes", sa.LargeBinary),
    ("float", sa.Float),
    ("decimal", sa.Numeric),
    ("int", sa.Integer),
    ("text", sa.String),
)
_TYPES: dict[str, Any] = {
    "bool": sa.Boolean,
    "json": sa.Text,
    "moment": sa.DateTime,
    "date": sa.Date,
    "bytes": sa.LargeBinary,
    "float": sa.Float,
    "decimal": sa.Numeric,
    "int": sa.BigInteger,
    "text": sa.Text,
}
_WRITERS: dict[str, Callable[[Any], Any]] = {
    "moment": _moment,
    "date": date.isoformat,
    "bytes": lambda value: base64.b64encode(value).decode(),
    "decimal": str,
    "float": float,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "moment": _read_moment,
    "date": date.fromisoformat,
    "bytes": lambda value: base64.b64decode(value, validate=True),
    "decimal": Decimal,
}
_PLAIN: dict[str, Any] = {
    "bool": bool,
    "json": str,
    "moment": datetime,
    "date": date,
    "bytes": bytes,
    "float": (int, float),
    "decimal": Decimal,
    "int": int,
    "text": str,
}
