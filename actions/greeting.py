"""Opening, login, greeting, leave: who is there, her latest order, and what she probably wants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.binding import account_phone
from actions.cards import order_card
from actions.shop.errors import NotFoundError, ShopUnavailableError
from actions.shop.models import Order, OrderState

#: Four steps for somebody of whom nothing is known.
GENERAL_STEPS = ("track_shipment", "ask_order_status", "request_return", "ask_recommendation")
#: Four steps for a customer who has not bought anything yet.
NEWCOMER_STEPS = ("ask_recommendation", "ask_new_arrivals", "ask_coupons", "ask_human")

#: Four likely steps by the state of the latest order, most likely first.
STEPS_BY_STATE: dict[OrderState, tuple[str, str, str, str]] = {
    OrderState.UNPAID: ("ask_order_status", "change_address", "cancel_order", "ask_human"),
    OrderState.PAID: ("urge_shipment", "change_address", "cancel_order", "ask_human"),
    OrderState.SHIPPED: ("track_shipment", "urge_shipment", "request_refund", "ask_human"),
    OrderState.EXCEPTION: ("track_shipment", "urge_shipment", "request_refund", "ask_human"),
    OrderState.DELIVERED: ("request_return", "request_exchange", "ask_warranty", "ask_human"),
    OrderState.REFUNDING: ("ask_aftersale_progress", "ask_order_status", "list_orders", "ask_human"),
    OrderState.REFUNDED: ("ask_aftersale_progress", "list_orders", "ask_recommendation", "ask_human"),
    OrderState.CANCELLED: ("ask_recommendation", "list_orders", "ask_coupons", "ask_human"),
}
_OF_ORDER = frozenset(step for steps in STEPS_BY_STATE.values() for step in steps) - {
    "ask_human",
    "list_orders",
    "ask_recommendation",
    "ask_coupons",
    "ask_warranty",
}


def likely_steps(order: Order) -> list[dict[str, Any]]:
    """Return the four likely next steps for an order, as options."""
    steps = []
    for step in STEPS_BY_STATE[order.state]:
        if step == "ask_warranty":
            steps.append(option(step, product_id=order.items[0].product_id if order.items else None))
        elif step in _OF_ORDER:
            steps.append(option(step, order_number=order.order_number))
        else:
            steps.append(option(step))
    return steps


def in_trouble(order: Order, now: datetime) -> bool:
    """Say whether the order gives no cause for cheer: an exception on the way, or later than promised."""
    if order.state is OrderState.EXCEPTION:
        return True
    shipment = order.shipment
    if order.state is OrderState.SHIPPED and shipment is not None:
        return shipment.expected_by > shipment.promised_by or shipment.promised_by < now
    return order.state is OrderState.PAID and order.ship_by is not None and order.ship_by < now


class _Meeting(ShopAction):
    """What opening a conversation and logging in share: the latest order as a card and what may follow."""

    anonymous = "utter_welcome"
    no_orders = "utter_welcome_no_orders"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        customer_id = turn.identity.customer_id
        if customer_id is None:
            turn.say(self.anonymous, options=[option(step) for step in GENERAL_STEPS])
            return None
        customer = await turn.shop.customer(customer_id)
        orders = await turn.shop.orders(customer_id, limit=1)
        if not orders:
            self._newcomer(turn, customer.name)
        else:
            self._returning(turn, customer.name, orders[0], await turn.shop.now())
            turn.card("order", order_card(orders[0]))
        return None

    def _newcomer(self, turn: TurnContext, name: str) -> None:
        turn.say(self.no_orders, {"name": name}, [option(step) for step in NEWCOMER_STEPS])

    def _returning(self, turn: TurnContext, name: str, order: Order, now: datetime) -> None:
        facts: dict[str, Any] = {"name": name, "state": order.state}
        facts["product"] = order.items[0].short_name if order.items else order.order_number
        response = "utter_welcome_order"
        if in_trouble(order, now):
            response = "utter_welcome_order_trouble"
            if order.shipment is not None and order.shipment.exception:
                facts["cause"] = order.shipment.exception
        turn.say(response, facts, likely_steps(order))

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        """Greet without the order: a slow shop is no reason to greet with an apology."""
        turn.say("utter_welcome", options=[option(step) for step in GENERAL_STEPS])
        return []

    @override
    def not_found(self, turn: TurnContext) -> Events:
        """Greet a customer whom the shop does not know as a stranger."""
        return self.unavailable(turn)


class Welcome(_Meeting):
    """Opens a conversation."""

    @override
    def name(self) -> str:
        return "action_welcome"


class Identified(_Meeting):
    """Answers a login in the middle of a conversation."""

    @override
    def name(self) -> str:
        return "action_identified"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if not turn.identity.link:
            return await super().handle(turn)
        # By her ticket: where she writes is bound now, and she hears to which account.
        orders = await turn.shop.orders(turn.identity.customer_id or "", limit=1)
        steps = likely_steps(orders[0]) if orders else [option(step) for step in NEWCOMER_STEPS]
        turn.say("utter_bound", {"phone": await account_phone(turn)}, steps)
        if orders:
            turn.card("order", order_card(orders[0]))
        return None

    @override
    def _newcomer(self, turn: TurnContext, name: str) -> None:
        turn.say("utter_identified_no_orders", options=[option(step) for step in NEWCOMER_STEPS])

    @override
    def _returning(self, turn: TurnContext, name: str, order: Order, now: datetime) -> None:
        turn.say("utter_identified", options=likely_steps(order))

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        if turn.identity.link:
            turn.say("utter_bound", options=[option(step) for step in GENERAL_STEPS])
            return []
        turn.say("utter_identified", options=[option(step) for step in GENERAL_STEPS])
        return []


class Greet(ShopAction):
    """Answers 您好 in the middle of a conversation, with what the latest order suggests."""

    @override
    def name(self) -> str:
        return "action_greet"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        steps = [option(step) for step in GENERAL_STEPS]
        if turn.identity.customer_id is not None:
            try:
                orders = await turn.shop.orders(turn.identity.customer_id, limit=1)
                steps = likely_steps(orders[0]) if orders else [option(step) for step in NEWCOMER_STEPS]
            except (ShopUnavailableError, NotFoundError):
                pass  # a greeting needs no shop
        turn.say("utter_greet", options=steps)
        return None


class Goodbye(ShopAction):
    """Takes leave."""

    @override
    def name(self) -> str:
        return "action_goodbye"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        turn.say("utter_goodbye")
        turn.directive("closed")
        return None
