"""Wait for what a page's script makes true."""

from __future__ import annotations

import asyncio
import time
from typing import Any


async def until(page: Any, expression: str, arg: Any = None, *, seconds: float = 20.0) -> None:
    """Ask `page` again and again until `expression` is true.

    Playwright's own `wait_for_function` evaluates within the page, which a strict content security policy
    refuses from the second time on; this one asks from outside.

    Args:
        page: of Playwright.
        expression: JavaScript, or a function of `arg`.
        arg: for a function.
        seconds: how long it may take.
    """
    end = time.monotonic() + seconds
    while not await page.evaluate(expression, arg):
        assert time.monotonic() < end, f"not true within {seconds} s: {expression}"
        await asyncio.sleep(0.05)
