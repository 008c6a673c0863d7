"""Databases of the tests' own on the real PostgreSQL server; a test is skipped where none answers."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

#: Where the server is; the name of a database is put behind it.
SERVER = os.environ.get("ZHIXIN_TEST_POSTGRES", "postgresql+psycopg2://postgres@127.0.0.1:5432/")


def admin(*statements: str) -> list[sa.engine.Row]:
    """Run statements outside of any transaction on the server's own database; return the last one's rows."""
    engine = sa.create_engine(
        SERVER + "postgres", isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3}
    )
    try:
        with engine.connect() as connection:
            for statement in statements:
                result = connection.execute(sa.text(statement))
            return result.all() if result.returns_rows else []
    finally:
        engine.dispose()


@contextmanager
def database(kind: str = "test") -> Iterator[str]:
    """Give the URL of an empty database; it is dropped afterwards, whoever is still connected."""
    name = f"zhixin_{kind}_{secrets.token_hex(6)}"
    try:
        admin(f"CREATE DATABASE {name}")
    except sa.exc.OperationalError as exc:
        pytest.skip(f"no PostgreSQL answers at {SERVER}: {str(exc.orig).splitlines()[0]}")
    try:
        yield SERVER + name
    finally:
        admin(f"DROP DATABASE {name} WITH (FORCE)")


def cut(url: str, *, name: str = "%") -> int:
    """Cut the connections of a database that call themselves `name`; return how many there were."""
    found = admin(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{sa.engine.make_url(url).database}' AND application_name LIKE '{name}'"
    )
    return len(found)


def running(url: str, words: str) -> int:
    """Return how many statements that contain `words` run or wait in a database now."""
    found = admin(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' "
        f"AND datname = '{sa.engine.make_url(url).database}' AND query LIKE '%{words}%'"
    )
    return int(found[0][0])


def waiting(url: str) -> int:
    """Return how many sessions of a database wait for a lock now."""
    found = admin(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        f"AND datname = '{sa.engine.make_url(url).database}'"
    )
    return int(found[0][0])
