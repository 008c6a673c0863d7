"""What other systems are told of conversations: a row in the transaction that made it true.

So nothing is told that did not happen, and nothing that happened is forgotten. The rows are sent by
:mod:`bot.conversation.webhooks`. A body holds ids, codes and times; the form is in ``docs/webhooks.md``.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from enum import Enum
from typing import Any

from sqlalchemy.engine import Connection

from bot.conversation import rows
from bot.conversation.desk_types import Reason
from bot.conversation.events_schema import WAITING, webhook_outbox


class Happening(str, Enum):
    """What is told."""

    OPENED = "opened"
    ESCALATED = "escalated"
    HANDED_BACK = "handed_back"
    CLOSED = "closed"
    RATED = "rated"
    WAITING = "waiting"  # for a person, too long


#: Addresses beyond it are groups of agents, counted from 1 on: they are told of these happenings alone.
GROUPS = 1000
_FOR_GROUPS = frozenset({Happening.ESCALATED, Happening.WAITING})
#: What a group is told of a happening; whatever may belong to the shopper stays out.
_GROUP_FIELDS = ("escalation_id", "reason", "live", "minutes", "since")


class Outbox:
    """Writes down what is to be sent.

    Args:
        addresses: how many addresses are configured; with none nothing is written.
        groups: how many groups of agents are configured.
    """

    def __init__(self, addresses: int = 0, groups: int = 0) -> None:
        self._addresses = addresses
        self._groups = groups

    def add(
        self,
        connection: Connection,
        happening: Happening,
        *,
        conversation_id: str,
        channel: str,
        customer_id: str | None,
        at: datetime,
        **fields: Any,
    ) -> None:
        """Add one happening, for each address and group that is told of it, to the caller's transaction.

        Args:
            connection: the transaction; it holds the conversation locked, which keeps the order.
            happening: what happened.
            conversation_id: where.
            channel: of the conversation.
            customer_id: whose it is, None while nobody is known.
            at: when.
            fields: what belongs to it, JSON-ready: ids, codes, numbers and times, never words.
        """
        addresses = [] if happening is Happening.WAITING else list(range(1, self._addresses + 1))
        if happening in _FOR_GROUPS and fields.get("reason") != Reason.AGENT.value:
            addresses += range(GROUPS + 1, GROUPS + self._groups + 1)
        for address in addresses:
            delivery_id = f"wh_{secrets.token_hex(12)}"
            body: dict[str, Any] = {
                "delivery_id": delivery_id,
                "kind": happening.value,
                "at": at.isoformat(timespec="milliseconds"),
                "conversation_id": conversation_id,
            }
            if address > GROUPS:
                body["data"] = {name: fields[name] for name in _GROUP_FIELDS if name in fields}
            else:
                body |= {"channel": channel, "customer_id": customer_id, "data": fields}
            connection.execute(
                webhook_outbox.insert().values(
                    delivery_id=delivery_id,
                    address=address,
                    conversation_id=conversation_id,
                    kind=happening.value,
                    body=rows.dump(body),
                    created_at=at,
                    state=WAITING,
                    since=at,
                    tries=0,
                    due_at=at,
                )
            )
