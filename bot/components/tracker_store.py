"""Rasa's memory of a conversation: one bounded, sealed row in SQLite or PostgreSQL.

The stock stores read and rebuild every event of a conversation for each message, so a turn grows dearer
with the conversation's length. This one keeps the newest events only (:mod:`bot.components.tracker_bounds`)
and holds the live tracker of recent conversations, guarded by the row's version.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, deserialise_events
from rasa.shared.core.trackers import ActionExecuted, DialogueStateTracker

from bot.components.tracker_bounds import WRITTEN, bounded, settle
from bot.components.tracker_rows import CONNECTIONS, TrackerRows, tracker_url
from persona.privacy.vault import Vault

T = TypeVar("T")

#: Conversations whose tracker stays in memory.
LIVE = 200


class BoundedTrackerStore(TrackerStore):  # type: ignore[misc]  # rasa is untyped
    """Stores trackers, one row each.

    Args:
        domain: the domain whose slots the trackers have.
        host: not used (Rasa passes it).
        event_broker: gets each new event once it is stripped of secrets.
        url: SQLAlchemy URL; default: the environment's ``ZHIXIN_TRACKER_URL``.
        vault: seals the rows; default: the environment's ``ZHIXIN_DATA_KEYS``.

    Raises:
        ValueError: no data keys are given.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        host: str | None = None,
        event_broker: EventBroker | None = None,
        url: str | None = None,
        vault: Vault | None = None,
        **kwargs: Any,
    ) -> None:
        if vault is None:
            keys = os.environ.get("ZHIXIN_DATA_KEYS")
            if not keys:
                raise ValueError("the tracker store needs ZHIXIN_DATA_KEYS (id=<base64 of 32 bytes>)")
            vault = Vault.from_text(keys)
        # A live tracker is taken out of here by `retrieve` and comes back with `save`: a turn that broke off
        # leaves nothing behind, the next one starts from the stored row.
        self._live: OrderedDict[str, DialogueStateTracker] = OrderedDict()
        super().__init__(domain, event_broker)
        url = url or tracker_url()
        connections = int(os.environ.get("ZHIXIN_TRACKER_CONNECTIONS") or CONNECTIONS)
        longest = float(os.environ.get("ZHIXIN_STATEMENT_TIMEOUT_S") or 0)
        self._rows = TrackerRows(url, vault, connections=connections, statement_s=longest)
        self._threads = ThreadPoolExecutor(1 if url.startswith("sqlite") else connections, "tracker-store")

    @property
    def domain(self) -> Domain:
        """The domain whose slots the trackers have; trackers made under another one are dropped."""
        return self._domain

    @domain.setter
    def domain(self, domain: Domain | None) -> None:
        self._domain = domain or Domain.empty()
        self._live.clear()

    async def create_tracker(self, sender_id: str, append_action_listen: bool = True) -> DialogueStateTracker:
        """Return a new tracker; unlike the stock stores it is stored with its first turn only."""
        tracker = self.init_tracker(sender_id)
        if append_action_listen:
            tracker.update(ActionExecuted("action_listen"))
        _mark(tracker, version=0, published=0)
        return tracker

    async def retrieve(self, sender_id: str) -> DialogueStateTracker | None:
        """Return the tracker, or None where nothing is stored."""
        live = self._live.pop(sender_id, None)
        row = await self._run(self._rows.load, sender_id, _version(live) if live is not None else 0)
        if row is None:
            return None
        if live is not None and row.text is None:
            return live
        tracker = self.init_tracker(sender_id)
        for event in deserialise_events(json.loads(row.text or "[]")):
            tracker.update(event)
        _mark(tracker, version=row.version, published=len(tracker.events))
        return tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Store the tracker's newest events, stripped of what must not be kept.

        Raises:
            TrackerConflictError: another process has saved this conversation since it was retrieved.
        """
        published = getattr(tracker, "_zhixin_published", 0)
        settle(tracker, published)
        if self.event_broker is not None:
            new = list(islice(tracker.events, published, None))
            await self._stream_new_events(self.event_broker, new, tracker.sender_id)
        short = bounded(tracker)
        text = f"[{','.join(map(_written, short.events))}]"
        version = await self._run(self._rows.save, tracker.sender_id, _version(tracker), text)
        # The caller may save the same object again within its turn.
        _mark(tracker, version=version, published=len(tracker.events))
        _mark(short, version=version, published=len(short.events))
        self._live[tracker.sender_id] = short
        self._live.move_to_end(tracker.sender_id)
        while len(self._live) > LIVE:
            self._live.popitem(last=False)

    async def exists(self, conversation_id: str) -> bool:
        """Say whether something is stored of this conversation."""
        return await self._run(self._rows.load, conversation_id) is not None

    async def keys(self) -> Iterable[str]:
        """Return the ids of all stored conversations."""
        return await self._run(self._rows.ids)

    async def delete(self, conversation_id: str) -> None:
        """Erase a conversation."""
        self._live.pop(conversation_id, None)
        await self._run(self._rows.delete, [conversation_id])

    def close(self) -> None:
        """Finish what is being written and release the connections."""
        self._threads.shutdown(wait=True)
        self._rows.close()

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def _version(tracker: DialogueStateTracker) -> int:
    return int(getattr(tracker, "_zhixin_version", 0))


def _mark(tracker: DialogueStateTracker, *, version: int, published: int) -> None:
    tracker._zhixin_version = version
    tracker._zhixin_published = published


def _written(event: Event) -> str:
    """Return an event's JSON; kept with it, for most events of a tracker were there the last time."""
    text: str | None = event.__dict__.get(WRITTEN)
    if text is None:
        text = json.dumps(event.as_dict(), ensure_ascii=False, default=_plain)
        event.__dict__[WRITTEN] = text
    return text


def _plain(value: Any) -> Any:
    """Turn the numpy figures that NLU components leave in events into plain ones."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"an event holds a {type(value).__name__}, which cannot be stored")
