"""Fixtures of the hostile tests: a front with short patience, the stand-in for Rasa, a raw socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bot.channels.serving import Defences
from tests.bot.conversation.harness import QUICK, Front
from tests.bot.conversation.rasa_stub import RasaStub


@pytest_asyncio.fixture
async def rasa() -> AsyncIterator[RasaStub]:
    stub = RasaStub()
    await stub.start()
    yield stub
    await stub.stop()


@pytest.fixture
def defences() -> Defences:
    """Those of the front under test; a module overrides this fixture for less patience."""
    return Defences()


@pytest_asyncio.fixture
async def front(rasa: RasaStub, tmp_path: Path, defences: Defences) -> AsyncIterator[Front]:
    # No waiting lines here: on a busy machine they would come between the answers that are looked at.
    patience = replace(QUICK, looking=20.0, apology=30.0)
    url = f"sqlite:///{tmp_path / 'record.db'}"
    async with Front(url, rasa.port, patience=patience, defences=defences) as made:
        yield made
