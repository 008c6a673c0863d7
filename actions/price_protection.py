"""Price protection: whether what she bought got cheaper, what is given back, and giving it back."""

from __future__ import annotations

import asyncio
from typing import Any

from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.escalating import insisted, refuse
from actions.order_choice import (
    MOVING,
    Fits,
    authority,
    find_order,
    in_states,
    own_orders,
    remember_order,
    say_unfound,
)
from actions.shop.models import Order, OrderState
from actions.shop.service_models import PriceProtection
from actions.write_form import Draft, WriteForm, confirmation, names

_AMOUNT = "protected_amount"
_PAID = in_states(OrderState.DELIVERED, *MOVING, OrderState.PAID)
_LOOKED_AT = 8  # orders whose prices are compared to find the one that fell


async def _protection(turn: TurnContext, number: str) -> PriceProtection:
    return await turn.shop.price_protection(number, customer_id=authority(turn.identity, number))


async def _tiers(turn: TurnContext) -> tuple[Fits, ...]:
    """Return which orders may be meant: those with money to give back, those still protected, those paid."""
    now = await turn.shop.now()
    orders = [o for o in await own_orders(turn) if _PAID(o)][:_LOOKED_AT]
    found = await asyncio.gather(*(_protection(turn, o.order_number) for o in orders))
    known = {o.order_number: p for o, p in zip(orders, found, strict=True)}

    def fell(order: Order) -> bool:
        protection = known.get(order.order_number)
        return protection is not None and protection.allowed

    def protected(order: Order) -> bool:
        protection = known.get(order.order_number)
        return protection is not None and protection.deadline is not None and protection.deadline > now

    return fell, protected, _PAID


def _facts(order: Order, protection: PriceProtection) -> dict[str, Any]:
    facts: dict[str, Any] = names(order) | {"days": protection.days}
    return facts | ({"deadline": protection.deadline} if protection.deadline else {})


def _drops(protection: PriceProtection) -> dict[str, Any]:
    rows = [
        {"product": d.short_name, "paid": d.paid, "now": d.now, "quantity": d.quantity}
        for d in protection.drops
    ]
    return {"drops": rows, "amount": protection.amount, "refund_days": protection.refund_days[1]}


def _refuse(turn: TurnContext, order: Order, protection: PriceProtection) -> None:
    """Say by which rule nothing is given back, with its dates."""
    number, rule = order.order_number, protection.rule
    steps = [option("ask_order_status", order_number=number), option("ask_human")]
    facts = _facts(order, protection)
    if rule == "no_drop":
        turn.say("utter_price_no_drop", facts, steps)
    elif rule == "claimed":
        turn.say("utter_price_claimed", facts | {"claimed": protection.claimed}, steps)
    else:
        if not protection.days:
            del facts["days"]
        turn.say("utter_price_refused", facts | {"rule": rule}, steps)
        if rule in ("too_late", "not_covered"):
            refuse(turn, "price_protection", number)


class AskPriceProtection(ShopAction):
    """Tells whether the price fell, how long it is protected, and what is given back."""

    @override
    def name(self) -> str:
        return "action_ask_price_protection"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        choice = await find_order(turn, *await _tiers(turn))
        if choice.order is None:
            return say_unfound(turn, choice, "ask_price_protection", "utter_nothing_to_protect")
        order = choice.order
        protection = await _protection(turn, order.order_number)
        if not protection.allowed:
            _refuse(turn, order, protection)
            return [*remember_order(order), *await insisted(turn)]
        steps = [
            option("claim_price_protection", order_number=order.order_number),
            option("ask_order_status", order_number=order.order_number),
        ]
        turn.say("utter_price_dropped", _facts(order, protection) | _drops(protection), steps)
        return remember_order(order)


class PriceProtectionForm(WriteForm):
    """Which order, the exact amount, confirmation, given back. Another amount is summed up anew first."""

    form = "price_protection_form"
    intents = ("claim_price_protection",)
    details = (_AMOUNT,)
    tiers = (_PAID,)
    left = "utter_price_left"
    none_fits = "utter_nothing_to_protect"

    @override
    async def fitting(self, turn: TurnContext) -> tuple[Fits, ...]:
        return await _tiers(turn)

    @override
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        protection = await _protection(turn, order.order_number)
        if protection.allowed:
            return True
        _refuse(turn, order, protection)
        return False

    @override
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        steps = [option("ask_order_status", order_number=order.order_number), option("ask_human")]
        turn.say("utter_price_refused", names(order) | {"rule": rule}, steps)

    @override
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        protection = await _protection(turn, order.order_number)
        facts = _facts(order, protection) | _drops(protection) | {"method": order.payment_method}
        if draft.details.get(_AMOUNT) not in (None, str(protection.amount)):
            facts["changed"] = True
        draft.details[_AMOUNT] = str(protection.amount)
        turn.say("utter_price_confirm", facts, confirmation(draft))

    @override
    async def _execute(self, turn: TurnContext, draft: Draft) -> Events:
        """Write, unless the price has changed since the summary: she confirmed another amount then."""
        number = str(draft.order_number)
        protection = await _protection(turn, number)
        if protection.allowed and str(protection.amount) != draft.details.get(_AMOUNT):
            draft.key = None
            return await self._advance(turn, draft)
        return await super()._execute(turn, draft)

    @override
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        number = order.order_number
        result = await turn.shop.claim_price_protection(
            number, customer_id=authority(turn.identity, number), key=str(draft.key)
        )
        facts = names(order) | {
            "amount": result.amount,
            "method": order.payment_method,
            "refund_by": result.refund_by,
        }
        turn.say("utter_price_given_back", facts, [option("ask_order_status", order_number=number)])
