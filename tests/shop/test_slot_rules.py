"""Delivery times: which are offered for which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.shop.errors import RuleError
from actions.shop.models import OrderState
from actions.shop.slot_rules import SLOT_HOURS, SlotLimits, check_slot, slot_id, slot_offer
from tests.shop.orders import in_province, moment, order_of
from tests.support.shop import NOW

LIMITS = SlotLimits(carriers=frozenset({"鲜驰冷链"}), provinces=frozenset({"西藏自治区"}))


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (OrderState.UNPAID, "not_paid"),
        (OrderState.PAID, "open"),
        (OrderState.SHIPPED, "open"),
        (OrderState.EXCEPTION, "open"),
        (OrderState.DELIVERED, "already_delivered"),
        (OrderState.REFUNDING, "order_closed"),
        (OrderState.REFUNDED, "order_closed"),
        (OrderState.CANCELLED, "order_closed"),
    ],
)
@pytest.mark.parametrize("out", [False, True])
def test_by_state(state: OrderState, rule: str, out: bool) -> None:
    offer = slot_offer(order_of(state), LIMITS, NOW, out_for_delivery=out)
    expected = "out_for_delivery" if out and rule == "open" else rule
    assert (offer.rule, offer.allowed, bool(offer.slots)) == (
        expected,
        expected == "open",
        expected == "open",
    )


def test_carriers_and_provinces_without() -> None:
    order = order_of(OrderState.SHIPPED)
    assert order.shipment is not None
    cold = replace(order, shipment=replace(order.shipment, carrier="鲜驰冷链"))
    for without in (
        cold,
        in_province(order, "西藏自治区"),
        in_province(order_of(OrderState.PAID), "西藏自治区"),
    ):
        assert slot_offer(without, LIMITS, NOW, out_for_delivery=False).rule == "not_offered"
    assert slot_offer(cold, SlotLimits(), NOW, out_for_delivery=False).rule == "open"


@pytest.mark.parametrize(
    ("state", "express", "expected", "first"),
    [
        (OrderState.SHIPPED, False, "2026-11-20 18:00", "2026-11-21"),  # due today: tomorrow at the earliest
        (OrderState.SHIPPED, False, "2026-11-24 18:00", "2026-11-24"),
        (OrderState.SHIPPED, False, "2026-11-18 18:00", "2026-11-21"),  # late
        (OrderState.PAID, False, "2026-11-24 18:00", "2026-11-23"),
        (OrderState.PAID, True, "2026-11-24 18:00", "2026-11-22"),
    ],
)
def test_five_days_from_when_it_can_be_there(
    state: OrderState, express: bool, expected: str, first: str
) -> None:
    order = order_of(state, expected=moment(expected), express=express)
    slots = slot_offer(order, LIMITS, NOW, out_for_delivery=False).slots
    assert len(slots) == 5 * len(SLOT_HOURS)
    assert f"{slots[0].starts_at:%Y-%m-%d %H:%M}" == f"{first} 09:00"
    assert f"{slots[-1].ends_at:%H:%M}" == "21:00"
    assert slots[-1].ends_at.date() - slots[0].starts_at.date() == timedelta(days=4)


@given(st.integers(min_value=-20, max_value=20), st.integers(min_value=0, max_value=24 * 60 - 1))
def test_slots_lie_ahead_ascend_and_have_ids_of_their_own(days: int, minutes: int) -> None:
    now = NOW.replace(hour=0, minute=0) + timedelta(minutes=minutes)
    order = order_of(OrderState.SHIPPED, expected=NOW + timedelta(days=days))
    slots = slot_offer(order, LIMITS, now, out_for_delivery=False).slots
    assert all(now < slot.starts_at < slot.ends_at for slot in slots)
    assert list(slots) == sorted(slots, key=lambda slot: slot.starts_at)
    assert len({slot.slot_id for slot in slots}) == len(slots)
    again = slot_offer(order, LIMITS, now, out_for_delivery=False)
    assert all(check_slot(again, slot.slot_id) == slot for slot in slots)


def test_what_was_chosen_is_told_even_when_nothing_can_be_chosen() -> None:
    starts = moment("2026-11-21 14:00")
    order = order_of(OrderState.SHIPPED)
    order = replace(order, slot_starts_at=starts, slot_ends_at=starts + timedelta(hours=4))
    offer = slot_offer(order, LIMITS, NOW, out_for_delivery=True)
    assert offer.chosen is not None
    assert (offer.chosen.starts_at, offer.chosen.slot_id) == (starts, slot_id(starts))


def test_a_slot_that_is_gone_and_one_that_never_was() -> None:
    order = order_of(OrderState.SHIPPED)
    offer = slot_offer(order, LIMITS, NOW, out_for_delivery=False)
    first = offer.slots[0].slot_id
    later = slot_offer(order, LIMITS, NOW + timedelta(days=2), out_for_delivery=False)
    for wanted in (first, "", "20261121-0", "x" * 500):
        with pytest.raises(RuleError, match=r"^slot_gone$"):
            check_slot(later, wanted)
    with pytest.raises(RuleError, match=r"^out_for_delivery$"):
        check_slot(slot_offer(order, LIMITS, NOW, out_for_delivery=True), first)
