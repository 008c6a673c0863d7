"""Waits until something is so that has to be asked for."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def eventually(look: Callable[[], Any], seconds: float = 30) -> None:
    """Wait until `look` (or what it is awaited for) is true; the limit only ends a test that has failed."""

    async def poll() -> None:
        while True:
            found = look()
            if await found if inspect.isawaitable(found) else found:
                return
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), seconds)
