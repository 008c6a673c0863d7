"""From rows of the desk's tables to its types."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.engine import Row

from bot.conversation import rows
from bot.conversation.desk_types import (
    DeskMessage,
    Escalation,
    EscalationState,
    OpenRequest,
    Outcome,
    Reason,
)
from bot.conversation.handing import detail_context
from bot.conversation.types import FRONT_PREFIX, Audience, Author, Kind
from persona.privacy.vault import Vault

_KEY_PREFIX = f"{FRONT_PREFIX}desk-"


def to_escalation(vault: Vault, row: Row) -> Escalation:
    """Return an escalation from its row with ``agent_name`` beside it."""
    cid = row.conversation_id
    return Escalation(
        escalation_id=row.id,
        conversation_id=cid,
        reason=Reason(row.reason),
        state=EscalationState(row.state),
        rank=row.rank,
        opened_at=row.opened_at,
        opened_by=row.opened_by,
        seq=row.seq,
        detail=None if row.detail is None else vault.open(row.detail, detail_context(cid)),
        order_number=row.order_number,
        agent_id=row.agent_id,
        agent_name=row.agent_name,
        held_at=row.held_at,
        first_reply_at=row.first_reply_at,
        waits_since=row.waits_since,
        level=row.level,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        wanted_agent_id=row.wanted_agent_id,
        place_at=row.place_at,
    )


def to_message(vault: Vault, row: Row) -> DeskMessage:
    """Return a message from its row; a tapped button is a text, a picture stands under ``picture``."""
    cid = row.conversation_id
    content: dict[str, Any] = rows.opened(vault, cid, row)
    kind = Kind(row.kind)
    if kind is Kind.BUTTON:
        content = {"text": content.get("title", ""), "payload": content.get("payload", "")}
    elif kind is Kind.PICTURE:
        content["picture"] = {name: content[name] for name in ("url", "width", "height")}
    reading = None
    if row.reading is not None:
        reading = json.loads(vault.open(row.reading, rows.reading_context(cid, row.seq)))
    message_id = row.channel_message_id
    if message_id is not None:
        message_id = message_id.removeprefix(_KEY_PREFIX)
    return DeskMessage(
        seq=row.seq,
        author=Author(row.author),
        kind=kind,
        audience=Audience(row.audience),
        at=row.at,
        content=content,
        code=row.code,
        message_id=message_id,
        in_reply_to=rows.public_id(row.in_reply_to),
        intent=row.intent,
        reading=reading,
        agent_id=row.agent_id,
    )


def to_request(vault: Vault, row: Row) -> OpenRequest:
    """Return a service request from its row."""
    cid = row.conversation_id
    contact = None
    if row.contact is not None:
        contact = vault.open(row.contact, f"service_requests.contact/{cid}")
    return OpenRequest(
        request_id=row.id,
        kind=row.kind,
        reason=vault.open(row.reason, f"service_requests.reason/{cid}"),
        contact=contact,
        order_number=row.order_number,
        answer_by=row.answer_by,
        created_at=row.created_at,
        done_at=row.done_at,
    )
