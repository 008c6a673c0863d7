"""The live connection of the pages: server-sent events, one watcher for all of a process's listeners.

Events: ``changed`` ``{"ids": [...], "held": {id: agent_id}}`` (conversations with news and who has them, so
that a list fetches what concerns it; null: look at everything again), ``counts`` (of the own lists),
``presence`` ``{agent_id: presence}`` (what changed), ``mention`` (somebody called the agent in a note),
``ended`` (the session is over). They carry ids and numbers; pages fetch what they show.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp_sse import EventSourceResponse, sse_response

from bot.conversation.accounts import Session
from bot.conversation.desk_types import Presence, Role
from bot.conversation.waiting import happened
from bot.desk.access import needs, session_of
from bot.desk.parts import DeskParts

logger = logging.getLogger(__name__)

#: Events that wait for a browser that does not read; more of them are replaced by one "look again".
_MOST_WAITING = 64
#: Live connections of one session: pages share one, see ``live.js``; those of old browsers do not.
_MOST_OF_A_SESSION = 20
_HEARTBEAT_S = 15.0
#: Between two looks, so that a busy desk's news come together: the first of them comes at once.
_PAUSE_S = 0.15
#: A transaction may be committed a little after the moment that it wrote down.
_OVERLAP = timedelta(seconds=2)
_SLOW_LOOK_S = 2.0
#: Numbers are counted anew when something has changed, and now and then for what time alone changes.
_COUNTS_S = 10.0
_LIFE_S = 20.0
_AFTER_FAILURE_S = 2.0


@dataclass(eq=False)
class _Listener:
    """One open connection."""

    session: Session
    events: asyncio.Queue[tuple[str, str] | None] = field(
        default_factory=lambda: asyncio.Queue(_MOST_WAITING)
    )
    counts: Mapping[str, int] | None = None

    @property
    def agent_id(self) -> str:
        return self.session.agent.agent_id

    def tell(self, event: str, data: str) -> None:
        """Queue an event with its JSON; who does not read gets one that says to look at everything."""
        try:
            self.events.put_nowait((event, data))
        except asyncio.QueueFull:
            while not self.events.empty():
                self.events.get_nowait()
            self.events.put_nowait(("changed", _json({"ids": None})))

    def end(self) -> None:
        """Let the connection end after one last event."""
        while not self.events.empty():
            self.events.get_nowait()
        self.events.put_nowait(None)


class Live:
    """``/desk/live``.

    Args:
        parts: the desk's.
        tick_s: seconds between two looks at the record; this process's own news come at once.
    """

    def __init__(self, parts: DeskParts, *, tick_s: float = 0.5) -> None:
        self._parts = parts
        self._tick_s = tick_s
        self._listeners: set[_Listener] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._told: dict[str, datetime] = {}
        self._presences: Mapping[str, Presence] = {}
        self._news: asyncio.Event | None = None
        self._closing = False

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/live", self.connect, allow_head=False)]

    @needs(Role.AGENT, audit=None, live=True)
    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Send events until the browser leaves or the session ends."""
        session = session_of(request)
        same = sum(one.session.token_hash == session.token_hash for one in self._listeners)
        if self._closing or same >= _MOST_OF_A_SESSION:
            raise web.HTTPServiceUnavailable
        listener = _Listener(session)
        async with sse_response(request) as response:
            response.ping_interval = _HEARTBEAT_S
            self._enter(listener)
            try:
                await self._parts.handover.sign_of_life(listener.agent_id)
                with contextlib.suppress(ConnectionError):
                    await _send(response, listener)
            finally:
                self._listeners.discard(listener)
        return response

    async def check(self) -> None:
        """End the connections of sessions that have ended: called where something ends sessions."""
        asked = tuple(self._listeners)  # who enters meanwhile was let in by a session that holds
        alive = await self._parts.accounts.alive({listener.session.token_hash for listener in asked})
        for listener in asked:
            if listener.session.token_hash not in alive:
                self._listeners.discard(listener)
                listener.end()

    async def close(self, _app: web.Application) -> None:
        """End all connections."""
        self._closing = True
        for listener in tuple(self._listeners):
            listener.end()
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher

    def _enter(self, listener: _Listener) -> None:
        self._listeners.add(listener)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch())
        elif self._news is not None:
            self._news.set()

    async def _watch(self) -> None:
        """Look at the record as long as somebody listens."""
        since = self._parts.clock() - _OVERLAP
        loop = asyncio.get_running_loop()
        next_slow = next_counts = next_life = loop.time()
        with self._parts.hub.watch_all() as news:
            self._news = news
            while self._listeners:
                try:
                    began = self._parts.clock()
                    await self.check()  # before anything is told
                    if await self._tell_changes(since):
                        next_counts = min(next_counts, next_slow)
                    if loop.time() >= next_slow:
                        next_slow = loop.time() + _SLOW_LOOK_S
                        await self._tell_presences()
                    if loop.time() >= next_counts:
                        next_counts = loop.time() + _COUNTS_S
                        await self._tell_counts(self._listeners)
                    else:  # a page that was just opened does not wait for its numbers
                        await self._tell_counts([one for one in self._listeners if one.counts is None])
                    if loop.time() >= next_life:
                        next_life = loop.time() + _LIFE_S
                        for agent_id in {listener.agent_id for listener in self._listeners}:
                            await self._parts.handover.sign_of_life(agent_id)
                    since = began - _OVERLAP
                except Exception:
                    logger.exception("the desk's live pages could not be served")
                    await asyncio.sleep(_AFTER_FAILURE_S)
                pause = min(_PAUSE_S, self._tick_s)
                await asyncio.sleep(pause)
                await happened(news, self._tick_s - pause)
                news.clear()

    async def _tell_changes(self, since: datetime) -> bool:
        changed = await self._parts.changes.since(since)
        news = [cid for cid, at in changed.items() if self._told.get(cid) != at]
        self._told = dict(changed)
        if news:
            held = await self._parts.changes.holders(news)
            self._tell(self._listeners, "changed", {"ids": sorted(news), "held": held})
        return bool(news)

    async def _tell_presences(self) -> None:
        now = await self._parts.accounts.presences()
        changed = {who: what.value for who, what in now.items() if self._presences.get(who) is not what}
        changed |= dict.fromkeys(self._presences.keys() - now.keys(), Presence.AWAY.value)
        self._presences = now
        if changed:
            self._tell(self._listeners, "presence", changed)

    async def _tell_counts(self, whom: Iterable[_Listener]) -> None:
        by_agent: dict[str, list[_Listener]] = {}
        for listener in whom:
            by_agent.setdefault(listener.agent_id, []).append(listener)
        if not by_agent:
            return
        found = await self._parts.reader.counts_of(by_agent.keys())
        for agent_id, listeners in by_agent.items():
            counts = dict(found[agent_id])
            for listener in listeners:
                before, listener.counts = listener.counts, counts
                if counts == before:
                    continue
                listener.tell("counts", _json(counts))
                if before is not None and counts.get("mentions", 0) > before.get("mentions", 0):
                    listener.tell("mention", _json({"count": counts["mentions"]}))

    def _tell(self, listeners: Iterable[_Listener], event: str, data: Any) -> None:
        text = _json(data)  # once for all
        for listener in listeners:
            listener.tell(event, text)


async def _send(response: EventSourceResponse, listener: _Listener) -> None:
    """Send what is queued; return when the session has ended or the browser is gone."""
    gone = asyncio.ensure_future(response.wait())
    waiting: asyncio.Future[Any] = gone
    try:
        while True:
            waiting = asyncio.ensure_future(listener.events.get())
            await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                return
            found = waiting.result()
            event, text = found if found is not None else ("ended", "{}")
            await response.send(text, event=event)
            if found is None:
                return
    finally:
        waiting.cancel()
        gone.cancel()


def _json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"))


LIVE = web.AppKey("desk_live", Live)
