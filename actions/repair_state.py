"""Says where a repair stands, asked for as a repair or as a request."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from actions.base import TurnContext, option
from actions.cards import aftersale_card
from actions.order_choice import authority, item_names
from actions.policy_values import review_is_late
from actions.shop.models import AfterSale, AfterSaleState, Fault, Order
from actions.shop.service_models import Warranty


async def warranties_of(turn: TurnContext, number: str) -> list[Warranty]:
    """Return the warranty of each line of an order that the sender may see."""
    return list(await turn.shop.warranties(number, customer_id=authority(turn.identity, number)))


def repair_days(warranties: Sequence[Warranty]) -> dict[str, int]:
    """Return the facts that say how long a repair takes; none where nothing is known."""
    if not warranties:
        return {}
    return {
        "days_min": min(w.repair_days[0] for w in warranties),
        "days_max": max(w.repair_days[1] for w in warranties),
    }


async def tell_repair(turn: TurnContext, order: Order, request: AfterSale) -> None:
    """Say where a repair stands, where to send the piece, and by when it comes back."""
    piece = [item.short_name for item in order.items if item.product_id == request.product_id]
    facts: dict[str, Any] = {"items": piece[:1] or item_names(order), "request": request.request_number}
    days = repair_days(await warranties_of(turn, order.order_number))
    since = request.steps[-1].at if request.steps else None
    if since is not None and request.state is not AfterSaleState.APPROVED:
        facts["since"] = since
    steps = [option("ask_human")]
    if request.state is AfterSaleState.SUBMITTED:
        facts |= {"review_by": request.review_by, **days}
    elif request.state is AfterSaleState.APPROVED:
        facts |= {"shop_pays": request.fault is Fault.SHOP, **days}
        if request.return_address:
            facts["return_address"] = request.return_address
    elif request.state is AfterSaleState.RECEIVED and since is not None and days:
        facts["due"] = since + timedelta(days=days["days_max"])
    elif request.state is AfterSaleState.REJECTED:
        steps.append(option("ask_my_warranty", order_number=order.order_number))
    elif request.state is AfterSaleState.WITHDRAWN:
        steps.insert(0, option("request_repair", order_number=order.order_number))
    late = "_late" if review_is_late(request, await turn.shop.now()) else ""
    turn.say(f"utter_repair_progress_{request.state.value}{late}", facts, steps)
    turn.card("aftersale", aftersale_card(request, order))
