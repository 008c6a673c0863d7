"""Takes a customer's personal data out of the shop.

Orders stay, for bookkeeping asks for them, but without name, phone, address, note and engraving; so do
invoices' amounts and numbers, without their titles.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from actions.shop.errors import NotFoundError
from actions.shop.schema import (
    AddressRow,
    AfterSaleRow,
    BrowseRow,
    CustomerRow,
    OrderItemRow,
    OrderRow,
    ReviewRow,
    UrgeRow,
)
from actions.shop.service_schema import InvoiceRow, PreferenceRow, StockWatchRow
from actions.shop.transaction import lock_customer

_GONE = ""
_PERSONAL = ("consignee", "phone", "province", "city", "district", "street")


def erase(session: Session, customer_id: str) -> bool:
    """Erase the personal data of a customer; say whether the shop knew her."""
    try:
        lock_customer(session, customer_id)
    except NotFoundError:
        return False
    now = {"synchronize_session": False}
    numbers = select(OrderRow.order_number).where(OrderRow.customer_id == customer_id)
    changes: list[Any] = [
        update(OrderItemRow).where(OrderItemRow.order_number.in_(numbers)).values(engraving=None),
        update(InvoiceRow)
        .where(InvoiceRow.order_number.in_(numbers))
        .values(name=_GONE, tax_number=None, email=None),
        update(AfterSaleRow).where(AfterSaleRow.customer_id == customer_id).values(description=None),
        update(OrderRow)
        .where(OrderRow.customer_id == customer_id)
        .values(phone_tail=_GONE, note=None, **dict.fromkeys(_PERSONAL, _GONE)),
        update(CustomerRow)
        .where(CustomerRow.customer_id == customer_id)
        .values(name=_GONE, phone=_GONE, birthday=None),
    ]
    tables = (AddressRow, BrowseRow, ReviewRow, UrgeRow, StockWatchRow, PreferenceRow)
    changes += [delete(table).where(table.customer_id == customer_id) for table in tables]
    for change in changes:
        session.execute(change, execution_options=now)
    return True
