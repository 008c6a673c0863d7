"""Who may answer a conversation after whom, and the record of each change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.engine import Connection

from bot.conversation.errors import TransitionError
from bot.conversation.schema import conversations, owner_changes
from bot.conversation.types import Owner

#: From each owner to those that may follow. CLOSED is final: a new conversation is opened instead.
TRANSITIONS: Mapping[Owner, frozenset[Owner]] = {
    Owner.BOT: frozenset({Owner.WAITING, Owner.CLOSED}),
    Owner.WAITING: frozenset({Owner.HUMAN, Owner.BOT, Owner.CLOSED}),
    Owner.HUMAN: frozenset({Owner.BOT, Owner.WAITING, Owner.CLOSED}),
    Owner.CLOSED: frozenset(),
}

_LONGEST_REASON = 200


def check_transition(before: Owner, after: Owner) -> None:
    """Raise TransitionError unless `after` may follow `before`."""
    if after not in TRANSITIONS[before]:
        raise TransitionError(f"{before.value} cannot become {after.value}")


def change(
    connection: Connection,
    conversation_id: str,
    before: Owner,
    after: Owner,
    *,
    by: str,
    reason: str,
    now: datetime,
) -> None:
    """Change who answers a locked conversation, and record who changed it, when and why.

    Args:
        connection: the caller's transaction, which holds the conversation locked.
        conversation_id: the conversation.
        before: who answers now.
        after: who answers from now on.
        by: ``shopper``, ``bot``, ``system`` or ``agent:<id>``.
        reason: a code of at most 200 characters.
        now: the present.

    Raises:
        TransitionError: `after` may not follow `before`.
    """
    check_transition(before, after)
    connection.execute(
        conversations.update()
        .where(conversations.c.id == conversation_id)
        .values(owner=after.value, changed_at=now)
    )
    connection.execute(
        owner_changes.insert(),
        {
            "conversation_id": conversation_id,
            "at": now,
            "before": before.value,
            "after": after.value,
            "changed_by": by,
            "reason": reason[:_LONGEST_REASON],
        },
    )
