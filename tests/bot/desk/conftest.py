"""Fixtures of the desk's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.conversation.desk_types import Role
from tests.bot.desk.harness import Browser, Desk, empty_record


@pytest.fixture
def record_url(tmp_path: Path) -> str:
    """An SQLite record with its tables."""
    return empty_record(tmp_path)


@pytest_asyncio.fixture
async def desk(record_url: str) -> AsyncIterator[Desk]:
    async with Desk(record_url) as made:
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
