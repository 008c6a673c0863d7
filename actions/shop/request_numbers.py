"""Makes numbers of requests: unused, and not to be counted up from another."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy.orm import Session

from actions.shop.schema import AfterSaleRow


def new_request_number(session: Session, now: datetime) -> str:
    """Return an unused number: ``AS``, the day, six digits that cannot be counted up from another."""
    while True:
        number = f"AS{now:%y%m%d}{secrets.randbelow(10**6):06d}"
        if session.get(AfterSaleRow, number) is None:
            return number
