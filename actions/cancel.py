"""Cancelling an order that is not dispatched."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from actions.base import TurnContext, option
from actions.escalating import refuse
from actions.order_choice import MOVING, NOT_SHIPPED, authority, in_states
from actions.shop.models import Order, OrderState
from actions.write_form import Draft, WriteForm, confirmation, names


class CancelForm(WriteForm):
    """Which order, summary, confirmation, done. A shipped order is refused or returned instead."""

    form = "cancel_form"
    intents = ("cancel_order",)
    tiers = (in_states(*NOT_SHIPPED), in_states(*MOVING))
    left = "utter_cancel_left"
    none_fits = "utter_nothing_to_cancel"
    taken_back = frozenset({"restore_order", "cancel_refund"})  # 不取消了, before anything was cancelled

    @override
    async def check(self, turn: TurnContext, order: Order, draft: Draft) -> bool:
        if order.state in NOT_SHIPPED:
            return True
        self.refused(turn, order, order.state.value)
        return False

    @override
    def refused(self, turn: TurnContext, order: Order, rule: str) -> None:
        number = order.order_number
        facts = names(order)
        if order.state is OrderState.DELIVERED:
            steps = [
                option("request_return", order_number=number),
                option("request_exchange", order_number=number),
            ]
            turn.say("utter_cancel_delivered", facts, steps)
        elif order.state in (OrderState.CANCELLED, OrderState.REFUNDED, OrderState.REFUNDING):
            turn.say(
                "utter_cancel_over",
                facts | {"state": order.state},
                [option("ask_order_status", order_number=number)],
            )
        else:  # on its way, or handed over to the carrier a moment ago
            facts |= {"expected_by": order.shipment.expected_by} if order.shipment else {}
            steps = [
                option("request_refund", order_number=number),
                option("track_shipment", order_number=number),
            ]
            turn.say("utter_cancel_shipped", facts | {"total": order.total}, steps)
            refuse(turn, "cancel", number)

    @override
    async def summarise(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        facts: dict[str, Any] = names(order) | {"total": order.total}
        if order.state is OrderState.UNPAID:
            turn.say("utter_cancel_confirm_unpaid", facts, confirmation(draft))
        else:
            facts |= {"method": order.payment_method, "days": await self._days(turn, order)}
            turn.say("utter_cancel_confirm", facts, confirmation(draft))

    @override
    async def write(self, turn: TurnContext, order: Order, draft: Draft) -> None:
        number = order.order_number
        days = await self._days(turn, order)
        owner = authority(turn.identity, number)
        result = await turn.shop.cancel_order(number, customer_id=owner, key=str(draft.key))
        facts: dict[str, Any] = names(result.order)
        steps = [option("ask_recommendation"), option("list_orders")]
        if result.order.paid_at is None:
            turn.say("utter_cancelled_unpaid", facts, steps)
        else:
            facts |= {"total": result.order.total, "method": result.order.payment_method, "days": days}
            turn.say("utter_cancelled", facts, steps)

    @staticmethod
    async def _days(turn: TurnContext, order: Order) -> int:
        """Return the most working days until the money is back, by the shop's promise."""
        terms = await turn.shop.return_terms(
            order.order_number, customer_id=authority(turn.identity, order.order_number)
        )
        return terms.refund_days[1]
