"""The lists of conversations, and what waits to be done for shoppers who are not there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from bot.conversation.desk_types import OpenRequest, Role, View
from bot.desk.access import add_to_audit, agent_of, needs
from bot.desk.assist.labels import group
from bot.desk.listing import Item, address_of, filter_of, items, stranger
from bot.desk.names import NAMES
from bot.desk.parts import parts_of
from bot.desk.render import render
from bot.desk.views.forms import see_other

_MOST_ONLY = 100
_LONGEST_ID = 40


class Queue:
    """``/desk/``: which conversations there are."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("", self.bare),
            web.get("/", self.page),
            web.get("/queue", self.rows),
            web.get("/requests", self.requests),
            web.post("/requests/{request_id:[0-9]{1,15}}/done", self.done),
        ]

    @needs(Role.AGENT, audit=None)
    async def bare(self, _request: web.Request) -> web.StreamResponse:
        """Lead ``/desk`` to ``/desk/``."""
        return see_other("/desk/")

    @needs(Role.AGENT, audit="view_queue")
    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show a list; everything that is chosen stands in the address."""
        wanted = filter_of(request.query)
        context = await self._context(request)
        return render(
            "queue.html",
            request,
            {
                **context,
                "wanted": wanted,
                "now": parts_of(request).clock(),
                "counts": await parts_of(request).reader.counts(agent_of(request).agent_id),
                "views": {view.value: address_of(wanted, view=view) for view in View},
                "filtered": any(key != "view" for key in address_of(wanted)),
                "reasons": group("reason"),
                "styles": {code: name for code, name in group("style").items() if code != "none"},
                "moods": group("mood"),
                "channels": group("channel"),
            },
        )

    @needs(Role.AGENT, audit="view_queue")
    async def rows(self, request: web.Request) -> web.StreamResponse:
        """Return the rows of a list; with ``only=<id>,…`` those of these conversations that are in it."""
        return render("queue_rows.html", request, await self._context(request))

    async def _context(self, request: web.Request) -> dict[str, Any]:
        only = request.query.get("only")
        ids = None
        if only is not None:
            ids = tuple(one for one in only.split(",")[:_MOST_ONLY] if 0 < len(one) <= _LONGEST_ID)
        return {"items": await self._items(request, ids), "compact": request.query.get("compact") == "1"}

    async def _items(self, request: web.Request, only: tuple[str, ...] | None) -> tuple[Item, ...]:
        parts, me = parts_of(request), agent_of(request)
        wanted = filter_of(request.query, only=only)
        found = await parts.reader.queue(me.agent_id, wanted)
        names = await request.app[NAMES].of(row.customer_id for row in found)
        return items(found, names, view=wanted.view, agent_id=me.agent_id, now=parts.clock())

    @needs(Role.AGENT, audit="view_requests")
    async def requests(self, request: web.Request) -> web.StreamResponse:
        """Show who waits for a call, a complaint's answer or a person; contacts stay masked."""
        parts = parts_of(request)
        found = await parts.reader.requests()
        praise = await parts.reader.praise()
        names = await request.app[NAMES].of(customer_id for _, customer_id, _ in (*found, *praise))

        def rows(those: Iterable[tuple[str, str | None, OpenRequest]]) -> list[tuple[str, str, OpenRequest]]:
            return [(cid, names.get(whose or "") or stranger(cid), one) for cid, whose, one in those]

        context = {
            "asked": rows(found),
            "praised": rows(praise),
            "now": parts.clock(),
            "counts": await parts.reader.counts(agent_of(request).agent_id),
            "views": {view.value: {"view": view.value} for view in View},
        }
        fragment = "HX-Request" in request.headers or request.query.get("rows") == "1"
        return render("requests_rows.html" if fragment else "requests.html", request, context)

    @needs(Role.AGENT, audit="request_done", write=True)
    async def done(self, request: web.Request) -> web.StreamResponse:
        """Note that one of them was done."""
        request_id = int(request.match_info["request_id"])
        add_to_audit(request, number=request_id)
        await parts_of(request).handover.done(request_id, agent_of(request).agent_id)
        if "HX-Request" in request.headers:
            return web.Response()
        return see_other("/desk/requests")
