"""Invoices: what can be had for an order, asking for it, changing its title, and taking it back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from actions.shop.loading import load_goods
from actions.shop.models import AfterSaleState, Order
from actions.shop.schema import AfterSaleRow
from actions.shop.service_models import (
    Invoice,
    InvoiceKind,
    InvoiceResult,
    InvoiceState,
    InvoiceTerms,
    InvoiceTitle,
)
from actions.shop.service_rules import NOTHING, check_invoice, clean_title, invoice_terms, issue_by
from actions.shop.service_schema import InvoiceRow, PriceClaimRow
from actions.shop.transaction import Write


def judge_invoice(session: Session, now: datetime, order: Order) -> InvoiceTerms:
    """Return the invoice terms of an order."""
    goods = load_goods(session, [order])
    current = _newest(session, order.order_number)
    return invoice_terms(
        order,
        [row.category for row in goods.values()],
        _given_back(session, order.order_number),
        to_invoice(current) if current is not None else None,
        now,
    )


def request_invoice(write: Write, kind: InvoiceKind, title: InvoiceTitle) -> InvoiceResult:
    """Ask for an invoice; another one is reversed for it. Asking for what there is changes nothing."""
    write.lock()
    title = clean_title(title)

    def change() -> str:
        terms = judge_invoice(write.session, write.now, write.order())
        check_invoice(terms, kind, title)
        current = _newest(write.session, write.order_number)
        version = current.version + 1 if current is not None else 1
        if current is not None and terms.rule == "can_change":
            if (current.kind, to_invoice(current).title) == (kind.value, title):
                return str(current.version)
            current.state = InvoiceState.REVERSED.value
        write.session.add(
            InvoiceRow(
                order_number=write.order_number,
                version=version,
                kind=kind.value,
                state=InvoiceState.REQUESTED.value,
                name=title.name,
                tax_number=title.tax_number,
                email=title.email,
                amount=terms.amount,
                requested_at=write.now,
                issue_by=issue_by(kind, write.now),
                issued_at=None,
                invoice_number=None,
            )
        )
        write.session.flush()
        return str(version)

    arguments = {"order": write.order_number, "kind": kind.value, "title": vars(title)}
    version, repeated = write.once("invoice", arguments, change)
    row = write.session.get(InvoiceRow, (write.order_number, int(version)))
    return InvoiceResult(to_invoice(row), repeated)


def reverse_invoice(session: Session, order_number: str) -> None:
    """Reverse the invoices of an order whose money goes back."""
    session.execute(
        update(InvoiceRow)
        .where(InvoiceRow.order_number == order_number)
        .values(state=InvoiceState.REVERSED.value)
        .execution_options(synchronize_session=False)
    )


def to_invoice(row: Any) -> Invoice:
    """Turn a row into an invoice."""
    return Invoice(
        order_number=row.order_number,
        kind=InvoiceKind(row.kind),
        state=InvoiceState(row.state),
        title=InvoiceTitle(row.name, row.tax_number, row.email),
        amount=row.amount,
        requested_at=row.requested_at,
        issue_by=row.issue_by,
        issued_at=row.issued_at,
        invoice_number=row.invoice_number,
    )


def _newest(session: Session, order_number: str) -> InvoiceRow | None:
    found: InvoiceRow | None = (
        session.execute(
            select(InvoiceRow)
            .where(InvoiceRow.order_number == order_number)
            .order_by(InvoiceRow.version.desc())
            .limit(1)
        )
        .scalars()
        .first()
    )
    return found


def _given_back(session: Session, order_number: str) -> Decimal:
    """Return what went back of an order's money: refunds that are done, and price protection."""
    refunded = session.execute(
        select(func.sum(AfterSaleRow.refund_amount)).where(
            AfterSaleRow.order_number == order_number, AfterSaleRow.state == AfterSaleState.DONE.value
        )
    ).scalar_one()
    evened = session.execute(
        select(func.sum(PriceClaimRow.amount)).where(PriceClaimRow.order_number == order_number)
    ).scalar_one()
    return (refunded or NOTHING) + (evened or NOTHING)
