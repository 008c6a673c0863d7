"""Order status and the list of orders."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.cards import order_card
from actions.order_choice import (
    OPEN,
    any_order,
    choice_options,
    find_order,
    in_states,
    item_names,
    own_orders,
    remember_offer,
    remember_order,
    say_unfound,
    verify_first,
)
from actions.shop.models import Order, OrderState

_LISTED = 6
_DISPATCH = re.compile(
    r"发货|發貨|发出|寄出|出库|出货|(?:能|给我|今天|安排|还[没不]|咋还?么)发|发了[没吗]|待发"
)


class AskOrderStatus(ShopAction):
    """Tells where an order stands, when the next thing happens, and what she can do."""

    @override
    def name(self) -> str:
        return "action_ask_order_status"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        # 什么时候发货 is not about the parcel that is on its way.
        first = (in_states(OrderState.PAID),) if _DISPATCH.search(turn.text) else ()
        choice = await find_order(turn, *first, in_states(*OPEN), in_states(OrderState.REFUNDING), any_order)
        if choice.order is None:
            return say_unfound(turn, choice, "ask_order_status", "utter_no_orders")
        order = choice.order
        response, facts, options = describe(order, await turn.shop.now())
        turn.say(response, facts, options)
        turn.card("order", order_card(order))
        return remember_order(order)


def describe(order: Order, now: datetime) -> tuple[str, dict[str, Any], list[dict[str, Any]]]:
    """Return response, facts and next steps for an order's state."""
    facts: dict[str, Any] = {"items": item_names(order), "number": order.order_number, "total": order.total}
    steps = _STEPS[order.state]
    response = f"utter_order_{order.state.value}"
    shipment = order.shipment
    if order.state is OrderState.UNPAID:
        facts["pay_by"] = order.pay_by
    elif order.state is OrderState.PAID:
        facts |= {"ship_by": order.ship_by, "paid_at": order.paid_at}
        if order.ship_by is not None and order.ship_by < now:
            response = "utter_order_paid_late"
    elif shipment is not None and order.state in (OrderState.SHIPPED, OrderState.EXCEPTION):
        facts |= {
            "carrier": shipment.carrier,
            "tracking_number": shipment.tracking_number,
            "expected_by": shipment.expected_by,
            "shipped_at": shipment.shipped_at,
            "place": shipment.trace[-1].place if shipment.trace else None,
        }
        if order.state is OrderState.EXCEPTION:
            facts |= {"cause": shipment.exception, "promised_by": shipment.promised_by}
        elif shipment.expected_by > shipment.promised_by:
            response = "utter_order_shipped_late"
            facts["promised_by"] = shipment.promised_by
    elif shipment is not None and order.state is OrderState.DELIVERED:
        facts["delivered_at"] = shipment.delivered_at
    elif order.state is OrderState.CANCELLED:
        facts["cancelled_at"] = order.cancelled_at
    if response in _ON_TIME:
        facts |= booked(order)
    facts = {key: value for key, value in facts.items() if value is not None}
    return response, facts, [option(step, order_number=order.order_number) for step in steps]


#: Where a booked time is told too; where something is late, that comes first.
_ON_TIME = ("utter_order_paid", "utter_order_shipped")


def booked(order: Order) -> dict[str, Any]:
    """Return the facts of a delivery time that she has booked, or none."""
    if order.slot_starts_at is None or order.slot_ends_at is None:
        return {}
    return {"slot_from": order.slot_starts_at, "slot_to": order.slot_ends_at}


_STEPS: dict[OrderState, tuple[str, ...]] = {
    OrderState.UNPAID: ("cancel_order", "change_address"),
    OrderState.PAID: ("urge_shipment", "change_address", "cancel_order"),
    OrderState.SHIPPED: ("track_shipment", "urge_shipment"),
    OrderState.EXCEPTION: ("track_shipment", "request_refund", "ask_human"),
    OrderState.DELIVERED: ("request_return", "request_exchange", "ask_return_policy"),
    OrderState.REFUNDING: ("ask_aftersale_progress", "ask_human"),
    OrderState.REFUNDED: ("ask_aftersale_progress", "ask_recommendation"),
    OrderState.CANCELLED: ("ask_recommendation", "list_orders"),
}


class ListOrders(ShopAction):
    """Lists her newest orders to choose from."""

    @override
    def name(self) -> str:
        return "action_list_orders"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        orders = await own_orders(turn)
        if not orders:
            if turn.identity.anonymous:
                return verify_first("ask_order_status")
            turn.say("utter_no_orders", options=[option("ask_recommendation"), option("verify_me")])
            return None
        shown = orders[:_LISTED]
        rows = [
            {
                "item": order.items[0].short_name if order.items else order.order_number,
                "state": order.state,
                "total": order.total,
                "placed_at": order.placed_at,
                "number": order.order_number,
            }
            for order in shown
        ]
        turn.say(
            "utter_order_list",
            {"orders": rows, "count": len(orders)},
            choice_options(shown, "ask_order_status"),
        )
        return remember_offer(shown, "ask_order_status")
