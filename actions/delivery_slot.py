"""When a parcel is brought, and where it is left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.order_choice import (
    MOVING,
    Outcome,
    authority,
    find_order,
    in_states,
    item_names,
    remember_order,
    say_unfound,
)
from actions.shop.models import Order, OrderState
from actions.shop.service_models import DeliverySlot, SlotOffer
from actions.slot_words import fitting, names_day, names_hour
from actions.write_form import CONFIRM, READS, Draft, WriteForm, confirmation, names

_SLOT, _WORDS = "delivery_slot", "slot_words"
#: More times than this are first narrowed down to a day.
_MOST_TIMES = 4
_LONGEST_WISH = 60
#: Rules after which nothing is brought any more.
_OVER = frozenset({"order_closed", "already_delivered"})


class SlotForm(WriteForm):
    """Which order, which of the offered times, summary with the fee, confirmation, booked."""

    form = "slot_form"
    intents = ("choose_slot",)
    details = (_SLOT, _WORDS)
    tiers = (in_states(OrderState.PAID, *MOVING), in_states(OrderState.UNPAID))
    left = "utter_slot_left"
    none_fits = "utter_nothing_to_deliver"

    @override
    async def absorb(self, turn: TurnContext, draft: Draft, requested: str | None) -> bool:
        before = dict(draft.details)
        slot_id, day = turn.entity("slot_id"), turn.entity("slot_day")
        if slot_id or day:
            draft.details[_SLOT] = slot_id
            draft.details[_WORDS] = {"day": day} if day else {}
        elif turn.text and (names_day(turn.text) or names_hour(turn.text)):
            # 周六, and then 下午: each completes the other; 周日 takes the place of 周六.
            words = dict(draft.details.get(_WORDS) or {})
            words |= {"day": turn.text} if names_day(turn.text) else {}
            words |= {"hour": turn.text} if names_hour(turn.text) else {}
            draft.details |= {_SLOT: None, _WORDS: words}
        elif requested == _SLOT and turn.text and draft.order_number:
            self._pick(turn, draft, await offer_of(turn, draft.order_number), await turn.shop.now())
        return draft.details != before

    @staticmethod
    def _pick(turn: TurnContext, draft: Draft, offer: SlotOffer, now: datetime) -> None:
        """Take 第二个 for the second of the days or times that were shown last."""
        times = _fitting(offer, draft, now) or list(offer.slots)
        days = _days(times)
        if len(times) > _MOST_TIMES and len(days) > 1:
            index = parsing.ordinal(turn.text, len(days))
            if index is not None:
                draft.details |= {_SLOT: None, _WORDS: {"day": days[index].isoformat()}}
            return
        index = parsing.ordinal(turn.text, len(times))
        if index is not None:
            draft.details[_SLOT] = times[index].slot_id

    @override
    async def answers(self, turn: TurnContext, requested: str | None) -> bool:
        """A time alone is easily taken for something else; 周六行吗 asks for it all the same."""
        said = turn.text if len(turn.text) <= _LONGEST_WISH and turn.intent not in READS else ""
        if requested in (_SLOT, CONFIRM) and said and (names_day(said) or names_hour(said)):
            return True
        return await super().answers(turn, requested)

    @override
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        offer = await offer_of(turn, order.order_number)
        if not offer.allowed or not offer.slots:
            self.refused(turn, order, offer.rule if not offer.allowed else "not_offered")
            return False
        times = _fitting(offer, draft, await turn.shop.now())
        chosen = draft.details.get(_SLOT)
        if chosen is None and len(times) == 1 and draft.details.get(_WORDS):
            draft.details[_SLOT] = chosen = times[0].slot_id
        if chosen is not None and offer.chosen is not None and chosen == offer.chosen.slot_id:
            facts = names(order) | {"starts": offer.chosen.starts_at, "ends": offer.chosen.ends_at}
            steps = [option("choose_slot", order_number=order.order_number)]
            turn.say("utter_slot_already", facts, steps)
            return False
        return True

    @override
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        number = order.order_number
        facts: dict[str, Any] = names(order)
        if order.shipment is not None and rule in ("out_for_delivery", "not_offered"):
            facts |= {
                "carrier": order.shipment.carrier,
                "tracking_number": order.shipment.tracking_number,
            }
        if rule == "slot_gone":
            steps = [option("choose_slot", order_number=number), option("ask_human")]
            turn.say("utter_slot_gone", facts, steps)
        elif rule == "not_paid":
            steps = [option("ask_pay_deadline", order_number=number)]
            turn.say("utter_slot_not_paid", facts, steps)
        elif rule in _OVER:
            steps = [option("ask_order_status", order_number=number), option("ask_human")]
            turn.say("utter_slot_over", facts | {"state": order.state}, steps)
        else:
            response = (
                "utter_slot_out_for_delivery" if rule == "out_for_delivery" else "utter_slot_not_offered"
            )
            turn.say(response, facts, [option("track_shipment", order_number=number), option("ask_human")])

    @override
    async def ask_detail(self, turn: TurnContext, order: Order, draft: Draft, unclear: bool) -> str | None:
        offer = await offer_of(turn, order.order_number)
        if any(slot.slot_id == draft.details.get(_SLOT) for slot in offer.slots):
            return None
        gone = draft.details.get(_SLOT) is not None  # a button of a list shown earlier
        draft.details[_SLOT] = None
        times = _fitting(offer, draft, await turn.shop.now())
        said = bool(draft.details.get(_WORDS))
        facts: dict[str, Any] = {"items": item_names(order), **_range(offer.slots)}
        if gone:
            turn.say("utter_slot_gone", names(order), _choices(order, times or offer.slots))
        elif not times:
            draft.details[_WORDS] = {}
            turn.say("utter_slot_none_fits", facts, _choices(order, offer.slots))
        elif said and len(times) <= _MOST_TIMES:
            hours = {"count": len(times), "fees": any(slot.fee for slot in times)}
            turn.say("utter_slot_which_hour", hours, _choices(order, times))
        else:
            facts |= {"number": order.order_number, "fees": any(slot.fee for slot in offer.slots)}
            if offer.chosen is not None:
                facts |= {"chosen_starts": offer.chosen.starts_at, "chosen_ends": offer.chosen.ends_at}
            turn.say("utter_slot_which", facts, _choices(order, times))
        return _SLOT

    @override
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        offer = await offer_of(turn, order.order_number)
        slot = next(slot for slot in offer.slots if slot.slot_id == draft.details[_SLOT])
        facts = names(order) | _booked(slot)
        if offer.chosen is not None:
            facts |= {"old_starts": offer.chosen.starts_at, "old_ends": offer.chosen.ends_at}
        turn.say("utter_slot_confirm", facts, confirmation(draft))

    @override
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        number = order.order_number
        owner = authority(turn.identity, number)
        wanted = str(draft.details[_SLOT])
        result = await turn.shop.choose_slot(number, wanted, customer_id=owner, key=str(draft.key))
        steps = [option("track_shipment", order_number=number), option("choose_slot", order_number=number)]
        turn.say("utter_slot_booked", names(order) | _booked(result.slot), steps)


async def offer_of(turn: TurnContext, number: str) -> SlotOffer:
    """Return the times that can be chosen for an order that the sender may see."""
    return await turn.shop.delivery_slots(number, customer_id=authority(turn.identity, number))


def _fitting(offer: SlotOffer, draft: Draft, now: datetime) -> list[DeliverySlot]:
    words = draft.details.get(_WORDS) or {}
    return fitting(offer.slots, now, str(words.get("day") or ""), str(words.get("hour") or ""))


def _booked(slot: DeliverySlot) -> dict[str, Any]:
    facts: dict[str, Any] = {"starts": slot.starts_at, "ends": slot.ends_at, "free": not slot.fee}
    return facts | ({"fee": slot.fee} if slot.fee else {})


def _days(slots: Sequence[DeliverySlot]) -> list[date]:
    return sorted({slot.starts_at.date() for slot in slots})


def _range(slots: Sequence[DeliverySlot]) -> dict[str, Any]:
    """Return the facts that describe all offered times: first and last day, the hours of a day."""
    days = _days(slots)
    hours = sorted({(f"{s.starts_at:%H:%M}", f"{s.ends_at:%H:%M}") for s in slots})
    return {"first": days[0], "last": days[-1], "hours": [f"{begins}–{ends}" for begins, ends in hours]}


def _choices(order: Order, slots: Sequence[DeliverySlot]) -> list[dict[str, Any]]:
    """Return the times to tap; where there are many, their days first."""
    number, days = order.order_number, _days(slots)
    if len(slots) > _MOST_TIMES and len(days) > 1:
        return [option("pick_day", slot_day=day.isoformat(), day=day, order_number=number) for day in days]
    return [
        option(
            "pick_slot",
            slot_id=slot.slot_id,
            order_number=number,
            starts=slot.starts_at,
            ends=slot.ends_at,
            fee=slot.fee if slot.fee > Decimal(0) else None,
        )
        for slot in slots
    ]


class WishDropOff(ShopAction):
    """Says what can be done about where a parcel is left; a note for the courier cannot be left from here."""

    @override
    def name(self) -> str:
        return "action_wish_drop_off"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        choice = await find_order(
            turn, in_states(*MOVING), in_states(OrderState.PAID), in_states(OrderState.DELIVERED)
        )
        if choice.outcome is Outcome.NOT_HERS:
            return say_unfound(turn, choice, "wish_drop_off", "utter_drop_off")
        order = choice.order
        if order is None:  # which parcel it is changes nothing about what can be done
            turn.say("utter_drop_off", options=[option("choose_slot"), option("ask_human")])
            return None
        facts: dict[str, Any] = {}
        if order.shipment is not None:
            facts = {"carrier": order.shipment.carrier, "tracking_number": order.shipment.tracking_number}
        delivered = order.shipment.delivered_at if order.shipment else None
        if order.state is OrderState.DELIVERED and delivered is not None:
            facts |= names(order) | {"delivered_at": delivered}
            turn.say("utter_drop_off_delivered", facts, [option("ask_human")])
        else:
            facts |= {"items": item_names(order)}
            steps = [option("choose_slot", order_number=order.order_number), option("ask_human")]
            turn.say("utter_drop_off", facts, steps)
        return remember_order(order)
