"""What a shopper may ask of the record: switch personalisation, get a copy of all data, have them erased.

All functions run inside the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import null, or_, select
from sqlalchemy.engine import Connection

from bot.conversation import caring, channel_copy, desk_copy, keys, pictures, postgres, rows, told_copy
from bot.conversation.channel_schema import channel_links
from bot.conversation.desk_schema import corrections
from bot.conversation.schema import (
    conversations,
    messages,
    owner_changes,
    service_requests,
    shoppers,
)
from bot.conversation.types import Audience, Kind
from persona.privacy.vault import Vault

_c, _l, _m, _s = conversations.c, channel_links.c, messages.c, shoppers.c


def switch(connection: Connection, conversation_id: str, customer_id: str | None, *, on: bool) -> None:
    """Switch personalisation of a conversation and, where known, of its customer in all conversations.

    Off deletes every belief, reading, mood and correction of them, and who was said to need care. On starts
    anew: the history will be read again.
    """
    theirs = _c.id == conversation_id
    if customer_id is not None:
        theirs = or_(theirs, _c.customer_id == customer_id)
    if on:
        connection.execute(conversations.update().where(theirs).values(personalisation=True))
    else:
        connection.execute(
            conversations.update()
            .where(theirs)
            .values(
                personalisation=False,
                belief=null(),
                earlier=null(),
                style="neutral",
                dress="neutral",
                mood=None,
                care=None,
                history_held_for=None,
            )
        )
        connection.execute(
            messages.update()
            .where(_m.conversation_id.in_(select(_c.id).where(theirs)), _m.reading.is_not(None))
            .values(reading=None)
        )
        connection.execute(
            corrections.delete().where(corrections.c.conversation_id.in_(select(_c.id).where(theirs)))
        )
    if customer_id is not None:
        changes: dict[str, Any] = {"personalisation": on}
        if not on:
            changes.update(belief=null(), belief_at=None)
        changed = connection.execute(shoppers.update().where(_s.customer_id == customer_id).values(changes))
        if changed.rowcount == 0:
            connection.execute(shoppers.insert().values(customer_id=customer_id, **changes))


def keep_belief(connection: Connection, customer_id: str, belief: Mapping[str, Any], now: datetime) -> None:
    """Keep the belief of a customer for later conversations."""
    changed = connection.execute(
        shoppers.update().where(_s.customer_id == customer_id).values(belief=dict(belief), belief_at=now)
    )
    if changed.rowcount == 0:
        connection.execute(
            shoppers.insert().values(
                customer_id=customer_id, personalisation=True, belief=dict(belief), belief_at=now
            )
        )


def export_customer(connection: Connection, vault: Vault, customer_id: str) -> dict[str, Any]:
    """Return all that the record holds of a customer, opened, as JSON-ready data."""
    shopper = connection.execute(rows.SHOPPER, {"customer": customer_id}).first()
    found = connection.execute(
        select(conversations).where(_c.customer_id == customer_id).order_by(_c.created_at)
    ).all()
    return {
        "customer_id": customer_id,
        "personalisation": True if shopper is None else shopper.personalisation,
        "belief": None if shopper is None else shopper.belief,
        "belief_at": None if shopper is None else _text(shopper.belief_at),
        **told_copy.of_customer(connection, vault, customer_id),
        "bindings": channel_copy.of_customer(connection, customer_id),
        "channels": channel_copy.links_of_customer(connection, vault, customer_id),
        "conversations": [
            {
                "conversation_id": row.id,
                "channel": row.channel,
                "opened_at": _text(row.created_at),
                "verified_orders": row.orders,
                "owner": row.owner,
                "belief": row.belief,
                "mood": row.mood,
                "care": list(caring.opened(vault, row.id, row.care)),
                "resumed_at": [_text(at) for at in keys.made_at(connection, row.id)],
                "messages": _messages(connection, vault, row.id),
                "pictures": pictures.of_conversation(connection, vault, row.id),
                "owner_changes": _owner_changes(connection, row.id),
                "requests": _requests(connection, vault, row.id),
                **desk_copy.of_conversation(connection, vault, row.id),
                **told_copy.of_conversation(connection, vault, row.id),
                "written_from": channel_copy.of_conversation(connection, vault, row.id),
            }
            for row in found
        ],
    }


def lock_customer(connection: Connection, vault: Vault, customer_id: str) -> None:
    """Keep others from writing for a customer until the transaction ends; then she can be erased whole.

    In the order in which what she writes on a channel locks: her links, what she begins, her conversations.
    """
    hers = select(_c.id).where(_c.customer_id == customer_id)
    theirs = (_l.customer_id == customer_id) | _l.conversation_id.in_(hers)
    connection.execute(select(_l.id).where(theirs).order_by(_l.id).with_for_update()).all()
    postgres.one_at_a_time(connection, vault.blind(customer_id, "resume"))


def erase_customer(connection: Connection, customer_id: str) -> tuple[str, ...]:
    """Delete all that the record holds of a customer. The audit log keeps what agents did, not about whom.

    Returns:
        The ids of the deleted conversations, so that the caller can delete Rasa's trackers of them too.
    """
    ids = tuple(
        row.id
        for row in connection.execute(select(_c.id).where(_c.customer_id == customer_id).with_for_update())
    )
    channel_copy.forget(connection, customer_id, ids)
    for table in desk_copy.own_tables():
        connection.execute(table.delete().where(table.c.conversation_id.in_(ids)))
    desk_copy.forget_in_audit(connection, customer_id, ids)
    connection.execute(conversations.delete().where(_c.id.in_(ids)))
    connection.execute(service_requests.delete().where(service_requests.c.customer_id == customer_id))
    connection.execute(shoppers.delete().where(_s.customer_id == customer_id))
    told_copy.forget(connection, customer_id)
    return ids


def _messages(connection: Connection, vault: Vault, conversation_id: str) -> list[dict[str, Any]]:
    found = connection.execute(
        select(messages)
        .where(_m.conversation_id == conversation_id, _m.kind != Kind.NOTE.value)  # colleagues' own
        .order_by(_m.seq)
    ).all()
    exported = []
    for row in found:
        reading = None
        if row.reading is not None:
            reading = json.loads(vault.open(row.reading, rows.reading_context(conversation_id, row.seq)))
        exported.append(
            {
                "seq": row.seq,
                "author": row.author,
                "type": row.kind,
                "at": _text(row.at),
                **json.loads(vault.open(row.body, rows.body_context(conversation_id, row.seq))),
                "intent": row.intent,
                "said": row.audience == Audience.ALL.value,
                "reading": reading,
            }
        )
    return exported


def _owner_changes(connection: Connection, conversation_id: str) -> list[dict[str, Any]]:
    found = connection.execute(
        select(owner_changes)
        .where(owner_changes.c.conversation_id == conversation_id)
        .order_by(owner_changes.c.id)
    ).all()
    return [{"at": _text(r.at), "before": r.before, "after": r.after, "reason": r.reason} for r in found]


def _requests(connection: Connection, vault: Vault, conversation_id: str) -> list[dict[str, Any]]:
    found = connection.execute(
        select(service_requests)
        .where(service_requests.c.conversation_id == conversation_id)
        .order_by(service_requests.c.id)
    ).all()
    return [
        {
            "kind": row.kind,
            "reason": vault.open(row.reason, f"service_requests.reason/{conversation_id}"),
            "contact": None
            if row.contact is None
            else vault.open(row.contact, f"service_requests.contact/{conversation_id}"),
            "order_number": row.order_number,
            "answer_by": _text(row.answer_by),
            "created_at": _text(row.created_at),
        }
        for row in found
    ]


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds")
