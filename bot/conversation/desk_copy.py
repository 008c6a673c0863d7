"""What the desk has noted about a customer: part of the copy of all data, and of what is erased.

Notes that agents write to each other are left out of the copy: they are the colleagues' words, and may speak
of others. They are erased like everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.engine import Connection
from sqlalchemy.sql.schema import Table

from bot.conversation.desk_schema import (
    answer_ratings,
    audit_log,
    conversation_tags,
    corrections,
    escalations,
)
from bot.conversation.schema import conversations, metadata
from persona.privacy.vault import Vault


def own_tables() -> tuple[Table, ...]:
    """Return every table of the record whose rows belong to one conversation."""
    return tuple(
        table
        for table in metadata.sorted_tables
        if any(key.column.table is conversations for key in table.foreign_keys)
    )


def of_conversation(connection: Connection, vault: Vault, conversation_id: str) -> dict[str, Any]:
    """Return what the desk has noted about a conversation, opened, as JSON-ready data."""

    def found(table: Any, *order: Any) -> list[Any]:
        query = select(table).where(table.c.conversation_id == conversation_id).order_by(*order)
        return list(connection.execute(query).all())

    detail = f"escalations.detail/{conversation_id}"
    return {
        "escalations": [
            {
                "reason": row.reason,
                "detail": None if row.detail is None else vault.open(row.detail, detail),
                "order_number": row.order_number,
                "opened_at": _text(row.opened_at),
                "opened_by": "agent" if row.opened_by.startswith("agent:") else row.opened_by,
                "taken_at": _text(row.held_at),
                "ended_at": _text(row.ended_at),
                "outcome": row.outcome,
            }
            for row in found(escalations, escalations.c.id)
        ],
        "corrections": [
            {
                "label": row.label,
                "before": row.before,
                "by": "agent" if row.corrected_by.startswith("agent:") else row.corrected_by,
                "at": _text(row.at),
            }
            for row in found(corrections, corrections.c.id)
        ],
        "ratings": [
            {"seq": row.seq, "good": row.good, "at": _text(row.at)}
            for row in found(answer_ratings, answer_ratings.c.seq, answer_ratings.c.at)
        ],
        "tags": [row.tag for row in found(conversation_tags, conversation_tags.c.at)],
    }


def forget_in_audit(connection: Connection, customer_id: str, conversation_ids: Sequence[str]) -> None:
    """Take out of the audit log whom its lines are about; what agents did, and when, stays."""
    theirs = or_(
        audit_log.c.customer_id == customer_id, audit_log.c.conversation_id.in_(list(conversation_ids))
    )
    connection.execute(
        audit_log.update().where(theirs).values(customer_id=None, conversation_id=None, detail=None)
    )


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
