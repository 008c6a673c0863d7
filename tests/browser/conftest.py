"""A real browser, and the widget on its stage."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.widget_stage import WidgetStage

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def find_browser() -> str | None:
    """Path of a browser of the machine, if there is one."""
    found = os.environ.get("ZHIXIN_TEST_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    return found if found is not None and Path(found).exists() else None


@pytest.fixture(scope="session")
def executable() -> str:
    """Path of a browser of the machine."""
    found = find_browser()
    if found is None:
        pytest.skip("no chromium is installed (name one with ZHIXIN_TEST_BROWSER)")
    return found


# One browser serves all tests (its start takes longer than most of them), so they share its event loop.
LOOP = "session"


@pytest_asyncio.fixture(scope="session", loop_scope=LOOP)
async def browser(executable: str) -> AsyncIterator[Any]:
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope=LOOP)
async def widget(browser: Any, tmp_path: Path) -> AsyncIterator[WidgetStage]:
    """The widget on a shop's pages; errors, refusals and requests to others fail the test."""
    async with WidgetStage(tmp_path, browser) as stage:
        yield stage
        stage.check()
