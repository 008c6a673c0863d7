"""Answers to what a shopper shares of her life: nobody is congratulated on a loss."""

from __future__ import annotations

from typing_extensions import override

from actions import wishes
from actions.base import Events, ShopAction, TurnContext

_ANSWERS = {"crisis": "utter_share_crisis", "sorrow": "utter_share_low", "joy": "utter_share_joy"}
_MEANT = {"share_crisis": "utter_share_crisis", "share_low": "utter_share_low"}


class Chat(ShopAction):
    """Small talk, unless her words are grave."""

    @override
    def name(self) -> str:
        return "action_chat"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        turn.say(_ANSWERS["crisis"] if wishes.feeling(turn.text) == "crisis" else "utter_chitchat")
        return None


class Share(ShopAction):
    """Feels with her. The graver of the intent and of her words counts; joy needs a word of joy."""

    @override
    def name(self) -> str:
        return "action_share"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        feeling = wishes.feeling(turn.text)
        if feeling == "crisis":
            response = _ANSWERS["crisis"]
        else:
            response = _MEANT.get(turn.intent) or _ANSWERS.get(feeling or "", "utter_chitchat")
        turn.say(response)
        return None
