"""How paying an order went."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.shop.models import Order, OrderState
from actions.shop.schema import SettingRow
from actions.shop.service_models import Payment, PaymentAttempt, PaymentOutcome
from actions.shop.service_rules import CONFIRM_MINUTES, NOTHING, effective_outcome
from actions.shop.service_schema import PaymentRow

SETTING = "payment"  # {"methods": [...]}


def load_payment(session: Session, now: datetime, order: Order) -> Payment:
    """Return the attempts to pay an order, newest first, and what is still due."""
    rows = session.execute(
        select(PaymentRow.__table__)
        .where(PaymentRow.order_number == order.order_number)
        .order_by(PaymentRow.at.desc(), PaymentRow.attempt.desc())
    )
    setting = session.get(SettingRow, SETTING)
    return Payment(
        order_number=order.order_number,
        due=order.total if order.state is OrderState.UNPAID else NOTHING,
        pay_by=order.pay_by,
        methods=tuple(setting.value.get("methods", ())) if setting is not None else (),
        attempts=tuple(_attempt(row, now) for row in rows),
        confirm_minutes=CONFIRM_MINUTES,
    )


def _attempt(row: Any, now: datetime) -> PaymentAttempt:
    outcome, return_by = effective_outcome(PaymentOutcome(row.outcome), row.at, row.return_by, now)
    return PaymentAttempt(
        at=row.at,
        method=row.method,
        amount=row.amount,
        outcome=outcome,
        cause=row.cause,
        return_by=return_by,
    )
