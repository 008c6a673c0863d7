"""What stands still on messaging channels, for whoever runs the front, and how it is set going again.

Nothing here tells of a shopper: channels, moments, counts, and names of troubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.engine import Connection

from bot.conversation.channel_schema import ACTIVE, channel_inbox, channel_links
from bot.conversation.events_schema import ASIDE, WAITING

_i, _l = channel_inbox.c, channel_links.c


@dataclass(frozen=True)
class Stuck:
    """Something that came, or is to be brought, and has failed.

    Attributes:
        number: of its row; unlike the shopper's id it says nothing.
        since: when it came, or when the trouble began.
        due_at: when it is tried next; None where it was set aside.
        trouble: what went wrong last, without content.
    """

    channel: str
    number: int
    since: datetime
    tries: int
    due_at: datetime | None
    trouble: str


@dataclass(frozen=True)
class Troubles:
    """What stands still.

    Attributes:
        heard: what came and could not be taken: set aside, or tried again; newest first.
        brought: shoppers to whom something could not be brought and is tried again; newest first.
        resting: (channel, state) -> shoppers who are written to when they write again.
    """

    heard: tuple[Stuck, ...]
    brought: tuple[Stuck, ...]
    resting: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Retried:
    """How much is worked on again."""

    heard: int
    brought: int


def look(connection: Connection, channel: str | None, limit: int) -> Troubles:
    """Return what stands still on a channel, or (None) on all; at most `limit` of each kind."""
    heard = (
        select(channel_inbox)
        .where(or_(_i.state == ASIDE, and_(_i.state == WAITING, _i.trouble.is_not(None))))
        .order_by(_i.id.desc())
        .limit(limit)
    )
    brought = (
        select(channel_links)
        .where(_l.state == ACTIVE, _l.tries > 0)
        .order_by(_l.since.desc(), _l.id.desc())
        .limit(limit)
    )
    resting = (
        select(_l.channel, _l.state, func.count())
        .where(_l.state != ACTIVE)
        .group_by(_l.channel, _l.state)
        .order_by(_l.channel, _l.state)
    )
    if channel is not None:
        heard, brought = heard.where(_i.channel == channel), brought.where(_l.channel == channel)
        resting = resting.where(_l.channel == channel)
    return Troubles(
        heard=tuple(
            Stuck(
                row.channel,
                row.id,
                row.received_at,
                row.tries,
                row.due_at if row.state == WAITING else None,
                row.trouble or "",
            )
            for row in connection.execute(heard)
        ),
        brought=tuple(
            Stuck(row.channel, row.id, row.since or row.due_at, row.tries, row.due_at, row.trouble or "")
            for row in connection.execute(brought)
        ),
        resting={(name, state): number for name, state, number in connection.execute(resting)},
    )


def retry(connection: Connection, channel: str | None, now: datetime) -> Retried:
    """Have what stands still worked on again, at once and as if for the first time; return how much.

    What a front is working on at this moment is left to it, and who rests is not written to: she has left, or
    the time to answer her is over.

    Args:
        connection: a transaction; fronts may run over the same record.
        channel: one, or (None) all.
        now: the present.
    """
    heard = channel_inbox.update().where(
        or_(_i.state == ASIDE, and_(_i.state == WAITING, _i.trouble.is_not(None))),
        _i.body.is_not(None),
        or_(_i.lease_until.is_(None), _i.lease_until <= now),
    )
    brought = channel_links.update().where(
        _l.state == ACTIVE, _l.tries > 0, or_(_l.lease_until.is_(None), _l.lease_until <= now)
    )
    if channel is not None:
        heard, brought = heard.where(_i.channel == channel), brought.where(_l.channel == channel)
    again = {"tries": 0, "due_at": now, "trouble": None}
    return Retried(
        connection.execute(heard.values(**again, state=WAITING, done_at=None)).rowcount,
        connection.execute(brought.values(**again, since=None)).rowcount,
    )
