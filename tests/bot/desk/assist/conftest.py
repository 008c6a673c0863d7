"""The demo shop, and the project's words read once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from actions.shop.sql import SqlShop
from persona.wording import Wording
from persona.wording.desk_words import DeskWords
from tests.support.shop import demo_shop


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[SqlShop]:
    made, _ = demo_shop(tmp_path)
    yield made
    await made.close()


@pytest.fixture(scope="session")
def wording() -> Wording:
    return Wording.load()


@pytest.fixture(scope="session")
def words(wording: Wording) -> DeskWords:
    return DeskWords(wording)
