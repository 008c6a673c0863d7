"""The numbers beside the desk's lists, for one agent or for all who look: a fixed number of statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.engine import Connection

from bot.conversation import desk_queue
from bot.conversation.desk_schema import desk_reads, escalations, mentions
from bot.conversation.queueing import HELD
from bot.conversation.schema import conversations, messages
from bot.conversation.types import Author

_c, _m, _e = conversations.c, messages.c, escalations.c


def count_for(connection: Connection, agent_ids: Collection[str]) -> Mapping[str, Mapping[str, int]]:
    """Return the numbers of :meth:`bot.conversation.desk_reads.DeskReader.counts` for each of some agents."""

    def count(condition: Any) -> int:
        query = select(func.count()).select_from(desk_queue.joined()).where(condition)
        return int(connection.execute(query).scalar_one())

    def by_agent(query: Any) -> dict[str, int]:
        return {row[0]: int(row[1]) for row in connection.execute(query)}

    shared = {
        "waiting": count(desk_queue.waiting_now()),
        "all": count(desk_queue.not_closed()),
        "requests": count(desk_queue.owed()),
    }
    mine = (
        select(_e.agent_id, func.count())
        .where(_e.state == HELD, _e.agent_id.in_(agent_ids))
        .group_by(_e.agent_id)
    )
    unread = (
        select(_m.seq)
        .where(
            _m.conversation_id == _e.conversation_id,
            _m.author == Author.SHOPPER.value,
            _m.seq > func.coalesce(desk_reads.c.seq, 0),
        )
        .correlate(escalations, desk_reads)
        .exists()
    )
    seen = and_(desk_reads.c.conversation_id == _e.conversation_id, desk_reads.c.agent_id == _e.agent_id)
    called = (
        select(mentions.c.agent_id, func.count(mentions.c.conversation_id.distinct()))
        .where(mentions.c.agent_id.in_(agent_ids), mentions.c.read_at.is_(None))
        .group_by(mentions.c.agent_id)
    )
    own = {
        "mine": by_agent(mine),
        "unread": by_agent(mine.select_from(escalations.outerjoin(desk_reads, seen)).where(unread)),
        "owed": by_agent(mine.where(_e.waits_since.is_not(None))),
        "mentions": by_agent(called),
    }
    return {who: {**shared, **{name: found.get(who, 0) for name, found in own.items()}} for who in agent_ids}
