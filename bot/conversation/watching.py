"""What the record tells whoever watches the stack: how much waits, since when, who is there.

Each look is a handful of counts that an index answers; nothing of it grows with the age of the record.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Table, func, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.conversation import channel_figures
from bot.conversation.database import Database
from bot.conversation.desk_schema import agents
from bot.conversation.desk_types import Presence
from bot.conversation.escalation import Rules
from bot.conversation.migrate import HEAD, VERSION_TABLE
from bot.conversation.schema import conversations, messages, metadata
from bot.conversation.types import Owner, State

logger = logging.getLogger(__name__)

#: A conversation of the bot counts as going on for so long after its last message.
LIVELY = timedelta(hours=1)

Values = Mapping[tuple[str, ...], float]
#: Name, meaning and labels of each figure that a look finds.
FAMILIES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("zhixin_messages_waiting", "Messages that are owed an answer of the bot.", ()),
    ("zhixin_oldest_message_waiting_seconds", "Age of the oldest of them, 0 where there is none.", ()),
    (
        "zhixin_conversations",
        "Conversations by owner; those of the bot with a message of the last hour.",
        ("owner",),
    ),
    ("zhixin_agents", "Agents with a page open, by presence.", ("presence",)),
    ("zhixin_queue_rows", "Rows that wait, or were given up, in a queue of the record.", ("queue", "state")),
    ("zhixin_queue_oldest_seconds", "Age of the oldest row that waits in a queue.", ("queue",)),
    *channel_figures.FAMILIES,
)

_c, _m, _a = conversations.c, messages.c, agents.c
#: Tables in which something waits to be worked on or sent, and the column of its age.
_QUEUES = {"events": ("shop_events", "received_at"), "webhooks": ("webhook_outbox", "created_at")}
_WAITING, _ASIDE = "waiting", "aside"


class Watching:
    """Looks into the record for figures.

    Args:
        database: the record's.
        clock: returns the present as an aware datetime.
        rules: say how long an agent counts as there.
        channels: messaging channels that are switched on.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        rules: Rules,
        channels: Collection[str] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules
        self._channels = channels

    async def look(self) -> Mapping[str, Values]:
        """Return the figures of :data:`FAMILIES`: name → values of its labels → figure."""
        return await self._database.read(self._look)

    async def usable(self) -> Mapping[str, bool]:
        """Return whether the record takes writes now, and has the schema that this process knows."""

        def work(connection: Connection) -> bool:
            statement = f"UPDATE {VERSION_TABLE} SET version_num = version_num WHERE version_num = :head"  # noqa: S608
            return bool(connection.execute(text(statement), {"head": HEAD}).rowcount)

        try:
            return {"record": True, "migrations": await self._database.write(work)}
        except SQLAlchemyError:
            logger.exception("the record takes no writes")
            return {"record": False}

    def _look(self, connection: Connection) -> Mapping[str, Values]:
        now = self._clock()
        waiting, oldest = connection.execute(
            select(func.count(), func.min(_m.at))
            .select_from(messages.join(conversations, _c.id == _m.conversation_id))
            .where(_c.pending > 0, _m.state == State.ACCEPTED.value)
        ).one()
        owners: dict[tuple[str, ...], float] = {
            (owner.value.lower(),): _count(connection, conversations, _c.owner == owner.value)
            for owner in (Owner.WAITING, Owner.HUMAN)
        }
        lively = _c.last_at > now - LIVELY
        owners[("bot",)] = _count(connection, conversations, _c.owner == Owner.BOT.value, lively)
        there: dict[tuple[str, ...], float] = {(presence.value,): 0.0 for presence in Presence}
        for presence, number in connection.execute(
            select(_a.presence, func.count())
            .where(_a.active.is_(True), _a.seen_at > now - self._rules.here)
            .group_by(_a.presence)
        ):
            there[(presence,)] = float(number)
        rows: dict[tuple[str, ...], float] = {}
        ages: dict[tuple[str, ...], float] = {}
        for name, (table_name, moment) in _QUEUES.items():
            table = metadata.tables.get(table_name)
            if table is None:  # nobody in this process works on it
                continue
            waits = table.c.state == _WAITING
            number, first = connection.execute(
                select(func.count(), func.min(table.c[moment])).where(waits)
            ).one()
            rows[(name, _WAITING)] = float(number)
            rows[(name, _ASIDE)] = _count(connection, table, table.c.state == _ASIDE)
            ages[(name,)] = _age(first, now)
        return {
            "zhixin_messages_waiting": {(): float(waiting)},
            "zhixin_oldest_message_waiting_seconds": {(): _age(oldest, now)},
            "zhixin_conversations": owners,
            "zhixin_agents": there,
            "zhixin_queue_rows": rows,
            "zhixin_queue_oldest_seconds": ages,
            **channel_figures.look(connection, now, self._channels),
        }


def _count(connection: Connection, table: Table, *conditions: object) -> float:
    return float(connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
