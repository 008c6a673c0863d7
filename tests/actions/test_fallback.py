"""What was not understood: likely steps from the ranking, a human after the second miss."""

from __future__ import annotations

from typing import Any

import pytest

from actions.fallback import Fallback, likely_offers, offers
from actions.policy_topics import topics
from actions.shop.sql import SqlShop
from persona.strategy import Style
from tests.support.stage import Stage, wording

RANKING = [
    ("nlu_fallback", 0.6),
    ("track_shipment", 0.3),
    ("greet", 0.2),
    ("urge_shipment", 0.1),
    ("ask_order_status", 0.08),
    ("cancel_order", 0.05),
]


def user() -> dict[str, Any]:
    return {"event": "user"}


def action(name: str) -> dict[str, Any]:
    return {"event": "action", "name": name}


async def test_the_likeliest_are_offered_in_their_order_in_every_style(shop: SqlShop) -> None:
    scene = await Stage(shop).play(Fallback(), "那个啥来着", ranking=RANKING, events=[user()])
    assert scene.responses == ["utter_fallback"]
    assert scene.options == ["track_shipment", "urge_shipment", "ask_order_status"]
    for style in Style:
        assert len(scene.worded(style.value).buttons) == 3


@pytest.mark.parametrize("ranking", [[], [("nlu_fallback", 0.9), ("cancel_order", 0.01)], [("insult", 0.5)]])
async def test_without_a_likely_intent_general_steps_are_offered(
    shop: SqlShop, ranking: list[tuple[str, float]]
) -> None:
    scene = await Stage(shop).play(Fallback(), "嗯哼哼", ranking=ranking, events=[user()])
    assert scene.responses == ["utter_fallback_plain"]
    assert "ask_human" in scene.options


async def test_a_second_miss_in_a_row_offers_a_human_first(shop: SqlShop) -> None:
    missed = [user(), action("action_fallback"), action("action_listen"), user()]
    scene = await Stage(shop).play(Fallback(), "就是那个嘛", ranking=RANKING, events=missed)
    assert scene.responses == ["utter_fallback_human"]
    assert scene.options[0] == "ask_human"
    understood = [*missed, action("action_list_orders"), action("action_listen"), user()]
    fresh = await Stage(shop).play(Fallback(), "就是那个嘛", ranking=RANKING, events=understood)
    assert fresh.responses == ["utter_fallback"]


@pytest.mark.parametrize("text", ["😀", "？？？", "……", "👍👍", "~~~"])
async def test_symbols_alone_get_a_kind_answer(shop: SqlShop, text: str) -> None:
    scene = await Stage(shop).play(Fallback(), text, ranking=RANKING, events=[user()])
    assert scene.responses == ["utter_symbols"]


def test_an_intent_is_offered_once_and_every_offer_has_words() -> None:
    twice = [{"name": "ask_points", "confidence": 0.3}, {"name": "ask_points", "confidence": 0.2}]
    assert likely_offers(twice) == ["ask_points"]
    assert set(offers().values()) <= set(wording().catalogue.options)
    assert offers()["ask_product_spec"] == "ask_product"  # an option of another name
    assert not set(offers()) & {"affirm", "stop", "choose_reason", "not_solved", ""}


def test_every_question_about_the_rules_that_has_a_title_can_be_offered() -> None:
    titled = set(topics()) & set(wording().catalogue.options)
    assert titled <= set(offers())
    ranking = [{"name": intent, "confidence": 0.2} for intent in sorted(titled)[:5]]
    assert likely_offers(ranking) == [entry["name"] for entry in ranking[:3]]


async def test_it_asks_once_and_then_offers_a_person_as_long_as_it_understands_nothing(shop: SqlShop) -> None:
    events = [user()]
    heard = []
    for _ in range(3):
        scene = await Stage(shop).play(Fallback(), "就是那个嘛", ranking=RANKING, events=events)
        heard.append((scene.responses[0], len(scene.options)))
        events += [action("action_fallback"), action("action_listen"), user()]
    assert heard == [("utter_fallback", 3), *[("utter_fallback_human", 3)] * 2]
