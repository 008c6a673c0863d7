"""The demo shop at ``/demo/``: its pages, its files and what they show. Demo mode only.

The pages are one document with plain modules that asks for its data here. The shop itself is injected,
since channels do not know it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from bot.channels.errors import ApiError
from bot.channels.tokens import TokenError
from bot.channels.web_base import SECURITY_HEADERS, Shared, json_response
from bot.web.files import ASK_AGAIN, Folder, answer

FOLDER = Path(__file__).parent / "demo_shop"

_PAGE = "index.html"
_POLICY = "Content-Security-Policy"
#: As strict as everywhere else; but this page embeds the widget's frame.
_HEADERS = {_POLICY: f"{SECURITY_HEADERS[_POLICY]}; frame-src 'self'"}


class Goods(Protocol):
    """What the demo shop shows, as plain data; the composition injects it."""

    async def products(self) -> Sequence[Mapping[str, Any]]:
        """Return all products in the order of the shelf, each as a row of the list."""

    async def product(self, product_id: str) -> Mapping[str, Any] | None:
        """Return one product with all that is known of it; None where there is none."""

    async def orders(self, customer_id: str) -> Sequence[Mapping[str, Any]]:
        """Return a customer's orders with their parcels, newest first; none for who is not known."""


class DemoPages:
    """Pages, files and data of the demo shop."""

    def __init__(self, shared: Shared, goods: Goods, folder: Path = FOLDER) -> None:
        """Take what is shown, and where the pages lie."""
        self._shared = shared
        self._goods = goods
        self._pages = Folder(folder, {".html": "text/html"})
        self._files = Folder(folder)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        pages = ("/demo/", "/demo/p/{product_id}", "/demo/orders", "/demo/orders/{number}")
        return [
            web.get("/demo", self.front_door, allow_head=False),
            *(web.get(path, self.page, allow_head=False) for path in pages),
            web.get("/demo/files/{path:.+}", self.file, allow_head=False),
            web.get("/demo/products", self.products, allow_head=False),
            web.get("/demo/products/{product_id}", self.product, allow_head=False),
            web.get("/demo/my-orders", self.orders, allow_head=False),
        ]

    async def front_door(self, _request: web.Request) -> web.StreamResponse:
        """Lead to the list."""
        raise web.HTTPFound("/demo/")

    async def page(self, request: web.Request) -> web.StreamResponse:
        """Return the page; its script looks at the address."""
        return answer(request, self._pages.file(_PAGE), ASK_AGAIN, _HEADERS)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Return a file of the page; browsers ask whether it has changed."""
        return answer(request, self._files.file(request.match_info["path"]), ASK_AGAIN)

    async def products(self, request: web.Request) -> web.Response:
        """Return all products."""
        await self._enter(request)
        return json_response({"products": [dict(row) for row in await self._goods.products()]})

    async def product(self, request: web.Request) -> web.Response:
        """Return one product."""
        await self._enter(request)
        product = await self._goods.product(request.match_info["product_id"])
        if product is None:
            raise ApiError(404, "unknown_product", "The shop has no such product.")
        return json_response({"product": dict(product)})

    async def orders(self, request: web.Request) -> web.Response:
        """Return the orders of the customer whom the token proves."""
        await self._enter(request)
        customer_id = self._shared.customer(request)
        if customer_id is None:
            raise TokenError("token_missing", "A token is needed: Authorization: Bearer <token>.")
        return json_response({"orders": [dict(order) for order in await self._goods.orders(customer_id)]})

    async def _enter(self, request: web.Request) -> None:
        await self._shared.limiter.request(self._shared.addresses.of(request))
