"""Paying an order: answered from the order's own attempts, never guessed."""

from __future__ import annotations

import asyncio
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml
from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.order_choice import (
    Fits,
    any_order,
    authority,
    find_order,
    in_states,
    own_orders,
    remember_order,
    say_unfound,
)
from actions.parsing import normalise
from actions.shop.errors import NotOfferedError
from actions.shop.models import Order, OrderState
from actions.shop.service_models import Payment, PaymentAttempt, PaymentOutcome
from actions.write_form import names

_METHODS = Path(__file__).resolve().parents[1] / "nlu_data" / "meanings" / "payment_methods.yml"
#: Of so many of her newest orders the attempts are looked at, to find the one that was paid twice.
_LOOKED_AT = 8
_UNPAID = in_states(OrderState.UNPAID)
#: Outcomes in which money has left her account.
_TAKEN = (PaymentOutcome.SUCCEEDED, PaymentOutcome.PENDING, PaymentOutcome.RETURNED)


@cache
def _method_words() -> tuple[tuple[str, re.Pattern[str]], ...]:
    table: Mapping[str, Sequence[str]] = yaml.safe_load(_METHODS.read_text("utf-8"))
    return tuple((name, re.compile("|".join(words))) for name, words in table.items())


def named_method(text: str) -> str | None:
    """Return the method of payment that the words name, as the shop calls it, or None."""
    text = normalise(text)
    return next((name for name, words in _method_words() if words.search(text)), None)


async def payment_of(turn: TurnContext, number: str) -> Payment:
    """Return how paying an order went that the sender may see."""
    return await turn.shop.payment(number, customer_id=authority(turn.identity, number))


async def tell_given_back(turn: TurnContext, order: Order) -> bool:
    """Tell of money that was taken twice for an order and given back; say whether there was any.

    Who asks when the money is back need not have asked for a return.
    """
    try:
        payment = await payment_of(turn, order.order_number)
    except NotOfferedError:
        return False
    if _newest(payment, PaymentOutcome.RETURNED) is None or len(_taken(payment)) < 2:
        return False
    ExplainTwice().tell(turn, order, payment)
    return True


class PaymentAction(ShopAction):
    """An answer about paying one order; asks which one where several are meant."""

    #: The question's intent; tapped choices carry it.
    intent: ClassVar[str]
    tiers: ClassVar[tuple[Fits, ...]] = (_UNPAID, in_states(OrderState.PAID), any_order)

    @override
    def name(self) -> str:
        return f"action_{self.intent.removeprefix('ask_').removeprefix('report_')}"

    async def fitting(self, turn: TurnContext) -> tuple[Fits, ...]:
        """Return which orders it can be about, best first."""
        return self.tiers

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        choice = await find_order(turn, *await self.fitting(turn))
        if choice.order is None:
            return say_unfound(turn, choice, self.intent, "utter_nothing_to_pay")
        order = choice.order
        self.tell(turn, order, await payment_of(turn, order.order_number))
        return remember_order(order)

    @abstractmethod
    def tell(self, turn: TurnContext, order: Order, payment: Payment) -> None:
        """Answer from the order and its attempts."""


class TellPayBy(PaymentAction):
    """Tells how long an order can be paid, and how much."""

    intent = "ask_pay_deadline"
    tiers = (_UNPAID,)

    @override
    def tell(self, turn: TurnContext, order: Order, payment: Payment) -> None:
        if order.state is not OrderState.UNPAID or payment.pay_by is None:
            _tell_state(turn, order, payment)
            return
        pending = _newest(payment, PaymentOutcome.PENDING)
        if pending is not None:
            _tell_pending(turn, order, payment, pending)
            return
        facts = names(order) | {"due": payment.due, "pay_by": payment.pay_by, **_methods(payment)}
        turn.say("utter_pay_by", facts, _unpaid_steps(order))


class ExplainFailure(PaymentAction):
    """Tells why an order could not be paid and what helps."""

    intent = "report_payment_failed"

    @override
    def tell(self, turn: TurnContext, order: Order, payment: Payment) -> None:
        _tell_state(turn, order, payment)


class FindPayment(PaymentAction):
    """Tells what became of a payment that the order does not show."""

    intent = "report_paid_unpaid"

    @override
    def tell(self, turn: TurnContext, order: Order, payment: Payment) -> None:
        _tell_state(turn, order, payment, claimed=True)


def _tell_state(turn: TurnContext, order: Order, payment: Payment, *, claimed: bool = False) -> None:
    """Say how far paying an order is, by its newest attempt.

    Args:
        turn: the turn.
        order: the order.
        payment: how paying it went.
        claimed: she says that she has paid: a person checks it against her bank's records.
    """
    number = order.order_number
    human = option("ask_human")
    done = _newest(payment, PaymentOutcome.SUCCEEDED)
    pending = _newest(payment, PaymentOutcome.PENDING)
    last = payment.attempts[0] if payment.attempts else None
    if order.state is not OrderState.UNPAID and done is not None:
        facts = names(order) | _attempt(done) | {"state": order.state}
        turn.say("utter_payment_done", facts, [option("ask_order_status", order_number=number), human])
    elif pending is not None:
        _tell_pending(turn, order, payment, pending)
    elif last is not None and last.outcome is PaymentOutcome.RETURNED:
        facts = names(order) | _attempt(last) | _until(last) | _still_due(payment)
        turn.say("utter_payment_returned", facts, [human])
    elif order.state is not OrderState.UNPAID or payment.pay_by is None:
        steps = [option("ask_order_status", order_number=number), human]
        turn.say("utter_payment_closed", names(order) | {"state": order.state}, steps)
    elif last is not None and last.outcome is PaymentOutcome.FAILED and last.cause:
        facts = names(order) | {"at": last.at, "method": last.method, "cause": last.cause}
        facts |= _still_due(payment) | _methods(payment, beside=last.method)
        steps = [human] if claimed else [option("report_paid_unpaid", order_number=number), human]
        turn.say("utter_payment_failed", facts, steps)
    else:
        turn.say("utter_payment_none", names(order) | _still_due(payment) | _methods(payment), [human])


def _tell_pending(turn: TurnContext, order: Order, payment: Payment, pending: PaymentAttempt) -> None:
    confirm_by = pending.at + timedelta(minutes=payment.confirm_minutes)
    facts = names(order) | _attempt(pending) | {"confirm_by": confirm_by}
    steps = [option("ask_order_status", order_number=order.order_number), option("ask_human")]
    turn.say("utter_payment_pending", facts, steps)


class ExplainTwice(PaymentAction):
    """Tells of an order that was paid twice which money stays and when the other is back."""

    intent = "report_charged_twice"
    tiers = (in_states(*OrderState),)

    @override
    async def fitting(self, turn: TurnContext) -> tuple[Fits, ...]:
        """Put the orders first for which money was taken more than once."""
        newest = (await own_orders(turn))[:_LOOKED_AT]
        found = await asyncio.gather(*(payment_of(turn, order.order_number) for order in newest))
        twice = {payment.order_number for payment in found if len(_taken(payment)) > 1}
        return (lambda order: order.order_number in twice, *self.tiers)

    @override
    def tell(self, turn: TurnContext, order: Order, payment: Payment) -> None:
        taken = _taken(payment)
        done = [a for a in taken if a.outcome is PaymentOutcome.SUCCEEDED]
        back = _newest(payment, PaymentOutcome.RETURNED)
        pending = _newest(payment, PaymentOutcome.PENDING)
        open_ones = [*done, *([pending] if pending else [])]
        if len(open_ones) > 1:
            facts: dict[str, Any] = names(order) | {"count": len(open_ones)}
            if pending is not None:
                facts["confirm_by"] = pending.at + timedelta(minutes=payment.confirm_minutes)
            turn.say("utter_payment_twice_open", facts, [option("ask_human")])
        elif done and back is not None:
            facts = names(order) | _attempt(done[0]) | _until(back)
            facts |= {"back": back.amount, "back_method": back.method, "back_at": back.at}
            turn.say("utter_payment_twice", facts, [option("ask_human")])
        elif done:
            turn.say("utter_payment_once", names(order) | _attempt(done[0]), [option("ask_human")])
        else:
            _tell_state(turn, order, payment, claimed=True)


class ExplainAmount(PaymentAction):
    """Tells what the total is made of, and whether what was paid is another sum."""

    intent = "report_wrong_amount"

    @override
    def tell(self, turn: TurnContext, order: Order, payment: Payment) -> None:
        done = [a.amount for a in payment.attempts if a.outcome is PaymentOutcome.SUCCEEDED]
        paid = sum(done, Decimal(0))
        if done and paid != order.total:
            facts = names(order) | {"total": order.total, "paid": paid}
            turn.say("utter_payment_mismatch", facts, [option("ask_human")])
            return
        facts = names(order) | {"total": order.total, "goods": order.goods_total}
        facts |= {"freight": order.freight, "discount": order.discount}
        facts |= {"paid": paid} if done else {}
        turn.say("utter_payment_breakdown", facts, [option("ask_human"), option("ask_coupons")])


class TellMethods(ShopAction):
    """Tells how can be paid: for the order that waits for it, else as for her last one."""

    @override
    def name(self) -> str:
        return "action_payment_methods"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        orders = await own_orders(turn)
        order = next((o for o in orders if _UNPAID(o)), orders[0] if orders else None)
        payment = await payment_of(turn, order.order_number) if order else None
        if order is None or payment is None or not payment.methods:
            steps = [option("verify_me")] if turn.identity.anonymous else []
            turn.say("utter_payment_methods_on_page", options=[*steps, option("ask_human")])
            return None
        facts: dict[str, Any] = {"methods": payment.methods}
        asked = named_method(turn.text)
        if asked is not None:
            facts |= {"asked": asked, "offered": asked in payment.methods}
        waits = _UNPAID(order)
        steps = [option("ask_pay_deadline", order_number=order.order_number)] if waits else []
        turn.say("utter_payment_methods", facts, [*steps, option("ask_human")])
        return remember_order(order) if waits else None


def _taken(payment: Payment) -> list[PaymentAttempt]:
    return [attempt for attempt in payment.attempts if attempt.outcome in _TAKEN]


def _newest(payment: Payment, outcome: PaymentOutcome) -> PaymentAttempt | None:
    return next((attempt for attempt in payment.attempts if attempt.outcome is outcome), None)


def _attempt(attempt: PaymentAttempt) -> dict[str, Any]:
    return {"at": attempt.at, "method": attempt.method, "amount": attempt.amount}


def _until(attempt: PaymentAttempt) -> dict[str, Any]:
    return {"return_by": attempt.return_by} if attempt.return_by else {}


def _still_due(payment: Payment) -> dict[str, Any]:
    return {"due": payment.due, "pay_by": payment.pay_by} if payment.due and payment.pay_by else {}


def _methods(payment: Payment, beside: str = "") -> dict[str, Any]:
    methods = [method for method in payment.methods if method != beside]
    return {"methods": methods} if methods else {}


def _unpaid_steps(order: Order) -> list[dict[str, Any]]:
    number = order.order_number
    return [option("report_payment_failed", order_number=number), option("cancel_order", order_number=number)]
