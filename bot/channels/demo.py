"""The demo's picker: who can be chosen, a token for the chosen one, and the reading behind the replies.

In production these routes do not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

from bot.channels.errors import ApiError
from bot.channels.validation import only, text_field
from bot.channels.web_base import Shared, body_of, json_response, secret_of

#: Gives the demo's shoppers, each with ``customer_id`` and what the picker shows; the composition injects it.
Shoppers = Callable[[], Awaitable[Sequence[Mapping[str, Any]]]]


class Demo:
    """The routes of the demo."""

    def __init__(self, shared: Shared, shoppers: Shoppers) -> None:
        self._shared = shared
        self._shoppers = shoppers

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/demo/shoppers", self.shoppers, allow_head=False),
            web.post("/demo/login", self.login),
            web.get("/api/v1/conversations/{conversation_id}/reading", self.reading, allow_head=False),
        ]

    async def shoppers(self, request: web.Request) -> web.Response:
        """Return who can be chosen."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        return json_response({"shoppers": [dict(shopper) for shopper in await self._shoppers()]})

    async def login(self, request: web.Request) -> web.Response:
        """Return a token for one of the demo's shoppers."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        data = await body_of(request)
        only(data, "customer_id")
        customer_id = text_field(data, "customer_id")
        if not any(shopper["customer_id"] == customer_id for shopper in await self._shoppers()):
            raise ApiError(404, "unknown_shopper", "The demo has no such shopper.")
        token, expires = self._shared.tokens.sign(customer_id)
        return json_response({"token": token, "expires_at": expires.isoformat(timespec="seconds")})

    async def reading(self, request: web.Request) -> web.Response:
        """Return the belief and the last reading of a conversation."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        reading = await self._shared.conversations.reading(
            request.match_info["conversation_id"], secret_of(request)
        )
        return json_response(dict(reading))
