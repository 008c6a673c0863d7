"""What tests of actions share: a seeded shop of their own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
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


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the project's model: trained once per run, or lying ready for exactly these inputs."""
    from bot.components import tuning
    from bot.components.logs import configure_logging
    from tests.support.dialogue import project_model

    configure_logging("ERROR")
    tuning.load_rasa_without_tensorflow()
    tuning.apply()
    before = os.environ.get("ZHIXIN_ASSERTION_KEY")
    yield project_model(tmp_path_factory.mktemp("models"))
    if before is None:
        os.environ.pop("ZHIXIN_ASSERTION_KEY", None)
