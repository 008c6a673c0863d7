"""Verification of an order without login: order number and last four digits of its phone."""

from __future__ import annotations

from rasa_sdk.events import FollowupAction, SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.identity import issue_grant
from actions.interruptions import COUNT, After, after_interruption, interrupted
from actions.order_choice import named_number
from actions.questions import FORMS, answering
from actions.write_form import ANSWERS, REQUESTED, Phase, phase_of

_NUMBER, _TAIL = "verify_order", "verify_tail"


class VerifyForm(ShopAction):
    """Asks for number and digits; a success opens that order alone and goes on with what she wanted.

    An unknown order, wrong digits and a reached limit are answered by the same words after the same work.
    """

    @override
    def name(self) -> str:
        return "validate_verify_form"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        phase = phase_of(turn, "verify_form")
        if phase is Phase.OPENED and not turn.identity.anonymous:
            turn.say("utter_already_logged_in", options=[option("list_orders")])
            return _end()
        if phase is Phase.RESUMED:
            return self._resume(turn)
        number, tail = turn.slot(_NUMBER), turn.slot(_TAIL)
        given = named_number(turn)
        # Four digits in a question about something else (a year, a price) would count as a failure.
        answer = phase is Phase.MESSAGE and turn.intent in ANSWERS
        digits = parsing.phone_tail(turn.text) if answer or given else None
        fresh = bool(given or digits)
        if phase is Phase.MESSAGE and not fresh and turn.intent in ("stop", "deny"):
            turn.say("utter_verify_left", options=[option("verify_me"), option("ask_human")])
            return _end()
        if phase is Phase.MESSAGE and not fresh and turn.intent not in ANSWERS:
            return []  # another topic
        number, tail = given or number, digits or tail
        if number and tail:
            return await self._check(turn, str(number), str(tail))
        return self._ask(turn, number, tail, unclear=phase is Phase.MESSAGE and not fresh)

    def _resume(self, turn: TurnContext) -> Events:
        what = after_interruption(turn, "verify_form")
        if what is After.DROP:
            return _end()
        if what is After.WAIT:
            return [SlotSet(REQUESTED, turn.slot(REQUESTED))]
        return [*self._ask(turn, turn.slot(_NUMBER), turn.slot(_TAIL), unclear=False), *interrupted(turn)]

    @staticmethod
    def _ask(turn: TurnContext, number: str | None, tail: str | None, *, unclear: bool) -> Events:
        wanted = _NUMBER if not number else _TAIL
        if wanted == _NUMBER:
            turn.say("utter_verify_number_unclear" if unclear else "utter_verify_ask_number")
        else:
            turn.say("utter_verify_tail_unclear" if unclear else "utter_verify_ask_tail", {"number": number})
        kept = [SlotSet(_NUMBER, number), SlotSet(_TAIL, tail), SlotSet(COUNT, None)]
        return [*kept, SlotSet(REQUESTED, wanted)]

    async def _check(self, turn: TurnContext, number: str, tail: str) -> Events:
        if not await turn.shop.verify_order(number, tail, source=turn.identity.source):
            turn.say("utter_verify_failed", options=[option("ask_human")])
            return [SlotSet(_NUMBER, number), SlotSet(_TAIL, None), SlotSet(REQUESTED, _TAIL)]
        grant = issue_grant(turn.identity, number)
        if grant is None:
            raise RuntimeError("no key for grants is configured")
        turn.directive("verified", grant=grant)
        turn.grant(grant)
        granted = [SlotSet("grant", grant), SlotSet("order_number", number)]
        pending = turn.slot("pending_task")
        form = pending if pending in FORMS.values() else FORMS.get(str(pending))
        if form is not None:
            # The form finds its draft in the slots, and the pending task tells it that it is meant.
            return [*granted, *_end(keep_task=True), SlotSet("pending_task", form), FollowupAction(form)]
        # What she had asked is answered at once. The digits just typed must not be read as a choice.
        turn.settle_on(number)
        events = await answering(pending).handle(turn) or []
        return [*granted, *_end(), *events]

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        super().unavailable(turn)
        return _end()

    @override
    def failed(self, turn: TurnContext) -> Events:
        super().failed(turn)
        return _end()


def _end(*, keep_task: bool = False) -> Events:
    names = (_NUMBER, _TAIL, COUNT) if keep_task else (_NUMBER, _TAIL, COUNT, "pending_task")
    return [*(SlotSet(name, None) for name in names), SlotSet(REQUESTED, None)]
