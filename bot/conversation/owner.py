"""Who may answer a conversation after whom. Escalation itself comes with the desk."""

from __future__ import annotations

from collections.abc import Mapping

from bot.conversation.errors import TransitionError
from bot.conversation.types import Owner

#: From each owner to those that may follow. CLOSED is final: a new conversation is opened instead.
TRANSITIONS: Mapping[Owner, frozenset[Owner]] = {
    Owner.BOT: frozenset({Owner.WAITING, Owner.CLOSED}),
    Owner.WAITING: frozenset({Owner.HUMAN, Owner.BOT, Owner.CLOSED}),
    Owner.HUMAN: frozenset({Owner.BOT, Owner.WAITING, Owner.CLOSED}),
    Owner.CLOSED: frozenset(),
}


def check_transition(before: Owner, after: Owner) -> None:
    """Raise TransitionError unless `after` may follow `before`."""
    if after not in TRANSITIONS[before]:
        raise TransitionError(f"{before.value} cannot become {after.value}")
