"""The same tests on SQLite and on PostgreSQL: every test gets a seeded shop of its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.future import create_engine

from actions.shop.database import upgrade
from actions.shop.seed.demo import seed_demo
from actions.shop.sql import SqlShop
from tests.support.shop import VAULT, Clock, demo_shop

ADMIN = os.environ.get("ZHIXIN_TEST_POSTGRES", "postgresql+psycopg2://postgres@127.0.0.1:5432/")

BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.service)]


def admin(*statements: str) -> None:
    """Run statements that cannot run in a transaction."""
    engine = create_engine(
        ADMIN + "postgres", isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3}
    )
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """A seeded database that others are copied from."""
    name = f"zhixin_shop_{secrets.token_hex(6)}"
    try:
        admin(f"CREATE DATABASE {name}")
    except OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432")
    try:
        upgrade(ADMIN + name)
        seed_demo(ADMIN + name, VAULT, Clock())
        yield name
    finally:
        admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgres() -> Iterator[str]:
    """The URL of a database without tables."""
    name = f"zhixin_empty_{secrets.token_hex(6)}"
    try:
        admin(f"CREATE DATABASE {name}")
    except OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432")
    yield ADMIN + name
    admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=BACKENDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables, on either backend."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres")
    return url


@pytest.fixture
def clock() -> Clock:
    """The clock of the shop under test."""
    return Clock()


@contextmanager
def copied(template: str) -> Iterator[str]:
    """The URL of a copy of a database, for as long as it is needed."""
    name = f"zhixin_shop_{secrets.token_hex(6)}"
    admin(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield ADMIN + name
    finally:
        admin(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_copy(postgres_template: str) -> Iterator[str]:
    """The URL of a seeded database of its own."""
    with copied(postgres_template) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_to_read(postgres_template: str) -> Iterator[str]:
    """The URL of a seeded database that nobody changes."""
    with copied(postgres_template) as url:
        yield url


@pytest.fixture(scope="session", params=BACKENDS)
def read_shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlShop]:
    """One seeded shop for all tests that only read, on either backend."""
    if request.param == "sqlite":
        shop, _ = demo_shop(tmp_path_factory.mktemp("read"))
    else:
        shop = SqlShop(request.getfixturevalue("postgres_to_read"), VAULT, Clock())
    yield shop
    shop.engine.dispose()


@pytest.fixture(params=BACKENDS)
async def shop(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[SqlShop]:
    """A seeded shop, on either backend."""
    if request.param == "sqlite":
        opened, _ = demo_shop(tmp_path, clock)
    else:
        opened = SqlShop(request.getfixturevalue("postgres_copy"), VAULT, clock)
    yield opened
    await opened.close()
