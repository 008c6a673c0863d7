"""Fixtures of the desk's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.conversation.desk_types import Role
from tests.bot.conversation.rasa_stub import RasaStub
from tests.bot.desk.harness import Browser, Desk
from tests.bot.desk.stage import Stage


@pytest.fixture
def record_url(tmp_path: Path) -> str:
    """Where the record will be."""
    return f"sqlite:///{tmp_path / 'record.db'}"


@pytest_asyncio.fixture
async def rasa() -> AsyncIterator[RasaStub]:
    stub = RasaStub()
    await stub.start()
    yield stub
    await stub.stop()


@pytest_asyncio.fixture
async def desk(record_url: str, rasa: RasaStub) -> AsyncIterator[Desk]:
    async with Desk(record_url, rasa.port) as made:
        yield made


@pytest_asyncio.fixture
async def agent(desk: Desk) -> Browser:
    return await desk.logged_in("xiaolin", Role.AGENT, "小林")


@pytest_asyncio.fixture
async def supervisor(desk: Desk) -> Browser:
    return await desk.logged_in("zhuguan", Role.SUPERVISOR, "周主管")


@pytest_asyncio.fixture
async def admin(desk: Desk) -> Browser:
    return await desk.logged_in("guanli", Role.ADMIN, "管理员")


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A desk with the demo shop and the project's own words behind it."""
    async with Stage(tmp_path) as made:
        yield made
