"""What was not understood: the likeliest intents to tap; a second miss in a row offers a human."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option

_SUGGESTED = 3
#: Below this share of the ranking a suggestion is a guess that helps nobody.
_LIKELY = 0.04
_MISS = "action_fallback"

#: Intent -> the option that offers it. What is missing here is nothing to tap (greetings, insults, numbers).
OFFERS: Mapping[str, str] = {
    **{
        name: name
        for name in (
            "track_shipment",
            "urge_shipment",
            "ask_order_status",
            "list_orders",
            "change_address",
            "cancel_order",
            "request_return",
            "request_exchange",
            "request_refund",
            "ask_aftersale_progress",
            "ask_return_policy",
            "verify_me",
            "ask_membership",
            "ask_points",
            "ask_my_address",
            "ask_coupons",
            "ask_recommendation",
            "ask_new_arrivals",
            "ask_reviews",
            "complain",
            "ask_human",
            "ask_callback",
            "ask_help",
            "ask_privacy",
            "personalisation_off",
            "personalisation_on",
        )
    },
    "ask_product_spec": "ask_product",
    "ask_product_size": "ask_size",
    "ask_product_stock": "ask_stock",
    "ask_product_price": "ask_price",
    "ask_product_warranty": "ask_warranty",
}


def likely_offers(ranking: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the options of the likeliest intents, at most three, likeliest first."""
    offers = (
        OFFERS[str(entry.get("name"))]
        for entry in ranking
        if entry.get("name") in OFFERS and float(entry.get("confidence") or 0.0) >= _LIKELY
    )
    return list(dict.fromkeys(offers))[:_SUGGESTED]


def _turns(events: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the events of each message's turn, the latest first."""
    turn: list[Mapping[str, Any]] = []
    for event in reversed(events):
        if event.get("event") == "user":
            yield turn
            turn = []
        else:
            turn.append(event)


def missed_before(events: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether the message before this one was missed too."""
    turns = _turns(events)
    next(turns, None)  # this message
    before = next(turns, None)
    return any(e.get("event") == "action" and e.get("name") == _MISS for e in before or ())


class Fallback(ShopAction):
    """Offers what she may have meant, and a human after a second miss."""

    @override
    def name(self) -> str:
        return _MISS

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if not any(char.isalnum() for char in turn.text):
            turn.say(
                "utter_symbols",
                options=[option("list_orders"), option("ask_recommendation"), option("ask_human")],
            )
            return None
        offers = likely_offers(turn.message.get("intent_ranking") or ())
        if missed_before(turn.tracker.events or []):
            rest = [offer for offer in offers if offer != "ask_human"][:2]
            turn.say("utter_fallback_human", options=[option(offer) for offer in ("ask_human", *rest)])
        elif len(offers) >= 2:
            turn.say("utter_fallback", options=[option(offer) for offer in offers])
        else:
            turn.say(
                "utter_fallback_plain",
                options=[option("list_orders"), option("ask_recommendation"), option("ask_human")],
            )
        return None
