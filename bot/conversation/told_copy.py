"""What the shop told of a customer, what she was told of it, how she rated: her copy, and its erasure.

Ratings and webhooks that belong to a conversation are erased with it (``desk_copy.own_tables``).
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.conversation import rating_rows
from bot.conversation.event_book import body_context
from bot.conversation.events_schema import shop_events, shop_notices, webhook_outbox
from bot.conversation.notices import facts_context
from persona.privacy.vault import Vault


def of_customer(connection: Connection, vault: Vault, customer_id: str) -> dict[str, Any]:
    """Return events and notices of a customer, opened, as JSON-ready data."""
    events = connection.execute(
        select(shop_events).where(shop_events.c.customer_id == customer_id).order_by(shop_events.c.id)
    )
    notices = connection.execute(
        select(shop_notices).where(shop_notices.c.customer_id == customer_id).order_by(shop_notices.c.id)
    )
    return {
        "events": [
            {
                **json.loads(vault.open(row.body, body_context(row.event_id))),
                "received_at": _text(row.received_at),
            }
            for row in events
        ],
        "notices": [
            {
                "kind": row.kind,
                "order_number": row.order_number,
                "product_id": row.product_id,
                "facts": json.loads(vault.open(row.facts, facts_context(row.key))),
                "noticed_at": _text(row.created_at),
                "told_at": _text(row.told_at),
                "conversation_id": row.conversation_id,
            }
            for row in notices
        ],
    }


def of_conversation(connection: Connection, vault: Vault, conversation_id: str) -> dict[str, Any]:
    """Return the rating of a conversation, and which other systems were told of it, as JSON-ready data."""
    rated = rating_rows.read(connection, vault, conversation_id)
    o = webhook_outbox.c
    sent = connection.execute(
        select(webhook_outbox).where(o.conversation_id == conversation_id).order_by(o.id)
    )
    return {
        "rating": None
        if rated is None
        else {
            "score": rated.rating.score,
            "dimensions": dict(rated.rating.dimensions),
            "comment": rated.rating.comment,
            "at": _text(rated.at),
        },
        "told_to_others": [
            {"kind": row.kind, "at": _text(row.created_at), "body": json.loads(row.body)} for row in sent
        ],
    }


def forget(connection: Connection, customer_id: str) -> None:
    """Delete events and notices of a customer; what is being worked on is settled by that."""
    for table in (shop_events, shop_notices):
        connection.execute(table.delete().where(table.c.customer_id == customer_id))


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
