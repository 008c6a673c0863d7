"""Fixtures of the front's tests: a record of its own, the stand-in for Rasa, a whole front."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest_asyncio

from tests.bot.conversation.harness import QUICK, Front
from tests.bot.conversation.rasa_stub import RasaStub


@pytest_asyncio.fixture
async def rasa() -> AsyncIterator[RasaStub]:
    stub = RasaStub()
    await stub.start()
    yield stub
    await stub.stop()


@pytest_asyncio.fixture
async def front(rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Front]:
    # No waiting lines here: on a busy machine they would come between the frames that are looked at.
    patience = replace(QUICK, looking=20.0, apology=30.0)
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, patience=patience) as made:
        yield made
