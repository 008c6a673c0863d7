"""What the record tells of messaging channels: what came and waits, what is to be brought, who rests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.engine import Connection

from bot.conversation.channel_schema import ACTIVE, BLOCKED, CLOSED, channel_inbox, channel_links
from bot.conversation.events_schema import ASIDE, WAITING
from bot.conversation.reachable import CHANNELS
from bot.conversation.schema import conversations, messages
from persona.telemetry.metrics import OTHER

#: What is undelivered for longer has been given up, or waits for her to write: it is not looked for.
_LOOKED_FOR = timedelta(days=4)
_STILL = (BLOCKED, CLOSED)

FAMILIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "zhixin_channel_inbox_rows",
        "Messages of platforms that wait to be taken, or were set aside.",
        ("channel", "state"),
    ),
    ("zhixin_channel_inbox_oldest_seconds", "Age of the oldest of them that waits.", ("channel",)),
    (
        "zhixin_channel_links",
        "Shoppers on messaging channels to whom something is to be brought, or who rest.",
        ("channel", "state"),
    ),
    ("zhixin_channel_links_oldest_seconds", "Age of the oldest message to be brought.", ("channel",)),
)

_i, _l, _c, _m = channel_inbox.c, channel_links.c, conversations.c, messages.c

_WAITS = (
    select(_i.channel, func.count(), func.min(_i.received_at)).where(_i.state == WAITING).group_by(_i.channel)
)
_SET_ASIDE = select(_i.channel, func.count()).where(_i.state == ASIDE).group_by(_i.channel)
_RESTS = select(_l.channel, _l.state, func.count()).where(_l.state.in_(_STILL)).group_by(_l.channel, _l.state)
_UNDELIVERED = (
    select(_l.channel, func.count(), func.min(_m.at))
    .select_from(
        channel_links.join(conversations, _c.id == _l.conversation_id).join(
            messages, and_(_m.conversation_id == _c.id, _m.seq == _l.delivered_seq + 1)
        )
    )
    .where(_l.state == ACTIVE)
    .group_by(_l.channel)
)


def look(
    connection: Connection, now: datetime, channels: Collection[str]
) -> dict[str, Mapping[tuple[str, ...], float]]:
    """Return the figures of :data:`FAMILIES`: name → values of its labels → figure.

    Args:
        connection: a transaction.
        now: the present.
        channels: those that are switched on; they are told of where there is nothing, too.
    """
    known = {*CHANNELS, *channels}

    def of(channel: str) -> str:
        return channel if channel in known else OTHER

    rows: dict[tuple[str, ...], float] = {(n, s): 0.0 for n in channels for s in (WAITING, ASIDE)}
    ages: dict[tuple[str, ...], float] = {(name,): 0.0 for name in channels}
    links: dict[tuple[str, ...], float] = {(n, s): 0.0 for n in channels for s in (WAITING, *_STILL)}
    delays = dict(ages)
    for channel, number, first in connection.execute(_WAITS):
        _add(rows, (of(channel), WAITING), number)
        _age(ages, (of(channel),), first, now)
    for channel, number in connection.execute(_SET_ASIDE):
        _add(rows, (of(channel), ASIDE), number)
    for channel, state, number in connection.execute(_RESTS):
        _add(links, (of(channel), state), number)
    undelivered = _UNDELIVERED.where(_c.changed_at > now - _LOOKED_FOR)
    for channel, number, first in connection.execute(undelivered):
        _add(links, (of(channel), WAITING), number)
        _age(delays, (of(channel),), first, now)
    return {
        "zhixin_channel_inbox_rows": rows,
        "zhixin_channel_inbox_oldest_seconds": ages,
        "zhixin_channel_links": links,
        "zhixin_channel_links_oldest_seconds": delays,
    }


def _add(found: dict[tuple[str, ...], float], labels: tuple[str, ...], number: int) -> None:
    found[labels] = found.get(labels, 0.0) + number


def _age(
    found: dict[tuple[str, ...], float], labels: tuple[str, ...], since: datetime, now: datetime
) -> None:
    found[labels] = max(found.get(labels, 0.0), (now - since).total_seconds())
