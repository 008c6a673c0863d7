"""Checks the last four digits of an order's phone without letting anybody guess.

Five failures within an hour for one order or from one source close both ways: every further answer is
False. An unknown order costs the same work and gives the same answer as wrong digits.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from actions.shop.loading import known_form
from actions.shop.schema import AttemptRow, OrderRow
from persona.privacy.vault import Vault

MAX_FAILURES = 5
WINDOW = timedelta(hours=1)
KEEP_ATTEMPTS = timedelta(hours=24)

_NO_ORDER = "0" * 12


def tail_hash(vault: Vault, order_number: str, phone: str) -> str:
    """Return the blind hash of the last four digits of an order's phone."""
    return vault.blind(phone[-4:], f"orders.phone_tail:{order_number}")


def verify(
    session: Session, vault: Vault, now: datetime, *, order_number: str, phone_tail: str, source: str
) -> bool:
    """Say whether the digits fit, and count the attempt. Needs a writing transaction."""
    order_number = order_number if known_form(order_number) else _NO_ORDER
    order_hash = vault.blind(order_number, "attempts.order")
    source_hash = vault.blind(source, "attempts.source")
    _serialise(session, order_hash, source_hash)

    since = now - WINDOW
    closed = False
    for column, value in ((AttemptRow.order_hash, order_hash), (AttemptRow.source_hash, source_hash)):
        failures = session.execute(
            select(func.count())
            .select_from(AttemptRow)
            .where(column == value, AttemptRow.at > since, AttemptRow.failed.is_(True))
        ).scalar_one()
        closed |= failures >= MAX_FAILURES

    stored = session.execute(
        select(OrderRow.phone_tail).where(OrderRow.order_number == order_number)
    ).scalar_one_or_none()
    four_digits = len(phone_tail) == 4 and phone_tail.isascii() and phone_tail.isdigit()
    given = tail_hash(vault, order_number, phone_tail) if four_digits else "-"
    fits = hmac.compare_digest(stored or "x" * 32, given) and stored is not None

    # An attempt while closed is written down, too (the same work), but does not count: else a guesser
    # could keep the shopper out for ever.
    session.add(
        AttemptRow(order_hash=order_hash, source_hash=source_hash, failed=not fits and not closed, at=now)
    )
    session.flush()
    return fits and not closed


def forget_old_attempts(session: Session, now: datetime) -> None:
    """Delete the attempts that no longer count."""
    session.execute(
        delete(AttemptRow)
        .where(AttemptRow.at < now - KEEP_ATTEMPTS)
        .execution_options(synchronize_session=False)
    )


def _serialise(session: Session, order_hash: str, source_hash: str) -> None:
    """Let parallel attempts on one order or from one source wait for each other.

    SQLite's writing transaction does it already. All take the order's lock before the source's, so they
    cannot wait in a ring.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    for space, value in ((1, order_hash), (2, source_hash)):
        number = int(value[:8], 16) - 2**31
        session.execute(
            text("SELECT pg_advisory_xact_lock(:space, :number)"), {"space": space, "number": number}
        )
