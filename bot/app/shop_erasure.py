"""Takes a customer's personal data out of the embedded shop; a real shop's backend does this itself.

Orders stay, for bookkeeping asks for them, but without name, phone, address and engraving.
"""

from __future__ import annotations

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from actions.shop.database import WRITES, open_engine
from actions.shop.schema import (
    AddressRow,
    BrowseRow,
    CustomerRow,
    OrderItemRow,
    OrderRow,
    ReviewRow,
    UrgeRow,
)
from persona.privacy.vault import Vault

_GONE = ""


def erase_profile(url: str, vault: Vault, customer_id: str) -> bool:
    """Erase the personal data of a customer, in one transaction; say whether the shop knew the customer."""
    engine = open_engine(url, vault)
    try:
        with Session(engine.execution_options(**{WRITES: True}), future=True) as session, session.begin():
            known = session.execute(
                select(func.count()).select_from(CustomerRow).where(CustomerRow.customer_id == customer_id)
            ).scalar_one()
            if not known:
                return False
            _erase(session, customer_id)
            return True
    finally:
        engine.dispose()


def _erase(session: Session, customer_id: str) -> None:
    now = {"synchronize_session": False}
    numbers = select(OrderRow.order_number).where(OrderRow.customer_id == customer_id)
    session.execute(
        update(OrderItemRow).where(OrderItemRow.order_number.in_(numbers)).values(engraving=None),
        execution_options=now,
    )
    personal = ("consignee", "phone", "province", "city", "district", "street")
    session.execute(
        update(OrderRow)
        .where(OrderRow.customer_id == customer_id)
        .values(phone_tail=_GONE, **dict.fromkeys(personal, _GONE)),
        execution_options=now,
    )
    for table in (AddressRow, BrowseRow, ReviewRow, UrgeRow):
        session.execute(delete(table).where(table.customer_id == customer_id), execution_options=now)
    session.execute(
        update(CustomerRow)
        .where(CustomerRow.customer_id == customer_id)
        .values(name=_GONE, phone=_GONE, birthday=None),
        execution_options=now,
    )
