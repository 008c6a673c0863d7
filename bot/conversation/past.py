"""What a customer and the shop said in her earlier conversations, page by page, newest first.

It is shown to nobody but the customer who has logged in: the conversation that asks must be hers by a login
(an order that was verified makes it nobody's), and only conversations of the same customer are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import rows
from bot.conversation.errors import CursorInvalidError
from bot.conversation.schema import conversations, messages
from bot.conversation.types import Audience, Kind
from persona.privacy.vault import Vault, VaultError

#: Messages of one page.
PAST_PAGE = 50
_BATCH = 20

_c, _m = conversations.c, messages.c


@dataclass(frozen=True)
class PastPage:
    """Messages of earlier conversations, ascending, each with its ``conversation``.

    Attributes:
        before: opaque; asks for what came before these. None where there is nothing.
    """

    messages: tuple[Mapping[str, Any], ...]
    before: str | None


def page(connection: Connection, vault: Vault, row: Row, before: str | None) -> PastPage:
    """Return the page before a cursor; without one the newest.

    Conversation follows upon conversation, by when they were opened, and within each message upon message.
    Those opened after the one that asks are no earlier ones. Buttons are left out: nobody can tap them now.

    Args:
        connection: a transaction that reads.
        vault: opens what is sealed, and seals cursors.
        row: the conversation that asks, opened by its secret.
        before: the cursor of the page before.

    Raises:
        CursorInvalidError: the cursor is none of this conversation's.
    """
    last = None if before is None else _opened(vault, row.id, before)
    if row.customer_id is None:
        return PastPage((), None)
    found: list[tuple[str, Row]] = []
    for conversation_id, below in _conversations(connection, row, last):
        found += _messages(connection, conversation_id, below, PAST_PAGE + 1 - len(found))
        if len(found) > PAST_PAGE:
            break
    shown = found[:PAST_PAGE]
    more = len(found) > PAST_PAGE
    return PastPage(
        tuple(_view(vault, conversation_id, message) for conversation_id, message in reversed(shown)),
        _sealed(vault, row.id, shown[-1][0], shown[-1][1].seq) if more else None,
    )


def _conversations(
    connection: Connection, row: Row, last: tuple[str, int] | None
) -> Iterator[tuple[str, int | None]]:
    """Yield earlier conversations, the newest first, each with the number below which it is read."""
    at = select(_c.created_at).where(_c.id == row.id).scalar_subquery()
    limit, limit_id = connection.execute(select(at)).scalar_one(), row.id
    if last is not None:
        limit_id = last[0]
        theirs = select(_c.created_at).where(_c.id == limit_id, _c.customer_id == row.customer_id)
        limit = connection.execute(theirs).scalar()
        if limit is None:  # erased meanwhile
            return
        yield last
    while True:
        batch = connection.execute(
            select(_c.id, _c.created_at)
            .where(
                _c.customer_id == row.customer_id,
                or_(_c.created_at < limit, and_(_c.created_at == limit, _c.id < limit_id)),
            )
            .order_by(_c.created_at.desc(), _c.id.desc())
            .limit(_BATCH)
        ).all()
        for conversation in batch:
            yield conversation.id, None
        if len(batch) < _BATCH:
            return
        limit, limit_id = batch[-1].created_at, batch[-1].id


def _messages(
    connection: Connection, conversation_id: str, below: int | None, count: int
) -> list[tuple[str, Row]]:
    """Return the last messages of a conversation, the newest first."""
    query = select(*rows.REPLY_COLUMNS).where(
        _m.conversation_id == conversation_id,
        _m.kind != Kind.EVENT.value,
        _m.audience == Audience.ALL.value,
    )
    if below is not None:
        query = query.where(_m.seq < below)
    found = connection.execute(query.order_by(_m.seq.desc()).limit(count)).all()
    return [(conversation_id, message) for message in found]


_ASKS = frozenset({"dimensions", "comment_label", "by_number"})


def _view(vault: Vault, conversation_id: str, message: Row) -> dict[str, Any]:
    seen = rows.row_view(vault, conversation_id, message)
    seen.pop("buttons", None)
    if seen["type"] in (Kind.BUTTONS.value, Kind.RATING.value):  # what was asked there is asked no more
        seen = {name: value for name, value in seen.items() if name not in _ASKS}
        seen["type"] = Kind.TEXT.value
    return {**seen, "conversation": conversation_id}


def _context(conversation_id: str) -> str:
    return f"past.cursor/{conversation_id}"


def _sealed(vault: Vault, asking: str, conversation_id: str, seq: int) -> str:
    return vault.seal(json.dumps([conversation_id, seq]), _context(asking))


def _opened(vault: Vault, asking: str, cursor: str) -> tuple[str, int]:
    try:
        conversation_id, seq = json.loads(vault.open(cursor, _context(asking)))
    except (VaultError, ValueError) as exc:
        raise CursorInvalidError from exc
    return str(conversation_id), int(seq)
