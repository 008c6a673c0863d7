"""What a shopper has before her eyes on one channel, of a conversation that she may also read elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation import rows
from bot.conversation.schema import conversations, messages
from bot.conversation.types import Audience, Author, Kind
from persona.privacy.vault import Vault

#: Messages that one look back finds: more than the longest answer has.
RECALLED = 12

_c, _m = conversations.c, messages.c


def prefix(link_id: int) -> str:
    """Return how the ids of messages begin that came by a link."""
    return f"ch{link_id}."


def own_id(vault: Vault, link_id: int, key: str) -> str:
    """Return the id under which what a platform calls `key` stands in the record."""
    return prefix(link_id) + vault.blind(key, "messages.channel")


def recalled(
    connection: Connection, vault: Vault, conversation_id: str, below: int, *, link: Row | None = None
) -> list[Mapping[str, Any]]:
    """Return the last messages before a number, as clients see them, oldest first.

    Args:
        connection: to the record.
        vault: opens what is sealed.
        conversation_id: which conversation.
        below: the number.
        link: leaves out what was not brought by this link: answers to what she asked on a page or on another
            channel, and what came of its own accord while she wrote there.
    """
    found = connection.execute(
        select(*rows.REPLY_COLUMNS)
        .where(
            _m.conversation_id == conversation_id,
            _m.seq < below,
            _m.kind != Kind.EVENT.value,
            _m.audience == Audience.ALL.value,
        )
        .order_by(_m.seq.desc())
        .limit(RECALLED)
    ).all()
    told = list(reversed(found))
    if link is not None and told:
        told = _brought(connection, link, conversation_id, told)
    return [rows.row_view(vault, conversation_id, row) for row in told]


def last_of_hers(connection: Connection, conversation_id: str | None, below: int) -> str | None:
    """Return the id of her last message before a number."""
    found: str | None = connection.execute(
        select(_m.channel_message_id)
        .where(_m.conversation_id == conversation_id, _m.author == Author.SHOPPER.value, _m.seq < below)
        .order_by(_m.seq.desc())
        .limit(1)
    ).scalar()
    return found


def is_brought(connection: Connection, link: Row, row: Row, last: str | None) -> bool:
    """Return whether a reply is read on a link: an answer where it was asked, others where she wrote last.

    Args:
        connection: to the record.
        link: the link.
        row: the reply.
        last: id of her last message before it, None where there is none.
    """
    asked = rows.public_id(row.in_reply_to) or last
    if asked is None:  # nothing was said yet: a greeting is read where the conversation was opened
        opened_in = select(_c.channel).where(_c.id == link.conversation_id)
        return bool(connection.execute(opened_in).scalar() == link.channel)
    return asked.startswith(prefix(link.id))


def _brought(connection: Connection, link: Row, conversation_id: str, told: list[Row]) -> list[Row]:
    last = last_of_hers(connection, conversation_id, told[0].seq)
    kept = []
    for row in told:
        if row.author == Author.SHOPPER.value:
            last = row.channel_message_id
            kept.append(row)
        elif is_brought(connection, link, row, last):
            kept.append(row)
    return kept
