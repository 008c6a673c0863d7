"""The figures of the hand-over between two moments."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import rating_rows
from bot.conversation.desk_queue import not_closed
from bot.conversation.desk_schema import agents, escalations
from bot.conversation.queueing import HELD, WAITING
from bot.conversation.rating_rows import RatingFigures
from bot.conversation.schema import SHANGHAI, conversations
from bot.conversation.types import Owner

_a, _c, _e = agents.c, conversations.c, escalations.c


@dataclass(frozen=True)
class Spread:
    """How long something took, in seconds.

    Attributes:
        count: so many were measured.
        median: half took at most this; None where nothing was measured.
        p90: nine in ten took at most this (nearest rank).
    """

    count: int = 0
    median: float | None = None
    p90: float | None = None

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Spread:
        """Return the spread of some lengths."""
        ordered = sorted(seconds)
        if not ordered:
            return cls()
        return cls(
            len(ordered), float(statistics.median(ordered)), ordered[math.ceil(0.9 * len(ordered)) - 1]
        )


@dataclass(frozen=True)
class AgentFigures:
    """What one agent did; a hand-over that changed hands counts for the last of them.

    Attributes:
        held: conversations that the agent has now.
        taken: hand-overs taken in the time.
        ended: hand-overs ended in the time.
        first_response: as in :class:`Figures`, of those that the agent has or had last.
        handling: as in :class:`Figures`.
    """

    agent_id: str
    name: str
    held: int = 0
    taken: int = 0
    ended: int = 0
    first_response: Spread = field(default_factory=Spread)
    handling: Spread = field(default_factory=Spread)


@dataclass(frozen=True)
class Figures:
    """What the first page of figures shows.

    Attributes:
        start: from here on.
        end: up to here, not included.
        open: conversations that are not closed, now.
        waiting: conversations in the queue, now.
        conversations: conversations opened in the time.
        escalations: hand-overs opened in the time.
        first_response: from joining the queue to the agent's first reply, of hand-overs opened in the time.
        handling: from taking to the end, of hand-overs that an agent had and that ended in the time.
        by_reason: hand-overs opened in the time, by reason; so the others.
        by_style: by the type that is served; ``neutral`` where none is known.
        by_channel: by channel.
        by_outcome: hand-overs ended in the time, by outcome.
        by_day: by day in the shop's time zone (``2026-11-22``), ascending, days without any included.
        response_by_day: the first response of the hand-overs opened on a day, the same days.
        handling_by_day: the handling of the hand-overs ended on a day, the same days.
        agents: what each agent did, by name; active accounts, and others that did something.
        ratings: how shoppers rated conversations in the time.
    """

    start: datetime
    end: datetime
    open: int = 0
    waiting: int = 0
    conversations: int = 0
    escalations: int = 0
    first_response: Spread = field(default_factory=Spread)
    handling: Spread = field(default_factory=Spread)
    by_reason: Mapping[str, int] = field(default_factory=dict)
    by_style: Mapping[str, int] = field(default_factory=dict)
    by_channel: Mapping[str, int] = field(default_factory=dict)
    by_outcome: Mapping[str, int] = field(default_factory=dict)
    by_day: Mapping[str, int] = field(default_factory=dict)
    response_by_day: Mapping[str, Spread] = field(default_factory=dict)
    handling_by_day: Mapping[str, Spread] = field(default_factory=dict)
    agents: tuple[AgentFigures, ...] = ()
    ratings: RatingFigures = field(default_factory=RatingFigures)


#: Days that one page shows at most.
MOST_DAYS = 366


def read(connection: Connection, start: datetime, end: datetime) -> Figures:
    """Return the figures of the time from `start` up to, not including, `end`.

    Raises:
        ValueError: `end` is not after `start`, or more than :data:`MOST_DAYS` days later.
    """
    days = _days(start, end)

    def count(*conditions: object) -> int:
        query = select(func.count()).select_from(conversations).where(*conditions)
        return int(connection.execute(query).scalar_one())

    source = escalations.join(conversations, _c.id == _e.conversation_id)
    opened = connection.execute(
        select(_e.reason, _e.opened_at, _e.first_reply_at, _e.agent_id, _c.style, _c.channel)
        .select_from(source)
        .where(_e.opened_at >= start, _e.opened_at < end)
    ).all()
    ended = connection.execute(
        select(_e.held_at, _e.ended_at, _e.outcome, _e.agent_id).where(
            _e.ended_at >= start, _e.ended_at < end
        )
    ).all()
    per_day = Counter(_day(row.opened_at) for row in opened)
    response, handling = _Lengths(_response), _Lengths(_handling)
    waiting = (
        select(func.count()).select_from(source).where(_e.state == WAITING, _c.owner == Owner.WAITING.value)
    )
    return Figures(
        start=start,
        end=end,
        open=count(not_closed()),
        waiting=int(connection.execute(waiting).scalar_one()),
        conversations=count(_c.created_at >= start, _c.created_at < end),
        escalations=len(opened),
        first_response=response.of(opened),
        handling=handling.of(ended),
        by_reason=_counted(row.reason for row in opened),
        by_style=_counted(row.style for row in opened),
        by_channel=_counted(row.channel for row in opened),
        by_outcome=_counted(row.outcome for row in ended if row.outcome),
        by_day={day: per_day[day] for day in days},
        response_by_day=response.per(opened, days, lambda row: _day(row.opened_at)),
        handling_by_day=handling.per(ended, days, lambda row: _day(row.ended_at)),
        agents=_agents(connection, start, end, opened, ended),
        ratings=rating_rows.figures(connection, start, end),
    )


def _response(row: Row) -> float | None:
    return (row.first_reply_at - row.opened_at).total_seconds() if row.first_reply_at else None


def _handling(row: Row) -> float | None:
    return (row.ended_at - row.held_at).total_seconds() if row.held_at else None


@dataclass(frozen=True)
class _Lengths:
    """Spreads of a length that a row may have."""

    length: Callable[[Row], float | None]

    def of(self, rows: Iterable[Row]) -> Spread:
        return Spread.of(found for found in map(self.length, rows) if found is not None)

    def per(self, rows: Iterable[Row], keys: Iterable[str], key: Callable[[Row], str]) -> dict[str, Spread]:
        """Return the spread of each key's rows, in the order of the keys."""
        groups: dict[str, list[Row]] = {}
        for row in rows:
            groups.setdefault(key(row), []).append(row)
        return {each: self.of(groups.get(each, ())) for each in keys}


def _agents(
    connection: Connection, start: datetime, end: datetime, opened: Sequence[Row], ended: Sequence[Row]
) -> tuple[AgentFigures, ...]:
    def counted(*conditions: object) -> dict[str, int]:
        query = select(_e.agent_id, func.count()).where(_e.agent_id.is_not(None), *conditions)
        return {who: int(count) for who, count in connection.execute(query.group_by(_e.agent_id))}

    held = counted(_e.state == HELD)
    taken = counted(_e.held_at >= start, _e.held_at < end)
    finished = Counter(row.agent_id for row in ended if row.agent_id)
    known = connection.execute(select(_a.id, _a.name, _a.active).order_by(_a.name, _a.id)).all()
    who = [row.id for row in known]
    replied = _Lengths(_response).per((r for r in opened if r.agent_id), who, lambda row: str(row.agent_id))
    handled = _Lengths(_handling).per((r for r in ended if r.agent_id), who, lambda row: str(row.agent_id))
    return tuple(
        AgentFigures(
            agent_id=row.id,
            name=row.name,
            held=held.get(row.id, 0),
            taken=taken.get(row.id, 0),
            ended=finished[row.id],
            first_response=replied[row.id],
            handling=handled[row.id],
        )
        for row in known
        if row.active or row.id in held or row.id in taken or finished[row.id]
    )


def _day(at: datetime) -> str:
    return at.astimezone(SHANGHAI).date().isoformat()


def _days(start: datetime, end: datetime) -> Sequence[str]:
    if end <= start:
        raise ValueError("the figures need an end after their start")
    first = start.astimezone(SHANGHAI).date()
    last = end.astimezone(SHANGHAI)
    count = (last.date() - first).days + (last.time() != last.time().min)
    if count > MOST_DAYS:
        raise ValueError(f"the figures span at most {MOST_DAYS} days")
    return [type(first).fromordinal(first.toordinal() + n).isoformat() for n in range(max(1, count))]


def _counted(values: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(values).most_common())
