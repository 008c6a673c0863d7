"""Switches the reading of style off and on. The front owns the choice; the directive tells it."""

from __future__ import annotations

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.wishes import CARE_HEARD, CARE_TOLD, refuses


class PersonalisationOff(ShopAction):
    """Stops the reading of style; what was inferred is deleted."""

    @override
    def name(self) -> str:
        return "action_personalisation_off"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        facts = {"deleted": True, "same_terms": True}
        turn.say("utter_personalisation_off", facts, [option("personalisation_on")])
        turn.directive("personalisation", on=False)
        return [
            SlotSet("personalisation", False),
            SlotSet("prior", None),
            SlotSet(CARE_HEARD, None),
            SlotSet(CARE_TOLD, None),
            SlotSet("temperament", "neutral"),
        ]


class PersonalisationOn(ShopAction):
    """Allows the reading of style again; a message that says no is taken at its word, whatever its intent."""

    @override
    def name(self) -> str:
        return "action_personalisation_on"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if refuses(turn.text):
            return await PersonalisationOff().handle(turn)
        facts = {"same_terms": True, "can_close": True}
        turn.say("utter_personalisation_on", facts, [option("personalisation_off")])
        turn.directive("personalisation", on=True)
        return [SlotSet("personalisation", True)]
