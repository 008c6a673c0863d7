"""Is the process alive, and can it serve? ``/readyz`` asks everything a turn needs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from bot.channels.web_base import json_response
from bot.conversation.service import Conversations

logger = logging.getLogger(__name__)

#: Answers are kept this long, so that whoever asks often costs little.
_KEPT_S = 1.0

Check = Callable[[], Awaitable[bool]]


def url_check(url: str, *, timeout_s: float = 2.0) -> Check:
    """Return a check that a GET of `url` is answered 200."""

    async def check() -> bool:
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=timeout_s)) as session,
                session.get(url) as got,
            ):
                return got.status == 200
        except (ClientError, asyncio.TimeoutError):
            return False

    return check


class Health:
    """``/healthz`` and ``/readyz``.

    Args:
        conversations: asked for record and Rasa.
        actions: asks the action server.
    """

    def __init__(self, conversations: Conversations, actions: Check) -> None:
        self._conversations = conversations
        self._actions = actions
        self._kept: tuple[float, Mapping[str, bool]] | None = None
        self._lock = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/healthz", self.healthz), web.get("/readyz", self.readyz)]

    async def healthz(self, _request: web.Request) -> web.Response:
        """Say that the process serves."""
        return json_response({"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Say whether a message would be answered now: 200 or 503, with each part."""
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > _KEPT_S:
                parts, actions = await asyncio.gather(self._conversations.checks(), self._actions())
                self._kept = (time.monotonic(), {**parts, "actions": actions})
            checks = self._kept[1]
        ready = all(checks.values())
        return json_response({"ready": ready, "checks": dict(checks)}, status=200 if ready else 503)
