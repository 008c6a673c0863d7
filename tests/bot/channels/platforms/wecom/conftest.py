"""A little WeCom and the platform that speaks to it."""

from __future__ import annotations

import logging
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


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other tests of this process have set up: what the platform logs is heard."""
    for name in ("bot", *(n for n in logging.root.manager.loggerDict if n.startswith("bot.channels"))):
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)


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
