"""Taking an after-sales request back: which one, what follows from it, a plain yes, one write.

An order has at most one open request, so the order says which is meant.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from actions import parsing
from actions.aftersale import is_open, own_requests, request_of
from actions.base import Events, TurnContext, option
from actions.cards import aftersale_card
from actions.escalating import refuse
from actions.order_choice import Choice, Fits, Outcome, authority
from actions.policy import AnswerPolicy
from actions.returnable import terms_of
from actions.shop.errors import NotFoundError
from actions.shop.models import AfterSale, AfterSaleKind, AfterSaleState, Order
from actions.write_form import Draft, WriteForm, confirmation, ended, names

#: The request that the summary was about: a yes to it withdraws no other.
_REQUEST = "withdrawn_request"
#: Why a request that stands so can no longer be taken back; the shop has the last word.
_TOO_LATE = {
    AfterSaleState.RECEIVED: "already_received",
    AfterSaleState.DONE: "already_done",
    AfterSaleState.REJECTED: "already_closed",
    AfterSaleState.WITHDRAWN: "already_closed",
}


class WithdrawForm(WriteForm):
    """Which request, what follows, confirmation, withdrawn."""

    form = "withdraw_form"
    intents = ("cancel_refund",)
    details = (_REQUEST,)
    left = "utter_withdraw_left"
    none_fits = "utter_nothing_to_withdraw"
    tiers = ()

    @override
    async def fitting(self, turn: TurnContext) -> tuple[Fits, ...]:
        requests = await own_requests(turn)
        able = {r.order_number for r in requests if is_open(r) and _why_not(r) is None}
        under_way = {r.order_number for r in requests if is_open(r)}
        return (lambda o: o.order_number in able, lambda o: o.order_number in under_way)

    @override
    async def which(self, turn: TurnContext, choice: Choice, draft: Draft) -> Events:
        if choice.outcome is Outcome.NONE and parsing.is_question(turn.text):
            # Nothing is open, and she asks whether one could: what the rules say.
            return [*(await AnswerPolicy(self.intents[0]).handle(turn) or ()), *ended()]
        return await super().which(turn, choice, draft)

    @override
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        request = await request_of(turn, order.order_number)
        if request is None:
            steps = [option("request_return", order_number=order.order_number), option("ask_human")]
            turn.say("utter_no_aftersale_for_order", names(order), steps)
            return False
        rule = _why_not(request)
        if rule is not None:
            self._refuse(turn, order, request, rule)
            return False
        if draft.details.get(_REQUEST) != request.request_number:
            draft.key = None
        draft.details[_REQUEST] = request.request_number
        return True

    @override
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        self._refuse(turn, order, None, rule)

    @staticmethod
    def _refuse(turn: TurnContext, order: Order, request: AfterSale | None, rule: str) -> None:
        """Say why it is too late, and what can be done instead."""
        number = order.order_number
        facts: dict[str, Any] = names(order) | {"rule": rule, "cancelled": order.cancelled_at is not None}
        if request is not None:
            facts["request"] = request.request_number
        steps = [option("ask_aftersale_progress", order_number=number), option("ask_human")]
        turn.say("utter_withdraw_refused", facts, steps)
        refuse(turn, "withdraw", number)

    @override
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        number = order.order_number
        request = await request_of(turn, number)
        if request is None:
            raise NotFoundError("the request has gone")
        facts: dict[str, Any] = names(order) | {
            "kind": request.kind,
            "request": request.request_number,
            "sent": request.state is AfterSaleState.APPROVED,
        }
        terms = await terms_of(turn, number)
        if request.kind is AfterSaleKind.REPAIR or terms.deadline is None:
            facts["moving"] = request.kind is AfterSaleKind.REFUND and order.shipment is not None
            turn.say("utter_withdraw_confirm", facts, confirmation(draft))
        elif await turn.shop.now() <= terms.deadline:
            facts |= {"until": terms.deadline, "quality_only": "no_reason" not in terms.reasons}
            turn.say("utter_withdraw_confirm_until", facts, confirmation(draft))
        else:
            turn.say("utter_withdraw_confirm_last", facts, confirmation(draft))

    @override
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        number = order.order_number
        owner = authority(turn.identity, number)
        asked = str(draft.details[_REQUEST])
        result = await turn.shop.withdraw_after_sale(asked, customer_id=owner, key=str(draft.key))
        facts: dict[str, Any] = names(order) | {
            "kind": result.request.kind,
            "request": result.request.request_number,
        }
        steps = [
            option("ask_order_status", order_number=number),
            option("ask_return_policy", order_number=number),
        ]
        turn.say("utter_withdrawn", facts, steps)
        turn.card("aftersale", aftersale_card(result.request, order))


def _why_not(request: AfterSale) -> str | None:
    """Return the rule by which a request can no longer be taken back, None where it can."""
    if request.state is AfterSaleState.APPROVED and request.kind is AfterSaleKind.REFUND:
        return "refund_started"
    return _TOO_LATE.get(request.state)
