"""Fixtures of the front's tests: a record of its own, the stand-in for Rasa, a whole front."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
import sqlalchemy as sa

from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub

SERVER = "postgresql://postgres@127.0.0.1:5432"


@pytest_asyncio.fixture
async def rasa() -> AsyncIterator[RasaStub]:
    stub = RasaStub()
    await stub.start()
    yield stub
    await stub.stop()


@pytest_asyncio.fixture
async def front(rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Front]:
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port) as made:
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of its own, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'record.db'}"
        return
    name = f"zhixin_record_{uuid4().hex[:12]}"
    server = sa.create_engine(f"{SERVER}/postgres", isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    except sa.exc.OperationalError as exc:
        pytest.skip(f"no PostgreSQL at 127.0.0.1:5432: {str(exc.orig).splitlines()[0]}")
    yield f"{SERVER}/{name}"
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()
