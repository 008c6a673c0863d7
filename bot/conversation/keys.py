"""What opens a conversation: its own secret, or one of the keys made for further browsers of its customer.

A browser in which a customer goes on with her conversation gets a secret of its own, so that none has to be
sent from one to another; only their hashes are kept.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import rows
from bot.conversation.errors import AccessDeniedError
from bot.conversation.schema import conversation_keys

#: Keys of one conversation; beyond them the oldest go.
MOST_KEYS = 20

_k = conversation_keys.c

_KEY = select(_k.id).where(_k.conversation_id == bindparam("cid"), _k.secret_hash == bindparam("hash"))


def new_secret() -> str:
    """Return a secret that nobody can guess: 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Return what is kept of a secret."""
    # It has 256 random bits: a plain hash cannot be searched, a slow one would only cost time.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


_NOBODY = hash_of("")


def check_secret(connection: Connection, row: Row | None, secret: str) -> Row:
    """Return the conversation's row; AccessDeniedError unless the secret opens it.

    The keys are looked up only where the conversation's own secret is another one. An unknown conversation
    takes as long as one that this secret does not open.
    """
    given = hash_of(secret)
    own = hmac.compare_digest(_NOBODY if row is None else row.secret_hash, given)
    if row is not None and own:
        return row
    cid = "" if row is None else row.id
    key = connection.execute(_KEY, {"cid": cid, "hash": given}).first()
    if row is None or key is None:
        raise AccessDeniedError
    return row


def locked(connection: Connection, conversation_id: str, secret: str) -> Row:
    """Return the conversation's row, locked; AccessDeniedError unless the secret opens it."""
    row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).first()
    return check_secret(connection, row, secret)


def made_at(connection: Connection, conversation_id: str) -> tuple[datetime, ...]:
    """Return when each key of a conversation was made, for the customer's copy of her data."""
    found = select(_k.made_at).where(_k.conversation_id == conversation_id).order_by(_k.id)
    return tuple(connection.execute(found).scalars())


def make(connection: Connection, conversation_id: str, now: datetime) -> str:
    """Make one more key of a conversation and return its secret; beyond :data:`MOST_KEYS` the oldest go."""
    secret = new_secret()
    connection.execute(
        conversation_keys.insert(),
        {"conversation_id": conversation_id, "secret_hash": hash_of(secret), "made_at": now},
    )
    kept = (
        select(_k.id)
        .where(_k.conversation_id == conversation_id)
        .order_by(_k.id.desc())
        .limit(1)
        .offset(MOST_KEYS - 1)
    )
    oldest = connection.execute(kept).scalar()
    if oldest is not None:
        connection.execute(
            conversation_keys.delete().where(_k.conversation_id == conversation_id, _k.id < oldest)
        )
    return secret
