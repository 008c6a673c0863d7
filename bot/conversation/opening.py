"""How conversations begin, and how they come to belong to a customer."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import keys, postgres, privacy, rows
from bot.conversation.channel_schema import channel_links
from bot.conversation.errors import AccessDeniedError, ConversationClosedError, IdentityConflictError
from bot.conversation.keys import check_secret, locked
from bot.conversation.lease import LEASE
from bot.conversation.outbox import Happening
from bot.conversation.schema import conversations, openings, owner_changes
from bot.conversation.types import (
    FRONT_PREFIX,
    Accepted,
    Conversation,
    Kind,
    Opened,
    OutReply,
    Owner,
    Pending,
    State,
)
from bot.conversation.writing import Writing

OPENED = f"{FRONT_PREFIX}opened"
IDENTIFIED = f"{FRONT_PREFIX}identified"

#: How long a repeated request to open a conversation finds the first one.
KEY_LIFE = timedelta(hours=24)
#: A conversation in which nothing was said for so long is not gone on with.
RUNNING_FOR = timedelta(days=30)

_c, _l = conversations.c, channel_links.c


def running_of(connection: Connection, customer_id: str, now: datetime, *where: Any) -> str | None:
    """Return the customer's running conversation, the one last spoken in, of those that fit `where`."""
    found: str | None = connection.execute(
        select(_c.id)
        .where(
            _c.customer_id == customer_id,
            _c.owner != Owner.CLOSED.value,
            _c.last_at >= now - RUNNING_FOR,
            *where,
        )
        .order_by(_c.last_at.desc(), _c.created_at.desc(), _c.id.desc())
        .limit(1)
    ).scalar()
    return found


class Opening:
    """One request to open a conversation, run as a transaction.

    Args:
        writing: the parts of transactions.
        channel: where the conversation takes place.
        customer_id: the logged-in customer, or None.
        net: blind hash of the network address.
        key: idempotency key, or None.
        notice: the first-message notice; left out where the customer has switched personalisation off.
        resume: go on with the customer's running conversation of this channel, where she has one, or with
            one that a messaging channel shares.
        greet: the opening is answered; else it waits for her first message.
    """

    def __init__(
        self,
        writing: Writing,
        *,
        channel: str,
        customer_id: str | None,
        net: str,
        key: str | None,
        notice: OutReply | None,
        resume: bool = False,
        greet: bool = True,
    ) -> None:
        self._writing = writing
        self._greet = greet
        self._channel = channel
        self._customer_id = customer_id
        self._net = net
        # A key is the asker's own: of the customer, or of the network address where nobody is logged in.
        who = f"customer/{customer_id}" if customer_id is not None else f"net/{net}"
        self._key = None if key is None else writing.vault.blind(f"{who}/{key}", "openings.key")
        self._notice = notice
        self._resume = resume

    def __call__(self, connection: Connection) -> Opened:
        """Open the conversation, or find the one that the key has opened, or that is running."""
        now = self._writing.now()
        if self._resume and self._customer_id is not None:
            # Two browsers that begin at the same moment are to find one conversation.
            postgres.one_at_a_time(connection, self._writing.vault.blind(self._customer_id, "resume"))
        known = self._known(connection, now) or self._running(connection, now)
        if known is not None:
            return known
        secret = keys.new_secret()
        conversation = Conversation(
            conversation_id=f"c_{secrets.token_urlsafe(16)}",
            channel=self._channel,
            customer_id=self._customer_id,
            orders=(),
            owner=Owner.BOT,
            belief=None,
            style="neutral",
            personalisation=self._personalisation(connection),
            history_held_for=None,
        )
        said = [self._notice] if self._notice is not None and conversation.personalisation else []
        self._insert(connection, conversation, secret, next_seq=2 + len(said), now=now)
        conversation_id = conversation.conversation_id
        event = Pending(OPENED, 1, Kind.EVENT, {"event": "opened"}, self._net, now)
        state = State.ACCEPTED if self._greet else State.ANSWERED
        self._writing.insert_pending(connection, conversation_id, event, state)
        self._writing.insert_replies(
            connection, conversation_id, said, first_seq=2, in_reply_to=OPENED, now=now
        )
        self._keep_key(connection, conversation_id, secret, now)
        work = rows.to_work(connection, conversation, event) if self._greet else None
        return Opened(conversation_id, secret, work)

    def _keep_key(self, connection: Connection, conversation_id: str, secret: str, now: datetime) -> None:
        if self._key is not None:
            sealed = self._writing.vault.seal(secret, f"openings.secret/{self._key}")
            values = {"key": self._key, "conversation_id": conversation_id, "secret": sealed, "at": now}
            connection.execute(openings.insert(), values)

    def _known(self, connection: Connection, now: datetime) -> Opened | None:
        if self._key is None:
            return None
        connection.execute(openings.delete().where(openings.c.at < now - KEY_LIFE))
        row = connection.execute(select(openings).where(openings.c.key == self._key)).first()
        if row is None:
            return None
        secret = self._writing.vault.open(row.secret, f"openings.secret/{self._key}")
        found = connection.execute(rows.CONVERSATION, {"cid": row.conversation_id}).first()
        try:
            own = check_secret(connection, found, secret).secret_hash
        except AccessDeniedError:  # many browsers have come since: this secret opens nothing any more
            connection.execute(openings.delete().where(openings.c.key == self._key))
            return None
        resumed = own != keys.hash_of(secret)
        return Opened(row.conversation_id, secret, work=None, repeated=True, resumed=resumed)

    def _running(self, connection: Connection, now: datetime) -> Opened | None:
        """Return the customer's running conversation under a new secret; None where there is none.

        Only a login makes a conversation hers: one in which an order was verified is nobody's.
        """
        if not self._resume or self._customer_id is None:
            return None
        here = or_(_c.channel == self._channel, _c.id.in_(_shared(self._customer_id)))
        found = running_of(connection, self._customer_id, now, here)
        if found is None:
            return None
        secret = keys.make(connection, found, now)
        self._keep_key(connection, found, secret, now)
        return Opened(found, secret, work=None, resumed=True)

    def _personalisation(self, connection: Connection) -> bool:
        if self._customer_id is None:
            return True
        shopper = connection.execute(rows.SHOPPER, {"customer": self._customer_id}).first()
        return True if shopper is None else bool(shopper.personalisation)

    def _insert(
        self, connection: Connection, conversation: Conversation, secret: str, *, next_seq: int, now: datetime
    ) -> None:
        connection.execute(
            conversations.insert(),
            {
                "id": conversation.conversation_id,
                "secret_hash": keys.hash_of(secret),
                "channel": conversation.channel,
                "customer_id": conversation.customer_id,
                "orders": [],
                "owner": conversation.owner.value,
                "next_seq": next_seq,
                "pending": int(self._greet),
                "style": conversation.style,
                "personalisation": conversation.personalisation,
                "lease_holder": self._writing.holder if self._greet else None,
                "lease_until": now + LEASE if self._greet else None,
                "created_at": now,
                "changed_at": now,
                "last_at": now,
            },
        )
        connection.execute(
            owner_changes.insert(),
            {
                "conversation_id": conversation.conversation_id,
                "at": now,
                "before": None,
                "after": conversation.owner.value,
                "changed_by": "shopper",
                "reason": "opened",
            },
        )
        self._writing.outbox.add(
            connection,
            Happening.OPENED,
            conversation_id=conversation.conversation_id,
            channel=conversation.channel,
            customer_id=conversation.customer_id,
            at=now,
        )


def _shared(customer_id: str) -> Any:
    """Return the conversations into which the customer also writes from a messaging channel."""
    return select(_l.conversation_id).where(_l.customer_id == customer_id, _l.conversation_id.is_not(None))


class Identification:
    """One request to bind a conversation to a customer, run as a transaction.

    Calling it returns the id of the event that waits for an answer, and what became of it; repeated where the
    customer was known already. It raises AccessDeniedError, IdentityConflictError, ConversationClosedError.
    """

    def __init__(
        self, writing: Writing, *, conversation_id: str, secret: str, customer_id: str, net: str
    ) -> None:
        self._writing = writing
        self._conversation_id = conversation_id
        self._secret = secret
        self._customer_id = customer_id
        self._net = net

    def __call__(self, connection: Connection) -> tuple[str, Accepted]:
        """Bind the conversation."""
        return self.bind(connection, locked(connection, self._conversation_id, self._secret))

    def bind(self, connection: Connection, row: Row) -> tuple[str, Accepted]:
        """Bind a conversation that is locked, for who has proved otherwise whose it is."""
        if row.customer_id == self._customer_id:
            ids = {"cid": row.id, "mid": IDENTIFIED}
            found = IDENTIFIED if connection.execute(rows.BY_MESSAGE_ID, ids).first() is not None else OPENED
            return found, self._writing.repeat(connection, row, found)
        row = self.join(connection, row)
        event = Pending(
            IDENTIFIED, row.next_seq, Kind.EVENT, {"event": "identified"}, self._net, self._writing.now()
        )
        return IDENTIFIED, self._writing.take(connection, row, event)

    def join(self, connection: Connection, row: Row) -> Row:
        """Make a locked conversation of nobody the customer's, and no more; return it as it is then."""
        if row.customer_id is not None:
            raise IdentityConflictError
        if row.owner == Owner.CLOSED.value:
            raise ConversationClosedError
        shopper = connection.execute(rows.SHOPPER, {"customer": self._customer_id}).first()
        # Off stays off: whether the customer chose it before, or it was said in this conversation.
        on = row.personalisation and (shopper is None or shopper.personalisation)
        connection.execute(
            conversations.update()
            .where(_c.id == row.id)
            .values(customer_id=self._customer_id, personalisation=on)
        )
        if not on:
            privacy.switch(connection, row.id, self._customer_id, on=False)
        return connection.execute(rows.LOCKED_CONVERSATION, {"cid": row.id}).one()
