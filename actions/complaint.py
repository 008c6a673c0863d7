"""Complaints: acknowledged, taken down in the shopper's words with the order where it is clear."""

from __future__ import annotations

import re
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.human import known_contact
from actions.order_choice import named_number, own_orders, talked_of
from actions.service_time import next_answer
from actions.write_form import REQUESTED, Phase, phase_of
from persona.privacy.masking import mask_phone

FORM = "complaint_form"
TEXT = "complaint_text"

#: Intents that leave the complaint or speak of something else. Anything else that is typed while we ask what
#: happened is the answer, whatever it was taken for: complaints are about parcels, refunds and people.
_OTHER_TOPICS = frozenset(
    {"ask_human", "ask_callback", "ask_help", "ask_privacy", "ask_robot", "goodbye", "greet", "thank"}
    | {"personalisation_off", "personalisation_on", "affirm", "give_contact"}
)
_LEAVE = frozenset({"stop", "deny"})

#: Words that say that somebody complains, not about what.
_EMPTY_WORDS = re.compile(
    r"投诉|投訴|举报|差评|客诉|我要|我想|你们|你們|怎么|在哪里?|入口|电话|一下|反馈|意见|提个|给个|说法|交代"
    r"|必须|12315|消协|消费者协会|曝光|起诉|告|律师函|等着|信不信|去|打|给|找|要|的|了|吧|啊|吗|我|你|太|很|非常"
    r"|失望|不满意|气死|过分|[^\w]"
)
_SAYS_SOMETHING = 5  # characters left that make a story


class ComplaintForm(ShopAction):
    """Takes down what happened. A complaint that says it at once is recorded without a question."""

    @override
    def name(self) -> str:
        return f"validate_{FORM}"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        phase = phase_of(turn, FORM)
        if phase is Phase.OPENED:
            if len(_EMPTY_WORDS.sub("", turn.text)) >= _SAYS_SOMETHING:
                return [*await record_complaint(turn, turn.text, await known_contact(turn)), *_ended()]
            return _ask(turn)
        if phase is Phase.RESUMED:
            return _ask(turn)
        if turn.intent in _LEAVE:
            turn.say("utter_complaint_left")
            return _ended()
        if not turn.text or turn.intent in _OTHER_TOPICS:
            return [] if turn.intent != "complain" else _ask(turn)
        return [*await record_complaint(turn, turn.text, await known_contact(turn)), *_ended()]

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        super().unavailable(turn)
        return _ended()

    @override
    def failed(self, turn: TurnContext) -> Events:
        super().failed(turn)
        return _ended()


def _ask(turn: TurnContext) -> Events:
    turn.say("utter_complaint_ask_story", options=[option("stop")])
    return [SlotSet(TEXT, None), SlotSet(REQUESTED, TEXT)]


def _ended() -> Events:
    return [SlotSet(TEXT, None), SlotSet(REQUESTED, None)]


async def _order_of(turn: TurnContext) -> str | None:
    """Return the order it is about: named, just talked of, or her only one; never somebody else's."""
    orders = [order.order_number for order in await own_orders(turn)]
    for number in (named_number(turn), talked_of(turn)):
        if number in orders:
            return number
    return orders[0] if len(orders) == 1 else None


async def record_complaint(turn: TurnContext, text: str, contact: str | None) -> Events:
    """Record a complaint and tell by when it is answered; ask once for a contact where none is known."""
    when = await next_answer(turn.shop)
    order_number = await _order_of(turn)
    facts: dict[str, Any] = {"answer_by": when.answer_by}
    if order_number is not None:
        facts["order_number"] = order_number
    if contact is None:
        turn.say("utter_complaint_ask_contact", facts | {"asks_phone": True})
    else:
        turn.say(
            "utter_complaint_recorded", facts | {"contact": mask_phone(contact)}, [option("list_orders")]
        )
    turn.directive(
        "complaint", reason=text, contact=contact, order_number=order_number, answer_by=when.answer_by
    )
    return [SlotSet("contact_for", None if contact else "complaint")]
