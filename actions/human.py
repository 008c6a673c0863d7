"""A human agent: handed over at once where somebody is at the desk, else recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.escalating import level_of
from actions.service_time import AnswerTime, next_answer
from persona.privacy.masking import mask_phone

#: What the reason of a request may be beside the shopper's own words.
_LONGEST_REASON = 500


def given_phone(turn: TurnContext) -> str | None:
    """Return the number to call that this message gives: a mobile, or a landline with its area code."""
    return next((p for p in map(parsing.contact, (*turn.entities("phone"), turn.text)) if p), None)


async def known_contact(turn: TurnContext) -> str | None:
    """Return a phone to answer to: given in this message, else that of the account."""
    phone = given_phone(turn)
    if phone is None and turn.identity.customer_id is not None:
        phone = (await turn.shop.customer(turn.identity.customer_id)).phone or None
    return phone


def reason_of(turn: TurnContext) -> str:
    """Return what the request is about, in the shopper's own words, or the intent of a tapped button."""
    return (turn.typed or turn.intent)[:_LONGEST_REASON]


@dataclass(frozen=True)
class Asked:
    """What a contact was asked for: it completes that request, and the request keeps its own reason.

    Attributes:
        wanted: ``human``, ``callback`` or ``complaint``.
        reason: what the request is about; None where it was not kept.
        order_number: the order that a complaint is about.
    """

    wanted: str
    reason: str | None = None
    order_number: str | None = None

    @classmethod
    def of(cls, turn: TurnContext) -> Asked | None:
        """Return what waits for a contact in this conversation, or None."""
        wanted = turn.slot("contact_for")
        if not wanted:
            return None
        about = turn.slot("contact_about") or {}
        return cls(str(wanted), about.get("reason"), about.get("order_number"))

    def events(self) -> Events:
        """Return the events that keep it until the contact comes."""
        about = {"reason": self.reason, "order_number": self.order_number}
        return [SlotSet("contact_for", self.wanted), SlotSet("contact_about", about)]


def contact_settled() -> Events:
    """Return the events after which no contact is waited for."""
    return [SlotSet("contact_for", None), SlotSet("contact_about", None)]


def _waiting_until(turn: TurnContext, now: datetime) -> datetime | None:
    """Return by when an earlier request will be answered, None if there is none or that time has passed."""
    noted = turn.slot("human_answer_by")
    if not noted:
        return None
    moment = datetime.fromisoformat(noted)
    return moment if moment > now else None


class RequestHuman(ShopAction):
    """Hands over while people are there; else records the wish, and asks once for a contact."""

    @override
    def name(self) -> str:
        return "action_request_human"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        return await request_human(turn, reason_of(turn))

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        """Hand over all the same: who wants a person while the shop is away needs one most.

        Neither hours nor level can be asked for; the front goes by the hours that it knows.
        """
        turn.say("utter_human_wanted")
        fields = {"contact": given_phone(turn), "answer_by": None, "completes": False}
        turn.directive("request_human", reason=reason_of(turn), live=None, level=None, **fields)
        return contact_settled()


async def request_human(turn: TurnContext, reason: str) -> Events:
    """Hand over to a person: now where somebody is there, else by the promised time.

    Args:
        turn: the turn.
        reason: what it is about, in the shopper's own words.
    """
    when = await next_answer(turn)
    if when.live:
        return await _hand_over(turn, reason, when)
    waiting = _waiting_until(turn, await turn.shop.now())
    if waiting is not None and given_phone(turn) is None:
        options = [option("list_orders"), option("ask_callback")]
        turn.say("utter_human_waiting", {"answer_by": waiting}, options)
        return []
    return await record(turn, await known_contact(turn), reason)


async def _hand_over(turn: TurnContext, reason: str, when: AnswerTime) -> Events:
    """Send the conversation to a person now. The front tells position and waiting time."""
    turn.say("utter_human_transfer")
    turn.directive(
        "request_human",
        reason=reason,
        contact=await known_contact(turn),
        answer_by=when.answer_by,
        completes=False,
        live=True,
        level=await level_of(turn),
    )
    return [*contact_settled(), SlotSet("human_answer_by", None)]


async def record(turn: TurnContext, contact: str | None, reason: str) -> Events:
    """Record a request for a human and tell by when it is answered.

    A contact that comes later completes the request that asked for it (field ``completes`` of the directive).
    """
    asked = Asked.of(turn)
    completes = asked is not None and asked.wanted == "human"
    if asked is not None and completes and asked.reason:
        reason = asked.reason
    when = await next_answer(turn)
    facts: dict[str, Any] = {**when.facts(), **when.absence(), "bot_stays": True}
    if contact is None:
        turn.say("utter_human_ask_contact", facts | {"asks_phone": True})
    else:
        turn.say("utter_human_recorded", facts | {"contact": mask_phone(contact)}, [option("list_orders")])
    turn.directive(
        "request_human",
        reason=reason,
        contact=contact,
        answer_by=when.answer_by,
        completes=completes,
        live=False,
        level=await level_of(turn),
    )
    kept = contact_settled() if contact else Asked("human", reason).events()
    return [*kept, SlotSet("human_answer_by", when.answer_by.isoformat())]


class TakeContact(ShopAction):
    """Takes a phone number for what it was asked for; one that nobody asked for is not kept."""

    @override
    def name(self) -> str:
        return "action_take_contact"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        from actions.callback import callback_is_open, record_callback

        contact = given_phone(turn)
        asked = Asked.of(turn)
        if contact is None and (asked is not None or await callback_is_open(turn)):
            turn.say("utter_contact_malformed", {"asks_phone": True})
            return None
        if contact is not None and asked is None and await callback_is_open(turn):
            return await record_callback(turn, contact)  # another number for the same call
        if contact is None or asked is None:
            turn.say("utter_contact_unasked", options=[option("ask_human"), option("ask_callback")])
            return None
        if asked.wanted == "callback":
            return await record_callback(turn, contact)
        if asked.wanted == "complaint":
            from actions.complaint import complete_complaint

            return await complete_complaint(turn, asked, contact)
        return await record(turn, contact, reason_of(turn))


class TellServiceHours(ShopAction):
    """Tells when people answer, and whether they are there now."""

    @override
    def name(self) -> str:
        return "action_service_hours"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        when = await next_answer(turn)
        facts: dict[str, Any] = {"open_now": when.open_now, "answer_by": when.answer_by}
        facts |= when.absence()
        if when.hours.opens != when.hours.closes:  # else around the clock
            facts |= {"opens": when.hours.opens, "closes": when.hours.closes}
        turn.say("utter_service_hours", facts, [option("ask_human"), option("ask_callback")])
        return None
