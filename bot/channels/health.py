"""Is the process alive, and can it serve? ``/readyz`` asks everything a turn needs, and tells each part.

Not ready means that messages would go unanswered here: a load balancer sends them elsewhere. What only makes
answers poorer (the shop is away, and the bot says so; Redis is away, and each front counts for itself) is
listed as ``degraded`` and leaves the process ready: every other front has the same shop, and none would be
left.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from bot.channels.draining import Draining
from bot.channels.web_base import json_response
from bot.conversation.service import Conversations

logger = logging.getLogger(__name__)

#: Answers are kept this long, so that whoever asks often costs little.
_KEPT_S = 1.0
_PART_WITHIN_S = 3.0
#: With less the record soon takes no messages any more.
MIN_FREE_BYTES = 64 * 2**20

#: Parts without which the bot still answers every message.
OPTIONAL = frozenset({"shop", "redis"})

#: Looks after one or several parts: name → whether it works.
Look = Callable[[], Awaitable[Mapping[str, bool]]]
Check = Callable[[], Awaitable[bool]]


def look_of(name: str, check: Check) -> Look:
    """Return a look at one part."""

    async def look() -> Mapping[str, bool]:
        return {name: await check()}

    return look


def actions_look(url: str, *, timeout_s: float = 2.0) -> Look:
    """Return a look at the action server, and at the shop through its eyes.

    Args:
        url: its health address; the answer's ``shop`` says whether the shop answers.
        timeout_s: of the question.
    """

    async def look() -> Mapping[str, bool]:
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=timeout_s)) as session,
                session.get(url) as got,
            ):
                told = json.loads(await got.read()) if got.status == 200 else None
        except (ClientError, asyncio.TimeoutError, ValueError):
            told = None
        if not isinstance(told, dict):
            return {"actions": False}  # of the shop nothing is known then
        return {"actions": True, "shop": told.get("shop") is not False}

    return look


def disk_look(folder: Path, needed: int = MIN_FREE_BYTES) -> Look:
    """Return a look at the disk of a folder."""

    async def look() -> Mapping[str, bool]:
        return {"disk": shutil.disk_usage(folder).free >= needed}

    return look


class Health:
    """``/healthz`` and ``/readyz``.

    Args:
        conversations: asked for record and Rasa.
        looks: at everything else.
        draining: says whether the process is about to stop.
    """

    def __init__(self, conversations: Conversations, looks: Sequence[Look], draining: Draining) -> None:
        self._looks = (conversations.checks, *looks)
        self._draining = draining
        self._kept: tuple[float, Mapping[str, bool]] | None = None
        self._lock = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("/healthz", self.healthz), web.get("/readyz", self.readyz)]

    async def healthz(self, _request: web.Request) -> web.Response:
        """Say that the process lives: that its event loop answers is what is asked."""
        return json_response({"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Say whether a message would be answered now: 200 or 503, with each part."""
        if self._draining.begun:
            return json_response({"ready": False, "draining": True, "degraded": [], "checks": {}}, status=503)
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > _KEPT_S:
                found = await asyncio.gather(*map(self._ask, self._looks))
                checks = {name: works for part in found for name, works in part.items()}
                self._kept = (time.monotonic(), checks)
            checks = dict(self._kept[1])
        ready = all(works for name, works in checks.items() if name not in OPTIONAL)
        degraded = sorted(name for name, works in checks.items() if name in OPTIONAL and not works)
        return json_response(
            {"ready": ready, "draining": False, "degraded": degraded, "checks": checks},
            status=200 if ready else 503,
        )

    async def _ask(self, look: Look) -> Mapping[str, bool]:
        try:
            return await asyncio.wait_for(look(), _PART_WITHIN_S)
        except Exception:
            name = getattr(look, "__qualname__", "a part").split(".")[0]
            logger.exception("%s could not be looked at", name)
            return {name: False}
