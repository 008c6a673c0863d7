"""What holds for all tests: no setting of one's own shell reaches them, and what ``--fast`` leaves out."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

for _name in [
    name for name in os.environ if name.startswith("ZHIXIN_") and not name.startswith("ZHIXIN_TEST_")
]:
    del os.environ[_name]
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

#: What `--fast` leaves out: Rasa, training, processes, browsers, other services, whole fronts over HTTP.
_SLOW_MARKS = ("slow", "model", "stack", "browser", "service")
_SLOW_FOLDERS = ("stack", "browser", "bot/components", "bot/channels", "bot/conversation", "hostile", "fuzz")
_SLOW_FILES = (
    "bot/desk/test_*.py",  # a whole desk over HTTP
    "bot/desk/assist/test_suggestions.py",  # every order of the demo shop in every style
    "persona/temperament/test_fitting.py",  # fits
)
#: Where real processes, browsers, clocks and sockets take part: such a test gets a second try, and the
#: summary names it (RERUN), so that a busy machine does not hide the rest. What fails twice fails.
_SECOND_TRY_MARKS = ("stack", "browser", "service")
_SECOND_TRY_FOLDERS = ("stack", "browser", "soak", "bot/channels", "bot/conversation", "bot/desk", "bot/app")
_TESTS = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--fast``."""
    parser.addoption("--fast", action="store_true", help="only the fast tests: no Rasa, no processes")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the slow folders and files: Rasa alone takes seconds."""
    if not config.getoption("--fast"):
        return None
    slow = collection_path in {_TESTS / folder for folder in _SLOW_FOLDERS}
    if slow or any(collection_path.match(f"tests/{pattern}") for pattern in _SLOW_FILES):
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the slow tests of the other folders, or give those a second try that depend on the machine."""
    if not config.getoption("--fast"):
        folders = [_TESTS / folder for folder in _SECOND_TRY_FOLDERS]
        for item in items:
            marked = any(item.get_closest_marker(mark) for mark in _SECOND_TRY_MARKS)
            if marked or any(folder in item.path.parents for folder in folders):
                item.add_marker(pytest.mark.flaky(reruns=1))
        return
    slow = [item for item in items if any(item.get_closest_marker(mark) for mark in _SLOW_MARKS)]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in set(slow)]


@pytest.fixture(autouse=True)
def _logs_are_heard() -> None:
    """Undo what other tests of the process have set up: who asks `caplog` hears what our rooms log."""
    logging.disable(logging.NOTSET)
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] in ("actions", "bot", "persona") and isinstance(logger, logging.Logger):
            logger.disabled, logger.propagate = False, True
            logger.setLevel(logging.NOTSET)
