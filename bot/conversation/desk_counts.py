"""The numbers beside the desk's lists, for one agent or for all who look: a fixed number of statements."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.engine import Connection

from bot.conversation import desk_queue
from bot.conversation.desk_schema import desk_reads, escalations, mentions
from bot.conversation.queueing import HELD
from bot.conversation.schema import conversations, messages, service_requests
from bot.conversation.types import Author

_c, _m, _e, _r = conversations.c, messages.c, escalations.c, service_requests.c
_WHO: Any = bindparam("who", expanding=True)

_WAITING = select(func.count()).select_from(desk_queue.joined()).where(desk_queue.waiting_now())
_ALL = select(func.count()).select_from(conversations).where(desk_queue.not_closed())
_REQUESTS = select(func.count(_r.conversation_id.distinct())).where(_r.done_at.is_(None))
_MINE = select(_e.agent_id, func.count()).where(_e.state == HELD, _e.agent_id.in_(_WHO)).group_by(_e.agent_id)
_new = (
    select(_m.seq)
    .where(
        _m.conversation_id == _e.conversation_id,
        _m.author == Author.SHOPPER.value,
        _m.seq > func.coalesce(desk_reads.c.seq, 0),
    )
    .correlate(escalations, desk_reads)
    .exists()
)
_seen = and_(desk_reads.c.conversation_id == _e.conversation_id, desk_reads.c.agent_id == _e.agent_id)
_UNREAD = _MINE.select_from(escalations.outerjoin(desk_reads, _seen)).where(_new)
_OWED = _MINE.where(_e.waits_since.is_not(None))
_CALLED = (
    select(mentions.c.agent_id, func.count(mentions.c.conversation_id.distinct()))
    .where(mentions.c.agent_id.in_(_WHO), mentions.c.read_at.is_(None))
    .group_by(mentions.c.agent_id)
)


def count_for(connection: Connection, agent_ids: Collection[str]) -> Mapping[str, Mapping[str, int]]:
    """Return the numbers of :meth:`bot.conversation.desk_reads.DeskReader.counts` for each of some agents."""
    who = {"who": list(agent_ids)}

    def by_agent(query: Any) -> dict[str, int]:
        return {row[0]: int(row[1]) for row in connection.execute(query, who)}

    shared = {
        name: int(connection.execute(query).scalar_one())
        for name, query in (("waiting", _WAITING), ("all", _ALL), ("requests", _REQUESTS))
    }
    own = {
        name: by_agent(query)
        for name, query in (("mine", _MINE), ("unread", _UNREAD), ("owed", _OWED), ("mentions", _CALLED))
    }
    return {one: {**shared, **{name: found.get(one, 0) for name, found in own.items()}} for one in agent_ids}
