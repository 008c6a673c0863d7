"""What a platform is given, for tests without a front: calls go out for real, tokens are kept in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timezone

import aiohttp

from bot.channels.base import Call, Tools


class MemoryTokens:
    """Access tokens of one process, by the rules of :class:`bot.channels.base.Tokens`."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    async def get(self, name: str, fetch: Callable[[], Awaitable[tuple[str, float]]]) -> str:
        if name not in self._kept:
            self._kept[name], _ = await fetch()
        return self._kept[name]

    async def expired(self, name: str, token: str) -> None:
        if self._kept.get(name) == token:
            del self._kept[name]


def now() -> datetime:
    return datetime.now(timezone.utc)


@asynccontextmanager
async def tools(clock: Callable[[], datetime] = now) -> AsyncIterator[Tools]:
    async with aiohttp.ClientSession() as http:
        yield Tools(http, MemoryTokens(), clock)


def call(headers: dict[str, str], body: bytes, *, at: datetime | None = None, method: str = "POST") -> Call:
    """Return a request to ``/channels/<name>``."""
    return Call(method, {}, headers, body, "203.0.113.9", at or now())
