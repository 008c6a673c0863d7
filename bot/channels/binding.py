"""``GET`` and ``POST /channels/bind``: a channel's user becomes known as a customer who has logged in."""

from __future__ import annotations

import re
from urllib.parse import urlencode

from aiohttp import web

from bot.channels.errors import ApiError
from bot.channels.validation import only
from bot.channels.web_base import Shared, body_of, json_response
from bot.conversation.binding import bind, holder_of
from bot.conversation.errors import AccessDeniedError, IdentityConflictError
from bot.conversation.store import Store

_TICKET = re.compile(r"[0-9a-f-]{1,64}")


class BindingRoutes:
    """The routes.

    Args:
        shared: what the routes work with.
        store: of conversations.
        login: the page of the shop that a ticket leads to; empty where there is none.
    """

    def __init__(self, shared: Shared, store: Store, login: str) -> None:
        self._shared = shared
        self._store = store
        self._login = login

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/channels/bind", self.lead, allow_head=False),
            web.post("/channels/bind", self.take),
        ]

    async def lead(self, request: web.Request) -> web.Response:
        """Lead a browser on to the shop's login, with the ticket."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        given = _ticket(request.query.get("t", ""))
        if not self._login:
            raise web.HTTPNotFound
        try:
            writing = self._store.writing
            await self._store.run(lambda connection: holder_of(connection, writing, given))
        except AccessDeniedError as exc:
            raise _over() from exc
        mark = "&" if "?" in self._login else "?"
        address = f"{self._login}{mark}{urlencode({'ticket': given})}"
        return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})

    async def take(self, request: web.Request) -> web.Response:
        """Bind whom the ticket is for to the customer whom the token proves."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        customer_id = self._shared.customer(request)
        if customer_id is None:
            raise ApiError(401, "token_missing", "Authorization must be: Bearer <token>.")
        data = await body_of(request)
        only(data, "ticket")
        given = _ticket(data.get("ticket"))
        try:
            bound = await self._store.run(bind(self._store.writing, given, customer_id))
        except AccessDeniedError as exc:
            raise _over() from exc
        except IdentityConflictError as exc:
            message = "This user is bound to another customer; 解绑 in the chat undoes it."
            raise ApiError(409, "bound_to_another", message) from exc
        if bound.conversation_id is not None and bound.accepted is not None:
            self._shared.conversations.heard("", bound.conversation_id, bound.message_id, bound.accepted)
        return json_response({"bound": True, "repeated": bound.repeated})


def _ticket(given: object) -> str:
    if not isinstance(given, str) or not _TICKET.fullmatch(given):
        raise _over()
    return given


def _over() -> ApiError:
    return ApiError(404, "ticket_over", "This link is not valid any more; ask for another in the chat.")
