"""Checks the last four digits of an order's phone, or its owner's whole number; nobody can guess.

The digits open that one order: a parcel's label shows them. A whole account takes the number of the account,
which is not the recipient's. Five failures within an hour for one order or from one source close both ways:
every further answer is no, to either question. An unknown order costs the same work and gives the same answer
as wrong digits.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Text, delete, func, select, text, type_coerce
from sqlalchemy.orm import Session

from actions.shop.loading import known_form
from actions.shop.schema import AttemptRow, CustomerRow, OrderRow
from persona.privacy.vault import Vault

MAX_FAILURES = 5
WINDOW = timedelta(hours=1)
KEEP_ATTEMPTS = timedelta(hours=24)

_NO_ORDER = "0" * 12
_PHONE = "customers.phone"  # the context that it is sealed under
_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9][0-9]{9})")


def tail_hash(vault: Vault, order_number: str, phone: str) -> str:
    """Return the blind hash of the last four digits of an order's phone."""
    return vault.blind(phone[-4:], f"orders.phone_tail:{order_number}")


def verify(
    session: Session, vault: Vault, now: datetime, *, order_number: str, phone_tail: str, source: str
) -> bool:
    """Say whether the digits fit, and count the attempt. Needs a writing transaction."""
    order_number = order_number if known_form(order_number) else _NO_ORDER
    attempt = _begin(session, vault, now, order_number, source)
    stored = session.execute(
        select(OrderRow.phone_tail).where(OrderRow.order_number == order_number)
    ).scalar_one_or_none()
    four_digits = len(phone_tail) == 4 and phone_tail.isascii() and phone_tail.isdigit()
    given = tail_hash(vault, order_number, phone_tail) if four_digits else "-"
    fits = hmac.compare_digest(stored or "x" * 32, given) and stored is not None
    return _end(session, now, attempt, fits=fits)


def verify_owner(
    session: Session, vault: Vault, now: datetime, *, order_number: str, phone: str, source: str
) -> str | None:
    """Return whose order it is where the number is her account's; count the attempt like :func:`verify`.

    Needs a writing transaction. A sealed number is opened whether there is an order or not: an unknown order
    costs the same work.
    """
    order_number = order_number if known_form(order_number) else _NO_ORDER
    attempt = _begin(session, vault, now, order_number, source)
    row = session.execute(
        select(CustomerRow.customer_id, type_coerce(CustomerRow.phone, Text).label("phone"))
        .join(OrderRow, OrderRow.customer_id == CustomerRow.customer_id)
        .where(OrderRow.order_number == order_number)
    ).one_or_none()
    nobodys = vault.seal("", _PHONE)
    stored = mobile_number(vault.open(nobodys if row is None else row.phone, _PHONE))
    given = mobile_number(phone)
    context = f"attempts.owner:{order_number}"
    same = hmac.compare_digest(
        vault.blind(stored or "stored", context), vault.blind(given or "given", context)
    )
    fits = _end(session, now, attempt, fits=same and stored is not None)
    return row.customer_id if row is not None and fits else None


def mobile_number(text: str) -> str | None:
    """Return the eleven digits of a mobile number or None; country code, spaces and hyphens may be there."""
    match = _MOBILE.fullmatch(re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text)))
    return None if match is None else match[1]


@dataclass(frozen=True)
class _Attempt:
    """One attempt: blind hashes of order and source, and whether either is closed."""

    order_hash: str
    source_hash: str
    closed: bool


def _begin(session: Session, vault: Vault, now: datetime, order_number: str, source: str) -> _Attempt:
    """Wait for other attempts on the order or from the source, and count what failed before."""
    order_hash = vault.blind(order_number, "attempts.order")
    source_hash = vault.blind(source, "attempts.source")
    _serialise(session, order_hash, source_hash)
    closed = False
    for column, value in ((AttemptRow.order_hash, order_hash), (AttemptRow.source_hash, source_hash)):
        failures = session.execute(
            select(func.count())
            .select_from(AttemptRow)
            .where(column == value, AttemptRow.at > now - WINDOW, AttemptRow.failed.is_(True))
        ).scalar_one()
        closed |= failures >= MAX_FAILURES
    return _Attempt(order_hash, source_hash, closed)


def _end(session: Session, now: datetime, attempt: _Attempt, *, fits: bool) -> bool:
    """Write the attempt down; return whether it succeeded.

    An attempt while closed is written down, too (the same work), but does not count: else a guesser could
    keep the shopper out for ever.
    """
    failed = not fits and not attempt.closed
    session.add(
        AttemptRow(order_hash=attempt.order_hash, source_hash=attempt.source_hash, failed=failed, at=now)
    )
    session.flush()
    return fits and not attempt.closed


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
