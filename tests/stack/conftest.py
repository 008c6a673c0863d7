"""The real three processes, started once for all tests of this folder.

`stack` is shared: a test may kill processes, the next one finds them running again. `own_stack(**settings)`
starts another one with other settings, for the test alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.stack.harness import SPECS, Stack


@pytest.fixture(scope="session")
def _shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack") / "data") as running:
        yield running


@pytest.fixture
def stack(_shared_stack: Stack) -> Iterator[Stack]:
    """The shared stack, whole and with a shop that works."""
    _shared_stack.fault("")
    _shared_stack.heal()
    yield _shared_stack
    _shared_stack.fault("")


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Start a stack with other settings; it ends with the test."""
    with ExitStack() as ends:
        yield lambda **settings: ends.enter_context(Stack(tmp_path / "data", **settings))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show the processes' last lines beside a failure."""
    report = yield
    running = getattr(item, "funcargs", {}).get("stack")
    if report.when == "call" and report.failed and isinstance(running, Stack):
        for name in SPECS:
            report.sections.append((f"{name}.log", running.log(name)))
    return report
