"""Yes, no, stop, a choice and bare numbers where no form waits for them."""

from __future__ import annotations

from rasa_sdk.events import FollowupAction, SlotSet
from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.order_choice import named_number, own_orders, pick
from actions.product_choice import products_offered
from actions.questions import FORMS_OF_PRODUCTS, answering, is_of_orders

_HELP = ("list_orders", "ask_human")


class Affirm(ShopAction):
    """A yes without a question; a second tap on a finished confirmation is told apart."""

    @override
    def name(self) -> str:
        return "action_affirm"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if named_number(turn):  # whatever a number was taken for, it asks about its order
            return await answering(turn.slot("offered_intent")).handle(turn)
        tapped = turn.entity("write")
        if tapped is not None and tapped == turn.slot("last_write"):
            turn.say("utter_already_done", options=[option("ask_order_status"), option("ask_human")])
        else:
            turn.say("utter_nothing_to_confirm", options=[option(step) for step in _HELP])
        return None


class Deny(ShopAction):
    """A no without a question."""

    @override
    def name(self) -> str:
        return "action_deny"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if named_number(turn):
            return await answering(turn.slot("offered_intent")).handle(turn)
        turn.say("utter_nothing_changed", options=[option(step) for step in _HELP])
        return [SlotSet("offered_orders", None), SlotSet("offered_intent", None)]


class Stop(Deny):
    """算了, where nothing is under way."""

    @override
    def name(self) -> str:
        return "action_stop"


class Choose(ShopAction):
    """第二个, 耳机那个: goes on with the question that was asked with the choice."""

    @override
    def name(self) -> str:
        return "action_choose"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        asked = turn.slot("offered_intent")
        if asked in FORMS_OF_PRODUCTS:
            return [FollowupAction(FORMS_OF_PRODUCTS[asked])]
        if not is_of_orders(asked, products=products_offered(turn)):
            return await answering(asked).handle(turn)
        number = named_number(turn)
        proven = not turn.identity.anonymous or bool(turn.identity.orders)
        if number is None and proven:
            orders = await own_orders(turn)
            offered = turn.slot("offered_orders") or ()
            pointed = pick(turn.text, orders, offered, await turn.shop.now()) if turn.text else []
            if not pointed:
                turn.say("utter_choice_unclear", options=[option(step) for step in _HELP])
                return None
        return await answering(asked).handle(turn)


class GiveOrderNumber(ShopAction):
    """A bare order number: the answer to what was asked, else its status."""

    @override
    def name(self) -> str:
        return "action_give_order_number"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        return await answering(turn.slot("offered_intent")).handle(turn)


class GivePhoneTail(Choose):
    """Four bare digits where no verification waits: perhaps the end of an order's number."""

    @override
    def name(self) -> str:
        return "action_give_phone_tail"
