"""Looks for shoppers who wait for a person too long, and has the agents' groups told, once a hand-over."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.conversation.database import Database
from bot.conversation.desk_schema import escalations
from bot.conversation.entry import Entry
from bot.conversation.escalation import Rules
from bot.conversation.events_schema import webhook_outbox
from bot.conversation.outbox import Happening
from bot.conversation.queueing import WAITING
from bot.conversation.schema import conversations
from bot.conversation.waiting_rows import Duties
from bot.conversation.writing import Writing

logger = logging.getLogger(__name__)

_DUTY = "alerts"
EVERY = timedelta(seconds=15)
#: Older hand-overs are not told of any more: the row that says that it was told is kept for seven days.
_OLDEST = timedelta(days=6)

_c, _e, _o = conversations.c, escalations.c, webhook_outbox.c


class AlertWatch:
    """The watch of one front; only one front at a time looks.

    Args:
        database: the record.
        writing: the parts of transactions of this process.
        rules: say how long is too long: the first of `waiting.tell_again_minutes`.
        duties: whose turn it is.
        every: pause between two looks.
    """

    def __init__(
        self,
        *,
        database: Database,
        writing: Writing,
        rules: Rules,
        duties: Duties,
        every: timedelta = EVERY,
    ) -> None:
        self._database = database
        self._writing = writing
        self._long = rules.tell_again[0] if rules.tell_again else rules.nobody
        self._duties = duties
        self._every = every
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._loop = asyncio.create_task(self._run(), name="alert-watch")

    async def close(self) -> None:
        """Stop."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
            self._loop = None

    async def _run(self) -> None:
        while True:
            try:
                if await self._duties.take(_DUTY, self._every):
                    await self.look()
                    await self._duties.finish(_DUTY)
            except Exception:
                logger.exception("who waits too long could not be looked for")
            await asyncio.sleep(min(self._every.total_seconds(), 5.0))

    async def look(self) -> int:
        """Have the groups told of who waits too long and was not told of; return how many they are."""
        found = await self._database.read(self._waiting)
        told = 0
        for cid, escalation_id in found:

            def work(connection: Connection, cid: str = cid, escalation_id: int = escalation_id) -> bool:
                return self._tell(connection, cid, escalation_id)

            told += await self._database.write(work)
        return told

    def _waiting(self, connection: Connection) -> list[tuple[str, int]]:
        """Return conversations and hand-overs, those in danger first, then in the order of the queue."""
        now = self._writing.now()
        told = select(_o.id).where(
            _o.conversation_id == _e.conversation_id,
            _o.kind == Happening.WAITING.value,
            _o.created_at >= _e.opened_at,
        )
        rows = connection.execute(
            select(_e.conversation_id, _e.id)
            .select_from(escalations.join(conversations, _c.id == _e.conversation_id))
            .where(
                _e.state == WAITING,
                _e.waits_since <= now - self._long,
                _e.opened_at > now - _OLDEST,
                # Who left a contact outside the hours was told when an answer comes, and does not wait now.
                _c.escalated_at >= _e.opened_at,
                ~told.exists(),
            )
            .order_by(_e.rank, _e.place_at, _e.id)
            .limit(100)
        )
        return [(row.conversation_id, row.id) for row in rows]

    def _tell(self, connection: Connection, cid: str, escalation_id: int) -> bool:
        entry = Entry.of(connection, self._writing, cid)
        row = connection.execute(select(escalations).where(_e.id == escalation_id)).first()
        if entry is None or row is None or row.state != WAITING or row.waits_since is None:
            return False  # somebody has taken it over meanwhile
        waits = entry.now - row.waits_since
        if waits < self._long:
            return False
        entry.tell_others(
            Happening.WAITING,
            escalation_id=escalation_id,
            reason=row.reason,
            minutes=int(waits.total_seconds() // 60),
            since=row.waits_since.isoformat(timespec="milliseconds"),
        )
        return True
