"""A human agent or a call back: recorded with a contact, told by when; the bot stays on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.service_time import next_answer
from persona.privacy.masking import mask_phone

#: What the reason of a request may be beside the shopper's own words.
_LONGEST_REASON = 500


def given_phone(turn: TurnContext) -> str | None:
    """Return a mobile number that this message gives."""
    return next((p for p in map(parsing.phone, (*turn.entities("phone"), turn.text)) if p), None)


async def known_contact(turn: TurnContext) -> str | None:
    """Return a phone to answer to: given in this message, else that of the account."""
    phone = given_phone(turn)
    if phone is None and turn.identity.customer_id is not None:
        phone = (await turn.shop.customer(turn.identity.customer_id)).phone or None
    return phone


def reason_of(turn: TurnContext) -> str:
    """Return what the request is about, in the shopper's own words, or the intent of a tapped button."""
    return (turn.text or turn.intent)[:_LONGEST_REASON]


def _waiting_until(turn: TurnContext, now: datetime) -> datetime | None:
    """Return by when an earlier request will be answered, None if there is none or that time has passed."""
    noted = turn.slot("human_answer_by")
    if not noted:
        return None
    moment = datetime.fromisoformat(noted)
    return moment if moment > now else None


class RequestHuman(ShopAction):
    """Records the wish for a human, and asks once for a contact if none is known."""

    @override
    def name(self) -> str:
        return "action_request_human"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        waiting = _waiting_until(turn, await turn.shop.now())
        if waiting is not None and given_phone(turn) is None:
            turn.say(
                "utter_human_waiting", {"answer_by": waiting}, [option("list_orders"), option("ask_callback")]
            )
            return None
        return await record(turn, await known_contact(turn), reason_of(turn))


async def record(turn: TurnContext, contact: str | None, reason: str) -> Events:
    """Record a request for a human and tell by when it is answered."""
    when = await next_answer(turn.shop)
    facts: dict[str, Any] = {**when.facts(), "bot_stays": True}
    if contact is None:
        turn.say("utter_human_ask_contact", facts | {"asks_phone": True})
    else:
        turn.say("utter_human_recorded", facts | {"contact": mask_phone(contact)}, [option("list_orders")])
    turn.directive("request_human", reason=reason, contact=contact, answer_by=when.answer_by)
    return [
        SlotSet("contact_for", None if contact else "human"),
        SlotSet("human_answer_by", when.answer_by.isoformat()),
    ]


class RequestCallback(ShopAction):
    """Records the wish to be called, once there is a number to call."""

    @override
    def name(self) -> str:
        return "action_request_callback"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        return await record_callback(turn, await known_contact(turn))


async def record_callback(turn: TurnContext, contact: str | None) -> Events:
    """Record a call back and tell by when it comes; ask for a number where there is none."""
    if contact is None:
        turn.say("utter_callback_ask_phone", {"asks_phone": True})
        return [SlotSet("contact_for", "callback")]
    when = await next_answer(turn.shop)
    turn.say(
        "utter_callback_recorded", {**when.facts(), "contact": mask_phone(contact)}, [option("list_orders")]
    )
    turn.directive("callback", reason=reason_of(turn), contact=contact, answer_by=when.answer_by)
    return [SlotSet("contact_for", None), SlotSet("human_answer_by", when.answer_by.isoformat())]


class TakeContact(ShopAction):
    """Takes a phone number for what it was asked for; one that nobody asked for is not kept."""

    @override
    def name(self) -> str:
        return "action_take_contact"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        contact = given_phone(turn)
        wanted = turn.slot("contact_for")
        if contact is None or wanted is None:
            turn.say("utter_contact_unasked", options=[option("ask_human"), option("ask_callback")])
            return None
        if wanted == "callback":
            return await record_callback(turn, contact)
        if wanted == "complaint":
            from actions.complaint import record_complaint

            return await record_complaint(turn, reason_of(turn), contact)
        return await record(turn, contact, reason_of(turn))
