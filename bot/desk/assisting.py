"""The helpers of ``bot/desk/assist``, made when a page first needs them: their words take a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from bot.desk.assist.helper import Assist


class Assisting:
    """Makes the helpers once, in a thread.

    Args:
        make: returns them.
    """

    def __init__(self, make: Callable[[], Assist]) -> None:
        self._make = make
        self._made: Assist | None = None
        self._lock: asyncio.Lock | None = None

    async def get(self) -> Assist:
        """Return the helpers."""
        if self._made is None:
            self._lock = self._lock or asyncio.Lock()
            async with self._lock:
                if self._made is None:
                    self._made = await asyncio.to_thread(self._make)
        return self._made


ASSISTING = web.AppKey("desk_assisting", Assisting)


async def assist_of(request: web.Request) -> Assist:
    """Return the helpers for a request of the desk."""
    return await request.app[ASSISTING].get()
