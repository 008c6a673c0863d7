"""``GET`` and ``POST /channels/{name}``: what platforms tell, stored before it is acknowledged.

Verify → parse → one transaction → acknowledge. What is stored is worked on beside: to acknowledge
takes as long as a row, whatever the bot does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from aiohttp import web

from bot.channels.base import Call, Platform, Receipt, Refused
from bot.channels.draining import Draining
from bot.channels.errors import ApiError
from bot.channels.hearing import Hearing, hint_item, to_item
from bot.channels.web_base import Shared
from bot.conversation.inbox import Inbox
from persona.telemetry import metrics

logger = logging.getLogger(__name__)

#: The size of a call's body, and the seconds that a platform's own part may take.
LARGEST_BODY = 1 << 20
_WITHIN_S = 4.0


class Messaging:
    """The routes.

    Args:
        shared: what the routes work with.
        names: of those that are switched on.
        platforms: the same, by name; empty until the front has started, which listens before that.
        inbox: keeps what they bring.
        hearing: works on it.
        draining: how far the end of this process is.
        clock: returns the present as an aware datetime.
    """

    def __init__(
        self,
        shared: Shared,
        *,
        names: Collection[str],
        platforms: Mapping[str, Platform],
        inbox: Inbox,
        hearing: Hearing,
        draining: Draining,
        clock: Callable[[], datetime],
    ) -> None:
        self._shared = shared
        self._names = names
        self._platforms = platforms
        self._inbox = inbox
        self._hearing = hearing
        self._draining = draining
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/channels/{name}", self.take, allow_head=False),
            web.post("/channels/{name}", self.take),
        ]

    async def take(self, request: web.Request) -> web.Response:
        """Take a call of a platform."""
        name = request.match_info["name"]
        if name not in self._names:
            raise web.HTTPNotFound
        platform = self._platforms.get(name)
        if platform is None:
            raise ApiError(503, "starting", "The front has just begun; send the same again.")
        if request.method == "POST":
            self._draining.check()
        outcome = "failed"
        try:
            receipt = await self._receipt(request, platform)
            await self._keep(platform.name, receipt)
            outcome = "ok"
        except Refused as exc:
            outcome = "refused"
            logger.warning("a call on channel %s was refused: %s", platform.name, exc.code)
            raise ApiError(exc.status, exc.code, "The call is not this channel's, or not readable.") from exc
        except ApiError:
            outcome = "refused"
            raise
        finally:
            metrics.CHANNEL_CALLS.labels(platform.name, outcome).inc()
        return web.Response(
            body=receipt.body.encode(),
            status=receipt.status,
            headers={"Content-Type": f"{receipt.content_type}; charset=utf-8", "Cache-Control": "no-store"},
        )

    async def _receipt(self, request: web.Request, platform: Platform) -> Receipt:
        address = self._shared.addresses.of(request)
        call = Call(
            method=request.method,
            query={name: request.query[name] for name in request.query},
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await _bounded(request),
            address=address,
            now=self._clock(),
        )
        try:
            return await asyncio.wait_for(platform.receive(call), _WITHIN_S)
        except Refused:
            # Only who is not the platform is counted: all shoppers write from the platform's few addresses.
            await self._shared.limiter.request(address)
            raise

    async def _keep(self, name: str, receipt: Receipt) -> None:
        items = [to_item(self._shared.vault, name, heard) for heard in receipt.heard]
        if receipt.hint is not None:
            items.append(hint_item(receipt.hint))
        if items and await self._inbox.keep(name, items):
            self._hearing.wake()


async def _bounded(request: web.Request) -> bytes:
    """Return the body, read no further than allowed."""
    if (request.content_length or 0) > LARGEST_BODY:
        raise _too_large()
    raw = bytearray()
    async for chunk in request.content.iter_any():
        raw += chunk
        if len(raw) > LARGEST_BODY:
            raise _too_large()
    return bytes(raw)


def _too_large() -> ApiError:
    return ApiError(413, "body_too_large", "The body is larger than 1 MiB.")
