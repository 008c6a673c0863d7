"""The rules of delivery times, as pure functions: which can be chosen for an order, and until when."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from actions.shop.columns import SHANGHAI
from actions.shop.errors import RuleError
from actions.shop.models import Order, OrderState
from actions.shop.service_models import DeliverySlot, SlotOffer

SLOT_DAYS = 5
#: Hours of a day in which parcels are brought.
SLOT_HOURS = ((9, 12), (14, 18), (18, 21))
#: Days from today until a parcel that is not dispatched can be there at the earliest.
BEFORE_DISPATCH_DAYS = 3
EXPRESS_DAYS = 2

_REFUSED = {
    OrderState.UNPAID: "not_paid",
    OrderState.CANCELLED: "order_closed",
    OrderState.REFUNDING: "order_closed",
    OrderState.REFUNDED: "order_closed",
    OrderState.DELIVERED: "already_delivered",
}


@dataclass(frozen=True)
class SlotLimits:
    """Who does not bring parcels at a chosen time."""

    carriers: Container[str] = ()  # carriers' names
    provinces: Container[str] = ()  # as addresses name them


def slot_id(starts_at: datetime) -> str:
    """Return the id of the time that begins then: the same time has the same id whenever it is offered."""
    return f"{starts_at.astimezone(SHANGHAI):%Y%m%d-%H}"


def slot_offer(order: Order, limits: SlotLimits, now: datetime, *, out_for_delivery: bool) -> SlotOffer:
    """Return what can be chosen for `order` at `now`.

    A parcel cannot be brought before it is there: the times begin on the day on which the carrier expects
    it, tomorrow at the earliest. A parcel that is stuck may be given another time too.
    """
    chosen = _chosen(order)
    rule = _REFUSED.get(order.state)
    if rule is None and out_for_delivery:
        rule = "out_for_delivery"
    if rule is None and (
        (order.shipment is not None and order.shipment.carrier in limits.carriers)
        or order.address.province in limits.provinces
    ):
        rule = "not_offered"
    if rule is not None:
        return SlotOffer(False, rule, (), chosen)
    return SlotOffer(True, "open", _slots(_first_day(order, now)), chosen)


def check_slot(offer: SlotOffer, wanted: str) -> DeliverySlot:
    """Return the slot of that id.

    Raises:
        RuleError: the offer's own rule, or ``slot_gone``.
    """
    if not offer.allowed:
        raise RuleError(offer.rule)
    for slot in offer.slots:
        if slot.slot_id == wanted:
            return slot
    raise RuleError("slot_gone")


def _first_day(order: Order, now: datetime) -> date:
    today = now.astimezone(SHANGHAI).date()
    if order.shipment is None:
        return today + timedelta(days=EXPRESS_DAYS if order.express else BEFORE_DISPATCH_DAYS)
    expected = order.shipment.expected_by.astimezone(SHANGHAI).date()
    return max(today + timedelta(days=1), expected)


def _slots(first: date) -> tuple[DeliverySlot, ...]:
    return tuple(
        _slot(_at(first + timedelta(days=day), begins), _at(first + timedelta(days=day), ends))
        for day in range(SLOT_DAYS)
        for begins, ends in SLOT_HOURS
    )


def _slot(starts_at: datetime, ends_at: datetime) -> DeliverySlot:
    return DeliverySlot(slot_id(starts_at), starts_at, ends_at)


def _chosen(order: Order) -> DeliverySlot | None:
    if order.slot_starts_at is None or order.slot_ends_at is None:
        return None
    return _slot(order.slot_starts_at, order.slot_ends_at)


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), SHANGHAI)
