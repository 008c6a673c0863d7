"""A real browser and the stand-in server."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from tests.browser.stand_in import StandIn

NETWORK = ("Failed to load resource", "WebSocket connection to")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def executable() -> str:
    """Path of a browser of the machine."""
    found = os.environ.get("ZHIXIN_TEST_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None or not Path(found).exists():
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


@pytest.fixture
def server() -> StandIn:
    return StandIn()


@pytest_asyncio.fixture(loop_scope=LOOP)
async def address(server: StandIn) -> AsyncIterator[str]:
    running = TestServer(server.app(), host="127.0.0.1")
    await running.start_server(access_log=None)
    yield f"http://127.0.0.1:{running.port}"
    await server.drop_sockets()
    await running.close()


OpenPage = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture(loop_scope=LOOP)
async def open_page(browser: Any, address: str, server: StandIn) -> AsyncIterator[OpenPage]:
    """Open the page; whatever it logs as an error or asks of another host fails the test."""
    faults: list[str] = []
    contexts = []

    async def opened(**options: Any) -> Any:
        context = await browser.new_context(
            **{"viewport": {"width": 360, "height": 740}, "locale": "zh-CN", **options}
        )
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on(
            "request",
            lambda r: (
                r.url.startswith((address, "ws" + address[4:], "data:")) or server.outside.append(r.url)
            ),
        )
        # A missing picture or a refused request is logged by the browser and handled by the page.
        page.on(
            "console",
            lambda m: m.type == "error" and not m.text.startswith(NETWORK) and faults.append(m.text),
        )
        await page.goto(address)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert faults == []
    assert server.outside == []
