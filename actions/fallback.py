"""What was not understood: the likeliest intents to tap; a second miss in a row offers a human."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from typing_extensions import override

from actions.answers import answered
from actions.base import Events, ShopAction, TurnContext, option
from persona.strategy.strict_yaml import read_mapping

_SUGGESTED = 3
#: Below this share of the ranking a suggestion is a guess that helps nobody.
_LIKELY = 0.04
_MISS = "action_fallback"

_OPTIONS = Path(__file__).resolve().parents[1] / "persona" / "wording" / "options.yml"
#: Steps that only mean something after what went before.
_NOT_OFFERED = frozenset({"show_more", "not_solved", "cancel_callback"})


@lru_cache(maxsize=1)
def offers() -> Mapping[str, str]:
    """Return intent → the option that offers it: each step with a title of its own, read once per process.

    What is missing here is nothing to tap (greetings, insults, numbers, answers to a question).
    """
    found: dict[str, str] = {}
    for name, data in read_mapping(_OPTIONS).items():
        intent = str(data.get("intent", ""))
        free = intent and "{{" not in f"{data['title']}{intent}" and data.get("kind", "step") == "step"
        if free and name not in _NOT_OFFERED and (name == intent or intent not in found):
            found[intent] = name
    return found


def likely_offers(ranking: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the options of the likeliest intents, at most three, likeliest first."""
    known = offers()
    likely = (
        known[str(entry.get("name"))]
        for entry in ranking
        if entry.get("name") in known and float(entry.get("confidence") or 0.0) >= _LIKELY
    )
    return list(dict.fromkeys(likely))[:_SUGGESTED]


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
        question = await answered(turn)
        if question is not None:
            return await question.handle(turn)
        likely = likely_offers(turn.message.get("intent_ranking") or ())
        if missed_before(turn.tracker.events or []):
            rest = [offer for offer in likely if offer != "ask_human"][:2]
            turn.say("utter_fallback_human", options=[option(offer) for offer in ("ask_human", *rest)])
        elif len(likely) >= 2:
            turn.say("utter_fallback", options=[option(offer) for offer in likely])
        else:
            turn.say(
                "utter_fallback_plain",
                options=[option("list_orders"), option("ask_recommendation"), option("ask_human")],
            )
        return None
