"""Praise of goods, people or the shop: thanked for, and noted once for the shop. Nobody is called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import parsing
from actions.base import Events, ShopAction, TurnContext, option
from actions.human import reason_of
from actions.order_choice import at_hand, item_names, own_orders
from actions.shop.errors import NotFoundError, ShopUnavailableError
from actions.shop.models import Order

_WORDS = Path(__file__).resolve().parents[1] / "nlu_data" / "meanings" / "praise.yml"
_PRAISED = "praised"
_HELP = ("request_return", "complain", "ask_human")
_GOODS, _SHOP, _NO_PRAISE = "goods", "shop", "no_praise"


@lru_cache(maxsize=1)
def _subjects() -> tuple[tuple[str, re.Pattern[str]], ...]:
    table: Mapping[str, Sequence[str]] = yaml.safe_load(_WORDS.read_text("utf-8"))
    return tuple((subject, re.compile("|".join(words))) for subject, words in table.items())


def is_doubtful(text: str) -> bool:
    """Whether `text` has a word that no praise has: 质量真差 resembles 质量真好, and irony resembles both."""
    words = dict(_subjects())[_NO_PRAISE]
    return words.search(parsing.normalise(text)) is not None


def subject_of(text: str) -> str:
    """Return whom praise of a service is for: ``courier``, ``agent``, else ``shop``."""
    text = parsing.normalise(text)
    subjects = (found for found in _subjects() if found[0] != _NO_PRAISE)
    return next((subject for subject, words in subjects if words.search(text)), _SHOP)


class TakePraise(ShopAction):
    """Thanks, and notes it with the order where one is named or was just talked of."""

    @override
    def name(self) -> str:
        return "action_take_praise"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if is_doubtful(turn.text):
            turn.say("utter_praise_doubtful", options=[option(step) for step in _HELP])
            return None
        return self._take(turn, await _order_meant(turn))

    def _take(self, turn: TurnContext, order: Order | None) -> Events:
        goods = turn.intent == "praise_goods"
        subject = _GOODS if goods else subject_of(turn.text)
        steps = [option("ask_new_arrivals"), option("ask_recommendation")]
        if goods:
            facts: dict[str, Any] = {"items": item_names(order)} if order is not None else {}
            turn.say("utter_praise_goods", facts, steps)
        else:
            turn.say("utter_praise_service", {"subject": subject}, steps)
        noted: list[str] = turn.slot(_PRAISED) or []
        if subject in noted:
            return []
        number = order.order_number if order is not None else None
        turn.directive("praise", reason=reason_of(turn), order_number=number)
        return [SlotSet(_PRAISED, [*noted, subject])]

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        """Thank all the same: nothing of the shop is needed for it."""
        return self._take(turn, None)


async def _order_meant(turn: TurnContext) -> Order | None:
    """Return the order whose goods are named; for praise of a service, else the one talked of."""
    if turn.identity.anonymous and not turn.identity.orders:
        return None
    try:
        orders = await own_orders(turn)
    except (NotFoundError, ShopUnavailableError):
        return None
    words = parsing.match_words(turn.text, [" ".join(item_names(order)) for order in orders])
    if len(words) == 1:
        return orders[words[0]]
    if turn.intent == "praise_goods":  # what was talked of last need not be what she likes
        return None
    recent = await at_hand(turn)
    return next((order for order in orders if order.order_number == recent), None)
