"""What the desk reads from the record. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation import desk_queue, figures, queueing
from bot.conversation.database import Database
from bot.conversation.desk_counts import count_for
from bot.conversation.desk_queue import read_queue
from bot.conversation.desk_rows import to_escalation, to_message, to_request
from bot.conversation.desk_schema import (
    agents,
    answer_ratings,
    conversation_tags,
    corrections,
    desk_marks,
    desk_reads,
    escalations,
)
from bot.conversation.desk_types import (
    Agent,
    DeskConversation,
    DeskMessage,
    OpenRequest,
    OwnerChange,
    Presence,
    QueueFilter,
    QueueRow,
    Role,
)
from bot.conversation.escalation import Rules
from bot.conversation.figures import Figures
from bot.conversation.marking import flag_context
from bot.conversation.schema import conversations, messages, owner_changes, service_requests
from bot.conversation.types import Kind, Owner
from persona.privacy.vault import Vault

_c, _m, _e, _a = conversations.c, messages.c, escalations.c, agents.c

#: A live page looks back so far, since a transaction may be committed a little after the time it bears.
OVERLAP = timedelta(seconds=1)

_EARLIER = 10


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

    async def agents(self) -> tuple[Agent, ...]:
        """Return all active agents, by name."""

        def work(connection: Connection) -> tuple[Agent, ...]:
            return tuple(self._agents(connection).values())

        return await self._database.read(work)

    def _agents(self, connection: Connection) -> dict[str, Agent]:
        now = self._clock()
        staff = {agent.agent_id: agent for agent in queueing.staff(connection, now, self._rules)}
        found = connection.execute(select(_a.id, _a.login, _a.role).order_by(_a.name, _a.id))
        return {
            row.id: Agent(
                agent_id=row.id,
                login=row.login,
                name=staff[row.id].name,
                role=Role(row.role),
                presence=Presence(staff[row.id].presence),
                most=staff[row.id].most,
                load=staff[row.id].load,
                here=staff[row.id].here,
            )
            for row in found
            if row.id in staff
        }

    async def messages(self, cid: str, after: int) -> tuple[DeskMessage, ...]:
        """Return all messages with a greater `seq`, notes and what was not said included, events not."""

        def work(connection: Connection) -> tuple[DeskMessage, ...]:
            return self._messages(connection, cid, after)

        return await self._database.read(work)

    def _messages(self, connection: Connection, cid: str, after: int) -> tuple[DeskMessage, ...]:
        found = connection.execute(
            select(messages)
            .where(_m.conversation_id == cid, _m.seq > after, _m.kind != Kind.EVENT.value)
            .order_by(_m.seq)
        )
        return tuple(to_message(self._vault, row) for row in found)

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
            row = connection.execute(select(conversations).where(_c.id == cid)).first()
            return None if row is None else self._conversation(connection, row, agent_id)

        return await self._database.read(work)

    def _conversation(self, connection: Connection, row: Row, agent_id: str) -> DeskConversation:
        cid = row.id
        marks = connection.execute(select(desk_marks).where(desk_marks.c.conversation_id == cid)).first()
        reads = connection.execute(select(desk_reads).where(desk_reads.c.conversation_id == cid)).all()
        team = self._agents(connection)
        since = self._clock() - self._rules.here
        here = (r.agent_id for r in reads if r.here_at is not None and r.here_at > since)
        reason = None
        if marks is not None and marks.flag_reason is not None:
            reason = self._vault.open(marks.flag_reason, flag_context(cid))
        correction = connection.execute(
            select(corrections.c.label)
            .where(corrections.c.conversation_id == cid)
            .order_by(corrections.c.id.desc())
            .limit(1)
        ).scalar()
        return DeskConversation(
            conversation_id=cid,
            owner=Owner(row.owner),
            channel=row.channel,
            customer_id=row.customer_id,
            orders=tuple(row.orders),
            style=row.style,
            mood=row.mood,
            personalisation=row.personalisation,
            belief=row.belief,
            created_at=row.created_at,
            last_at=row.last_at,
            next_seq=row.next_seq,
            messages=self._messages(connection, cid, 0),
            escalations=tuple(
                to_escalation(self._vault, found)
                for found in connection.execute(
                    select(escalations, _a.name.label("agent_name"))
                    .select_from(escalations.outerjoin(agents, _a.id == _e.agent_id))
                    .where(_e.conversation_id == cid)
                    .order_by(_e.id.desc())
                )
            ),
            owner_changes=tuple(
                OwnerChange(
                    at=found.at,
                    before=None if found.before is None else Owner(found.before),
                    after=Owner(found.after),
                    changed_by=found.changed_by,
                    reason=found.reason,
                )
                for found in connection.execute(
                    select(owner_changes)
                    .where(owner_changes.c.conversation_id == cid)
                    .order_by(owner_changes.c.id)
                )
            ),
            requests=tuple(
                to_request(self._vault, found)
                for found in connection.execute(
                    select(service_requests)
                    .where(service_requests.c.conversation_id == cid)
                    .order_by(service_requests.c.done_at.is_not(None), service_requests.c.id.desc())
                )
            ),
            tags=tuple(
                connection.execute(
                    select(conversation_tags.c.tag)
                    .where(conversation_tags.c.conversation_id == cid)
                    .order_by(conversation_tags.c.at, conversation_tags.c.tag)
                ).scalars()
            ),
            ratings=self._ratings(connection, cid, agent_id),
            flagged=marks is not None and marks.flagged_at is not None,
            flag_reason=reason,
            snoozed_until=None if marks is None else marks.snoozed_until,
            here=tuple(team[a] for a in here if a in team and a != agent_id),
            correction=correction,
            seen_seq=next((r.seq for r in reads if r.agent_id == agent_id), 0),
            earlier=self._earlier(connection, row),
        )

    def _ratings(self, connection: Connection, cid: str, agent_id: str) -> dict[int, bool]:
        """Return the ratings of the answers; the agent's own count before a colleague's."""
        found = connection.execute(
            select(answer_ratings)
            .where(answer_ratings.c.conversation_id == cid)
            .order_by(answer_ratings.c.agent_id == agent_id, answer_ratings.c.at)
        )
        return {row.seq: row.good for row in found}

    def _earlier(self, connection: Connection, row: Row) -> tuple[Mapping[str, Any], ...]:
        """Return the customer's conversations before this one, newest first."""
        if row.customer_id is None:
            return ()
        last = (
            select(_e.outcome)
            .where(_e.conversation_id == _c.id, _e.outcome.is_not(None))
            .order_by(_e.id.desc())
            .limit(1)
            .correlate(conversations)
            .scalar_subquery()
        )
        found = connection.execute(
            select(_c.id, _c.created_at, _c.last_at, _c.style, last.label("outcome"))
            .where(_c.customer_id == row.customer_id, _c.id != row.id, _c.created_at <= row.created_at)
            .order_by(_c.created_at.desc())
            .limit(_EARLIER)
        )
        return tuple(
            {
                "conversation_id": other.id,
                "created_at": other.created_at,
                "last_at": other.last_at,
                "outcome": other.outcome,
                "style": other.style,
            }
            for other in found
        )
