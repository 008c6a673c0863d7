"""Delivery times: what can be chosen for an order, and choosing it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.shop.columns import SHANGHAI
from actions.shop.models import Order
from actions.shop.schema import SettingRow, ShipmentRow
from actions.shop.service_models import DeliverySlot, SlotOffer, SlotResult
from actions.shop.slot_rules import SlotLimits, check_slot, slot_id, slot_offer
from actions.shop.transaction import Write

SETTING = "slots"  # {"carriers_without": [...], "provinces_without": [...]}


def judge_slots(session: Session, now: datetime, order: Order) -> SlotOffer:
    """Return the delivery times that can be chosen for an order."""
    out = session.execute(
        select(ShipmentRow.out_for_delivery_at).where(ShipmentRow.order_number == order.order_number)
    ).scalar_one_or_none()
    row = session.get(SettingRow, SETTING)
    value = row.value if row is not None else {}
    limits = SlotLimits(
        carriers=frozenset(value.get("carriers_without", ())),
        provinces=frozenset(value.get("provinces_without", ())),
    )
    return slot_offer(order, limits, now, out_for_delivery=out is not None)


def choose_slot(write: Write, wanted: str) -> SlotResult:
    """Book a delivery time; another one that was booked is given up."""
    row = write.lock()

    def change() -> str:
        slot = check_slot(judge_slots(write.session, write.now, write.order()), wanted)
        row.slot_starts_at, row.slot_ends_at = slot.starts_at, slot.ends_at
        write.session.flush()
        return f"{slot.starts_at:%Y-%m-%dT%H:%M%z}/{slot.ends_at:%H:%M}"

    arguments = {"order": write.order_number, "slot": wanted}
    outcome, repeated = write.once("slot", arguments, change)
    return SlotResult(write.order(), _slot(outcome), repeated)


def _slot(outcome: str) -> DeliverySlot:
    """Return the slot that was booked then; by now another one may be."""
    starts, _, ends = outcome.partition("/")
    starts_at = datetime.strptime(starts, "%Y-%m-%dT%H:%M%z").astimezone(SHANGHAI)
    hour, minute = map(int, ends.split(":"))
    return DeliverySlot(slot_id(starts_at), starts_at, starts_at.replace(hour=hour, minute=minute))
