"""Takes an after-sales request back: the order is again what it was, and may be asked about anew."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from actions.shop.errors import NotFoundError
from actions.shop.loading import known_form, load_after_sales
from actions.shop.models import AfterSaleKind, AfterSaleResult, AfterSaleState
from actions.shop.rules import check_withdrawal, state_without_request
from actions.shop.schema import AfterSaleRow, AfterSaleStepRow
from actions.shop.texts import texts
from actions.shop.transaction import Write

#: Kinds that put their order into the state of being refunded.
_REFUNDING = (AfterSaleKind.REFUND, AfterSaleKind.RETURN)


def order_of_request(session: Session, request_number: str) -> str:
    """Return the number of the order that a request is about; NotFoundError if there is no such request."""
    found = session.get(AfterSaleRow, request_number) if known_form(request_number) else None
    if found is None:
        raise NotFoundError("no such request")
    return found.order_number


def withdraw(write: Write, request_number: str) -> AfterSaleResult:
    """Withdraw a request of the order that is written to; NotFoundError where that is somebody else's.

    The order is locked before the request is looked at, as by every other write on it.

    Raises:
        RuleError: see :func:`actions.shop.rules.check_withdrawal`.
    """
    session = write.session
    order_row = write.lock()

    def change() -> str:
        request = load_after_sales(session, "request_number", request_number)[0]
        check_withdrawal(request)
        if request.kind in _REFUNDING:
            order_row.state = state_without_request(write.order()).value
        session.execute(
            update(AfterSaleRow)
            .where(AfterSaleRow.request_number == request_number)
            .values(state=AfterSaleState.WITHDRAWN.value, refund_by=None)
        )
        said = texts()
        session.add(
            AfterSaleStepRow(
                request_number=request_number,
                step=len(request.steps),
                at=write.now,
                place=said["place"],
                text=said["withdrawn"],
            )
        )
        session.flush()
        return request_number

    _, repeated = write.once("withdraw", {"request": request_number}, change)
    return AfterSaleResult(load_after_sales(session, "request_number", request_number)[0], repeated)
