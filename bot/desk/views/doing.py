"""What agents do with a conversation: each handler is one write of ``bot.conversation.handover.Handover``.

Browsers that run the pages' scripts get JSON and fetch what has changed; a plain form leads back to the page.
Each write that stores something new takes a ``key`` of the form: the same key is the same write.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bot.conversation.desk_types import DeskMessage, Outcome, Role
from bot.desk.access import add_to_audit, agent_of, needs
from bot.desk.assisting import assist_of
from bot.desk.cards import card_of
from bot.desk.errors import DeskRefusal, wants_page
from bot.desk.parts import parts_of
from bot.desk.render import render
from bot.desk.views.forms import as_json, field, see_other
from bot.desk.views.loading import CID, fragment, load, load_talk, require_held, state_of, transcript
from bot.desk.words import word

#: The longest text that an agent may send at once, in code points.
MOST_TEXT = 2000
_MOST_SHORT = 200
_KEY = re.compile(r"[A-Za-z0-9._-]{8,60}")
_LABELS = ("power", "perfect", "peace", "lively", "none")
#: How long a conversation can be put aside, by the code of the choice.
SNOOZES = {"30m": timedelta(minutes=30), "2h": timedelta(hours=2)}
_MORNING = 9

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Doing:
    """``POST /desk/c/{cid}/…``."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        does: Mapping[str, Handler] = {
            "take": self.take,
            "reply": self.reply,
            "note": self.note,
            "back": self.back,
            "close": self.close,
            "transfer": self.transfer,
            "snooze": self.snooze,
            "tag": self.tag,
            "flag": self.flag,
            "rate": self.rate,
            "correct": self.correct,
            "seen": self.seen,
            "draft": self.draft,
        }
        return [web.post(f"{CID}/{name}", handler) for name, handler in does.items()]

    # -- who answers ------------------------------------------------------------------------------------

    @needs(Role.AGENT, audit="take_over", write=True)
    async def take(self, request: web.Request) -> web.StreamResponse:
        """Take the conversation; one of two who try at once wins, the other is told who."""
        taken = await parts_of(request).handover.take_over(_cid(request), agent_of(request).agent_id)
        add_to_audit(request, reason=taken.reason.value)
        return _done(request)

    @needs(Role.AGENT, audit="hand_back", write=True)
    async def back(self, request: web.Request) -> web.StreamResponse:
        """Give it back to the assistant, with how it ended and which order it was about."""
        outcome = _outcome(await field(request, "outcome"))
        order = (await field(request, "order", longest=64)).strip() or None
        add_to_audit(request, outcome=outcome.value)
        await parts_of(request).handover.hand_back(
            _cid(request), agent_of(request).agent_id, outcome=outcome, settled_order=order
        )
        return _done(request)

    @needs(Role.AGENT, audit="close", write=True)
    async def close(self, request: web.Request) -> web.StreamResponse:
        """End the conversation for good."""
        outcome = _outcome(await field(request, "outcome"))
        add_to_audit(request, outcome=outcome.value)
        await parts_of(request).handover.close(_cid(request), agent_of(request).agent_id, outcome=outcome)
        return _done(request)

    @needs(Role.AGENT, audit="transfer", write=True)
    async def transfer(self, request: web.Request) -> web.StreamResponse:
        """Pass it to a colleague, or with an empty ``to`` back into the queue; so supervisors assign."""
        to = (await field(request, "to", longest=24)) or None
        add_to_audit(request, to=to or "queue")
        await parts_of(request).handover.transfer(_cid(request), agent_of(request).agent_id, to=to)
        return _done(request)

    @needs(Role.AGENT, audit="snooze", write=True)
    async def snooze(self, request: web.Request) -> web.StreamResponse:
        """Put it aside for a while, or with an empty ``for`` take it up again."""
        until = _until(await field(request, "for"), parts_of(request).clock())
        await parts_of(request).handover.snooze(_cid(request), agent_of(request).agent_id, until=until)
        return _done(request)

    # -- writing ----------------------------------------------------------------------------------------

    @needs(Role.AGENT, audit="reply", write=True)
    async def reply(self, request: web.Request) -> web.StreamResponse:
        """Say something to the shopper: a text, or a card of an order, parcel, request or product."""
        parts, me = parts_of(request), agent_of(request)
        key, text = await _key(request), await _text(request, MOST_TEXT)
        kind, about = await field(request, "card", longest=20), await field(request, "about", longest=64)
        card: dict[str, Any] = {}
        if kind:
            conversation = await load(request)
            require_held(conversation, me)
            made = await card_of(parts.shop, await (await assist_of(request)).case(conversation), kind, about)
            card = {"card": made.name, "data": made.data}
        elif not text:
            raise DeskRefusal(422, word("doing", "empty"))
        message = await parts.handover.reply(_cid(request), me.agent_id, key=key, text=text, **card)
        add_to_audit(request, seq=message.seq)
        return await said(request, message)

    @needs(Role.AGENT, audit="note", write=True)
    async def note(self, request: web.Request) -> web.StreamResponse:
        """Write what only colleagues read; who is named with @ is called."""
        parts, me = parts_of(request), agent_of(request)
        key, text = await _key(request), await _text(request, MOST_TEXT)
        if not text:
            raise DeskRefusal(422, word("doing", "empty"))
        names = {agent.name: agent.agent_id for agent in await parts.reader.agents()}
        called = [one for one in mentioned(text, names) if one != me.agent_id]
        message = await parts.handover.note(_cid(request), me.agent_id, key=key, text=text, mentions=called)
        add_to_audit(request, seq=message.seq, called=len(called))
        return await said(request, message)

    @needs(Role.AGENT, audit=None, write=True)
    async def draft(self, request: web.Request) -> web.StreamResponse:
        """Say what in a draft clashes with the shopper's style, the facts or the rules; it may be sent."""
        text = await _text(request, MOST_TEXT)
        conversation = await load(request)
        case = await (await assist_of(request)).case(conversation)
        return render(
            "draft.html", request, {"warnings": (await assist_of(request)).check(conversation, case, text)}
        )

    # -- marks ------------------------------------------------------------------------------------------

    @needs(Role.AGENT, audit="tag", write=True)
    async def tag(self, request: web.Request) -> web.StreamResponse:
        """Put a tag on, or with ``on=0`` take it off."""
        name = (await field(request, "tag", longest=100)).strip()
        if not 1 <= len(name) <= 32:
            raise DeskRefusal(422, word("doing", "bad_tag"))
        on = await field(request, "on") != "0"
        try:
            await parts_of(request).handover.tag(_cid(request), agent_of(request).agent_id, tag=name, on=on)
        except ValueError as exc:
            raise DeskRefusal(422, word("doing", "too_many_tags")) from exc
        return _done(request)

    @needs(Role.AGENT, audit="flag", write=True)
    async def flag(self, request: web.Request) -> web.StreamResponse:
        """Mark it for review with a reason, or with ``on=0`` lift the mark."""
        on = await field(request, "on") != "0"
        reason = await _text(request, _MOST_SHORT, name="reason") if on else None
        add_to_audit(request, on=on)
        await parts_of(request).handover.flag(_cid(request), agent_of(request).agent_id, reason=reason)
        return _done(request)

    @needs(Role.AGENT, audit="rate", write=True)
    async def rate(self, request: web.Request) -> web.StreamResponse:
        """Call an answer of the assistant good or bad, with a comment; an empty ``good`` takes that back."""
        seq = await _seq(request)
        given = await field(request, "good")
        good = {"1": True, "0": False}.get(given)
        comment = await _text(request, _MOST_SHORT, name="comment")
        add_to_audit(request, seq=seq, good=good)
        await parts_of(request).handover.rate(
            _cid(request), agent_of(request).agent_id, seq=seq, good=good, comment=comment
        )
        return _done(request)

    @needs(Role.AGENT, audit="correct", write=True)
    async def correct(self, request: web.Request) -> web.StreamResponse:
        """Say which type the shopper really is, or that none shows."""
        key, label = await _key(request), await field(request, "label")
        if label not in _LABELS:
            raise web.HTTPBadRequest
        add_to_audit(request, label=label)
        me = agent_of(request)
        await parts_of(request).handover.correct(
            _cid(request), by=f"agent:{me.agent_id}", label=label, key=key
        )
        return _done(request)

    @needs(Role.AGENT, audit=None, write=True)
    async def seen(self, request: web.Request) -> web.StreamResponse:
        """Note that the agent has the conversation before her, read up to a message."""
        await parts_of(request).handover.seen(
            _cid(request), agent_of(request).agent_id, seq=await _seq(request)
        )
        return as_json({})


def mentioned(text: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids of colleagues whom a note names with @, longest names first: 李敏华 is not 李敏."""
    found: list[str] = []
    for name in sorted(names, key=len, reverse=True):
        if f"@{name}" in text:
            found.append(names[name])
            text = text.replace(f"@{name}", " ")
    return tuple(found)


def _cid(request: web.Request) -> str:
    return request.match_info["cid"]


def _done(request: web.Request) -> web.Response:
    if wants_page(request):
        return see_other(f"/desk/c/{_cid(request)}")
    return as_json({})


async def said(request: web.Request, message: DeskMessage) -> web.Response:
    """Return what was stored as the page shows it."""
    if wants_page(request):
        return see_other(f"/desk/c/{_cid(request)}")
    conversation = await load_talk(request, after=message.seq - 1)
    shown = transcript(request, conversation, after=message.seq - 1, before=message.seq + 1)
    context = {"bubbles": shown, "state": await state_of(request, conversation)}
    return as_json({"seq": message.seq, "html": fragment(request, "messages.html", context)})


async def _key(request: web.Request) -> str:
    key = await field(request, "key", longest=60)
    if not _KEY.fullmatch(key):
        raise web.HTTPBadRequest
    return key


async def _text(request: web.Request, most: int, *, name: str = "text") -> str:
    """Return words of the form, without white space around; 422 where they are too long or no text."""
    text = (await field(request, name, longest=100_000)).replace("\r\n", "\n").strip()
    if len(text) > most:
        raise DeskRefusal(422, word("doing", "too_long", most=most))
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise web.HTTPBadRequest
    return text


async def _seq(request: web.Request) -> int:
    text = await field(request, "seq")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise web.HTTPBadRequest
    return int(text)


def _outcome(text: str) -> Outcome:
    try:
        return Outcome(text)
    except ValueError as exc:
        raise DeskRefusal(422, word("doing", "no_outcome")) from exc


def _until(choice: str, now: datetime) -> datetime | None:
    """Return until when a conversation is put aside; None takes it up again."""
    if not choice:
        return None
    if choice in SNOOZES:
        return now + SNOOZES[choice]
    if choice == "morning":
        day = now if now.hour < _MORNING else now + timedelta(days=1)
        return day.replace(hour=_MORNING, minute=0, second=0, microsecond=0)
    raise web.HTTPBadRequest
