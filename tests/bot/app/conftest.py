"""A filled demo and its backup, shared by the tests of the backup."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bot.app.backup_harness import Made, fill, settings_of, written
from tests.support import postgres


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A filled demo that nobody changes: its settings, and a conversation's id and secret."""
    settings = settings_of(tmp_path_factory.mktemp("past"))
    return settings, *fill(settings)


@pytest.fixture(scope="session")
def file(past: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    return written(past[0], tmp_path_factory.mktemp("backups"))


@pytest.fixture
def server() -> Iterator[Callable[[], str]]:
    """Make PostgreSQL databases that go with the test."""
    with ExitStack() as ends:
        yield lambda: ends.enter_context(postgres.database("backup"))
