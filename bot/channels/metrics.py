"""What is noted of every request (trace, route, status), and ``/metrics``, where figures are read."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry

from bot.channels.limits import Addresses
from bot.conversation.watching import FAMILIES, Values
from persona.telemetry import metrics, tracing
from persona.telemetry.access import Readers

logger = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: Looks figures up: name → values of the labels → figure.
Look = Callable[[], Awaitable[Mapping[str, Values]]]

#: Under this key a request holds the ``traceparent`` of a trusted caller, "" for all others.
TRACE = "trace"
#: A look into the record serves all who ask within this time, in seconds.
_KEPT_S = 2.0
_LOOK_WITHIN_S = 5.0


def observe(addresses: Addresses) -> Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]:
    """Return the outermost middleware: each request gets a trace, a trusted caller's that of its header.

    Anybody else's is left alone: who could choose the id could hide among the lines of others.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = tracing.parse(request.headers.get(tracing.HEADER)) if addresses.trusts(request) else None
        request[TRACE] = "" if given is None else given.traceparent
        status = 500
        try:
            with tracing.use(given):
                response = await handler(request)
            status = response.status
            return response
        except asyncio.CancelledError:
            status = 499  # the client went away
            raise
        finally:
            metrics.REQUESTS.labels(metrics.ROUTES.of(_route(request)), str(status)).inc()

    return middleware


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return metrics.OTHER if resource is None else resource.canonical


async def know_the_routes(app: web.Application) -> None:
    """Let the addresses of an application, and those of the desk within, be told apart in the figures."""
    metrics.ROUTES.add(resource.canonical for resource in app.router.resources())
    for within in app._subapps:
        metrics.ROUTES.add(resource.canonical for resource in within.router.resources())


class Metrics:
    """``/metrics``.

    Args:
        readers: who may read.
        look: looks up what stands in the record.
    """

    def __init__(self, readers: Readers, look: Look) -> None:
        self._readers = readers
        self._look = look
        self._registry = CollectorRegistry()  # of this application: tests have several in one process
        self._snapshot = metrics.Snapshot(self._registry, FAMILIES)
        self._looked_at = float("-inf")
        self._lock = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/metrics", self.metrics, allow_head=False)]

    async def metrics(self, request: web.Request) -> web.Response:
        """Tell the figures to whom they are for; for all others there is nothing here."""
        if not self._readers.may(request.remote, request.headers):
            raise web.HTTPNotFound
        async with self._lock:
            if time.monotonic() - self._looked_at > _KEPT_S:
                await self._refresh()
        body = metrics.exposition() + metrics.exposition(self._registry)
        return web.Response(
            body=body, headers={"Content-Type": metrics.CONTENT_TYPE, "Cache-Control": "no-store"}
        )

    async def _refresh(self) -> None:
        try:
            found = await asyncio.wait_for(self._look(), _LOOK_WITHIN_S)
        except Exception:
            logger.exception("the record could not be asked for figures")
            self._snapshot.clear()
            return
        for name, values in found.items():
            self._snapshot.put(name, dict(values))
        self._looked_at = time.monotonic()
