"""What tests of actions share: a seeded shop of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actions.shop.sql import SqlShop
from tests.support.shop import Clock, demo_shop


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[tuple[SqlShop, Clock]]:
    """Return a seeded shop and its clock."""
    shop, clock = demo_shop(tmp_path)
    yield shop, clock
    await shop.close()


@pytest.fixture
def shop(demo: tuple[SqlShop, Clock]) -> SqlShop:
    """Return the seeded shop."""
    return demo[0]


@pytest.fixture
def clock(demo: tuple[SqlShop, Clock]) -> Clock:
    """Return the clock of the seeded shop."""
    return demo[1]
