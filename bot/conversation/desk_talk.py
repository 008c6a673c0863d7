"""One conversation as an agent sees it. Its statements are made once, since each look at a page asks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import caring, rating_rows
from bot.conversation.correcting import LIFTED
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
from bot.conversation.desk_types import Agent, DeskConversation, DeskMessage, OwnerChange
from bot.conversation.marking import flag_context
from bot.conversation.schema import conversations, messages, owner_changes, service_requests
from bot.conversation.types import Author, Kind, Owner
from persona.privacy.vault import Vault

_c, _m, _e, _a = conversations.c, messages.c, escalations.c, agents.c
_CID: Any = bindparam("cid")
_AFTER: Any = bindparam("after")
_AGENT: Any = bindparam("agent")
_EARLIER = 10

_correction = (
    select(corrections.c.label)
    .where(corrections.c.conversation_id == _c.id)
    .order_by(corrections.c.id.desc())
    .limit(1)
    .correlate(conversations)
    .scalar_subquery()
)
_HEAD = (
    select(
        *(column for column in _c if column.name not in {"secret_hash"}),
        desk_marks.c.flagged_at,
        desk_marks.c.flag_reason,
        desk_marks.c.snoozed_until,
        _correction.label("correction"),
    )
    .select_from(conversations.outerjoin(desk_marks, desk_marks.c.conversation_id == _c.id))
    .where(_c.id == _CID)
)
_LOOKS = select(desk_reads.c.agent_id, desk_reads.c.seq, desk_reads.c.here_at).where(
    desk_reads.c.conversation_id == _CID
)
_MESSAGES = (
    select(
        *(column for column in _m if column.name not in {"state", "trouble", "net"}),
        _a.name.label("agent_name"),
    )
    .select_from(messages.outerjoin(agents, _a.id == _m.agent_id))
    .where(_m.conversation_id == _CID, _m.seq > _AFTER, _m.kind != Kind.EVENT.value)
    .order_by(_m.seq)
)
_BEFORE = (
    select(_m.seq)
    .where(_m.conversation_id == _CID, _m.seq <= _AFTER, _m.kind != Kind.EVENT.value)
    .order_by(_m.seq.desc())
    .limit(1)
)
_ASKED = (
    select(_m.seq)
    .where(_m.conversation_id == _CID, _m.author == Author.SHOPPER.value, _m.kind != Kind.EVENT.value)
    .order_by(_m.seq.desc())
    .limit(1)
)
_ESCALATIONS = (
    select(escalations, _a.name.label("agent_name"))
    .select_from(escalations.outerjoin(agents, _a.id == _e.agent_id))
    .where(_e.conversation_id == _CID)
    .order_by(_e.id.desc())
)
_OWNER_CHANGES = (
    select(owner_changes).where(owner_changes.c.conversation_id == _CID).order_by(owner_changes.c.id)
)
_REQUESTS = (
    select(service_requests)
    .where(service_requests.c.conversation_id == _CID)
    .order_by(service_requests.c.done_at.is_not(None), service_requests.c.id.desc())
)
_TAGS = (
    select(conversation_tags.c.tag)
    .where(conversation_tags.c.conversation_id == _CID)
    .order_by(conversation_tags.c.at, conversation_tags.c.tag)
)
_RATINGS = (
    select(answer_ratings.c.seq, answer_ratings.c.good)
    .where(answer_ratings.c.conversation_id == _CID)
    .order_by(answer_ratings.c.agent_id == _AGENT, answer_ratings.c.at)
)
_outcome = (
    select(_e.outcome)
    .where(_e.conversation_id == _c.id, _e.outcome.is_not(None))
    .order_by(_e.id.desc())
    .limit(1)
    .correlate(conversations)
    .scalar_subquery()
)
_OTHERS = (
    select(_c.id, _c.created_at, _c.last_at, _c.style, _outcome.label("outcome"))
    .where(
        and_(_c.customer_id == bindparam("customer"), _c.id != _CID, _c.created_at <= bindparam("created_at"))
    )
    .order_by(_c.created_at.desc())
    .limit(_EARLIER)
)

Team = Callable[[], Mapping[str, Agent]]


def read_messages(connection: Connection, vault: Vault, cid: str, after: int) -> tuple[DeskMessage, ...]:
    """Return all messages with a greater `seq`, notes and what was not said included, events not."""
    found = connection.execute(_MESSAGES, {"cid": cid, "after": after})
    return tuple(to_message(vault, row) for row in found)


def read_talk(
    connection: Connection,
    vault: Vault,
    cid: str,
    agent_id: str,
    *,
    here_since: datetime,
    team: Team,
    after: int = 0,
) -> DeskConversation | None:
    """Return a conversation as its transcript and head need it; see :meth:`DeskReader.talk`.

    Args:
        connection: of a transaction.
        vault: opens what is sealed.
        cid: the conversation.
        agent_id: who looks.
        here_since: a page that showed a sign of life since then is open.
        team: returns the agents by id; called only where a colleague is there.
        after: messages up to this number, except the last of them, are left out.
    """
    of = {"cid": cid}
    row = connection.execute(_HEAD, of).first()
    if row is None:
        return None
    looks = connection.execute(_LOOKS, of).all()
    here = [
        r.agent_id
        for r in looks
        if r.agent_id != agent_id and r.here_at is not None and r.here_at > here_since
    ]
    colleagues = team() if here else {}
    start = (connection.execute(_BEFORE, {**of, "after": after}).scalar() or 0) if after > 0 else 0
    found = connection.execute(_MESSAGES, {**of, "after": max(0, start - 1)}).all()
    reason = None if row.flag_reason is None else vault.open(row.flag_reason, flag_context(cid))
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
        messages=tuple(to_message(vault, message) for message in found),
        escalations=tuple(to_escalation(vault, one) for one in connection.execute(_ESCALATIONS, of)),
        owner_changes=(),
        # The agent's own rating comes last and counts before a colleague's.
        ratings={one.seq: one.good for one in connection.execute(_RATINGS, {**of, "agent": agent_id})},
        flagged=row.flagged_at is not None,
        flag_reason=reason,
        snoozed_until=row.snoozed_until,
        rating_asked_at=row.rating_asked_at,
        here=tuple(colleagues[one] for one in here if one in colleagues),
        correction=None if row.correction == LIFTED else row.correction,
        seen_seq=next((r.seq for r in looks if r.agent_id == agent_id), 0),
        names={one.agent_id: one.agent_name for one in found if one.agent_name is not None},
        asked_seq=connection.execute(_ASKED, of).scalar() or 0,
        shop_at=row.shop_at,
        care=caring.opened(vault, cid, row.care),
    )


def with_history(connection: Connection, vault: Vault, talk: DeskConversation) -> DeskConversation:
    """Return a conversation with what stands beside it: who had it, requests, tags, earlier ones."""
    of = {"cid": talk.conversation_id}
    return replace(
        talk,
        owner_changes=tuple(_change(one) for one in connection.execute(_OWNER_CHANGES, of)),
        requests=tuple(to_request(vault, one) for one in connection.execute(_REQUESTS, of)),
        tags=tuple(connection.execute(_TAGS, of).scalars()),
        earlier=_others(connection, talk),
        rating=rating_rows.read(connection, vault, talk.conversation_id),
    )


def _change(row: Row) -> OwnerChange:
    return OwnerChange(
        at=row.at,
        before=None if row.before is None else Owner(row.before),
        after=Owner(row.after),
        changed_by=row.changed_by,
        reason=row.reason,
    )


def _others(connection: Connection, talk: DeskConversation) -> tuple[Mapping[str, Any], ...]:
    """Return the customer's conversations before this one, newest first."""
    if talk.customer_id is None:
        return ()
    whose = {"cid": talk.conversation_id, "customer": talk.customer_id, "created_at": talk.created_at}
    return tuple(
        {
            "conversation_id": other.id,
            "created_at": other.created_at,
            "last_at": other.last_at,
            "outcome": other.outcome,
            "style": other.style,
        }
        for other in connection.execute(_OTHERS, whose)
    )
