"""The lists of the desk: a handful of statements for any number of conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, null, or_, select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql import Select

from bot.conversation import rows
from bot.conversation.desk_rows import to_escalation, to_request
from bot.conversation.desk_schema import (
    agents,
    conversation_tags,
    desk_marks,
    desk_reads,
    escalations,
    mentions,
)
from bot.conversation.desk_types import OpenRequest, QueueFilter, QueueRow, View
from bot.conversation.events_schema import conversation_ratings
from bot.conversation.queueing import ENDED, HELD, WAITING
from bot.conversation.schema import conversations, messages, service_requests
from bot.conversation.types import Audience, Author, Kind, Owner, RequestKind
from persona.privacy.masking import mask
from persona.privacy.vault import Vault

_c, _m, _e, _a = conversations.c, messages.c, escalations.c, agents.c

#: Length of the last line in a list, in characters.
LINE = 60
#: A text is looked for in so many of the newest open conversations, and in so many of their last messages.
SEARCHED = 300
DEPTH = 20

#: What a list shows of an escalation that is open. What it is about stays sealed: the conversation shows it.
_ESCALATION = (
    *(
        column
        for column in _e
        if column.name
        not in {"detail", "ended_at", "ended_by", "outcome", "told_at", "nobody_at", "nudged_at"}
    ),
    *(null().label(name) for name in ("detail", "ended_at", "ended_by", "outcome")),
)

_x = messages.alias("x")
_last_seq = (
    select(_x.c.seq)
    .where(
        _x.c.conversation_id == _c.id,
        _x.c.author != Author.SYSTEM.value,
        _x.c.audience == Audience.ALL.value,
    )
    .order_by(_x.c.seq.desc())  # not max(): that would look at every message
    .limit(1)
    .correlate(conversations)
    .scalar_subquery()
)
_requests = (
    select(func.count())
    .select_from(service_requests)
    .where(service_requests.c.conversation_id == _c.id, service_requests.c.done_at.is_(None))
    .correlate(conversations)
    .scalar_subquery()
)
_rating = (
    select(conversation_ratings.c.score)
    .where(conversation_ratings.c.conversation_id == _c.id)
    .correlate(conversations)
    .scalar_subquery()
)
#: Who looks.
_ME: Any = bindparam("me")
_seen = (
    select(desk_reads.c.seq)
    .where(desk_reads.c.conversation_id == _c.id, desk_reads.c.agent_id == _ME)
    .correlate(conversations)
    .scalar_subquery()
)
_y = messages.alias("y")
_unread = (
    select(func.count())
    .select_from(_y)
    .where(
        _y.c.conversation_id == _c.id,
        _y.c.author == Author.SHOPPER.value,
        _y.c.seq > func.coalesce(_seen, 0),
    )
    .correlate(conversations)
    .scalar_subquery()
)
_mentioned = exists().where(
    and_(mentions.c.conversation_id == _c.id, mentions.c.agent_id == _ME, mentions.c.read_at.is_(None))
)


def waiting_now() -> Any:
    """Return the condition of what waits for a person: in the queue, or with a request to be done."""
    queued = select(_e.conversation_id).where(_e.state == WAITING)
    due = select(service_requests.c.conversation_id).where(service_requests.c.done_at.is_(None))
    # By ids, so that the few that wait are found without a look at all that ever were.
    return and_(
        _c.id.in_(queued.union_all(due)),
        or_(_e.state == WAITING, and_(_e.id.is_(None), _c.owner != Owner.CLOSED.value)),
    )


def not_closed() -> Any:
    """Return the condition of open conversations, in the form that the index on the owner answers."""
    return _c.owner.in_([owner.value for owner in Owner if owner is not Owner.CLOSED])


def joined() -> Any:
    """Return conversations with their open escalation and its agent."""
    return conversations.outerjoin(
        escalations, and_(_e.conversation_id == _c.id, _e.state != ENDED)
    ).outerjoin(agents, _a.id == _e.agent_id)


@lru_cache(maxsize=256)
def _select(wanted: QueueFilter) -> Select:
    """Return the statement of a list, made once; its parameters are ``me`` and, of some, ``only``."""
    source = (
        joined()
        .outerjoin(desk_marks, desk_marks.c.conversation_id == _c.id)
        .outerjoin(messages, and_(_m.conversation_id == _c.id, _m.seq == _last_seq))
    )
    query = select(
        *_ESCALATION,
        _a.name.label("agent_name"),
        _c.id.label("cid"),
        _c.owner.label("owner"),
        _c.channel.label("channel"),
        _c.customer_id.label("customer_id"),
        (_c.orders if wanted.text else null()).label("orders"),
        _c.style.label("style"),
        _c.mood.label("mood"),
        _c.last_at.label("last_at"),
        _c.next_seq.label("next_seq"),
        _m.seq.label("last_seq"),
        _m.author.label("last_author"),
        _m.kind.label("last_kind"),
        _m.body.label("last_body"),
        desk_marks.c.flagged_at.label("flagged_at"),
        desk_marks.c.snoozed_until.label("snoozed_until"),
        _unread.label("unread"),
        _requests.label("requests"),
        _mentioned.label("mentioned"),
        _rating.label("rating"),
    ).select_from(source)
    conditions: list[Any] = {
        View.MINE: [_e.agent_id == _ME, _e.state == HELD],
        View.WAITING: [waiting_now()],
        View.ALL: [not_closed()],
        View.CLOSED: [_c.owner == Owner.CLOSED.value],
    }[wanted.view]
    for value, column in (
        (wanted.reason.value if wanted.reason else None, _e.reason),
        (wanted.style, _c.style),
        (wanted.mood, _c.mood),
        (wanted.channel, _c.channel),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.only is not None:
        conditions.append(_c.id.in_(bindparam("only", expanding=True)))
    query = query.where(*conditions)
    if wanted.view is View.WAITING:
        live = _c.owner == Owner.WAITING.value
        return query.order_by(live.desc(), _e.rank.is_(None), _e.rank, _e.place_at, _c.last_at, _c.id)
    if wanted.view is View.MINE:
        return query.order_by(_e.waits_since.is_(None), _e.waits_since, _c.last_at.desc(), _c.id)
    return query.order_by(_c.last_at.desc(), _c.id)


@lru_cache(maxsize=256)
def _limited(wanted: QueueFilter) -> Select:
    return _select(wanted).limit(SEARCHED if wanted.text else wanted.limit)


def read_queue(
    connection: Connection, vault: Vault, agent_id: str, wanted: QueueFilter
) -> tuple[QueueRow, ...]:
    """Return a list of the desk, in its order: what waits by place, mine by how long the shopper waits."""
    text = (wanted.text or "").strip()
    # What a statement does not depend on is not in its key.
    plain = replace(wanted, text="?" if text else None, only=None if wanted.only is None else ())
    asked = {"me": agent_id, **({} if wanted.only is None else {"only": list(wanted.only)})}
    if not text:
        found: Sequence[Row] = connection.execute(_limited(plain), asked).all()
    else:
        found = _matching(connection, vault, plain, asked, text)[: wanted.limit]
    tags = _tags(connection, [row.cid for row in found])
    return tuple(_row(vault, row, tags.get(row.cid, ())) for row in found)


def _matching(
    connection: Connection, vault: Vault, wanted: QueueFilter, asked: Mapping[str, Any], text: str
) -> list[Row]:
    """Return the rows whose customer or order a text names, or whose last messages hold it."""
    named = or_(_c.customer_id == text, _e.order_number == text, _c.id == text)
    exact = list(connection.execute(_select(wanted).where(named), asked).all())
    found = {row.cid for row in exact}
    candidates = connection.execute(_limited(wanted), asked).all()
    exact += [row for row in candidates if row.cid not in found and text in row.orders]
    if wanted.view is View.CLOSED:
        return exact
    found = {row.cid for row in exact}
    left = [row.cid for row in candidates if row.cid not in found]
    hits = _holding(connection, vault, left, text.casefold())
    return [*exact, *(row for row in candidates if row.cid in hits)]


def _holding(connection: Connection, vault: Vault, cids: Sequence[str], text: str) -> set[str]:
    query = (
        select(_m.conversation_id, _m.seq, _m.kind, _m.body)
        .select_from(messages.join(conversations, _c.id == _m.conversation_id))
        .where(_m.conversation_id.in_(cids), _m.seq >= _c.next_seq - DEPTH, _m.kind != Kind.EVENT.value)
    )
    hits: set[str] = set()
    for row in connection.execute(query):
        if row.conversation_id in hits:
            continue
        content = rows.opened(vault, row.conversation_id, row)
        if text in str(content.get("text") or content.get("title") or "").casefold():
            hits.add(row.conversation_id)
    return hits


_TAGS = (
    select(conversation_tags.c.conversation_id, conversation_tags.c.tag)
    .where(conversation_tags.c.conversation_id.in_(bindparam("cids", expanding=True)))
    .order_by(conversation_tags.c.at, conversation_tags.c.tag)
)


def _tags(connection: Connection, cids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for cid, tag in connection.execute(_TAGS, {"cids": list(cids)}):
        found[cid] = (*found.get(cid, ()), tag)
    return found


def _row(vault: Vault, row: Row, tags: tuple[str, ...]) -> QueueRow:
    return QueueRow(
        conversation_id=row.cid,
        owner=Owner(row.owner),
        channel=row.channel,
        customer_id=row.customer_id,
        style=row.style,
        mood=row.mood,
        escalation=None if row.id is None else to_escalation(vault, row),
        last_at=row.last_at,
        last_author=None if row.last_author is None else Author(row.last_author),
        last_text=_last_line(vault, row),
        waits_since=row.waits_since,
        unread=row.unread,
        tags=tags,
        flagged=row.flagged_at is not None,
        snoozed_until=row.snoozed_until,
        requests=row.requests,
        mentioned=bool(row.mentioned),
        rating=row.rating,
    )


def _last_line(vault: Vault, row: Row) -> str:
    if row.last_body is None:
        return ""
    return _line(vault, row.last_body, rows.body_context(row.cid, row.last_seq))


@lru_cache(maxsize=2_000)
def _line(vault: Vault, sealed: str, context: str) -> str:
    """Return a stored message as one masked line; most lists show the lines that they showed before."""
    content = rows.parsed(vault, sealed, context)
    words = " ".join(str(content.get("text") or content.get("title") or "").split())
    # Masked before it is cut: half a number is no number to the mask.
    return mask(words[: 2 * LINE])[:LINE]


def read_requests(
    connection: Connection, vault: Vault, limit: int
) -> tuple[tuple[str, str | None, OpenRequest], ...]:
    """Return the open service requests with conversation and customer; the earliest promise first."""
    r = service_requests.c
    found = connection.execute(
        select(service_requests, _c.customer_id.label("whose"))
        .select_from(service_requests.join(conversations, _c.id == r.conversation_id))
        .where(r.done_at.is_(None))
        .order_by(r.answer_by.is_(None), r.answer_by, r.id)
        .limit(limit)
    )
    return tuple((row.conversation_id, row.whose, to_request(vault, row)) for row in found)


def read_praise(
    connection: Connection, vault: Vault, since: datetime, limit: int
) -> tuple[tuple[str, str | None, OpenRequest], ...]:
    """Return the praise that was noted since a moment with conversation and customer; the newest first."""
    r = service_requests.c
    found = connection.execute(
        select(service_requests, _c.customer_id.label("whose"))
        .select_from(service_requests.join(conversations, _c.id == r.conversation_id))
        .where(r.kind == RequestKind.PRAISE.value, r.created_at >= since)
        .order_by(r.id.desc())
        .limit(limit)
    )
    return tuple((row.conversation_id, row.whose, to_request(vault, row)) for row in found)


def changed_since(connection: Connection, since: datetime) -> tuple[str, ...]:
    """Return the conversations that have changed since a moment, oldest change first."""
    found = connection.execute(
        select(_c.id).where(_c.changed_at >= since).order_by(_c.changed_at, _c.id)
    ).scalars()
    return tuple(found)
