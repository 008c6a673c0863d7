"""The queue."""

from __future__ import annotations

from aiohttp import web

from bot.conversation.desk_types import Role
from bot.desk.access import needs
from bot.desk.render import render
from bot.desk.views.forms import see_other


class Queue:
    """``/desk/``: which conversations there are."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.get("", self.bare), web.get("/", self.page)]

    @needs(Role.AGENT, audit=None)
    async def bare(self, _request: web.Request) -> web.StreamResponse:
        """Lead ``/desk`` to ``/desk/``."""
        return see_other("/desk/")

    @needs(Role.AGENT, audit="view_queue")
    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show the queue."""
        return render("queue.html", request, {})
