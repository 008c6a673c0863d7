"""One conversation: its page, its news, what the reply box offers, and the warning before a link."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.conversation.desk_types import Outcome, QueueFilter, Role, View
from bot.desk.access import agent_of, needs
from bot.desk.assist.labels import group
from bot.desk.assisting import assist_of
from bot.desk.cards import product_row
from bot.desk.listing import items
from bot.desk.names import NAMES
from bot.desk.parts import parts_of
from bot.desk.pieces import checked_target
from bot.desk.render import render
from bot.desk.views.forms import as_json
from bot.desk.views.loading import CID, SHOWN, fragment, load, load_talk, state_of, transcript

#: News are fetched from so many messages before the last on, since what is understood of one comes later.
LOOK_BACK = 20
_LONGEST_SEARCH = 40
#: Outcomes that an agent may choose.
OUTCOMES = (Outcome.SOLVED, Outcome.FOLLOW_UP, Outcome.NOT_SOLVED, Outcome.NO_REPLY, Outcome.SPAM)


class ConversationPages:
    """``/desk/c/…``."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(CID, self.page),
            web.get(f"{CID}/messages", self.messages),
            web.get(f"{CID}/canned", self.canned),
            web.get(f"{CID}/products", self.products),
            web.get("/leave", self.leave),
        ]

    @needs(Role.AGENT, audit="view_conversation")
    async def page(self, request: web.Request) -> web.StreamResponse:
        """Show the conversation; the side panel follows by itself, since it asks the shop."""
        parts, me = parts_of(request), agent_of(request)
        conversation = await load_talk(request)
        shown = transcript(request, conversation, last=SHOWN)
        mine = await parts.reader.queue(me.agent_id, QueueFilter(view=View.MINE))
        names = await request.app[NAMES].of(row.customer_id for row in mine)
        return render(
            "conversation.html",
            request,
            {
                "state": await state_of(request, conversation),
                "bubbles": shown,
                "earlier": bool(shown) and shown[0].message.seq > _first_seq(conversation),
                "items": items(mine, names, view=View.MINE, agent_id=me.agent_id, now=parts.clock()),
                "colleagues": await parts.reader.agents(),
                "outcomes": [(one.value, group("outcome")[one.value]) for one in OUTCOMES],
                "asked": conversation.asked_seq,
                "now": parts.clock(),
            },
        )

    @needs(Role.AGENT, audit="view_conversation")
    async def messages(self, request: web.Request) -> web.StreamResponse:
        """Return what is new after ``after``, or what was before ``before``, and how it stands, as JSON."""
        before, after = _number(request, "before"), _number(request, "after") - LOOK_BACK
        if before:
            conversation = await load_talk(request)
            shown = transcript(request, conversation, before=before, last=SHOWN)
        else:
            conversation = await load_talk(request, after=after)
            shown = transcript(request, conversation, after=after)
        state = await state_of(request, conversation)
        answer: dict[str, Any] = {
            "html": fragment(request, "messages.html", {"bubbles": shown, "state": state}),
        }
        if before:
            answer["earlier"] = bool(shown) and shown[0].message.seq > _first_seq(conversation)
        else:
            answer["head"] = fragment(request, "head.html", {"state": state})
            answer["mine"] = state.mine
            answer["owner"] = conversation.owner.value
            answer["asked"] = conversation.asked_seq
            answer["style"] = conversation.style
        return as_json(answer)

    @needs(Role.AGENT, audit=None)
    async def canned(self, request: web.Request) -> web.StreamResponse:
        """Return the canned replies that fit what was typed, worded for this shopper."""
        me = agent_of(request)
        conversation = await load(request)
        case = await (await assist_of(request)).case(conversation)
        search = request.query.get("q", "")[:_LONGEST_SEARCH]
        found = (await assist_of(request)).canned(conversation, case, me.name, search)
        return render("canned.html", request, {"found": found, "search": search})

    @needs(Role.AGENT, audit=None)
    async def products(self, request: web.Request) -> web.StreamResponse:
        """Return products that may be sent as a card: found by words, or recommended to this shopper."""
        parts = parts_of(request)
        conversation = await load(request)
        words = request.query.get("q", "").strip()[:_LONGEST_SEARCH]
        if words:
            found = [match.product for match in await parts.shop.find_products(words, limit=8)]
        else:
            whose = conversation.customer_id if conversation.personalisation else None
            found = [product for product, _ in await parts.shop.recommend(customer_id=whose, limit=5)]
        return render("products.html", request, {"found": [product_row(one) for one in found]})

    @needs(Role.AGENT, audit=None)
    async def leave(self, request: web.Request) -> web.StreamResponse:
        """Show where a shopper's link leads, and ask."""
        target = checked_target(request.query.get("to", ""))
        if target is None:
            raise web.HTTPBadRequest
        return render("leave.html", request, {"target": target})


def _first_seq(conversation: Any) -> int:
    return conversation.messages[0].seq if conversation.messages else 0


def _number(request: web.Request, name: str) -> int:
    """Return a number of the address; 0 where it is none."""
    text = request.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
