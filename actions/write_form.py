"""What cancelling, changing an address and after-sales requests share: a form that sums up, then writes once.

Rasa runs ``validate_<form>`` in three situations (:class:`Phase`): the form has just been opened, a message
came while it waits, or another topic has answered in between and the form goes on. The action reads what
the message gives, checks the shop's rules before it asks for details, asks for what is missing, sums up, and
writes after the confirmation. To a message of another topic it returns nothing: Rasa then rejects the form
for this turn, the other topic's rule answers, and the form is run again (RESUMED): it repeats its question
once and rests after a second interruption in a row, see :mod:`actions.interruptions`. It ends by
``requested_slot`` None.

The confirmation bears the idempotency key that was made with the summary: a second tap, a retry after a
timeout and a repeated message are one write, and a button of an earlier summary confirms nothing.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar

from rasa_sdk.events import FollowupAction, SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.escalating import insisted, unsure
from actions.interruptions import COUNT, COURTESIES, LEAVING, After, after_interruption, interrupted
from actions.order_choice import (
    Choice,
    Fits,
    Outcome,
    choice_options,
    find_order,
    item_names,
    load_order,
    named_number,
    own_orders,
    pick,
    remember_offer,
    say_unfound,
)
from actions.shop.errors import RuleError
from actions.shop.models import Order

REQUESTED = "requested_slot"
WHICH = "write_order"
CONFIRM = "confirmed"

#: Slots that any of the forms may use; a form that opens or ends clears them all.
WRITE_SLOTS = (
    *("write_order", "write_key", "new_address", "aftersale_kind", "aftersale_reason", "confirmed"),
    *("repair_product", "repair_fault", "delivery_slot", "slot_words"),
    *("invoice_kind", "invoice_name", "invoice_tax", "invoice_email", "protected_amount"),
    *("order_note", "withdrawn_request"),
)

#: Intents that answer a form's question; every other intent is another topic.
ANSWERS = frozenset(
    {
        "affirm",
        "deny",
        "stop",
        "choose",
        "choose_order",
        "choose_reason",
        "choose_address",
        "give_order_number",
    }
    | {"choose_invoice_kind", "choose_invoice_title", "give_phone_tail", "nlu_fallback", ""}
)

#: Questions about orders, leave and thanks: in the middle of a form they are answered, whatever they name.
READS = frozenset(
    {"ask_order_status", "list_orders", "track_shipment", "urge_shipment", "ask_aftersale_progress"}
    | {"ask_return_policy", "ask_my_warranty", "ask_repair_progress", "ask_pay_deadline", "wish_drop_off"}
    | {"report_payment_failed", "report_paid_unpaid", "report_charged_twice", "report_wrong_amount"}
    | LEAVING
    | COURTESIES
)

_SHORT = 60  # characters of an answer that was taken for another topic

_RESELECTS = re.compile(r"[换改]成|不是[这那]|另外?一?|应该是|第.{1,3}[个单笔]|那[个单件笔]|订单")


class Phase(Enum):
    """Why the form's action runs."""

    OPENED = "opened"
    MESSAGE = "message"
    RESUMED = "resumed"


def phase_of(turn: TurnContext, form: str) -> Phase:
    """Tell from the events since the last message why the form runs."""
    others = False
    for event in reversed(turn.tracker.events or []):
        kind, name = event.get("event"), event.get("name")
        if kind == "active_loop" and name == form:
            return Phase.OPENED
        if kind == "user":
            break
        if kind == "action" and name not in (form, "action_listen"):
            others = True
    return Phase.RESUMED if others else Phase.MESSAGE


@dataclass
class Draft:
    """What the form knows so far; it lives in the slots between messages."""

    order_number: str | None = None
    key: str | None = None
    details: dict[str, Any] = field(default_factory=dict)  # slot -> value, of the form's own slots

    def events(self, requested: str) -> Events:
        """Return the events that keep the draft and wait for `requested`."""
        values = {**dict.fromkeys(WRITE_SLOTS), **self.details}
        values |= {"write_order": self.order_number, "write_key": self.key, "pending_task": None}
        values[COUNT] = None
        return [*(SlotSet(name, value) for name, value in values.items()), SlotSet(REQUESTED, requested)]


def ended(*more: Any) -> Events:
    """Return the events that end a form and forget its draft."""
    names = (*WRITE_SLOTS, COUNT, "pending_task", "offered_orders", "offered_intent")
    return [*(SlotSet(name, None) for name in names), SlotSet(REQUESTED, None), *more]


class WriteForm(ShopAction, ABC):
    """A form that ends in a write.

    Attributes:
        form: the form's name in the domain.
        intents: the intents that open it; while it is open they speak to it.
        details: its own slots, kept in the draft.
        tiers: which orders it can be about, unless :meth:`fitting` knows better.
        left: the response for leaving it.
        none_fits: the response where none of her orders fits.
        longest: characters of an answer to its question that was taken for another topic.
        taken_back: the intents that leave it besides ``stop``, unless she asks: 取消了还能恢复吗.
    """

    form: ClassVar[str]
    intents: ClassVar[tuple[str, ...]]
    details: ClassVar[tuple[str, ...]] = ()
    tiers: ClassVar[tuple[Fits, ...]]
    left: ClassVar[str]
    none_fits: ClassVar[str]
    longest: ClassVar[int] = _SHORT
    taken_back: ClassVar[frozenset[str]] = frozenset()

    @override
    def name(self) -> str:
        return f"validate_{self.form}"

    async def fitting(self, turn: TurnContext) -> tuple[Fits, ...]:
        """Return which orders it can be about, best first, see :func:`actions.order_choice.find_order`."""
        return self.tiers

    @abstractmethod
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        """Return whether the shop's rules allow it; if not, have said why and what is possible."""

    async def ask_detail(self, turn: TurnContext, order: Order, draft: Draft, unclear: bool) -> str | None:
        """Ask for the next missing detail and return its slot, or None where all is known."""
        return None

    @abstractmethod
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        """Say what will be done, and ask for the confirmation (option ``confirm_write``)."""

    @abstractmethod
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        """Do it with ``draft.key`` and say the result; RuleError if the shop now forbids it."""

    @abstractmethod
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        """Say that the shop forbids it by `rule`, and what is possible."""

    async def absorb(self, turn: TurnContext, draft: Draft, requested: str | None) -> bool:
        """Take details from the message into the draft; return whether something changed."""
        return False

    # -- the flow ---------------------------------------------------------------------------------

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        phase = phase_of(turn, self.form)
        draft = self._draft(turn, phase)
        if phase is Phase.RESUMED:
            return await self._resume(turn, draft)
        if phase is Phase.OPENED:
            await self.absorb(turn, draft, None)
            return await self._advance(turn, draft)
        return await self._message(turn, draft)

    async def _resume(self, turn: TurnContext, draft: Draft) -> Events:
        what = after_interruption(turn, self.form)
        if what is After.DROP:
            return ended()
        if what is After.WAIT:
            return [SlotSet(REQUESTED, turn.slot(REQUESTED))]
        return [*await self._advance(turn, draft), *interrupted(turn)]

    async def _message(self, turn: TurnContext, draft: Draft) -> Events:
        requested = turn.slot(REQUESTED)
        intent = turn.intent
        back = intent in self.taken_back and not parsing.is_question(turn.text)
        if (back or intent == "stop") and named_number(turn) is None:
            return self._leave(turn, draft)
        if intent not in ANSWERS and intent not in self.intents and not await self.answers(turn, requested):
            return []  # another topic
        if turn.slot("offered_intent") not in (None, *self.intents) and intent in (
            "choose",
            "give_order_number",
        ):
            return []  # a question of another topic was asked last
        # 第二个 is the second of what was shown last: of the reasons or addresses, while they are asked for.
        changed = requested in self.details and await self.absorb(turn, draft, requested)
        if not changed or named_number(turn):
            changed = await self._reselect(turn, draft, requested) or changed
            changed = await self.absorb(turn, draft, requested) or changed
        if changed:
            draft.key = None
            return await self._advance(turn, draft)
        return await self._answer(turn, draft, requested)

    async def answers(self, turn: TurnContext, requested: str | None) -> bool:
        """Whether a message that was taken for another topic answers the question that waits.

        A product's name alone, or a reason in a few words, is easily taken for something else.
        """
        if not turn.text or len(turn.text) > self.longest:
            return False
        if turn.intent in READS or parsing.is_question(turn.text):
            return False
        if requested == WHICH:
            offered = turn.slot("offered_orders") or ()
            return len(pick(turn.text, await own_orders(turn), offered, await turn.shop.now())) == 1
        return requested in self.details and self.understands(turn, str(requested))

    def understands(self, turn: TurnContext, requested: str) -> bool:
        """Whether the words of the message give the detail that was asked for."""
        return False

    async def _answer(self, turn: TurnContext, draft: Draft, requested: str | None) -> Events:
        """Take yes and no; anything else repeats the question."""
        intent = turn.intent
        if intent == "deny" or parsing.gives_up(turn.text):
            return self._leave(turn, draft)
        if requested == CONFIRM and intent == "affirm" and self._means_this(turn, draft):
            return await self._execute(turn, draft)
        return await self._advance(turn, draft, unclear=intent not in self.intents)

    def _draft(self, turn: TurnContext, phase: Phase) -> Draft:
        if phase is Phase.OPENED and turn.slot("pending_task") != self.form:
            return Draft()
        details = {name: turn.slot(name) for name in self.details if turn.slot(name) is not None}
        return Draft(turn.slot("write_order"), turn.slot("write_key"), details)

    @staticmethod
    def _means_this(turn: TurnContext, draft: Draft) -> bool:
        """Whether a yes is a plain yes to the summary shown last."""
        tapped = turn.entity("write")
        if tapped is not None:
            return tapped == draft.key
        return draft.key is not None and parsing.is_plain_yes(turn.text)

    async def _reselect(self, turn: TurnContext, draft: Draft, requested: str | None) -> bool:
        """Take another order from the message. NotFoundError for a number that is not hers."""
        number = named_number(turn)
        if number is None and turn.text and (requested == WHICH or _RESELECTS.search(turn.text)):
            orders = await own_orders(turn)
            offered = turn.slot("offered_orders") or ()
            pointed = pick(turn.text, orders, offered, await turn.shop.now())
            if len(pointed) > 1:
                pointed = [o for o in pointed if any(tier(o) for tier in self.tiers)] or pointed
            number = pointed[0].order_number if len(pointed) == 1 else None
        if number is None or number == draft.order_number:
            return False
        if turn.identity.anonymous and number not in turn.identity.orders:
            draft.order_number = None  # to be proven first
            return True
        draft.order_number = (await load_order(turn, number)).order_number
        return True

    async def _advance(self, turn: TurnContext, draft: Draft, *, unclear: bool = False) -> Events:
        if draft.order_number is None:
            choice = await find_order(turn, *await self.fitting(turn))
            if choice.order is None:
                return await self.which(turn, choice, draft)
            draft.order_number = choice.order.order_number
            order = choice.order
        else:
            order = await load_order(turn, draft.order_number)
        known = [SlotSet("order_number", order.order_number), SlotSet("offered_orders", None)]
        known.append(SlotSet("offered_intent", None))
        if not await self.check(turn, order, draft):
            return [*known, *ended(*await insisted(turn))]
        asked = await self.ask_detail(turn, order, draft, unclear)
        if asked is not None:
            return [*known, *draft.events(asked), *await insisted(turn)]
        draft.key = draft.key or turn.key(self.form)
        await self.summarise(turn, order, draft)
        return [*known, *draft.events(CONFIRM)]

    async def which(self, turn: TurnContext, choice: Choice, draft: Draft) -> Events:
        """Ask which order is meant, or say why none is found."""
        if choice.outcome is Outcome.SEVERAL or (
            choice.outcome is Outcome.NO_SUCH_PRODUCT and choice.candidates
        ):
            intent = self.opening_intent(turn, draft)
            if choice.outcome is Outcome.SEVERAL:
                facts = {"count": len(choice.candidates)}
                turn.say("utter_which_order", facts, choice_options(choice.candidates, intent))
            else:
                options = choice_options(choice.candidates, intent)
                turn.say("utter_no_order_with_product", {"product": choice.named}, options)
            return [*draft.events(WHICH), *remember_offer(choice.candidates, intent)]
        events = say_unfound(turn, choice, self.opening_intent(turn, draft), self.none_fits)
        if choice.outcome is Outcome.VERIFY:
            # The draft is kept: what she has said already is not asked again after the verification.
            kept = [event for event in draft.events(WHICH) if event.get("name") != REQUESTED]
            follow = [SlotSet("pending_task", self.form), SlotSet("verify_order", choice.named)]
            return [
                *kept,
                *follow,
                SlotSet("verify_tail", None),
                SlotSet(REQUESTED, None),
                FollowupAction("verify_form"),
            ]
        return [*ended(), *events]

    def opening_intent(self, turn: TurnContext, draft: Draft) -> str:
        """Return the intent that a tapped choice of an order carries."""
        return turn.intent if turn.intent in self.intents else self.intents[0]

    async def _execute(self, turn: TurnContext, draft: Draft) -> Events:
        order = await load_order(turn, str(draft.order_number))
        try:
            await self.write(turn, order, draft)
        except RuleError as exc:
            turn.unsay()
            self.refused(turn, await load_order(turn, order.order_number), exc.rule)
            return ended(*await insisted(turn))
        return ended(SlotSet("last_write", draft.key))

    def _leave(self, turn: TurnContext, draft: Draft) -> Events:
        number = draft.order_number
        turn.say(self.left, options=[option("ask_order_status", order_number=number)] if number else [])
        return ended()

    # -- failures ---------------------------------------------------------------------------------

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        if phase_of(turn, self.form) is Phase.OPENED:
            turn.say(
                "utter_shop_unavailable",
                options=[option("ask_again", intent=self.intents[0]), option("ask_human")],
            )
            return ended()
        requested, key = turn.slot(REQUESTED), turn.slot("write_key")
        if requested == CONFIRM and turn.intent == "affirm" and key:
            # The write may have happened: repeating it under its key does it at most once.
            noted = unsure(turn, self.form, key, turn.slot(WHICH))
            return [SlotSet("confirmed", None), SlotSet(REQUESTED, requested), *noted]
        turn.say(
            "utter_shop_unavailable",
            options=[option("ask_again", intent=self.intents[0]), option("ask_human")],
        )
        return [SlotSet("confirmed", None), SlotSet(REQUESTED, requested)]

    @override
    def failed(self, turn: TurnContext) -> Events:
        super().failed(turn)
        return ended()

    @override
    def not_found(self, turn: TurnContext) -> Events:
        super().not_found(turn)
        if phase_of(turn, self.form) is Phase.MESSAGE and turn.slot("write_order"):
            # She named an order that is not hers: the form about her own order waits as before.
            return [SlotSet("confirmed", None), SlotSet(REQUESTED, turn.slot(REQUESTED))]
        return ended()


def names(order: Order) -> dict[str, Any]:
    """Return the facts that name an order."""
    return {"items": item_names(order), "number": order.order_number}


def confirmation(draft: Draft) -> list[dict[str, Any]]:
    """Return the options of a summary."""
    return [option("confirm_write", write=draft.key), option("leave")]
