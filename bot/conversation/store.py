"""The repository of conversations: each method is one transaction.

A turn costs two: :meth:`Store.accept` (the message, and the lease where it is free) and :meth:`Store.answer`
(replies, reading, belief, requests, the next message or the end of the lease).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from bot.conversation import privacy, rows
from bot.conversation.database import Database
from bot.conversation.errors import (
    AccessDeniedError,
    ButtonNotOfferedError,
    ConversationClosedError,
    IdentityConflictError,
    LeaseLostError,
    MessageConflictError,
    TooManyPendingError,
)
from bot.conversation.lease import LEASE, is_dead
from bot.conversation.owner import check_transition
from bot.conversation.schema import conversations, openings, owner_changes, service_requests
from bot.conversation.types import (
    FRONT_PREFIX,
    Accepted,
    Answer,
    Answered,
    Author,
    Conversation,
    Incoming,
    Kind,
    Opened,
    OutReply,
    Owner,
    Pending,
    State,
    Work,
)
from persona.privacy.vault import Vault

OPENED = f"{FRONT_PREFIX}opened"

#: Messages of one conversation that may wait for an answer at the same time.
MOST_PENDING = 16

#: How long a repeated request to open a conversation finds the first one.
KEY_LIFE = timedelta(hours=24)

_c = conversations.c


def _hash(secret: str) -> str:
    # The secret has 256 random bits: a plain hash cannot be searched, a slow one would only cost time.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


_NOBODY = _hash("")


class Store:
    """The record of all conversations.

    Args:
        database: where it is kept.
        vault: seals what is personal.
        clock: returns the present as an aware datetime.
        holder: this process's name as the holder of leases.
    """

    def __init__(self, database: Database, vault: Vault, clock: Callable[[], datetime], holder: str) -> None:
        self.database = database
        self._vault = vault
        self._clock = clock
        self._holder = holder

    # -- opening and identity ---------------------------------------------------------------------------

    async def open(
        self,
        *,
        channel: str,
        customer_id: str | None,
        net: str,
        key: str | None = None,
        notice: OutReply | None = None,
    ) -> Opened:
        """Open a conversation with its event ``opened`` waiting for an answer.

        Args:
            channel: where it takes place.
            customer_id: the logged-in customer, or None.
            net: blind hash of the network address.
            key: idempotency key; for 24 hours the same key of the same customer (of the same network address,
                where anonymous) finds the conversation that it opened.
            notice: the first-message notice; left out where the customer has switched personalisation off.
        """
        who = f"customer/{customer_id}" if customer_id is not None else f"net/{net}"
        hashed = None if key is None else self._vault.blind(f"{who}/{key}", "openings.key")

        def work(connection: Connection) -> Opened:
            return self._open(connection, channel, customer_id, net, hashed, notice)

        try:
            return await self.database.write(work)
        except (
            IntegrityError
        ):  # the same key at the same moment on another connection: its conversation counts
            return await self.database.write(work)

    def _open(
        self,
        connection: Connection,
        channel: str,
        customer_id: str | None,
        net: str,
        key: str | None,
        notice: OutReply | None,
    ) -> Opened:
        now = self._clock()
        if key is not None:
            connection.execute(openings.delete().where(openings.c.at < now - KEY_LIFE))
            known = connection.execute(select(openings).where(openings.c.key == key)).first()
            if known is not None:
                secret = self._vault.open(known.secret, f"openings.secret/{key}")
                return Opened(known.conversation_id, secret, work=None, repeated=True)
        conversation_id, secret = f"c_{secrets.token_urlsafe(16)}", secrets.token_urlsafe(32)
        shopper = (
            None
            if customer_id is None
            else connection.execute(rows.SHOPPER, {"customer": customer_id}).first()
        )
        personalisation = True if shopper is None else shopper.personalisation
        said = [notice] if notice is not None and personalisation else []
        conversation = Conversation(
            conversation_id, channel, customer_id, (), Owner.BOT, None, "neutral", personalisation, None
        )
        connection.execute(
            conversations.insert(),
            {
                "id": conversation_id,
                "secret_hash": _hash(secret),
                "channel": channel,
                "customer_id": customer_id,
                "orders": [],
                "owner": Owner.BOT.value,
                "next_seq": 2 + len(said),
                "pending": 1,
                "style": conversation.style,
                "personalisation": personalisation,
                "lease_holder": self._holder,
                "lease_until": now + LEASE,
                "created_at": now,
                "last_at": now,
            },
        )
        connection.execute(
            owner_changes.insert(),
            {
                "conversation_id": conversation_id,
                "at": now,
                "before": None,
                "after": Owner.BOT.value,
                "changed_by": "shopper",
                "reason": "opened",
            },
        )
        event = Pending(OPENED, 1, Kind.EVENT, {"event": "opened"}, net, now)
        self._insert_pending(connection, conversation_id, event)
        self._insert_replies(connection, conversation_id, 2, said, OPENED, now)
        if key is not None:
            sealed = self._vault.seal(secret, f"openings.secret/{key}")
            connection.execute(
                openings.insert(),
                {"key": key, "conversation_id": conversation_id, "secret": sealed, "at": now},
            )
        return Opened(conversation_id, secret, rows.to_work(connection, conversation, event))

    async def identify(
        self, conversation_id: str, secret: str, customer_id: str, net: str
    ) -> tuple[str, Accepted]:
        """Bind a conversation to a customer; its event ``identified`` then waits for an answer.

        Returns:
            The id of the event and what became of it; repeated where the customer was known already.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
            IdentityConflictError: it belongs to another customer.
            ConversationClosedError: it is over.
        """
        message_id = f"{FRONT_PREFIX}identified"

        def work(connection: Connection) -> tuple[str, Accepted]:
            row = self._authorised(connection, conversation_id, secret)
            if row.customer_id == customer_id:
                known = connection.execute(
                    rows.BY_MESSAGE_ID, {"cid": conversation_id, "mid": message_id}
                ).first()
                found = message_id if known is not None else OPENED
                return found, self._repeat(connection, row, found)
            if row.customer_id is not None:
                raise IdentityConflictError
            if row.owner == Owner.CLOSED.value:
                raise ConversationClosedError
            shopper = connection.execute(rows.SHOPPER, {"customer": customer_id}).first()
            # Off stays off: whether the customer chose it before, or it was said in this conversation.
            on = row.personalisation and (shopper is None or shopper.personalisation)
            connection.execute(
                conversations.update()
                .where(_c.id == conversation_id)
                .values(customer_id=customer_id, personalisation=on)
            )
            if not on:
                privacy.switch(connection, conversation_id, customer_id, on=False)
            row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).one()
            return message_id, self._take(
                connection, row, message_id, Kind.EVENT, {"event": "identified"}, net
            )

        return await self.database.write(work)

    # -- a turn -----------------------------------------------------------------------------------------

    async def accept(self, conversation_id: str, secret: str, incoming: Incoming) -> Accepted:
        """Store a shopper's message; when this returns it will be answered whatever happens.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
            MessageConflictError: the id was used for other content.
            ButtonNotOfferedError: no such button in this conversation.
            ConversationClosedError: the conversation is over.
            TooManyPendingError: too many wait already.
        """

        def work(connection: Connection) -> Accepted:
            row = self._authorised(connection, conversation_id, secret)
            known = connection.execute(
                rows.BY_MESSAGE_ID, {"cid": conversation_id, "mid": incoming.message_id}
            ).first()
            if known is not None:
                context = rows.body_context(conversation_id, known.seq)
                content = json.loads(self._vault.open(known.body, context))
                if (content.get("text"), content.get("button")) != (
                    (None, incoming.button) if incoming.button is not None else (incoming.text, None)
                ):
                    raise MessageConflictError
                return self._repeat(connection, row, incoming.message_id)
            if row.owner == Owner.CLOSED.value:
                raise ConversationClosedError
            if row.pending >= MOST_PENDING:
                raise TooManyPendingError
            kind, content = self._content(connection, conversation_id, incoming)
            return self._take(connection, row, incoming.message_id, kind, content, incoming.net)

        return await self.database.write(work)

    def _content(
        self, connection: Connection, conversation_id: str, incoming: Incoming
    ) -> tuple[Kind, dict[str, Any]]:
        if incoming.button is None:
            return Kind.TEXT, {"text": incoming.text}
        row = connection.execute(rows.BUTTON, {"cid": conversation_id, "bid": incoming.button}).first()
        if row is None:
            raise ButtonNotOfferedError
        context = f"{conversation_id}/{incoming.button}"
        return Kind.BUTTON, {
            "button": incoming.button,
            "title": self._vault.open(row.title, f"offered_buttons.title/{context}"),
            "payload": self._vault.open(row.payload, f"offered_buttons.payload/{context}"),
        }

    def _take(
        self,
        connection: Connection,
        row: Row,
        message_id: str,
        kind: Kind,
        content: Mapping[str, Any],
        net: str,
    ) -> Accepted:
        """Store a new message and take the lease where it is free."""
        now = self._clock()
        conversation = rows.to_conversation(row)
        message = Pending(message_id, row.next_seq, kind, content, net, now)
        for_bot = conversation.owner is Owner.BOT
        state = State.ACCEPTED if for_bot else State.ANSWERED
        self._insert_pending(connection, row.id, message, state)
        changes: dict[str, Any] = {"next_seq": row.next_seq + 1, "last_at": now}
        work = None
        if for_bot:
            changes["pending"] = row.pending + 1
            if self._free(row, now):
                changes.update(lease_holder=self._holder, lease_until=now + LEASE)
                first = message if row.pending == 0 else rows.oldest_pending(connection, self._vault, row.id)
                work = rows.to_work(connection, conversation, first or message)
        connection.execute(conversations.update().where(_c.id == row.id).values(changes))
        return Accepted(message.seq, state, conversation.owner, work, style=row.style)

    def _repeat(self, connection: Connection, row: Row, message_id: str) -> Accepted:
        """Return what became of a message stored before; take up its conversation if nobody works on it."""
        ids = {"cid": row.id, "mid": message_id}
        known = connection.execute(rows.BY_MESSAGE_ID, ids).one()
        owner, state = Owner(row.owner), State(known.state)
        if state is State.ANSWERED:
            found = connection.execute(rows.REPLIES_TO, ids).all()
            replies = tuple(rows.row_view(self._vault, row.id, reply) for reply in found)
            return Accepted(known.seq, state, owner, repeated=True, replies=replies)
        return Accepted(known.seq, state, owner, self._claim(connection, row), repeated=True, style=row.style)

    def _free(self, row: Row, now: datetime) -> bool:
        holder = row.lease_holder
        if holder is None or row.lease_until is None or row.lease_until <= now:
            return True
        return holder != self._holder and is_dead(holder)

    def _claim(self, connection: Connection, row: Row, *, orphaned: bool = False) -> Work | None:
        """Take the lease where it is free (or ours, but nobody works under it) and something waits."""
        now = self._clock()
        if not self._free(row, now) and not (orphaned and row.lease_holder == self._holder):
            return None
        message = rows.oldest_pending(connection, self._vault, row.id)
        if message is None:
            return None
        connection.execute(
            conversations.update()
            .where(_c.id == row.id)
            .values(lease_holder=self._holder, lease_until=now + LEASE)
        )
        return rows.to_work(connection, rows.to_conversation(row), message)

    async def answer(self, work: Work, answer: Answer) -> Answered:
        """Store all that a turn brought; then hand out the next message or end the lease.

        Raises:
            LeaseLostError: another process answers this message now, or the conversation was erased.
        """
        conversation_id, message = work.conversation.conversation_id, work.message

        def transaction(connection: Connection) -> Answered:
            row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).first()
            if row is None or row.lease_holder != self._holder:
                raise LeaseLostError
            now = self._clock()
            switched = answer.personalisation
            on = row.personalisation if switched is None else switched
            reading = None
            if on and row.personalisation and answer.reading is not None:
                context = rows.reading_context(conversation_id, message.seq)
                reading = self._vault.seal(rows.dump(answer.reading), context)
            marked = connection.execute(
                rows.MARK_ANSWERED,
                {
                    "cid": conversation_id,
                    "own_seq": message.seq,
                    "sealed_reading": reading,
                    "own_intent": answer.intent,
                },
            )
            if marked.rowcount != 1:
                raise LeaseLostError
            replies = self._insert_replies(
                connection, conversation_id, row.next_seq, answer.replies, message.message_id, now
            )
            self._insert_requests(connection, row, answer, now)
            changes = self._after(row, answer, len(replies), now)
            follows = None
            if row.pending > 1:
                follows = rows.oldest_pending(connection, self._vault, conversation_id)
            if on and row.personalisation and answer.belief is not None:
                changes["belief"] = dict(answer.belief)
                changes["style"] = answer.belief.get("served") or "neutral"
                if answer.history_held:
                    changes["history_held_for"] = work.conversation.customer_id
                if row.customer_id is not None:
                    privacy.keep_belief(connection, row.customer_id, answer.belief, now)
            changes["lease_until"] = now + LEASE if follows else None
            changes["lease_holder"] = self._holder if follows else None
            connection.execute(conversations.update().where(_c.id == conversation_id).values(changes))
            if switched is not None:
                privacy.switch(connection, conversation_id, row.customer_id, on=switched)
            if follows is None:
                return Answered(replies, Owner(row.owner), None)
            fresh = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).one()
            return Answered(
                replies, Owner(row.owner), rows.to_work(connection, rows.to_conversation(fresh), follows)
            )

        return await self.database.write(transaction)

    def _after(self, row: Row, answer: Answer, replies: int, now: datetime) -> dict[str, Any]:
        changes: dict[str, Any] = {
            "next_seq": row.next_seq + replies,
            "pending": row.pending - 1,
            "last_at": now,
        }
        new_orders = [order for order in answer.orders if order not in row.orders]
        if new_orders:
            changes["orders"] = [*row.orders, *new_orders]
        if answer.said_goodbye:
            changes["goodbye_at"] = now
        return changes

    async def notice(
        self, conversation_id: str, message_id: str, reply: OutReply, *, only_oldest: bool
    ) -> tuple[Mapping[str, Any], ...]:
        """Say a system line on a message that still waits, once; () where it is answered or was said.

        Args:
            conversation_id: the conversation.
            message_id: the message that waits.
            reply: the line, with its `code`.
            only_oldest: not where an older message waits as well: that one's line speaks for both.
        """

        def work(connection: Connection) -> tuple[Mapping[str, Any], ...]:
            row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).first()
            ids = {"cid": conversation_id, "mid": message_id}
            message = connection.execute(rows.BY_MESSAGE_ID, ids).first()
            if row is None or message is None or message.state != State.ACCEPTED.value:
                return ()
            if connection.execute(rows.SAID, {**ids, "code": reply.code}).first() is not None:
                return ()
            if only_oldest:
                oldest = connection.execute(rows.OLDEST_PENDING, {"cid": conversation_id}).first()
                if oldest is not None and oldest.seq < message.seq:
                    return ()
            said = self._insert_replies(
                connection, conversation_id, row.next_seq, [reply], message_id, self._clock()
            )
            connection.execute(
                conversations.update().where(_c.id == conversation_id).values(next_seq=row.next_seq + 1)
            )
            return said

        return await self.database.write(work)

    # -- leases -----------------------------------------------------------------------------------------

    async def renew(self, conversation_id: str) -> bool:
        """Renew our lease; False where it is no longer ours."""

        def work(connection: Connection) -> bool:
            changed = connection.execute(
                conversations.update()
                .where(_c.id == conversation_id, _c.lease_holder == self._holder)
                .values(lease_until=self._clock() + LEASE)
            )
            return bool(changed.rowcount == 1)

        return await self.database.write(work)

    async def release(self, conversation_id: str) -> None:
        """End our lease without an answer, so that another process may go on at once."""

        def work(connection: Connection) -> None:
            connection.execute(
                conversations.update()
                .where(_c.id == conversation_id, _c.lease_holder == self._holder)
                .values(lease_holder=None, lease_until=None)
            )

        await self.database.write(work)

    async def waiting(self, limit: int = 200) -> tuple[str, ...]:
        """Return conversations with unanswered messages that no other process works on, longest wait first."""

        def work(connection: Connection) -> tuple[str, ...]:
            found = connection.execute(
                select(_c.id, _c.lease_holder, _c.lease_until)
                .where(_c.pending > 0, _c.owner == Owner.BOT.value)
                .order_by(_c.last_at)
                .limit(limit)
            )
            now = self._clock()
            return tuple(r.id for r in found if r.lease_holder == self._holder or self._free(r, now))

        return await self.database.read(work)

    async def claim(self, conversation_id: str) -> Work | None:
        """Take over a conversation that nobody works on; None where there is nothing to do.

        Call it only where no task of this process works on the conversation.
        """

        def work(connection: Connection) -> Work | None:
            row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).first()
            if row is None or row.pending == 0 or row.owner != Owner.BOT.value:
                return None
            return self._claim(connection, row, orphaned=True)

        return await self.database.write(work)

    # -- owner and personalisation ----------------------------------------------------------------------

    async def change_owner(self, conversation_id: str, after: Owner, *, by: str, reason: str) -> None:
        """Change who answers, and record it.

        Raises:
            AccessDeniedError: unknown conversation.
            TransitionError: `after` may not follow the present owner.
        """

        def work(connection: Connection) -> None:
            row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).first()
            if row is None:
                raise AccessDeniedError
            check_transition(Owner(row.owner), after)
            connection.execute(
                conversations.update().where(_c.id == conversation_id).values(owner=after.value)
            )
            connection.execute(
                owner_changes.insert(),
                {
                    "conversation_id": conversation_id,
                    "at": self._clock(),
                    "before": row.owner,
                    "after": after.value,
                    "changed_by": by,
                    "reason": reason[:200],
                },
            )

        await self.database.write(work)

    async def set_personalisation(self, conversation_id: str, secret: str, *, on: bool) -> None:
        """Switch personalisation for a conversation and its customer; off wipes what was inferred.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
        """

        def work(connection: Connection) -> None:
            row = self._authorised(connection, conversation_id, secret)
            privacy.switch(connection, conversation_id, row.customer_id, on=on)

        await self.database.write(work)

    # -- parts ------------------------------------------------------------------------------------------

    def _authorised(self, connection: Connection, conversation_id: str, secret: str) -> Row:
        return check_secret(
            connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).first(), secret
        )

    def _insert_pending(
        self, connection: Connection, conversation_id: str, message: Pending, state: State = State.ACCEPTED
    ) -> None:
        values = rows.message_row(
            self._vault,
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

    def _insert_replies(
        self,
        connection: Connection,
        conversation_id: str,
        first_seq: int,
        replies: tuple[OutReply, ...] | list[OutReply],
        in_reply_to: str,
        now: datetime,
    ) -> tuple[Mapping[str, Any], ...]:
        stored: list[dict[str, Any]] = []
        offered: list[dict[str, Any]] = []
        seen: list[Mapping[str, Any]] = []
        for seq, reply in enumerate(replies, start=first_seq):
            ids = [f"b_{secrets.token_urlsafe(9)}" for _ in reply.buttons]
            content = rows.reply_content(reply, ids)
            stored.append(
                rows.message_row(
                    self._vault,
                    conversation_id,
                    seq,
                    content,
                    author=reply.author,
                    kind=reply.kind,
                    at=now,
                    in_reply_to=in_reply_to,
                    code=reply.code,
                )
            )
            for button_id, button in zip(ids, reply.buttons, strict=True):
                context = f"{conversation_id}/{button_id}"
                offered.append(
                    {
                        "conversation_id": conversation_id,
                        "id": button_id,
                        "seq": seq,
                        "title": self._vault.seal(button.title, f"offered_buttons.title/{context}"),
                        "payload": self._vault.seal(button.payload, f"offered_buttons.payload/{context}"),
                    }
                )
            seen.append(
                rows.view(
                    content,
                    seq=seq,
                    kind=reply.kind,
                    author=reply.author,
                    at=now,
                    in_reply_to=rows.public_id(in_reply_to),
                )
            )
        if stored:
            connection.execute(rows.INSERT_MESSAGE, stored)
        if offered:
            connection.execute(rows.INSERT_BUTTON, offered)
        return tuple(seen)

    def _insert_requests(self, connection: Connection, row: Row, answer: Answer, now: datetime) -> None:
        for request in answer.requests:
            connection.execute(
                service_requests.insert(),
                {
                    "conversation_id": row.id,
                    "customer_id": row.customer_id,
                    "kind": request.kind.value,
                    "reason": self._vault.seal(request.reason, f"service_requests.reason/{row.id}"),
                    "contact": None
                    if request.contact is None
                    else self._vault.seal(request.contact, f"service_requests.contact/{row.id}"),
                    "order_number": request.order_number,
                    "answer_by": request.answer_by,
                    "created_at": now,
                },
            )


def check_secret(row: Row | None, secret: str) -> Row:
    """Return the row; AccessDeniedError unless the secret opens it. Unknown conversations take as long."""
    expected = _NOBODY if row is None else row.secret_hash
    matches = hmac.compare_digest(expected, _hash(secret))
    if row is None or not matches:
        raise AccessDeniedError
    return row
