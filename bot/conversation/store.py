"""The repository of conversations: each method is one transaction.

A turn costs two: :meth:`Store.accept` (the message, and the lease where it is free) and :meth:`Store.answer`
(replies, reading, belief, requests, the next message or the end of the lease).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from bot.conversation import owner as owners
from bot.conversation import privacy, rows
from bot.conversation.answering import Answering
from bot.conversation.database import Database
from bot.conversation.entry import Entry
from bot.conversation.errors import (
    AccessDeniedError,
    ConversationClosedError,
    MessageConflictError,
    TooManyPendingError,
)
from bot.conversation.handing import Handing
from bot.conversation.keys import check_secret, locked
from bot.conversation.lease import LEASE
from bot.conversation.listening import NotReadyError
from bot.conversation.opening import Identification, Opening
from bot.conversation.schema import conversations
from bot.conversation.traced import TRACE
from bot.conversation.types import (
    Accepted,
    Answer,
    Answered,
    Incoming,
    Opened,
    OutReply,
    Owner,
    Pending,
    State,
    Work,
)
from bot.conversation.waiting_room import WaitingRoom
from bot.conversation.writing import Writing
from persona.privacy.vault import Vault

T = TypeVar("T")

#: Messages of one conversation that may wait for an answer at the same time.
MOST_PENDING = 16

_c = conversations.c


class Store:
    """The record of all conversations.

    Args:
        database: where it is kept.
        vault: seals what is personal.
        clock: returns the present as an aware datetime.
        holder: this process's name as the holder of leases.
        handing: hands conversations over to people; without it none ever is.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Callable[[], datetime],
        holder: str,
        handing: Handing | None = None,
    ) -> None:
        self.database = database
        self.writing = self._writing = Writing(vault, clock, holder)
        self._vault = vault
        self._clock = clock
        self._holder = holder
        self._handing = handing
        self._room = None if handing is None else WaitingRoom(handing)

    def now(self) -> datetime:
        """Return the present, by the record's clock."""
        return self._clock()

    async def _write(self, work: Callable[[Connection], T]) -> T:
        """Run a transaction; once more where the temperament engine had to be loaded for it first."""
        while True:
            try:
                return await self.database.write(work)
            except NotReadyError:
                assert self._handing is not None  # noqa: S101  # nobody else listens
                await self._handing.listener.wait()

    async def open(
        self,
        *,
        channel: str,
        customer_id: str | None,
        net: str,
        key: str | None = None,
        notice: OutReply | None = None,
        resume: bool = False,
    ) -> Opened:
        """Open a conversation with its event ``opened`` waiting for an answer, or find the running one.

        Args:
            channel: where it takes place.
            customer_id: the logged-in customer, or None.
            net: blind hash of the network address.
            key: idempotency key; for 24 hours the same key of the same customer (of the same network
                address, where anonymous) finds the conversation that it opened.
            notice: the first-message notice; left out where the customer has switched personalisation off.
            resume: where the customer has one that runs, go on with it under a secret of its own.
        """
        opening = Opening(
            self._writing,
            channel=channel,
            customer_id=customer_id,
            net=net,
            key=key,
            notice=notice,
            resume=resume,
        )
        try:
            return await self.database.write(opening)
        except (
            IntegrityError
        ):  # the same key at the same moment on another connection: its conversation counts
            return await self.database.write(opening)

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
        return await self.database.write(
            Identification(
                self._writing,
                conversation_id=conversation_id,
                secret=secret,
                customer_id=customer_id,
                net=net,
            )
        )

    # -- a turn -----------------------------------------------------------------------------------------

    async def accept(self, conversation_id: str, secret: str, incoming: Incoming) -> Accepted:
        """Store a shopper's message; once this returns it will be answered, whatever happens to the process.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
            MessageConflictError: the id was used for other content.
            ButtonNotOfferedError: no such button in this conversation.
            ConversationClosedError: the conversation is over.
            TooManyPendingError: too many wait already.
        """

        def work(connection: Connection) -> Accepted:
            ids = {"cid": conversation_id, "mid": incoming.message_id}
            found = connection.execute(rows.LOCKED_WITH_MESSAGE, ids).first()
            row = check_secret(connection, found, secret)
            return self._take(connection, row, incoming)

        try:
            return await self._write(work)
        except IntegrityError:
            # The same id at the same moment at another front: PostgreSQL waits for the lock, but has looked
            # for the message before that. Now it is there.
            return await self._write(work)

    def accept_in(self, connection: Connection, conversation_id: str, incoming: Incoming) -> Accepted:
        """Do the same within a transaction of :meth:`run`, for who has proved otherwise whose it is.

        Raises:
            ConversationError: as :meth:`accept`.
        """
        ids = {"cid": conversation_id, "mid": incoming.message_id}
        row = connection.execute(rows.LOCKED_WITH_MESSAGE, ids).first()
        if row is None:
            raise AccessDeniedError
        return self._take(connection, row, incoming)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run a transaction of another part that calls :meth:`accept_in`."""
        return await self._write(work)

    def _take(self, connection: Connection, row: Row, incoming: Incoming) -> Accepted:
        if row.known_seq is not None:
            self._check_same(row, incoming)
            return self._writing.repeat(connection, row, incoming.message_id)
        if row.owner == Owner.CLOSED.value:
            raise ConversationClosedError
        if row.pending >= MOST_PENDING:
            raise TooManyPendingError
        kind, content = self._writing.content(connection, row.id, incoming)
        if incoming.trace:
            content[TRACE] = incoming.trace
        if incoming.context:
            content[rows.CONTEXT] = dict(incoming.context)
        message = Pending(incoming.message_id, row.next_seq, kind, content, incoming.net, self._clock())
        if self._room is not None and self._room.wants(message, Owner(row.owner)):
            return self._room.take(Entry(connection, self._writing, row, message.at), message)
        return self._writing.take(connection, row, message)

    def _check_same(self, row: Row, incoming: Incoming) -> None:
        content = json.loads(self._vault.open(row.known_body, rows.body_context(row.id, row.known_seq)))
        given = {"button": incoming.button, "text": incoming.text, "sha": None}
        if incoming.picture is not None:
            given |= {"text": content.get("text"), "sha": incoming.picture.sha}
        if any(content.get(name) != value for name, value in given.items()):
            raise MessageConflictError

    async def answer(self, work: Work, answer: Answer) -> Answered:
        """Store all that a turn brought; then hand out the next message or end the lease.

        Raises:
            LeaseLostError: another process answers this message now, or the conversation was erased.
        """
        return await self._write(Answering(self._writing, self._handing, work, answer))

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
            if row.owner != Owner.BOT.value:  # a person answers: nobody is still looking
                return ()
            if connection.execute(rows.SAID, {**ids, "code": reply.code}).first() is not None:
                return ()
            if only_oldest:
                oldest = connection.execute(rows.OLDEST_PENDING, {"cid": conversation_id}).first()
                if oldest is not None and oldest.seq < message.seq:
                    return ()
            said = self._writing.insert_replies(
                connection,
                conversation_id,
                [reply],
                first_seq=row.next_seq,
                in_reply_to=message_id,
                now=self._clock(),
            )
            connection.execute(
                conversations.update().where(_c.id == conversation_id).values(next_seq=row.next_seq + 1)
            )
            return said

        return await self.database.write(work)

    # -- leases -----------------------------------------------------------------------------------------

    async def renew(self, conversation_ids: Collection[str]) -> frozenset[str]:
        """Renew our leases of these conversations; return those that are still ours."""
        ours = (_c.id.in_(list(conversation_ids)), _c.lease_holder == self._holder)

        def work(connection: Connection) -> frozenset[str]:
            held = connection.execute(select(_c.id).where(*ours).with_for_update()).scalars().all()
            connection.execute(conversations.update().where(*ours).values(lease_until=self._clock() + LEASE))
            return frozenset(held)

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
        """Return conversations that wait and that no other process works on, the longest wait first."""

        def work(connection: Connection) -> tuple[str, ...]:
            found = connection.execute(
                select(_c.id, _c.lease_holder, _c.lease_until)
                .where(_c.pending > 0)
                .order_by(_c.last_at)
                .limit(limit)
            )
            now = self._clock()
            return tuple(r.id for r in found if r.lease_holder == self._holder or self._writing.free(r, now))

        return await self.database.read(work)

    async def claim(self, conversation_id: str) -> Work | None:
        """Take over a conversation that nobody works on; None where there is nothing to do.

        Call it only where no task of this process works on the conversation. Where a person has it by now,
        the message that a process has left behind goes to that person.
        """

        def work(connection: Connection) -> Work | None:
            row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).first()
            if row is None or row.pending == 0:
                return None
            if row.owner == Owner.BOT.value:
                return self._writing.claim(connection, row, orphaned=True)
            if self._handing is not None:
                entry = Entry(connection, self._writing, row, self._clock())
                self._handing.settle_pending(entry, orphaned=True)
                entry.save()
            return None

        return await self._write(work)

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
            owners.change(
                connection, row.id, Owner(row.owner), after, by=by, reason=reason, now=self._clock()
            )

        await self.database.write(work)

    async def set_personalisation(self, conversation_id: str, secret: str, *, on: bool) -> None:
        """Switch personalisation for a conversation and its customer; off wipes what was inferred.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
        """

        def work(connection: Connection) -> None:
            row = locked(connection, conversation_id, secret)
            privacy.switch(connection, conversation_id, row.customer_id, on=on)

        await self.database.write(work)
