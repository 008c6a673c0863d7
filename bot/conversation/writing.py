"""The parts that the transactions of the record are made of. They run on the writer's thread."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation import pictures, rows
from bot.conversation.errors import ButtonNotOfferedError
from bot.conversation.lease import LEASE, is_dead
from bot.conversation.outbox import Outbox
from bot.conversation.schema import service_requests
from bot.conversation.standing import standing_button
from bot.conversation.types import (
    Accepted,
    Audience,
    Author,
    Incoming,
    Kind,
    OutReply,
    Owner,
    Pending,
    RequestKind,
    ServiceRequest,
    State,
    Work,
)
from persona.privacy.vault import Vault


class Writing:
    """Writes messages, replies and leases of one process.

    Args:
        vault: seals what is personal.
        clock: returns the present as an aware datetime.
        holder: this process's name as the holder of leases.

    Attributes:
        outbox: takes down what other systems are told; nothing by default.
    """

    def __init__(self, vault: Vault, clock: Callable[[], datetime], holder: str) -> None:
        self.vault = vault
        self.now = clock
        self.holder = holder
        self.outbox = Outbox()

    # -- leases -----------------------------------------------------------------------------------------

    def free(self, row: Row, now: datetime) -> bool:
        """Return whether nobody works on the conversation."""
        holder = row.lease_holder
        if holder is None or row.lease_until is None or row.lease_until <= now:
            return True
        return holder != self.holder and is_dead(holder)

    def claim(self, connection: Connection, row: Row, *, orphaned: bool = False) -> Work | None:
        """Take the lease where it is free and something waits; return what to work on.

        Args:
            connection: the transaction.
            row: the locked conversation.
            orphaned: no task of this process works on it, although the lease may bear our name.
        """
        now = self.now()
        if not self.free(row, now) and not (orphaned and row.lease_holder == self.holder):
            return None
        message = rows.oldest_pending(connection, self.vault, row.id)
        if message is None:
            return None
        connection.execute(rows.SET_LEASE, {"cid": row.id, "v_holder": self.holder, "v_until": now + LEASE})
        return rows.to_work(connection, rows.to_conversation(row), message)

    # -- the shopper's messages -------------------------------------------------------------------------

    def content(
        self, connection: Connection, conversation_id: str, incoming: Incoming
    ) -> tuple[Kind, dict[str, Any]]:
        """Return kind and content of an incoming message, its picture stored.

        Raises:
            ButtonNotOfferedError: no such button in this conversation.
        """
        if incoming.picture is not None:
            pictures.insert(connection, conversation_id, incoming.picture)
            return Kind.PICTURE, incoming.picture.content()
        if incoming.button is None:
            return Kind.TEXT, {"text": incoming.text}
        if (step := standing_button(incoming.button)) is not None:
            return Kind.BUTTON, {"button": incoming.button, "title": step.title, "payload": step.payload}
        row = connection.execute(rows.BUTTON, {"cid": conversation_id, "bid": incoming.button}).first()
        if row is None:
            raise ButtonNotOfferedError
        context = f"{conversation_id}/{incoming.button}"
        return Kind.BUTTON, {
            "button": incoming.button,
            "title": self.vault.open(row.title, f"offered_buttons.title/{context}"),
            "payload": self.vault.open(row.payload, f"offered_buttons.payload/{context}"),
        }

    def take(self, connection: Connection, row: Row, message: Pending) -> Accepted:
        """Store a new message of a locked conversation, and take the lease where it is free."""
        now = message.at
        conversation = rows.to_conversation(row)
        for_bot = conversation.owner is Owner.BOT
        state = State.ACCEPTED if for_bot else State.ANSWERED
        self.insert_pending(connection, row.id, message, state)
        holder, until, work = row.lease_holder, row.lease_until, None
        if for_bot and self.free(row, now):
            holder, until = self.holder, now + LEASE
            first = None if row.pending == 0 else rows.oldest_pending(connection, self.vault, row.id)
            work = rows.to_work(connection, conversation, first or message)
        connection.execute(
            rows.TAKE_MESSAGE,
            {
                "cid": row.id,
                "v_next_seq": row.next_seq + 1,
                "v_pending": row.pending + for_bot,
                "v_holder": holder,
                "v_until": until,
                "v_now": now,
            },
        )
        return Accepted(message.seq, state, conversation.owner, work, style=row.style)

    def repeat(self, connection: Connection, row: Row, message_id: str) -> Accepted:
        """Return what became of a message stored before; take up its conversation if nobody works on it."""
        ids = {"cid": row.id, "mid": message_id}
        known = connection.execute(rows.BY_MESSAGE_ID, ids).one()
        owner, state = Owner(row.owner), State(known.state)
        if state is State.ANSWERED:
            found = connection.execute(rows.REPLIES_TO, ids).all()
            replies = tuple(rows.row_view(self.vault, row.id, reply) for reply in found)
            return Accepted(known.seq, state, owner, repeated=True, replies=replies)
        work = self.claim(connection, row)
        return Accepted(known.seq, state, owner, work, repeated=True, style=row.style)

    def insert_pending(
        self, connection: Connection, conversation_id: str, message: Pending, state: State
    ) -> None:
        """Store a message of the shopper or an event."""
        values = rows.message_row(
            self.vault,
            conversation_id,
            message.seq,
            message.content,
            author=Author.SYSTEM if message.kind is Kind.EVENT else Author.SHOPPER,
            kind=message.kind,
            at=message.at,
            state=state,
            message_id=message.message_id,
            net=message.net,
        )
        connection.execute(rows.INSERT_MESSAGE, values)

    # -- replies and requests ---------------------------------------------------------------------------

    def insert_replies(
        self,
        connection: Connection,
        conversation_id: str,
        replies: Sequence[OutReply],
        *,
        first_seq: int,
        in_reply_to: str | None,
        now: datetime,
        audience: Audience = Audience.ALL,
    ) -> tuple[Mapping[str, Any], ...]:
        """Store replies with their buttons; return them as clients see them."""
        stored: list[dict[str, Any]] = []
        offered: list[dict[str, Any]] = []
        seen: list[Mapping[str, Any]] = []
        public = rows.public_id(in_reply_to)
        for seq, reply in enumerate(replies, start=first_seq):
            ids = [f"b_{secrets.token_urlsafe(9)}" for _ in reply.buttons]
            content = rows.reply_content(reply, ids)
            stored.append(
                rows.message_row(
                    self.vault,
                    conversation_id,
                    seq,
                    content,
                    author=reply.author,
                    kind=reply.kind,
                    at=now,
                    in_reply_to=in_reply_to,
                    code=reply.code,
                    audience=audience,
                )
            )
            for button_id, button in zip(ids, reply.buttons, strict=True):
                context = f"{conversation_id}/{button_id}"
                offered.append(
                    {
                        "conversation_id": conversation_id,
                        "id": button_id,
                        "seq": seq,
                        "title": self.vault.seal(button.title, f"offered_buttons.title/{context}"),
                        "payload": self.vault.seal(button.payload, f"offered_buttons.payload/{context}"),
                    }
                )
            seen.append(
                rows.view(content, seq=seq, kind=reply.kind, author=reply.author, at=now, in_reply_to=public)
            )
        if stored:
            connection.execute(rows.INSERT_MESSAGE, stored if len(stored) > 1 else stored[0])
        if offered:
            connection.execute(rows.INSERT_BUTTON, offered)
        return tuple(seen)

    def insert_requests(
        self, connection: Connection, row: Row, requests: Sequence[ServiceRequest], now: datetime
    ) -> None:
        """Store wishes for a person and complaints, reason and contact sealed."""
        for request in requests:
            contact = None
            if request.contact is not None:
                contact = self.vault.seal(request.contact, f"service_requests.contact/{row.id}")
            if request.completes and self._complete(connection, row, request, contact):
                continue
            if request.withdraws:
                self._withdraw(connection, row, request, now)
                continue
            connection.execute(
                service_requests.insert(),
                {
                    "conversation_id": row.id,
                    "customer_id": row.customer_id,
                    "kind": request.kind.value,
                    "reason": self.vault.seal(request.reason, f"service_requests.reason/{row.id}"),
                    "contact": contact,
                    "order_number": request.order_number,
                    "answer_by": request.answer_by,
                    "created_at": now,
                    "done_at": now if request.kind is RequestKind.PRAISE else None,
                },
            )

    def _complete(
        self, connection: Connection, row: Row, request: ServiceRequest, contact: str | None
    ) -> bool:
        """Add to the newest open request of the same kind; return whether there was one."""
        table = service_requests
        open_one = self._open_request(connection, row, request)
        if open_one is None:
            return False
        added: dict[str, Any] = {"contact": contact, "order_number": request.order_number}
        if request.kind is RequestKind.CALLBACK:  # she may have asked for another time
            added["answer_by"] = request.answer_by
        if request.reason:
            added["reason"] = self.vault.seal(request.reason, f"service_requests.reason/{row.id}")
        added = {name: value for name, value in added.items() if value is not None}
        if added:
            connection.execute(table.update().where(table.c.id == open_one).values(**added))
        return True

    def _withdraw(self, connection: Connection, row: Row, request: ServiceRequest, now: datetime) -> None:
        """End the newest open request of the same kind: the shopper wants it no more."""
        open_one = self._open_request(connection, row, request)
        if open_one is not None:
            table = service_requests
            connection.execute(table.update().where(table.c.id == open_one).values(done_at=now))

    @staticmethod
    def _open_request(connection: Connection, row: Row, request: ServiceRequest) -> int | None:
        """Return the id of the newest open request of this kind in the conversation."""
        table = service_requests
        found = connection.execute(
            select(table.c.id)
            .where(
                table.c.conversation_id == row.id,
                table.c.kind == request.kind.value,
                table.c.done_at.is_(None),
            )
            .order_by(table.c.id.desc())
            .limit(1)
        ).scalar()
        return None if found is None else int(found)
