"""The writes on an order and its after-sales, each in one transaction: lock, key, rule, change, history.

Every function takes the lock of the order first, so that twins under one key run one after the other and
the second finds the key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from actions.shop import rules
from actions.shop.invoices import reverse_invoice
from actions.shop.loading import load_after_sales, load_goods
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
from actions.shop.request_numbers import new_request_number
from actions.shop.schema import (
    AfterSaleRow,
    AfterSaleStepRow,
    CouponRow,
    OrderItemRow,
    OrderRow,
    SkuRow,
    UrgeRow,
)
from actions.shop.texts import texts
from actions.shop.transaction import Write
from actions.shop.verification import tail_hash

OPEN_REQUEST = (AfterSaleState.SUBMITTED.value, AfterSaleState.APPROVED.value, AfterSaleState.RECEIVED.value)


def cancel(write: Write) -> ChangeResult:
    """Cancel; a paid order gets its refund request, its goods and coupon go back."""
    row = write.lock()

    def change() -> str:
        order = write.order()
        row.state = rules.cancelled_state(order).value
        row.cancelled_at, row.cancel_cause = write.now, "shopper"
        _give_back(write.session, row)
        reverse_invoice(write.session, write.order_number)
        if row.state == OrderState.REFUNDING.value:
            open_request(
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


def note(write: Write, words: str) -> ChangeResult:
    """Set the shopper's note, in one line; an empty one takes it off."""
    row = write.lock()
    words = " ".join(words.replace("\0", "").split())

    def change() -> str:
        rules.check_note(write.order(), words)
        row.note = words or None
        write.session.flush()
        return write.order_number

    _, repeated = write.once("note", {"order": write.order_number, "note": words}, change)
    return ChangeResult(write.order(), repeated)


def request_after_sale(write: Write, kind: AfterSaleKind, reason: str) -> AfterSaleResult:
    """Open a request. Nothing to send back before dispatch, so that refund starts at once."""
    row = write.lock()

    def change() -> str:
        order = write.order()
        terms = judge_terms(write.session, write.now, [order])[order.order_number]
        fault = rules.check_request(order, terms, kind, reason, write.now)
        if order.state is OrderState.PAID:
            _give_back(write.session, row)
            reverse_invoice(write.session, write.order_number)
            row.cancelled_at, row.cancel_cause = write.now, "shopper"
            text = "refund_started"
        else:
            text = "intercepting" if order.state in {OrderState.SHIPPED, OrderState.EXCEPTION} else ""
        if kind is not AfterSaleKind.EXCHANGE:
            row.state = OrderState.REFUNDING.value
        return open_request(write, order, kind, reason, text=text, fault=fault)

    parts = {"order": write.order_number, "kind": kind.value, "reason": reason}
    number, repeated = write.once("after_sale", parts, change)
    found = load_after_sales(write.session, "request_number", number)
    return AfterSaleResult(found[0], repeated)


def judge_terms(session: Session, now: datetime, orders: Sequence[Order]) -> dict[str, ReturnTerms]:
    """Return the terms of orders by number, from their products' terms and their open requests, if any."""
    goods = load_goods(session, orders)
    asked = open_requests(session, [order.order_number for order in orders])
    return {
        order.order_number: rules.return_terms(
            order, _items(order, goods), now, open_request=order.order_number in asked
        )
        for order in orders
    }


def _items(order: Order, goods: Mapping[str, Any]) -> list[rules.ItemTerms]:
    return [
        rules.ItemTerms(
            returnable_days=goods[item.product_id].returnable_days,
            warranty_months=goods[item.product_id].warranty_months,
            fresh=is_fresh(goods[item.product_id]),
            custom_made=bool(item.engraving),
        )
        for item in order.items
    ]


def is_fresh(product: Any) -> bool:
    """Say whether a product's row is of fresh food: food that is not taken back."""
    return bool(product.category == "food" and product.returnable_days == 0)


def open_requests(session: Session, order_numbers: Sequence[str]) -> set[str]:
    """Return those orders that have an open after-sales request."""
    statement = select(AfterSaleRow.order_number).where(
        AfterSaleRow.order_number.in_(order_numbers), AfterSaleRow.state.in_(OPEN_REQUEST)
    )
    return set(session.execute(statement).scalars())


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


def open_request(
    write: Write,
    order: Order,
    kind: AfterSaleKind,
    reason: str,
    *,
    text: str,
    fault: Fault,
    product_id: str | None = None,
    description: str | None = None,
) -> str:
    """Write the request with its first steps; one about undispatched goods needs no review.

    Args:
        write: the write under way.
        order: as it was before the request.
        kind: of the request.
        reason: code of ``RETURN_REASONS``.
        text: name of the step's text after the submission, or "".
        fault: who pays for sending back.
        product_id: of a repair, the line it is about.
        description: of a repair, the shopper's own words.
    """
    session, now = write.session, write.now
    at_once = order.state is OrderState.PAID
    number = new_request_number(session, now)
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
            product_id=product_id,
            description=description,
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
