"""One entry into a locked conversation: collects what a transaction adds, and writes the row once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from prometheus_client import Counter
from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation import owner as owners
from bot.conversation import rows
from bot.conversation.lease import LEASE
from bot.conversation.listening import Line
from bot.conversation.outbox import Happening
from bot.conversation.schema import conversations, messages
from bot.conversation.types import (
    FRONT_PREFIX,
    Audience,
    Author,
    Kind,
    OutReply,
    Owner,
    Pending,
    State,
    Work,
)
from bot.conversation.writing import Writing

_c, _m = conversations.c, messages.c

#: Kinds whose words are context for the next message.
_SPOKEN = tuple(kind.value for kind in (Kind.TEXT, Kind.BUTTONS, Kind.CARD, Kind.BUTTON))


class Entry:
    """What one transaction adds to a conversation.

    Args:
        connection: the transaction; it holds the conversation locked.
        writing: the parts of transactions.
        row: the conversation as locked.
        now: the present.
    """

    def __init__(self, connection: Connection, writing: Writing, row: Row, now: datetime) -> None:
        self.connection = connection
        self.writing = writing
        self.row = row
        self.now = now
        self.cid: str = row.id
        self.owner = Owner(row.owner)
        self.style: str = row.style
        self.dress: str = row.dress
        self.belief: Mapping[str, Any] | None = row.belief
        self.next_seq: int = row.next_seq
        self.pending: int = row.pending
        self.said: list[Mapping[str, Any]] = []
        self._values: dict[str, Any] = {}
        self._counted: list[Counter] = []

    @classmethod
    def of(cls, connection: Connection, writing: Writing, conversation_id: str) -> Entry | None:
        """Lock a conversation and return the entry; None where there is none."""
        row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).first()
        return None if row is None else cls(connection, writing, row, writing.now())

    def set(self, **values: Any) -> None:
        """Note values of the conversation's row, written by :meth:`save`."""
        self._values |= values

    def move(self, after: Owner, *, by: str, reason: str) -> None:
        """Change the owner; TransitionError where that may not be."""
        owners.change(self.connection, self.cid, self.owner, after, by=by, reason=reason, now=self.now)
        self.owner = after

    def say(self, reply: OutReply, *, in_reply_to: str | None = None) -> Mapping[str, Any]:
        """Add a line that the shopper sees; return it as clients see it."""
        (seen,) = self.writing.insert_replies(
            self.connection,
            self.cid,
            [reply],
            first_seq=self.next_seq,
            in_reply_to=in_reply_to,
            now=self.now,
        )
        self.next_seq += 1
        self.said.append(seen)
        return seen

    def write(
        self,
        content: Mapping[str, Any],
        *,
        kind: Kind,
        agent_id: str,
        key: str,
        audience: Audience = Audience.ALL,
    ) -> int:
        """Add a message of an agent under the key of its request; return its number."""
        seq = self.next_seq
        values = rows.message_row(
            self.writing.vault,
            self.cid,
            seq,
            content,
            author=Author.AGENT,
            kind=kind,
            at=self.now,
            message_id=key,
            audience=audience,
            agent_id=agent_id,
        )
        self.connection.execute(rows.INSERT_MESSAGE, values)
        self.next_seq += 1
        return seq

    def take(self, message: Pending, state: State) -> None:
        """Add a message of the shopper, or an event, under its own number."""
        self.writing.insert_pending(self.connection, self.cid, message, state)
        self.next_seq = message.seq + 1
        self.pending += state is State.ACCEPTED

    def event(self, name: str, ident: object, content: Mapping[str, Any]) -> None:
        """Add an event for Rasa, which waits for its turn like a message.

        Args:
            name: of the event.
            ident: what tells it from others of that name in this conversation.
            content: further fields.
        """
        message_id = f"{FRONT_PREFIX}{name}-{ident}"
        message = Pending(message_id, self.next_seq, Kind.EVENT, {"event": name, **content}, "", self.now)
        self.take(message, State.ACCEPTED)

    def tell_others(self, happening: Happening, **fields: Any) -> None:
        """Note what other systems are told of this conversation; see :mod:`bot.conversation.outbox`."""
        self.writing.outbox.add(
            self.connection,
            happening,
            conversation_id=self.cid,
            channel=self.row.channel,
            customer_id=self.row.customer_id,
            at=self.now,
            **fields,
        )

    def count(self, counter: Counter) -> None:
        """Count something once :meth:`save` has written it: what is undone before is not counted."""
        self._counted.append(counter)

    def lines_before(self, seq: int, count: int = 2) -> list[Line]:
        """Return the last lines that shopper and answerer wrote before a message, oldest first."""
        found = self.connection.execute(
            select(_m.seq, _m.author, _m.body, _m.at)
            .where(
                _m.conversation_id == self.cid,
                _m.seq < seq,
                _m.audience == Audience.ALL.value,
                _m.author != Author.SYSTEM.value,
                _m.kind.in_(_SPOKEN),
            )
            .order_by(_m.seq.desc())
            .limit(count)
        ).all()
        lines = []
        for row in reversed(found):
            content = rows.opened(self.writing.vault, self.cid, row)
            words = str(content.get("text") or content.get("title") or "")
            lines.append(Line(row.author == Author.SHOPPER.value, words, row.at.timestamp()))
        return lines

    def save(self) -> Work | None:
        """Write the conversation's row; take the lease where something waits that nobody works on."""
        values = {**self._values, "next_seq": self.next_seq, "pending": self.pending, "changed_at": self.now}
        message = None
        if self.pending and self.owner is Owner.BOT and self.writing.free(self.row, self.now):
            message = rows.oldest_pending(self.connection, self.writing.vault, self.cid)
        if message is not None:
            values |= {"lease_holder": self.writing.holder, "lease_until": self.now + LEASE}
        self.connection.execute(conversations.update().where(_c.id == self.cid).values(**values))
        for counter in self._counted:
            counter.inc()
        self._counted.clear()
        if message is None:
            return None
        fresh = self.connection.execute(rows.LOCKED_CONVERSATION, {"cid": self.cid}).one()
        return rows.to_work(self.connection, rows.to_conversation(fresh), message)
