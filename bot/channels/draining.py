"""The end of a process in order: first nobody new is sent here, then nothing new is taken, then it ends.

``begin`` lets ``/readyz`` say no, while messages are still taken: a load balancer needs a moment to notice.
After ``refuse`` whoever writes hears 503 with ``Retry-After`` and comes back, with the same message id, to
another process or to the next one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from bot.channels.errors import RESTARTING, ApiError
from persona.telemetry import metrics

#: A restart takes about this long, in seconds.
COME_BACK_S = 2
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SOCKET = "/api/v1/ws"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Draining:
    """How far the end of this process is.

    Attributes:
        begun: the process is about to stop.
        refusing: nothing new is taken any more.
    """

    def __init__(self) -> None:
        self.begun = False
        self.refusing = False

    def begin(self) -> None:
        """Say from now on that the process is not ready."""
        self.begun = True
        metrics.DRAINING.set(1)

    def refuse(self) -> None:
        """Take nothing new from now on."""
        self.begin()
        self.refusing = True

    def check(self) -> None:
        """Raise the refusal where nothing is taken any more."""
        if self.refusing:
            raise restarting()


def restarting() -> ApiError:
    """Return what who comes too late is told."""
    return ApiError(
        503,
        RESTARTING,
        "The service restarts; send the same message_id again.",
        headers={"Retry-After": str(COME_BACK_S)},
    )


def door(draining: Draining) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
    """Return the middleware that refuses what is new.

    Reading goes on, and so do the desk's writes: each is done at once.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/api/") and (request.method not in _READS or request.path == _SOCKET):
            draining.check()
        return await handler(request)

    return middleware
