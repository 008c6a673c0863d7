"""A call back: to a number that can be called, at a time that she wishes, changed and cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.human import Asked, contact_settled, known_contact, reason_of
from actions.service_time import AnswerTime, next_answer
from actions.shop.models import ServiceHours
from actions.shop.service_models import DeliverySlot
from actions.slot_words import fitting, names_day, names_hour
from persona.privacy.masking import mask_phone

#: Slot: by when the call back that was recorded last comes (ISO).
OPEN = "callback_by"
_DAYS_AHEAD = 7
_WHOLE_DAY = 24


@dataclass(frozen=True)
class Window:
    """When she wishes to be called: hours of one day in which people are there."""

    starts: datetime
    ends: datetime


def wished(text: str, hours: ServiceHours, now: datetime, earliest: datetime) -> Window | None:
    """Return the first stretch of service hours that the words mean; None where they mean none.

    Args:
        text: what she typed: 明天下午, 晚上七点以后.
        hours: when people are there.
        now: the shop's time, from which 明天 is counted.
        earliest: before it nobody can call.
    """
    fits = fitting(_blocks(hours, now, earliest), now, text, text)
    if not fits:
        return None
    ends = fits[0].starts_at
    for block in fits:  # to the end of the stretch that begins first
        if block.starts_at != ends:
            break
        ends = block.ends_at
    return Window(max(fits[0].starts_at, earliest), ends)


def _blocks(hours: ServiceHours, now: datetime, earliest: datetime) -> Sequence[DeliverySlot]:
    """Return the hours of the next days in which people are there."""
    opens, closes = time.fromisoformat(hours.opens).hour, time.fromisoformat(hours.closes).hour
    if opens == closes:
        opens, closes = 0, _WHOLE_DAY
    closes += _WHOLE_DAY if closes < opens else 0  # past midnight
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begins = [
        midnight + timedelta(days=day, hours=h) for day in range(_DAYS_AHEAD) for h in range(opens, closes)
    ]
    blocks = (DeliverySlot(start.isoformat(), start, start + timedelta(hours=1)) for start in begins)
    return [block for block in blocks if block.ends_at > earliest]


class RequestCallback(ShopAction):
    """Records the wish to be called, once there is a number to call."""

    @override
    def name(self) -> str:
        return "action_request_callback"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        due = await _due(turn)
        named = names_day(turn.text) or names_hour(turn.text) or parsing.contact(turn.text)
        if due is not None and not named:
            steps = [option("cancel_callback"), option("list_orders")]
            turn.say("utter_callback_waiting", {"answer_by": due}, steps)
            return None
        contact = parsing.contact(turn.text) or (await known_contact(turn) if due is None else None)
        return await record_callback(turn, contact)


async def _due(turn: TurnContext) -> datetime | None:
    """Return by when a recorded call back comes; None if there is none or that time has passed."""
    noted = turn.slot(OPEN)
    moment = datetime.fromisoformat(noted) if noted else None
    return moment if moment is not None and moment > await turn.shop.now() else None


async def callback_is_open(turn: TurnContext) -> bool:
    """Whether a call back is recorded that has still to come."""
    return await _due(turn) is not None


async def record_callback(turn: TurnContext, contact: str | None) -> Events:
    """Record a call back, or change the one that waits; ask for a number where there is none."""
    asked = Asked.of(turn)
    reason = (asked.reason if asked is not None and asked.wanted == "callback" else None) or reason_of(turn)
    changes = await callback_is_open(turn)
    if contact is None and not changes:
        turn.say("utter_callback_ask_phone", {"asks_phone": True})
        return Asked("callback", reason).events()
    when = await next_answer(turn)
    words = turn.text if names_day(turn.text) or names_hour(turn.text) else reason
    facts, answer_by = await _promise(turn, words, when)
    facts |= {"contact": mask_phone(contact)} if contact else {}
    steps = [option("cancel_callback"), option("list_orders")]
    turn.say("utter_callback_changed" if changes else "utter_callback_recorded", facts, steps)
    # Nothing was recorded while there was no number; what is changed is the open request.
    turn.directive("callback", reason=reason, contact=contact, answer_by=answer_by, completes=changes)
    kept = [SlotSet(OPEN, answer_by.isoformat()), SlotSet("human_answer_by", answer_by.isoformat())]
    return [*contact_settled(), *kept]


async def _promise(turn: TurnContext, words: str, when: AnswerTime) -> tuple[dict[str, Any], datetime]:
    """Return the facts of when she is called, and the latest moment of it."""
    if not (names_day(words) or names_hour(words)):
        return when.facts(), when.answer_by
    window = wished(words, when.hours, await turn.shop.now(), when.answer_by)
    if window is None:  # outside the hours, or too far ahead
        outside = {"outside": True, "opens": when.hours.opens, "closes": when.hours.closes}
        return when.facts() | outside, when.answer_by
    return {"answer_by": window.ends, "starts": window.starts}, window.ends


class CancelCallback(ShopAction):
    """Takes back a call back that was recorded."""

    @override
    def name(self) -> str:
        return "action_cancel_callback"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if not await callback_is_open(turn):
            turn.say("utter_no_callback", options=[option("ask_callback"), option("ask_human")])
            return contact_settled()
        turn.say("utter_callback_cancelled", options=[option("ask_callback"), option("ask_human")])
        turn.directive(
            "callback", reason=reason_of(turn), contact=None, answer_by=None, completes=False, withdraws=True
        )
        return [*contact_settled(), SlotSet(OPEN, None), SlotSet("human_answer_by", None)]
