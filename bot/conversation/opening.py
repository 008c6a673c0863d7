"""How conversations begin, and how they come to belong to a customer."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation import privacy, rows
from bot.conversation.errors import AccessDeniedError, ConversationClosedError, IdentityConflictError
from bot.conversation.lease import LEASE
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

_c = conversations.c


def _hash(secret: str) -> str:
    # The secret has 256 random bits: a plain hash cannot be searched, a slow one would only cost time.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


_NOBODY = _hash("")


def check_secret(row: Row | None, secret: str) -> Row:
    """Return the row; AccessDeniedError unless the secret opens it. Unknown conversations take as long."""
    expected = _NOBODY if row is None else row.secret_hash
    matches = hmac.compare_digest(expected, _hash(secret))
    if row is None or not matches:
        raise AccessDeniedError
    return row


def locked(connection: Connection, conversation_id: str, secret: str) -> Row:
    """Return the conversation's row, locked; AccessDeniedError unless the secret opens it."""
    return check_secret(
        connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).first(), secret
    )


class Opening:
    """One request to open a conversation, run as a transaction.

    Args:
        writing: the parts of transactions.
        channel: where the conversation takes place.
        customer_id: the logged-in customer, or None.
        net: blind hash of the network address.
        key: idempotency key, or None.
        notice: the first-message notice; left out where the customer has switched personalisation off.
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
    ) -> None:
        self._writing = writing
        self._channel = channel
        self._customer_id = customer_id
        self._net = net
        # A key is the asker's own: of the customer, or of the network address where nobody is logged in.
        who = f"customer/{customer_id}" if customer_id is not None else f"net/{net}"
        self._key = None if key is None else writing.vault.blind(f"{who}/{key}", "openings.key")
        self._notice = notice

    def __call__(self, connection: Connection) -> Opened:
        """Open the conversation, or find the one that the key has opened."""
        now = self._writing.now()
        known = self._known(connection, now)
        if known is not None:
            return known
        secret = secrets.token_urlsafe(32)
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
        self._writing.insert_pending(connection, conversation_id, event, State.ACCEPTED)
        self._writing.insert_replies(
            connection, conversation_id, said, first_seq=2, in_reply_to=OPENED, now=now
        )
        if self._key is not None:
            sealed = self._writing.vault.seal(secret, f"openings.secret/{self._key}")
            values = {"key": self._key, "conversation_id": conversation_id, "secret": sealed, "at": now}
            connection.execute(openings.insert(), values)
        return Opened(conversation_id, secret, rows.to_work(connection, conversation, event))

    def _known(self, connection: Connection, now: datetime) -> Opened | None:
        if self._key is None:
            return None
        connection.execute(openings.delete().where(openings.c.at < now - KEY_LIFE))
        row = connection.execute(select(openings).where(openings.c.key == self._key)).first()
        if row is None:
            return None
        secret = self._writing.vault.open(row.secret, f"openings.secret/{self._key}")
        return Opened(row.conversation_id, secret, work=None, repeated=True)

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
                "secret_hash": _hash(secret),
                "channel": conversation.channel,
                "customer_id": conversation.customer_id,
                "orders": [],
                "owner": conversation.owner.value,
                "next_seq": next_seq,
                "pending": 1,
                "style": conversation.style,
                "personalisation": conversation.personalisation,
                "lease_holder": self._writing.holder,
                "lease_until": now + LEASE,
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
        row = locked(connection, self._conversation_id, self._secret)
        if row.customer_id == self._customer_id:
            ids = {"cid": row.id, "mid": IDENTIFIED}
            found = IDENTIFIED if connection.execute(rows.BY_MESSAGE_ID, ids).first() is not None else OPENED
            return found, self._writing.repeat(connection, row, found)
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
        row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": row.id}).one()
        event = Pending(
            IDENTIFIED, row.next_seq, Kind.EVENT, {"event": "identified"}, self._net, self._writing.now()
        )
        return IDENTIFIED, self._writing.take(connection, row, event)
