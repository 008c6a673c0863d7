"""The shelf: new goods, and one product, as the rows of the card ``products``. Open to everybody.

The shop itself is injected, since channels do not know it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiohttp import web

from bot.channels.errors import ApiError
from bot.channels.language import tongue_of
from bot.channels.web_base import Shared, json_response

_ID = re.compile(r"[\x21-\x7e]{1,64}")


class ShelfAwayError(Exception):
    """The shop cannot be asked now."""


class Shelf(Protocol):
    """What is on the shop's shelf, as plain data; the composition injects it.

    Both methods raise :class:`ShelfAwayError` where the shop cannot be asked.
    """

    async def arrivals(self) -> Sequence[Mapping[str, Any]]:
        """Return rows of the newest goods that are for sale, newest first."""

    async def product(self, product_id: str) -> Mapping[str, Any] | None:
        """Return the row of one product, None where there is none."""


class ShelfRoutes:
    """The routes under ``/api/v1/shelf``."""

    def __init__(self, shared: Shared, shelf: Shelf) -> None:
        self._shared = shared
        self._shelf = shelf

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/api/v1/shelf/arrivals", self.arrivals, allow_head=False),
            web.get("/api/v1/shelf/products/{product_id}", self.product, allow_head=False),
        ]

    async def arrivals(self, request: web.Request) -> web.Response:
        """Return the newest goods."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        try:
            found = await self._shelf.arrivals()
        except ShelfAwayError as exc:
            raise _away() from exc
        return json_response({"products": tongue_of(request).words(found)})

    async def product(self, request: web.Request) -> web.Response:
        """Return one product."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        product_id = request.match_info["product_id"]
        try:
            found = await self._shelf.product(product_id) if _ID.fullmatch(product_id) else None
        except ShelfAwayError as exc:
            raise _away() from exc
        if found is None:
            raise ApiError(404, "unknown_product", "No such product is for sale.")
        return json_response({"product": tongue_of(request).words(found)})


def _away() -> ApiError:
    return ApiError(503, "shop_unavailable", "The shop cannot be asked now.", headers={"Retry-After": "3"})
