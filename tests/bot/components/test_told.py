"""What a text was made of travels beside it to the record; the tracker keeps nothing of it."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.model

from persona.wording import Wording  # noqa: E402


async def test_the_generator_notes_response_and_facts_of_what_it_said() -> None:
    from rasa.shared.core.slots import AnySlot
    from rasa.shared.core.trackers import DialogueStateTracker

    from bot.components.nlg import StyleGenerator, told

    tracker = DialogueStateTracker("c_1", [AnySlot("temperament", mappings=[{}], initial_value="power")])
    facts: dict[str, Any] = {
        "items": ["轻量跑鞋"],
        "number": "202611200001",
        "expected_by": "2026-11-24T18:00:00+08:00",
    }
    generator = StyleGenerator(wording=Wording.load())
    noted: list[Any] = []
    mark = told.set(noted)
    try:
        said = await generator.generate("utter_order_shipped", tracker, "front", facts=dict(facts))
        await generator.generate(
            "utter_order_shipped", tracker, "front", facts={"items": ["鞋"]}
        )  # apologises
    finally:
        told.reset(mark)
    assert said is not None and set(said) <= {"text", "buttons"}  # nothing for the tracker's metadata
    [entry] = noted
    assert (entry.text, entry.response, entry.facts) == (said["text"], "utter_order_shipped", facts)


def test_each_text_finds_its_own_facts_and_a_repeat_goes_without() -> None:
    from bot.components.nlg import Told
    from bot.components.turn import _with_facts

    outcome: dict[str, Any] = {
        "replies": [{"text": "一样"}, {"custom": {}}, {"text": "一样"}, {"text": "别的"}]
    }
    made = [Told("一样", "utter_a", {"n": 1}), Told("一样", "utter_b", {"n": 2})]
    assert _with_facts(outcome, made) is outcome
    assert [r.get("told") for r in outcome["replies"]] == [
        {"response": "utter_a", "facts": {"n": 1}},
        None,
        {"response": "utter_b", "facts": {"n": 2}},
        None,
    ]
    assert _with_facts(None, made) is None


async def test_a_policy_leaves_with_its_card_in_one_reply() -> None:
    from rasa.shared.core.events import BotUttered
    from rasa.shared.core.slots import AnySlot
    from rasa.shared.core.trackers import DialogueStateTracker

    from bot.components.nlg import StyleGenerator
    from bot.components.turn import _replies

    tracker = DialogueStateTracker("c_1", [AnySlot("temperament", mappings=[{}], initial_value="power")])
    rows = [
        {"part": "conclusion", "text": "可以退。", "core": True},
        {"part": "step", "text": "先提交申请。", "core": False},
    ]
    facts = {"clauses": rows, "rule": "退货", "cited": False, "which": False}
    said = await StyleGenerator(wording=Wording.load()).generate(
        "utter_policy_yes", tracker, "front", facts=facts
    )
    assert said is not None
    clauses = said["custom"]["data"]["clauses"]
    assert [(row["text"], row["told"]) for row in clauses] == [("可以退。", True), ("先提交申请。", False)]
    step = {"title": "申请退货", "payload": "/request_return"}
    event = BotUttered(said["text"], {"buttons": [step], "custom": said["custom"]})
    assert list(_replies(event)) == [{"text": said["text"], "buttons": [step], "custom": said["custom"]}]
    told = {"type": "directive", "directive": "closed"}
    apart = list(_replies(BotUttered("再见", {"custom": told})))
    assert apart == [{"text": "再见"}, {"custom": told}]
