"""Idempotency keys: a write happens once however often it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from actions.shop.errors import KeyReusedError
from actions.shop.schema import WriteRow
from persona.privacy.vault import Vault

MAX_KEY_LENGTH = 200

#: How long a key is remembered; a message is retried within minutes.
KEEP_KEYS = timedelta(days=30)


def digest(vault: Vault, action: str, arguments: Mapping[str, object]) -> str:
    """Return a keyed hash of what a write does: arguments hold addresses, which a plain hash would betray."""
    text = json.dumps([action, arguments], sort_keys=True, default=str)
    return vault.blind(text, "writes.digest")


def once(
    session: Session, key: str, argument_digest: str, now: datetime, change: Callable[[], str]
) -> tuple[str, bool]:
    """Run `change` unless `key` has already done it, and remember its outcome in the same transaction.

    The caller holds the lock of the row that `change` touches, so a concurrent twin waits and then finds
    the key.

    Returns:
        the outcome (a number of the shop) and whether it is a repetition.

    Raises:
        KeyReusedError: the key did something else.
        ValueError: the key is empty or too long.
    """
    if not 0 < len(key) <= MAX_KEY_LENGTH or "\0" in key:
        raise ValueError(f"an idempotency key has 1 to {MAX_KEY_LENGTH} characters")
    done = session.get(WriteRow, key)
    if done is not None:
        if done.digest != argument_digest:
            raise KeyReusedError("this key was used for a different write")
        return done.outcome, True
    outcome = change()
    session.add(WriteRow(key=key, digest=argument_digest, outcome=outcome, at=now))
    session.flush()
    return outcome, False


def forget_old_keys(session: Session, now: datetime) -> None:
    """Delete the keys that nobody will repeat."""
    session.execute(
        delete(WriteRow).where(WriteRow.at < now - KEEP_KEYS).execution_options(synchronize_session=False)
    )
