"""The shop's writes, each inside one transaction: lock, key, rule, change, history.

Every function takes the lock of the order first, so that twins under one key run one after the other and
the second finds the key.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from actions.shop import rules
from actions.shop.errors import NotFoundError
from actions.shop.keys import digest, once
from actions.shop.loading import known_form, load_after_sales, load_order
from actions.shop.models import (
    Address,
    AfterSaleKind,
    AfterSaleResult,
    AfterSaleState,
    ChangeResult,
    Fault,
    Order,
    OrderState,
    ReturnTerms,
)
from actions.shop.schema import (
    AfterSaleRow,
    AfterSaleStepRow,
    CouponRow,
    OrderItemRow,
    OrderRow,
    ProductRow,
    SkuRow,
    UrgeRow,
)
from actions.shop.texts import texts
from actions.shop.verification import tail_hash
from persona.privacy.vault import Vault

OPEN_REQUEST = (AfterSaleState.SUBMITTED.value, AfterSaleState.APPROVED.value, AfterSaleState.RECEIVED.value)


@dataclass(frozen=True)
class Write:
    """One write under way: its transaction, its time, its order and its key."""

    session: Session
    vault: Vault
    now: datetime
    order_number: str
    customer_id: str | None
    key: str

    def lock(self) -> OrderRow:
        """Lock the order's row; NotFoundError if it does not exist or is somebody else's."""
        owner = self.customer_id
        if not known_form(self.order_number) or not (owner is None or known_form(owner)):
            raise NotFoundError("no such order")
        statement = select(OrderRow).where(OrderRow.order_number == self.order_number).with_for_update()
        if owner is not None:
            statement = statement.where(OrderRow.customer_id == owner)
        row: OrderRow | None = self.session.execute(statement).scalar_one_or_none()
        if row is None:
            raise NotFoundError("no such order")
        return row

    def order(self) -> Order:
        """Return the order as it stands."""
        return load_order(self.session, self.now, self.order_number, self.customer_id)

    def once(
        self, action: str, arguments: Mapping[str, object], change: Callable[[], str]
    ) -> tuple[str, bool]:
        """Run `change` unless the key has done it, see :func:`actions.shop.keys.once`."""
        return once(self.session, self.key, digest(self.vault, action, arguments), self.now, change)


def cancel(write: Write) -> ChangeResult:
    """Cancel; a paid order gets its refund request, its goods and coupon go back."""
    row = write.lock()

    def change() -> str:
        order = write.order()
        row.state = rules.cancelled_state(order).value
        row.cancelled_at = write.now
        _give_back(write.session, row)
        if row.state == OrderState.REFUNDING.value:
            _open_request(
                write,
                order,
                AfterSaleKind.REFUND,
                "changed_mind",
                text="cancelled_refund",
                fault=Fault.SHOPPER,
            )
        write.session.flush()
        return write.order_number

    _, repeated = write.once("cancel", {"order": write.order_number}, change)
    return ChangeResult(write.order(), repeated)


def change_address(write: Write, address: Address) -> ChangeResult:
    """Set the delivery address; the customer's address book stays as it is."""
    row = write.lock()

    def change() -> str:
        rules.check_address_change(write.order(), address)
        row.address_id = address.address_id
        row.consignee = address.consignee
        row.phone = address.phone
        row.phone_tail = tail_hash(write.vault, write.order_number, address.phone)
        row.province = address.province
        row.city = address.city
        row.district = address.district
        row.street = address.street
        write.session.flush()
        return write.order_number

    parts = {"order": write.order_number, "address": vars(address)}
    _, repeated = write.once("address", parts, change)
    return ChangeResult(write.order(), repeated)


def urge(write: Write) -> ChangeResult:
    """Record that the shopper urges."""
    row = write.lock()

    def change() -> str:
        rules.check_urge(write.order(), write.now)
        row.urged_at = write.now
        write.session.add(UrgeRow(order_number=write.order_number, customer_id=row.customer_id, at=write.now))
        write.session.flush()
        return write.order_number

    _, repeated = write.once("urge", {"order": write.order_number}, change)
    return ChangeResult(write.order(), repeated)


def request_after_sale(write: Write, kind: AfterSaleKind, reason: str) -> AfterSaleResult:
    """Open a request. Nothing to send back before dispatch, so that refund starts at once."""
    row = write.lock()

    def change() -> str:
        order = write.order()
        terms = judge_terms(write.session, write.now, order)
        fault = rules.check_request(order, terms, kind, reason, write.now)
        if order.state is OrderState.PAID:
            _give_back(write.session, row)
            row.cancelled_at = write.now
            text = "refund_started"
        else:
            text = "intercepting" if order.state in {OrderState.SHIPPED, OrderState.EXCEPTION} else ""
        if kind is not AfterSaleKind.EXCHANGE:
            row.state = OrderState.REFUNDING.value
        return _open_request(write, order, kind, reason, text=text, fault=fault)

    parts = {"order": write.order_number, "kind": kind.value, "reason": reason}
    number, repeated = write.once("after_sale", parts, change)
    found = load_after_sales(write.session, "request_number", number)
    return AfterSaleResult(found[0], repeated)


def judge_terms(session: Session, now: datetime, order: Order) -> ReturnTerms:
    """Return the terms of an order from its products' terms and its open request, if any."""
    lines = session.execute(
        select(
            ProductRow.product_id, ProductRow.returnable_days, ProductRow.warranty_months, ProductRow.category
        ).where(ProductRow.product_id.in_([item.product_id for item in order.items]))
    ).all()
    engraved = {item.product_id for item in order.items if item.engraving}
    items = [
        rules.ItemTerms(
            returnable_days=line.returnable_days,
            warranty_months=line.warranty_months,
            fresh=line.category == "food" and line.returnable_days == 0,
            custom_made=line.product_id in engraved,
        )
        for line in lines
    ]
    open_request = session.execute(
        select(AfterSaleRow.request_number)
        .where(AfterSaleRow.order_number == order.order_number, AfterSaleRow.state.in_(OPEN_REQUEST))
        .limit(1)
    ).first()
    return rules.return_terms(order, items, now, open_request=open_request is not None)


def _give_back(session: Session, row: OrderRow) -> None:
    """Return the goods to the shelf and the coupon to its owner."""
    lines = session.execute(
        select(OrderItemRow.sku_id, OrderItemRow.quantity)
        .where(OrderItemRow.order_number == row.order_number)
        .order_by(OrderItemRow.sku_id)  # one order of locks for everybody
    ).all()
    for sku_id, quantity in lines:
        session.execute(
            update(SkuRow)
            .where(SkuRow.sku_id == sku_id)
            .values(stock=SkuRow.stock + quantity)
            .execution_options(synchronize_session=False)
        )
    if row.coupon_id is not None:
        session.execute(
            update(CouponRow)
            .where(CouponRow.coupon_id == row.coupon_id)
            .values(used=False)
            .execution_options(synchronize_session=False)
        )


def _open_request(
    write: Write, order: Order, kind: AfterSaleKind, reason: str, *, text: str, fault: Fault
) -> str:
    """Write the request with its first steps; one about undispatched goods needs no review."""
    session, now = write.session, write.now
    at_once = order.state is OrderState.PAID
    number = _new_number(session, now)
    session.add(
        AfterSaleRow(
            request_number=number,
            order_number=order.order_number,
            customer_id=order.customer_id,
            kind=kind.value,
            state=(AfterSaleState.APPROVED if at_once else AfterSaleState.SUBMITTED).value,
            reason=reason,
            fault=fault.value,
            refund_amount=rules.refund_amount(order, kind, fault),
            created_at=now,
            review_by=now if at_once else now + timedelta(hours=rules.REVIEW_HOURS),
            refund_by=rules.end_of_day(now, rules.REFUND_DAYS[1]) if at_once else None,
            return_address=None,
        )
    )
    session.flush()
    said = texts()
    for step, name in enumerate(["submitted", text] if text else ["submitted"]):
        session.add(
            AfterSaleStepRow(request_number=number, step=step, at=now, place=said["place"], text=said[name])
        )
    session.flush()
    return number


def _new_number(session: Session, now: datetime) -> str:
    """Return an unused number: ``AS``, the day, six digits that cannot be counted up from another."""
    while True:
        number = f"AS{now:%y%m%d}{secrets.randbelow(10**6):06d}"
        if session.get(AfterSaleRow, number) is None:
            return number
