"""What the desk reads from the record. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from bot.conversation import desk_queue, desk_talk, figures
from bot.conversation.database import Database
from bot.conversation.desk_counts import count_for
from bot.conversation.desk_queue import read_queue
from bot.conversation.desk_schema import agents, escalations
from bot.conversation.desk_types import (
    Agent,
    DeskConversation,
    DeskMessage,
    EscalationState,
    OpenRequest,
    Presence,
    QueueFilter,
    QueueRow,
    Role,
)
from bot.conversation.escalation import Rules
from bot.conversation.figures import Figures
from persona.privacy.vault import Vault

_e, _a = escalations.c, agents.c

#: A live page looks back so far, since a transaction may be committed a little after the time it bears.
OVERLAP = timedelta(seconds=1)
#: How long praise stands in the desk's list.
PRAISE_FOR = timedelta(days=7)

_NAMES = select(_a.id, _a.name)
_load = (
    select(_e.agent_id, func.count().label("load"))
    .where(_e.state == EscalationState.HELD.value)
    .group_by(_e.agent_id)
    .subquery()
)
_TEAM = (
    select(_a.id, _a.login, _a.name, _a.role, _a.presence, _a.most, _a.seen_at, _load.c.load)
    .select_from(agents.outerjoin(_load, _load.c.agent_id == _a.id))
    .where(_a.active.is_(True))
    .order_by(_a.name, _a.id)
)


class DeskReader:
    """Reads the record for agents.

    Args:
        database: the record.
        vault: opens what is sealed.
        clock: returns the present as an aware datetime.
        rules: the figures of ``escalation.yml``.
    """

    def __init__(self, database: Database, vault: Vault, clock: Callable[[], datetime], rules: Rules) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._rules = rules

    async def queue(self, agent_id: str, filter: QueueFilter) -> tuple[QueueRow, ...]:  # noqa: A002
        """Return a list; see :func:`bot.conversation.desk_queue.read_queue`."""
        return await self._database.read(lambda c: read_queue(c, self._vault, agent_id, filter))

    async def counts(self, agent_id: str) -> Mapping[str, int]:
        """Return how many conversations are ``mine``, ``waiting`` and open (``all``).

        Besides: in how many of mine there is something ``unread``, in how many the shopper waits for an
        answer (``owed``), in how many a colleague calls the agent (``mentions``), and in how many a call
        back, a complaint or a wish for a person waits to be done (``requests``).
        """
        return (await self.counts_of([agent_id]))[agent_id]

    async def counts_of(self, agent_ids: Collection[str]) -> Mapping[str, Mapping[str, int]]:
        """Return the :meth:`counts` of several agents, by agent, for little more than those of one."""
        return await self._database.read(lambda c: count_for(c, agent_ids))

    async def requests(self, limit: int = 200) -> tuple[tuple[str, str | None, OpenRequest], ...]:
        """Return what waits to be done, with conversation and customer; the earliest promise first."""
        return await self._database.read(lambda c: desk_queue.read_requests(c, self._vault, limit))

    async def praise(self, limit: int = 50) -> tuple[tuple[str, str | None, OpenRequest], ...]:
        """Return the praise of the last days (:data:`PRAISE_FOR`), with conversation and customer."""
        since = self._clock() - PRAISE_FOR
        return await self._database.read(lambda c: desk_queue.read_praise(c, self._vault, since, limit))

    async def agents(self) -> tuple[Agent, ...]:
        """Return all active agents, by name."""

        def work(connection: Connection) -> tuple[Agent, ...]:
            return tuple(self._agents(connection).values())

        return await self._database.read(work)

    async def names(self) -> Mapping[str, str]:
        """Return the names of all agents by id, those who have left included."""

        def work(connection: Connection) -> Mapping[str, str]:
            return {row.id: row.name for row in connection.execute(_NAMES)}

        return await self._database.read(work)

    def _agents(self, connection: Connection) -> dict[str, Agent]:
        here_since = self._clock() - self._rules.here
        return {
            row.id: Agent(
                agent_id=row.id,
                login=row.login,
                name=row.name,
                role=Role(row.role),
                presence=Presence(row.presence),
                most=row.most,
                load=row.load or 0,
                here=row.seen_at is not None and row.seen_at > here_since,
            )
            for row in connection.execute(_TEAM)
        }

    async def messages(self, cid: str, after: int) -> tuple[DeskMessage, ...]:
        """Return all messages with a greater `seq`, notes and what was not said included, events not."""
        return await self._database.read(lambda c: desk_talk.read_messages(c, self._vault, cid, after))

    async def changed(self, since: datetime) -> tuple[str, ...]:
        """Return what has changed since a moment, by any process, oldest change first.

        It looks back a second further (:data:`OVERLAP`), so that a conversation may be named twice.
        """
        return await self._database.read(lambda c: desk_queue.changed_since(c, since - OVERLAP))

    async def figures(self, start: datetime, end: datetime) -> Figures:
        """Return the figures of the time from `start` up to, not including, `end`."""
        return await self._database.read(lambda c: figures.read(c, start, end))

    async def conversation(self, cid: str, agent_id: str) -> DeskConversation | None:
        """Return everything about a conversation as one agent sees it; None where there is none."""

        def work(connection: Connection) -> DeskConversation | None:
            talk = self._talk(connection, cid, agent_id, 0)
            return None if talk is None else desk_talk.with_history(connection, self._vault, talk)

        return await self._database.read(work)

    async def talk(self, cid: str, agent_id: str, *, after: int = 0) -> DeskConversation | None:
        """Return a conversation as its transcript and head need it; None where there is none.

        For what every look and every new message asks: owner changes, requests, tags and earlier
        conversations are left empty, and so are the messages up to `after`, except the last of them (a
        message after it begins a new day, or does not).
        """
        return await self._database.read(lambda c: self._talk(c, cid, agent_id, after))

    def _talk(self, connection: Connection, cid: str, agent_id: str, after: int) -> DeskConversation | None:
        return desk_talk.read_talk(
            connection,
            self._vault,
            cid,
            agent_id,
            here_since=self._clock() - self._rules.here,
            team=lambda: self._agents(connection),
            after=after,
        )
