"""What payments, parcels and returns that a shop tells of change in its tables.

See :mod:`actions.shop.taking`. Each function runs with the order's row locked. What is told late fills what
is still empty, and no more.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from actions.shop.errors import EventDataError
from actions.shop.event_data import EventData
from actions.shop.invoices import reverse_invoice
from actions.shop.models import AfterSaleKind, AfterSaleState, Fault, OrderState
from actions.shop.request_numbers import new_request_number
from actions.shop.rules import REFUND_DAYS, end_of_day
from actions.shop.schema import AfterSaleRow, AfterSaleStepRow, OrderRow, ShipmentRow, TraceRow
from actions.shop.service_models import PaymentOutcome, ShopEvent
from actions.shop.service_schema import PaymentRow
from actions.shop.texts import texts

DISPATCH_HOURS, DISPATCH_HOURS_EXPRESS = 48, 24
#: Days from payment until the end of which a parcel is promised where the shop names no moment.
PROMISE_DAYS, PROMISE_DAYS_EXPRESS = 4, 2

_ON_THE_WAY = (OrderState.SHIPPED.value, OrderState.EXCEPTION.value)
_BEFORE = (OrderState.UNPAID.value, OrderState.PAID.value)
_OPEN = (AfterSaleState.SUBMITTED.value, AfterSaleState.APPROVED.value, AfterSaleState.RECEIVED.value)


def paid(session: Session, row: OrderRow, event: ShopEvent, data: EventData) -> None:
    """Note the payment; an order that is dispatched already stays so, and a cancelled one cancelled."""
    amount, method = data.money("amount"), data.text("method", 24)
    if row.paid_at is not None or row.state == OrderState.CANCELLED.value:
        return
    row.paid_at = event.at
    if method is not None:
        row.payment_method = method
    hours = DISPATCH_HOURS_EXPRESS if row.express else DISPATCH_HOURS
    row.ship_by = event.at + timedelta(hours=hours)
    if row.state == OrderState.UNPAID.value:
        row.state = OrderState.PAID.value
    last = session.execute(
        select(func.max(PaymentRow.attempt)).where(PaymentRow.order_number == row.order_number)
    ).scalar_one()
    session.add(
        PaymentRow(
            order_number=row.order_number,
            attempt=(last or 0) + 1,
            at=event.at,
            method=row.payment_method,
            amount=row.total if amount is None else amount,
            outcome=PaymentOutcome.SUCCEEDED.value,
        )
    )


def shipped(session: Session, row: OrderRow, event: ShopEvent, data: EventData) -> None:
    """Note the parcel; one that was stuck moves again if this is the newer word."""
    carrier, tracking = data.needed("carrier", 40), data.needed("tracking_number", 40)
    promised, expected = data.moment("promised_by"), data.moment("expected_by")
    parcel = session.get(ShipmentRow, row.order_number)
    if parcel is None:
        parcel = _new_parcel(session, row, event.at)
    elif parcel.carrier and parcel.news_at is not None and event.at < parcel.news_at:
        return  # known, and there is newer news
    newer = parcel.news_at is None or event.at >= parcel.news_at
    if newer or not parcel.carrier:
        parcel.carrier, parcel.tracking_number, parcel.shipped_at = carrier, tracking, event.at
        parcel.promised_by = promised or parcel.promised_by
    if newer and parcel.delivered_at is None:
        parcel.expected_by = expected or parcel.promised_by
        parcel.exception = None
        parcel.news_at = event.at
        if row.state in (*_BEFORE, *_ON_THE_WAY):
            row.state = OrderState.SHIPPED.value
    _trace(session, row, event.at, texts()["shipped"])


def delayed(session: Session, row: OrderRow, event: ShopEvent, data: EventData) -> None:
    """Note when it is expected now, and why; an order told to be delayed is on its way."""
    expected, cause = data.moment("expected_by"), data.text("cause", 120)
    parcel = session.get(ShipmentRow, row.order_number) or _new_parcel(session, row, event.at)
    if parcel.delivered_at is not None or (parcel.news_at is not None and event.at < parcel.news_at):
        return
    parcel.expected_by = expected or parcel.expected_by
    parcel.exception = cause
    parcel.news_at = event.at
    if row.state in (*_BEFORE, *_ON_THE_WAY):
        row.state = (OrderState.EXCEPTION if cause else OrderState.SHIPPED).value
    if cause:
        _trace(session, row, event.at, texts()["delayed"].format(cause=cause))


def delivered(session: Session, row: OrderRow, event: ShopEvent, data: EventData) -> None:
    """Note the delivery. What was asked for after it stays as it is."""
    parcel = session.get(ShipmentRow, row.order_number) or _new_parcel(session, row, event.at)
    if parcel.delivered_at is not None:
        return
    parcel.delivered_at = parcel.expected_by = event.at
    parcel.exception = None
    parcel.news_at = max(parcel.news_at or event.at, event.at)
    if row.state in (*_BEFORE, *_ON_THE_WAY):
        row.state = OrderState.DELIVERED.value
    _trace(session, row, event.at, texts()["delivered"])


def returned(session: Session, row: OrderRow, event: ShopEvent, data: EventData) -> None:
    """Note that goods are back, or their money too, with the request they belong to.

    Where nobody asked (returned at a counter), a request is written, so that it can be followed.
    """
    amount = data.money("amount")
    state = data.text("state", 16) or AfterSaleState.DONE.value
    if state not in (AfterSaleState.RECEIVED.value, AfterSaleState.DONE.value):
        raise EventDataError("state")
    request = _request(session, row)
    if request is None:
        if row.state in (OrderState.REFUNDED.value, OrderState.CANCELLED.value):
            return
        request = _new_request(session, row, event)
    elif request.state == state:
        return
    request.state = state
    done = state == AfterSaleState.DONE.value
    swapped = request.kind == AfterSaleKind.EXCHANGE.value
    if not swapped:
        request.refund_amount = request.refund_amount if amount is None else amount
        request.refund_by = event.at if done else end_of_day(event.at, REFUND_DAYS[1])
        row.state = (OrderState.REFUNDED if done else OrderState.REFUNDING).value
        if done:
            reverse_invoice(session, row.order_number)
    name = ("swapped" if swapped else "refunded") if done else "received"
    _step(session, request.request_number, event.at, texts()[name])


def _new_parcel(session: Session, row: OrderRow, at: datetime) -> ShipmentRow:
    days = PROMISE_DAYS_EXPRESS if row.express else PROMISE_DAYS
    promised = end_of_day(row.paid_at or row.placed_at, days)
    parcel = ShipmentRow(
        order_number=row.order_number,
        carrier="",
        tracking_number="",
        shipped_at=at,
        promised_by=promised,
        expected_by=promised,
    )
    session.add(parcel)
    session.flush()
    return parcel


def _trace(session: Session, row: OrderRow, at: datetime, text: str) -> None:
    last = session.execute(
        select(func.max(TraceRow.step)).where(TraceRow.order_number == row.order_number)
    ).scalar_one()
    step = 0 if last is None else last + 1
    session.add(
        TraceRow(order_number=row.order_number, step=step, at=at, place=texts()["carrier"], text=text[:200])
    )


def _request(session: Session, row: OrderRow) -> AfterSaleRow | None:
    """Return the request that sends these goods back: the open one; a repair does not."""
    found: AfterSaleRow | None = (
        session.execute(
            select(AfterSaleRow)
            .where(
                AfterSaleRow.order_number == row.order_number,
                AfterSaleRow.state.in_(_OPEN),
                AfterSaleRow.kind != AfterSaleKind.REPAIR.value,
            )
            .order_by(AfterSaleRow.created_at.desc())
            .limit(1)
        )
        .scalars()
        .first()
    )
    return found


def _new_request(session: Session, row: OrderRow, event: ShopEvent) -> AfterSaleRow:
    request = AfterSaleRow(
        request_number=new_request_number(session, event.at),
        order_number=row.order_number,
        customer_id=row.customer_id,
        kind=AfterSaleKind.RETURN.value,
        state=AfterSaleState.SUBMITTED.value,
        reason="no_reason",
        fault=Fault.SHOPPER.value,
        refund_amount=max(row.total - row.freight, row.total * 0),
        created_at=event.at,
        review_by=event.at,
    )
    session.add(request)
    session.flush()
    return request


def _step(session: Session, request_number: str, at: datetime, text: str) -> None:
    last = session.execute(
        select(func.max(AfterSaleStepRow.step)).where(AfterSaleStepRow.request_number == request_number)
    ).scalar_one()
    step = 0 if last is None else last + 1
    session.add(
        AfterSaleStepRow(request_number=request_number, step=step, at=at, place=texts()["place"], text=text)
    )
