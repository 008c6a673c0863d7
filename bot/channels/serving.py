"""The front's HTTP server, hardened: what a client may cost before it has said who it is.

aiohttp alone waits without end for the head of a first request and for a body, unpacks compressed bodies
before their size is looked at, takes connections until the process has no file left to open, and writes a
stack trace into the log for each malformed request. Here all of these have an end. A proxy before the front
has such limits too, but nothing says that there is one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from aiohttp.web_server import Server

logger = logging.getLogger(__name__)

_FILES_WANTED = 16_384
#: Files kept free of clients: databases, Rasa, the shop, logs, pages.
_FILES_OF_OUR_OWN = 192


@dataclass(frozen=True)
class Defences:
    """What one client may cost.

    Attributes:
        head_s: seconds until the head of a connection's first request is complete.
        body_s: seconds from the end of a head until its body is complete.
        steady: bytes a second; a body that comes at least so fast may go on for as long again, and again.
        body_most_s: seconds after which it ends all the same: ten megabytes of a picture at 600 kbit/s.
        idle_s: seconds that a connection may rest between two requests, and within the head of a later one.
        most: connections at a time; None: as many as the process may open files, less its own. Above it
            the one that has rested longest makes room.
    """

    head_s: float = 10.0
    body_s: float = 30.0
    steady: float = 8192.0
    body_most_s: float = 150.0
    idle_s: float = 60.0
    most: int | None = None


class GuardedConnection(RequestHandler):
    """One connection with an end to each wait for the client."""

    def __init__(self, manager: GuardedServer, defences: Defences, **options: Any) -> None:
        super().__init__(manager, **options)
        self._defences = defences
        self._timer: asyncio.TimerHandle | None = None
        self._body: Any = None
        self._taken = 0
        self._received = 0
        self._before = 0
        self._began = 0.0

    @property
    def resting(self) -> bool:
        """Whether nothing is being done for this client: it sends its head, or nothing."""
        return self._current_request is None and not self._messages

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._timer = self._loop.call_later(self._defences.head_s, self._head_is_late)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Note what has arrived, and what is still awaited."""
        self._received += len(data)
        super().data_received(data)
        if self._request_count != self._taken:
            self._taken = self._request_count
            self._stop_timer()
            body = self._messages[-1][1] if self._messages else None
            if body is not None and not body.is_eof():
                self._body, self._began = body, self._loop.time()
                self._await_body()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or what nobody foresaw, in the front's form; nothing is echoed."""
        if status >= 500:
            logger.error("a connection was answered %d", status, exc_info=exc)
        else:
            logger.debug("a malformed request was refused: %s", type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the response has begun")
        code, text = (
            ("internal", "Something went wrong on our side.")
            if status >= 500
            else ("bad_request", "This is no HTTP request that can be understood.")
        )
        response = web.Response(
            status=status,
            body=json.dumps({"error": {"code": code, "message": text}}).encode(),
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                "Server": "zhixin",
            },
        )
        response.force_close()
        return response

    def _head_is_late(self) -> None:
        if not self._request_count:
            self.force_close()

    def _await_body(self) -> None:
        self._before = self._received
        self._timer = self._loop.call_later(self._defences.body_s, self._body_is_late)

    def _body_is_late(self) -> None:
        body, limits = self._body, self._defences
        if body is None or body.is_eof():
            self._body = None
            return
        steady = self._received - self._before >= limits.steady * limits.body_s
        left = limits.body_most_s - (self._loop.time() - self._began)
        if steady and left >= limits.body_s:
            self._await_body()
        else:
            self._body = None
            # Whoever reads it hears of it and answers 408; who does not lingers shortly and closes.
            body.set_exception(web.HTTPRequestTimeout())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class GuardedServer(Server):
    """Makes guarded connections, and keeps their number."""

    def __init__(self, plain: Server, defences: Defences) -> None:
        super().__init__(
            plain.request_handler,
            request_factory=plain.request_factory,
            handler_cancellation=plain.handler_cancellation,
            loop=plain._loop,
            **plain._kwargs,
        )
        self._defences = defences
        self._most = defences.most if defences.most is not None else most_connections()

    def __call__(self) -> RequestHandler:
        """Return the protocol of a new connection."""
        return GuardedConnection(self, self._defences, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection; where there are too many, the one that has rested longest makes room."""
        super().connection_made(handler, transport)
        if len(self._connections) <= self._most:
            return
        resting = next((other for other in self._connections if getattr(other, "resting", False)), handler)
        self._connections.pop(resting).abort()


class GuardedRunner(web.AppRunner):
    """Runs an application behind :class:`GuardedServer`.

    Args:
        app: the application.
        defences: what one client may cost.
        options: those of :class:`aiohttp.web.AppRunner`.
    """

    def __init__(self, app: web.Application, defences: Defences | None = None, **options: Any) -> None:
        defences = defences or Defences()
        options.setdefault("access_log", None)
        super().__init__(
            app,
            keepalive_timeout=defences.idle_s,
            lingering_time=2.0,
            # A packed body would be unpacked, a thousandfold, before anything could look at its size.
            auto_decompress=False,
            **options,
        )
        self._guards = defences

    async def _make_server(self) -> Server:
        return GuardedServer(await super()._make_server(), self._guards)


def most_connections() -> int:
    """Let this process open as many files as it is allowed; return how many of them clients may have."""
    if sys.platform == "win32":
        return _FILES_WANTED
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, _FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    files = _FILES_WANTED if soft == resource.RLIM_INFINITY else soft
    return max(64, files - _FILES_OF_OUR_OWN)
