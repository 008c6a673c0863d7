"""Fixtures of the front's tests: a record of its own, the stand-in for Rasa, a whole front."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.bot.conversation.courier_harness import MovedClock, Wechats
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub
from tests.fakes.wechat import FakeWeChat
from tests.support import postgres


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
    with postgres.database("record") as made:
        yield made


@pytest_asyncio.fixture
async def wechats(rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Wechats]:
    async with FakeWeChat() as api:
        yield Wechats(rasa, api, tmp_path / "record.db", MovedClock())
