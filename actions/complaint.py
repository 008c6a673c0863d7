"""Complaints: acknowledged, taken down in the shopper's words with the order where it is clear."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Any, ClassVar

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.escalating import level_of
from actions.human import Asked, contact_settled, known_contact, reason_of
from actions.interruptions import COUNT, COURTESIES, LEAVING, After, after_interruption, interrupted
from actions.order_choice import at_hand, named_number, own_orders
from actions.service_time import next_answer
from actions.write_form import REQUESTED, Phase, phase_of
from persona.privacy.masking import mask_phone

FORM = "complaint_form"
TEXT = "complaint_text"

#: Intents that are never what happened.
_OTHER_TOPICS = frozenset(
    {"ask_help", "ask_privacy", "ask_robot", "ask_name", "ask_service_hours", "greet", "probe"}
    | {"personalisation_off", "personalisation_on", "affirm", "give_contact", "share_crisis", "verify_me"}
    | (LEAVING - {"not_solved"})  # 一直没解决 is part of the story
    | COURTESIES
)
#: Small talk and other errands, as long as they are short: a longer statement that was taken for one of them
#: is a story, for complaints are about parcels, refunds and people.
_ERRANDS = frozenset(
    {"chitchat", "insult", "share_low", "share_joy", "out_of_scope", "show_more", "ask_recommendation"}
    | {"ask_new_arrivals", "ask_reviews", "ask_membership", "ask_points", "ask_my_address", "ask_coupons"}
    | {"ask_coupon_problem", "ask_promotions", "ask_stacking", "claim_coupon", "ask_coupon_return"}
    | {"ask_invoice", "request_invoice", "change_invoice", "ask_invoice_status", "ask_invoice_reissue"}
    | {"ask_price_protection", "claim_price_protection", "praise_goods", "praise_service"}
    | {"ask_my_warranty", "request_repair", "ask_repair_progress", "choose_slot", "watch_stock"}
    | {"ask_payment_methods", "ask_pay_deadline", "report_payment_failed", "cancel_callback"}
    | {"ask_product_spec", "ask_product_size", "ask_product_stock", "ask_product_price"}
    | {"ask_product_warranty", "ask_order_status", "list_orders", "track_shipment", "urge_shipment"}
    | {"ask_aftersale_progress", "ask_return_policy", "request_return", "request_exchange"}
    | {"request_refund", "cancel_order", "change_address", "bind_account", "unbind_account"}
)
_SHORT = 8  # characters beside signs: 快递到哪了, 我要退货, 讲个笑话吧
_SHORT_QUESTION = 16
_NO_QUESTION = re.compile(r"(?:什么|怎么|哪里|哪儿)[都也]")  # 里面什么都没有 tells, it does not ask
_LEAVE = frozenset({"stop", "deny"})

#: Words that say that somebody complains, not about what.
_EMPTY_WORDS = re.compile(
    r"投诉|投訴|举报|差评|客诉|我要|我想|你们|你們|怎么|在哪里?|入口|电话|一下|反馈|意见|提个|给个|说法|交代"
    r"|必须|12315|消协|消费者协会|曝光|起诉|告|律师函|等着|信不信|去|打|给|找|要|的|了|吧|啊|吗|我|你|太|很|非常"
    r"|失望|不满意|气死|过分|[^\w]"
)
_SIGNS = re.compile(r"\W")
_SAYS_SOMETHING = 5  # characters left that make a story


class StoryForm(ShopAction, ABC):
    """Takes down what happened. Who says it at once is asked nothing.

    Attributes:
        form: the form's name in the domain.
        intent: what opens it.
        asks: the response that asks what happened.
        left: the response for leaving it.
        empty: words that say what is wanted, not what happened.
    """

    form: ClassVar[str]
    intent: ClassVar[str]
    asks: ClassVar[str]
    left: ClassVar[str]
    empty: ClassVar[re.Pattern[str]]

    @override
    def name(self) -> str:
        return f"validate_{self.form}"

    @abstractmethod
    async def take_down(self, turn: TurnContext) -> Events:
        """Record the message as what happened, and say by when it is answered."""

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        phase = phase_of(turn, self.form)
        if phase is Phase.RESUMED:
            return self._resume(turn)
        if phase is Phase.MESSAGE and (turn.intent in _LEAVE or _takes_back(turn)):
            turn.say(self.left)
            return ended_story()
        if phase is Phase.MESSAGE and self._is_another_topic(turn):
            return []
        enough = _SAYS_SOMETHING if phase is Phase.OPENED else 1
        if len(self.empty.sub("", turn.text)) < enough:
            return self._ask(turn)
        return [*await self.take_down(turn), *ended_story()]

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        super().unavailable(turn)
        return ended_story()

    @override
    def failed(self, turn: TurnContext) -> Events:
        super().failed(turn)
        return ended_story()

    def _ask(self, turn: TurnContext) -> Events:
        turn.say(self.asks, options=[option("stop")])
        return [SlotSet(TEXT, None), SlotSet(COUNT, None), SlotSet(REQUESTED, TEXT)]

    def _resume(self, turn: TurnContext) -> Events:
        what = after_interruption(turn, self.form)
        if what is After.DROP:
            return ended_story()
        if what is After.WAIT:
            return [SlotSet(REQUESTED, TEXT)]
        return [*self._ask(turn), *interrupted(turn)]

    def _is_another_topic(self, turn: TurnContext) -> bool:
        """Whether the message is plainly small talk or another errand, not what happened."""
        if not turn.text:
            return turn.intent != self.intent  # a tapped button
        return _is_errand(turn)


class ComplaintForm(StoryForm):
    """Takes down a complaint."""

    form = FORM
    intent = "complain"
    asks = "utter_complaint_ask_story"
    left = "utter_complaint_left"
    empty = _EMPTY_WORDS

    @override
    async def take_down(self, turn: TurnContext) -> Events:
        return await record_complaint(turn, turn.typed, await known_contact(turn))


def _is_errand(turn: TurnContext) -> bool:
    if turn.intent in _OTHER_TOPICS:
        return True
    said = len(_SIGNS.sub("", turn.text))
    asks = parsing.is_question(_NO_QUESTION.sub("", turn.text))
    short = _SHORT_QUESTION if asks else _SHORT
    return turn.intent in _ERRANDS and said <= short


def _takes_back(turn: TurnContext) -> bool:
    """Say whether a few words take it back: 算了不投诉了. In a story such words stand for something else."""
    return len(_SIGNS.sub("", turn.text)) <= _SHORT and parsing.gives_up(turn.text)


def ended_story() -> Events:
    """Return the events that end a form that takes down what happened."""
    return [SlotSet(TEXT, None), SlotSet(COUNT, None), SlotSet(REQUESTED, None)]


async def order_of_story(turn: TurnContext) -> str | None:
    """Return the order it is about: named, just talked of, or her only one; never somebody else's."""
    orders = [order.order_number for order in await own_orders(turn)]
    for number in (named_number(turn), await at_hand(turn)):
        if number in orders:
            return number
    return orders[0] if len(orders) == 1 else None


async def record_complaint(turn: TurnContext, text: str, contact: str | None) -> Events:
    """Record a complaint and hand it over, or tell by when it is answered where nobody is there now.

    A contact is asked for once where none is known and no person takes over at once.
    """
    return await _record(turn, Asked("complaint", text, await order_of_story(turn)), contact, completes=False)


async def complete_complaint(turn: TurnContext, asked: Asked, contact: str) -> Events:
    """Add the contact to the complaint that asked for it: story and order stay as they were told."""
    return await _record(turn, asked, contact, completes=True)


async def _record(turn: TurnContext, about: Asked, contact: str | None, *, completes: bool) -> Events:
    when = await next_answer(turn)
    facts: dict[str, Any] = {"answer_by": when.answer_by}
    if about.order_number is not None:
        facts["order_number"] = about.order_number
    live = when.live and not completes
    if live:
        del facts["answer_by"]
        turn.say("utter_complaint_transfer", facts)
    elif contact is None:
        turn.say("utter_complaint_ask_contact", facts | {"asks_phone": True})
    else:
        turn.say(
            "utter_complaint_recorded", facts | {"contact": mask_phone(contact)}, [option("list_orders")]
        )
    turn.directive(
        "complaint",
        reason=about.reason or reason_of(turn),
        contact=contact,
        order_number=about.order_number,
        answer_by=when.answer_by,
        completes=completes,
        live=live,
        level=await level_of(turn),
    )
    return contact_settled() if contact or live else about.events()
