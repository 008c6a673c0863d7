"""The other side of the signed channel: checks signatures, keeps what it took, and misbehaves on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from persona.privacy.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    check_signature,
    check_time,
    signed_headers,
)
from tests.fakes.serving import SLOW_S

#: As a status: it is answered long after anybody waits.
SLOW = 504
KEY = "signed-channel-key-for-tests-0123456789"


class Receiver:
    """Takes answers at ``/answers``."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.taken: list[dict[str, Any]] = []
        self.tried = 0
        self.statuses: list[int] = []  # what the next calls are answered, without taking them
        self.lost = 0  # so many calls are taken, and cut off before the answer
        self.gate = asyncio.Event()
        self.gate.set()
        self.pictures: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}  # pictures that are said to be elsewhere
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Receiver:
        app = web.Application()
        app.router.add_post("/answers", self._take)
        app.router.add_get("/pictures/{name}", self._picture)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/answers"

    def of(self, user: str) -> list[dict[str, Any]]:
        """What a shopper has seen: a delivery that came twice is one."""
        seen = {one["delivery_id"]: one for one in self.taken if one.get("user") == user}
        return list(seen.values())

    def texts(self, user: str) -> list[str]:
        return [one["text"] for one in self.of(user)]

    def holds(self, file: bytes) -> str:
        """Keep a picture that a shopper sends; return its address."""
        name = f"p{len(self.pictures)}.jpg"
        self.pictures[name] = file
        return f"http://127.0.0.1:{self.port}/pictures/{name}"

    async def _picture(self, request: web.Request) -> web.Response:
        if (there := self.moved.get(request.match_info["name"])) is not None:
            return web.Response(status=302, headers={"Location": there})
        return web.Response(body=self.pictures[request.match_info["name"]], content_type="image/jpeg")

    async def _take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        self.tried += 1
        stamp = check_time(request.headers.get(TIMESTAMP_HEADER), self._clock())
        check_signature([KEY], stamp, request.headers.get(SIGNATURE_HEADER), raw)
        await self.gate.wait()
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            if status == SLOW:
                await asyncio.sleep(SLOW_S)
            return web.Response(status=status)
        self.taken.append(json.loads(raw))
        if self.lost:
            self.lost -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=204)


def signed(body: Any, now: datetime, key: str = KEY) -> dict[str, Any]:
    """Return what aiohttp posts: the body and its headers."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return {"data": raw, "headers": signed_headers(key, now, raw)}
