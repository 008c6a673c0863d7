"""Which of her orders the shop's rules would still take back, and why they would not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from actions.base import TurnContext, option
from actions.escalating import refuse
from actions.order_choice import MOVING, Fits, authority, item_names, own_orders
from actions.shop.models import AfterSaleKind, Order, OrderState, ReturnTerms

#: People say 退款 and 退货 for the same thing: what the order's state allows is meant.
TWINS = {AfterSaleKind.REFUND: AfterSaleKind.RETURN, AfterSaleKind.RETURN: AfterSaleKind.REFUND}
#: Longer than any deadline without a warranty.
_LATELY = timedelta(days=16)
#: As many as the shop judges in one call.
_AT_ONCE = 50


async def allowed_tiers(
    turn: TurnContext, otherwise: tuple[Fits, ...], kind: AfterSaleKind | None = None
) -> tuple[Fits, ...]:
    """Return which orders may be meant: those for which the rules still allow something come first.

    Among them those that allow `kind`, and those at home before those on their way. Where the rules allow
    nothing for any order, those that fit `otherwise` may be meant, to say why.
    """
    now = await turn.shop.now()
    asked = [o for o in await own_orders(turn) if o.state in (OrderState.DELIVERED, *MOVING, OrderState.PAID)]
    found = await all_terms(turn, asked)
    allowed = {number: terms for number, terms in found.items() if terms.allowed}
    kinds = {kind, TWINS.get(kind)} if kind is not None else set(AfterSaleKind)

    def offers(order: Order) -> bool:
        terms = allowed.get(order.order_number)
        return terms is not None and any(k in kinds for k in terms.kinds)

    def tier(states: Fits, may: Fits) -> Fits:
        return lambda order: states(order) and may(order)

    tiers = (_lately_delivered(now), *otherwise)
    first = [tier(states, offers) for states in tiers]
    second = [tier(states, lambda order: order.order_number in allowed) for states in tiers]
    return (*first, *second, *otherwise)


async def refuse_all(turn: TurnContext, orders: Sequence[Order]) -> bool:
    """Say why nothing can be asked for any of `orders`, by the latest of them; False where something can."""
    found = await all_terms(turn, orders)
    if any(terms.allowed for terms in found.values()):
        return False
    judged = [(found[o.order_number], o) for o in orders if o.order_number in found]
    late = [(t.deadline, o) for t, o in judged if t.rule == "too_late" and t.deadline]
    if len(late) < len(orders):
        return False
    deadline, last = max(late, key=lambda pair: pair[0])
    facts = {"count": len(orders), "items": item_names(last), "deadline": deadline}
    turn.say("utter_aftersale_all_too_late", facts, [option("ask_human"), option("list_orders")])
    refuse(turn, "aftersale", "")
    return True


def _lately_delivered(now: datetime) -> Fits:
    """Fit orders delivered a short while ago: those that people want to send back."""

    def fits(order: Order) -> bool:
        delivered = order.shipment.delivered_at if order.shipment else None
        return order.state is OrderState.DELIVERED and delivered is not None and now - delivered < _LATELY

    return fits


async def all_terms(turn: TurnContext, orders: Sequence[Order]) -> dict[str, ReturnTerms]:
    """Return what the shop's rules say about several orders that the sender may see, by number.

    One call for her own and one for those opened by verification, however many there are.
    """
    asked: dict[str | None, list[str]] = {}
    for order in orders:
        asked.setdefault(authority(turn.identity, order.order_number), []).append(order.order_number)
    found: dict[str, ReturnTerms] = {}
    for owner, numbers in asked.items():
        for start in range(0, len(numbers), _AT_ONCE):
            part = numbers[start : start + _AT_ONCE]
            found.update(await turn.shop.return_terms_of(part, customer_id=owner))
    return found


async def terms_of(turn: TurnContext, number: str) -> ReturnTerms:
    """Return what the shop's rules say about one order that the sender may see."""
    return await turn.shop.return_terms(number, customer_id=authority(turn.identity, number))
