"""The queue as the record has it: who is on duty, who comes next, how long it takes. Inside a transaction."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.engine import Connection, Row

from bot.conversation.desk_schema import agents, escalations
from bot.conversation.desk_types import EscalationState, Presence
from bot.conversation.escalation import Rules, expected_minutes
from bot.conversation.schema import conversations
from bot.conversation.types import Owner

_e, _a, _c = escalations.c, agents.c, conversations.c

WAITING, HELD, ENDED = (state.value for state in EscalationState)


@dataclass(frozen=True)
class OnDuty:
    """An agent who may be given conversations.

    Attributes:
        here: a page of the agent showed a sign of life lately.
        most: conversations at a time.
        load: conversations held now.
        routed_at: when the last one was given.
        left_at: since when the agent is not at the desk any more; None while there, or never seen.
    """

    agent_id: str
    name: str
    presence: Presence
    here: bool
    most: int
    load: int
    routed_at: datetime | None
    seen_at: datetime | None
    left_at: datetime | None = None

    @property
    def there(self) -> bool:
        """Whether the agent is at the desk; who is busy will have time again."""
        return self.here and self.presence is not Presence.AWAY

    @property
    def takes(self) -> bool:
        """Whether the agent takes conversations at all now."""
        return self.here and self.presence is Presence.ONLINE

    @property
    def room(self) -> int:
        """How many more the agent takes."""
        return max(0, self.most - self.load) if self.takes else 0


@dataclass(frozen=True)
class Standing:
    """Where a shopper stands; `position` counts from 1, `duty` says whether anybody is at the desk."""

    position: int
    minutes: int
    duty: bool

    def facts(self) -> dict[str, int]:
        """Return what the shopper is told."""
        return {"position": self.position, "minutes": self.minutes}


def staff(connection: Connection, now: datetime, rules: Rules) -> tuple[OnDuty, ...]:
    """Return all active agents with their load."""
    load = (
        select(func.count())
        .select_from(escalations)
        .where(_e.agent_id == _a.id, _e.state == HELD)
        .scalar_subquery()
    )
    found = connection.execute(
        select(
            _a.id,
            _a.name,
            _a.presence,
            _a.presence_at,
            _a.seen_at,
            _a.most,
            _a.routed_at,
            load.label("load"),
        )
        .where(_a.active.is_(True))
        .order_by(_a.id)
    )
    return tuple(
        OnDuty(
            agent_id=row.id,
            name=row.name,
            presence=Presence(row.presence),
            here=row.seen_at is not None and row.seen_at > now - rules.here,
            most=row.most,
            load=row.load,
            routed_at=row.routed_at,
            seen_at=row.seen_at,
            left_at=_left_at(row, now, rules),
        )
        for row in found
    )


def _left_at(row: Row, now: datetime, rules: Rules) -> datetime | None:
    """Return since when an agent is not at the desk: said to be away, or showing no sign of life."""
    if row.seen_at is None:
        return None
    silent = row.seen_at + rules.here
    left = min(row.presence_at, silent) if row.presence == Presence.AWAY.value else silent
    return left if left <= now else None


def attended(connection: Connection, now: datetime, rules: Rules) -> bool:
    """Return whether anybody is at the desk: online or busy, with a page open."""
    there = select(_a.id).where(
        _a.active.is_(True), _a.presence != Presence.AWAY.value, _a.seen_at > now - rules.here
    )
    return connection.execute(there.limit(1)).first() is not None


def handling(connection: Connection, rules: Rules) -> timedelta:
    """Return the median length of the last hand-overs that an agent held, else the assumed one."""
    found = connection.execute(
        select(_e.held_at, _e.ended_at)
        .where(_e.ended_at.is_not(None), _e.held_at.is_not(None))
        .order_by(_e.ended_at.desc())
        .limit(rules.sample)
    ).all()
    lengths = [(row.ended_at - row.held_at).total_seconds() for row in found]
    # One or two say nothing of the rest.
    return timedelta(seconds=statistics.median(lengths)) if len(lengths) >= 5 else rules.handling


def ahead(connection: Connection, escalation: Row) -> int:
    """Return how many live ones wait before this one."""
    earlier = or_(
        _e.rank < escalation.rank,
        and_(
            _e.rank == escalation.rank,
            or_(
                _e.place_at < escalation.place_at,
                and_(_e.place_at == escalation.place_at, _e.id < escalation.id),
            ),
        ),
    )
    return int(
        connection.execute(
            select(func.count())
            .select_from(escalations.join(conversations, _c.id == _e.conversation_id))
            .where(_e.state == WAITING, _c.owner == Owner.WAITING.value, earlier)
        ).scalar_one()
    )


def standing(connection: Connection, escalation: Row, now: datetime, rules: Rules) -> Standing:
    """Return where a waiting escalation stands."""
    position = ahead(connection, escalation) + 1
    there = [agent for agent in staff(connection, now, rules) if agent.there]
    # Where all are busy, theirs are the places that come free.
    on_duty = [agent for agent in there if agent.takes] or there
    minutes = expected_minutes(
        position=position,
        free=sum(agent.room for agent in on_duty),
        slots=sum(agent.most for agent in on_duty),
        handling=handling(connection, rules),
        rules=rules,
    )
    return Standing(position, minutes, bool(there))


def open_escalation(connection: Connection, conversation_id: str) -> Row | None:
    """Return the open escalation of a conversation, with the name of the agent who holds it, or None."""
    return connection.execute(
        select(escalations, _a.name.label("agent_name"))
        .select_from(escalations.outerjoin(agents, _a.id == _e.agent_id))
        .where(_e.conversation_id == conversation_id, _e.state != ENDED)
    ).first()


def front_place(connection: Connection, rank: int, now: datetime) -> datetime:
    """Return a place before all who wait in a rank."""
    first = connection.execute(
        select(func.min(_e.place_at)).where(_e.state == WAITING, _e.rank == rank)
    ).scalar()
    return now if first is None else min(first, now) - timedelta(milliseconds=1)


@dataclass(frozen=True)
class Whereabouts:
    """What clients are told beside the owner: ``{"position", "minutes"}`` or ``{"name"}``."""

    queue: Mapping[str, int] | None = None
    agent: Mapping[str, str] | None = None


NOWHERE = Whereabouts()


def whereabouts(
    connection: Connection, conversation_id: str, owner: Owner, now: datetime, rules: Rules
) -> Whereabouts:
    """Return the place in the queue while the owner is WAITING, the agent while it is HUMAN."""
    if owner not in {Owner.WAITING, Owner.HUMAN}:
        return NOWHERE
    found = open_escalation(connection, conversation_id)
    if found is None:
        return NOWHERE
    if owner is Owner.WAITING:
        return Whereabouts(queue=standing(connection, found, now, rules).facts())
    return Whereabouts(agent={"name": found.agent_name or ""})
