"""What small servers of platforms have in common: they listen, and misbehave when they are told to."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Behave = Callable[[web.Request], Awaitable["web.StreamResponse | None"]]
#: Longer than any platform of ours waits.
SLOW_S = 12.0


class Serving(ABC):
    """Listens on a free port of this machine while it is entered.

    Attributes:
        behave: may answer a request instead of the platform; None lets it go on.
        server: where it listens.
    """

    behave: Behave | None = None
    server: TestServer | None = None

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """Return what it answers."""

    async def answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Answer a request, authorised first where that is needed."""
        given: web.StreamResponse = await handler(request)
        return given

    async def __aenter__(self) -> Any:
        app = web.Application(middlewares=[self._misbehave], client_max_size=20 * 1024 * 1024)
        app.add_routes(self.routes())
        self.server = TestServer(app, host="127.0.0.1")
        await self.server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        await self.server.close()

    @property
    def url(self) -> str:
        assert self.server is not None
        return str(self.server.make_url("")).rstrip("/")

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.behave is not None and (answer := await self.behave(request)) is not None:
            return answer
        return await self.answer(request, handler)


def troubles(path: str, *what: Any) -> Behave:
    """Misbehave in the next calls of a path: ``slow``, a status, or an answer as it is."""
    left = deque(what)

    async def behave(request: web.Request) -> web.StreamResponse | None:
        if not left or path not in request.path:
            return None
        one = left.popleft()
        if one == "slow":
            await asyncio.sleep(SLOW_S)
            return web.Response(status=504)
        return web.Response(status=one) if isinstance(one, int) else web.json_response(one)

    return behave
