"""Where the parcel is, and urging a dispatch or a parcel."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.cards import shipment_card
from actions.order import booked, describe
from actions.order_choice import (
    MOVING,
    authority,
    find_order,
    in_states,
    item_names,
    remember_order,
    say_unfound,
)
from actions.shop.errors import RuleError
from actions.shop.models import Order, OrderState, Shipment


class TrackShipment(ShopAction):
    """Tells where a parcel is and when it arrives."""

    @override
    def name(self) -> str:
        return "action_track_shipment"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        choice = await find_order(
            turn, in_states(*MOVING), in_states(OrderState.PAID), in_states(OrderState.DELIVERED)
        )
        if choice.order is None:
            return say_unfound(turn, choice, "track_shipment", "utter_nothing_to_track")
        order, shipment = choice.order, choice.order.shipment
        if shipment is None or order.state not in (*MOVING, OrderState.DELIVERED):
            # Nothing travels (yet): its state says why, and what comes next.
            turn.say(*describe(order, await turn.shop.now()))
            return remember_order(order)
        response, facts, steps = _progress(order, shipment)
        turn.say(response, facts, [option(step, order_number=order.order_number) for step in steps])
        turn.card("shipment", shipment_card(order, shipment))
        return remember_order(order)


def _progress(order: Order, shipment: Shipment) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    facts: dict[str, Any] = {
        "items": item_names(order),
        "carrier": shipment.carrier,
        "tracking_number": shipment.tracking_number,
    }
    if order.state is OrderState.DELIVERED:
        facts["delivered_at"] = shipment.delivered_at or shipment.expected_by
        return "utter_track_delivered", facts, ("ask_return_policy", "request_return", "ask_human")
    facts["expected_by"] = shipment.expected_by
    if shipment.trace:
        last = shipment.trace[-1]
        facts |= {"place": last.place, "last_at": last.at, "last_text": last.text}
    if order.state is OrderState.EXCEPTION:
        facts["promised_by"] = shipment.promised_by
        if shipment.exception:
            facts["cause"] = shipment.exception
        return "utter_track_exception", facts, ("urge_shipment", "request_refund", "ask_human")
    if shipment.expected_by > shipment.promised_by:
        facts["promised_by"] = shipment.promised_by
        return "utter_track_late", facts, ("urge_shipment", "request_refund", "ask_human")
    return "utter_track_moving", facts | booked(order), ("urge_shipment", "request_refund")


class UrgeShipment(ShopAction):
    """Urges the warehouse or the carrier, once, and says by when what happens."""

    @override
    def name(self) -> str:
        return "action_urge_shipment"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        choice = await find_order(turn, in_states(OrderState.PAID, *MOVING))
        if choice.order is None:
            return say_unfound(turn, choice, "urge_shipment", "utter_nothing_to_urge")
        order = choice.order
        number = order.order_number
        owner = authority(turn.identity, number)
        facts: dict[str, Any] = {"items": item_names(order)}
        if order.state not in (OrderState.PAID, *MOVING):
            turn.say(*describe(order, await turn.shop.now()))
            return remember_order(order)
        try:
            result = await turn.shop.urge(number, customer_id=owner, key=turn.key("urge"))
        except RuleError:
            # Urged already, or nothing left to urge: the state and its date are the useful answer.
            fresh = await turn.shop.order(number, customer_id=owner)
            if fresh.urged_at is not None:
                facts["urged_at"] = fresh.urged_at
                turn.say("utter_urged_before", facts | _due(fresh), [option("ask_human")])
            else:
                turn.say(*describe(fresh, await turn.shop.now()))
            return remember_order(fresh)
        done = result.order
        response = "utter_urged_dispatch" if done.state is OrderState.PAID else "utter_urged_parcel"
        steps = [option("track_shipment", order_number=number), option("ask_human")]
        turn.say(response, facts | _due(done), steps)
        return remember_order(done)


def _due(order: Order) -> dict[str, Any]:
    if order.shipment is not None:
        return {"due": order.shipment.expected_by, "shipped": True}
    return {"due": order.ship_by, "shipped": False} if order.ship_by else {"shipped": False}
