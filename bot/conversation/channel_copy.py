"""On which channels a customer writes, and how she was bound: her copy, and its erasure."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation.channel_schema import GONE_LANE, channel_bindings, channel_inbox, channel_links
from persona.privacy.vault import Vault

_l, _b, _i = channel_links.c, channel_bindings.c, channel_inbox.c


def of_customer(connection: Connection, customer_id: str) -> list[dict[str, Any]]:
    """Return how a customer was bound, as JSON-ready data for her copy."""
    found = connection.execute(select(channel_bindings).where(_b.customer_id == customer_id).order_by(_b.id))
    return [
        {
            "channel": row.channel,
            "act": row.act,
            "how": row.how,
            "conversation_id": row.conversation_id,
            "at": row.at.isoformat(timespec="milliseconds"),
        }
        for row in found
    ]


def links_of_customer(connection: Connection, vault: Vault, customer_id: str) -> list[dict[str, Any]]:
    """Return as whom a customer is known on channels, also where she has not written since she was bound."""
    found = connection.execute(select(channel_links).where(_l.customer_id == customer_id).order_by(_l.id))
    return [_link(vault, row) for row in found]


def of_conversation(connection: Connection, vault: Vault, conversation_id: str) -> list[dict[str, Any]]:
    """Return by which channels a conversation was written in, as JSON-ready data for a customer's copy."""
    found = connection.execute(
        select(channel_links).where(_l.conversation_id == conversation_id).order_by(_l.id)
    )
    return [_link(vault, row) for row in found]


def _link(vault: Vault, row: Row) -> dict[str, Any]:
    return {
        "channel": row.channel,
        "account": row.account,
        **json.loads(vault.open(row.user, f"channel_links.user/{row.channel}/{row.user_key}")),
        "since": row.created_at.isoformat(timespec="milliseconds"),
    }


def forget(connection: Connection, customer_id: str, conversation_ids: tuple[str, ...]) -> None:
    """Delete a customer's links, what of hers waits, and how she was bound."""
    theirs = (_l.customer_id == customer_id) | _l.conversation_id.in_(conversation_ids)
    for lane in (_l.user_key, _l.user_key + GONE_LANE):
        connection.execute(channel_inbox.delete().where(_i.lane.in_(select(lane).where(theirs))))
    connection.execute(channel_links.delete().where(theirs))
    connection.execute(channel_bindings.delete().where(_b.customer_id == customer_id))
