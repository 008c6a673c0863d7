"""What a write works in: its transaction, its time, whose it is, its lock and its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.shop.errors import NotFoundError
from actions.shop.keys import digest, once
from actions.shop.loading import known_form, load_order
from actions.shop.models import Order
from actions.shop.schema import CustomerRow, OrderRow
from persona.privacy.vault import Vault


@dataclass(frozen=True)
class Transaction:
    """A write under way. `key` is what makes it happen once."""

    session: Session
    vault: Vault
    now: datetime
    key: str

    def once(
        self, action: str, arguments: Mapping[str, object], change: Callable[[], str]
    ) -> tuple[str, bool]:
        """Run `change` unless the key has done it, see :func:`actions.shop.keys.once`."""
        return once(self.session, self.key, digest(self.vault, action, arguments), self.now, change)


@dataclass(frozen=True)
class CustomerWrite(Transaction):
    """A write for a customer that is about none of her orders."""

    customer_id: str

    def lock(self) -> CustomerRow:
        """Lock the customer's row; NotFoundError if there is none."""
        return lock_customer(self.session, self.customer_id)


@dataclass(frozen=True)
class Write(Transaction):
    """A write on one order."""

    order_number: str
    customer_id: str | None

    def lock(self) -> OrderRow:
        """Lock the order's row; NotFoundError if it does not exist or is somebody else's."""
        return lock_order(self.session, self.order_number, self.customer_id)

    def order(self) -> Order:
        """Return the order as it stands."""
        return load_order(self.session, self.now, self.order_number, self.customer_id)


def lock_order(session: Session, order_number: str, customer_id: str | None) -> OrderRow:
    """Lock an order's row; NotFoundError if it does not exist or is somebody else's."""
    if not known_form(order_number) or not (customer_id is None or known_form(customer_id)):
        raise NotFoundError("no such order")
    statement = select(OrderRow).where(OrderRow.order_number == order_number).with_for_update()
    if customer_id is not None:
        statement = statement.where(OrderRow.customer_id == customer_id)
    row: OrderRow | None = session.execute(statement).scalar_one_or_none()
    if row is None:
        raise NotFoundError("no such order")
    return row


def lock_customer(session: Session, customer_id: str) -> CustomerRow:
    """Lock a customer's row; NotFoundError if there is none."""
    if not known_form(customer_id):
        raise NotFoundError("no such customer")
    statement = select(CustomerRow).where(CustomerRow.customer_id == customer_id).with_for_update()
    row: CustomerRow | None = session.execute(statement).scalar_one_or_none()
    if row is None:
        raise NotFoundError("no such customer")
    return row
