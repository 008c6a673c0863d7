"""Parcels that do not keep their promise."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import case, or_, select
from sqlalchemy.orm import Session

from actions.shop.loading import load_orders_numbered
from actions.shop.models import OrderState
from actions.shop.schema import OrderRow, ShipmentRow
from actions.shop.service_models import LateOrder
from actions.shop.service_rules import LATE_FOR

_MOVING = (OrderState.SHIPPED.value, OrderState.EXCEPTION.value)


def load_late_orders(session: Session, now: datetime, limit: int) -> list[LateOrder]:
    """Return parcels that miss, or will miss, their promise; the oldest promise first.

    A delivery time that she chose herself later than the promise takes its place.
    """
    promised: Any = case(
        (OrderRow.slot_ends_at > ShipmentRow.promised_by, OrderRow.slot_ends_at),
        else_=ShipmentRow.promised_by,
    )
    rows = session.execute(
        select(OrderRow.order_number, promised.label("promised"))
        .join(ShipmentRow, ShipmentRow.order_number == OrderRow.order_number)
        .where(
            OrderRow.state.in_(_MOVING),
            ShipmentRow.delivered_at.is_(None),
            promised >= now - LATE_FOR,
            or_(promised < now, ShipmentRow.expected_by > promised),
        )
        .order_by(promised, OrderRow.order_number)
        .limit(max(limit, 0))
    ).all()
    found: list[LateOrder] = []
    promises = {row.order_number: row.promised for row in rows}
    for order in load_orders_numbered(session, now, promises, None):
        expected = order.shipment.expected_by if order.shipment else None
        found.append(
            LateOrder(
                order=order,
                promised_by=promises[order.order_number],
                # what should have come already is no expectation
                expected_by=expected if expected is not None and expected > now else None,
            )
        )
    return found
