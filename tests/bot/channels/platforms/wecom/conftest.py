"""A little WeCom and the platform that speaks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.channels.platforms.wecom import Wecom, make
from tests.bot.channels.platforms.wecom.kit import (
    Clock,
    settings,
)
from tests.fakes.tools import tools
from tests.fakes.wecom import FakeWecom


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def fake(clock: Clock) -> AsyncIterator[FakeWecom]:
    async with FakeWecom(now=clock.timestamp) as made:
        yield made


@pytest_asyncio.fixture
async def platform(fake: FakeWecom, clock: Clock) -> AsyncIterator[Wecom]:
    async with tools(clock) as given:
        yield make(settings(fake), given)
