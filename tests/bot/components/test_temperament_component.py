"""The NLU component: where the belief comes from, and what a message gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from persona.temperament.types import TYPES, Belief, Mood, Reading, Signal, Temperament, Turn

pytestmark = [pytest.mark.model, pytest.mark.usefixtures("rasa_loaded")]

FLAT = (-1.3863, -1.3863, -1.3863, -1.3863)


def belief(turns: int, served: Temperament | None = None) -> Belief:
    return Belief(prior=FLAT, turns=turns, served=served)


class CountingReader:
    """A double: serves `power` after each message and counts turns."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Belief | None, tuple[Turn, ...]]] = []
        self.felt: list[tuple[str, tuple[Turn, ...]]] = []

    def read(self, text: str, *, belief: Belief | None = None, context: Sequence[Turn] = ()) -> Reading:
        self.seen.append((text, belief, tuple(context)))
        before = belief or Belief(prior=FLAT)
        after = replace(before, turns=before.turns + 1, served=Temperament.POWER)
        return Reading(Temperament.POWER, None, dict.fromkeys(TYPES, 0.25), (), Mood.CALM, (), after)

    def feel(self, text: str, *, context: Sequence[Turn] = ()) -> tuple[Mood, tuple[Signal, ...]]:
        self.felt.append((text, tuple(context)))
        return Mood.ANGRY, (Signal("threat", text, 0, 1), Signal("safety", text, 0, 1))

    def carry(self, earlier: Belief, prior: Belief) -> Belief:
        return replace(earlier, prior=prior.prior)


def process(
    text: str, metadata: dict[str, Any] | None = None, tracker: Any = None
) -> tuple[Any, CountingReader]:
    from rasa.shared.nlu.training_data.message import Message

    from bot.components.temperament import TemperamentReader

    reader = CountingReader()
    message = Message({"text": text, "metadata": metadata or {}})
    TemperamentReader(reader).process([message], tracker)  # type: ignore[arg-type]
    return message, reader


def conversation(*events: Any, **slots: Any) -> Any:
    from rasa.shared.core.slots import AnySlot
    from rasa.shared.core.trackers import DialogueStateTracker

    kinds = [AnySlot(name, mappings=[]) for name in ("prior", "personalisation")]
    tracker = DialogueStateTracker.from_events("x", list(events), kinds)
    for name, value in slots.items():
        tracker.slots[name].value = value
    return tracker


def said(text: str, held: Belief | None = None, message_id: str = "") -> Any:
    from rasa.shared.core.events import UserUttered

    told = {"belief": held.to_json() if held else None}
    return UserUttered(text, {"name": "ask"}, parse_data=told, message_id=message_id)


def test_a_message_gets_entity_reading_and_belief() -> None:
    message, reader = process("快点")
    output = message.as_dict(only_output_properties=True)
    assert [(e["entity"], e["value"]) for e in output["entities"]] == [("temperament", "power")]
    assert output["reading"]["temperament"] == "power"
    assert output["belief"]["turns"] == 1
    assert reader.seen[0][1] is None


def test_the_messages_own_belief_goes_before_the_trackers() -> None:
    tracker = conversation(said("前", belief(3)), prior=belief(0).to_json())
    _, reader = process("快点", {"belief": belief(7).to_json()}, tracker)
    assert reader.seen[0][1] == belief(7)


def test_without_one_the_latest_reading_of_the_tracker_counts() -> None:
    tracker = conversation(said("一", belief(3)), said("二", belief(4)), said("/tapped"))
    _, reader = process("快点", {}, tracker)
    assert reader.seen[0][1] == belief(4)


def test_a_conversation_without_reading_starts_from_the_prior() -> None:
    _, reader = process("快点", {}, conversation(prior=belief(0, Temperament.PEACE).to_json()))
    assert reader.seen[0][1] == belief(0, Temperament.PEACE)


def test_a_fresh_prior_is_put_under_the_earlier_evidence() -> None:
    prior = replace(belief(0), prior=(-0.1, -3.0, -3.0, -3.0))
    _, reader = process("快点", {"belief": belief(7).to_json(), "prior": prior.to_json()})
    assert reader.seen[0][1] == replace(belief(7), prior=prior.prior)


@pytest.mark.parametrize("broken", [{"prior": [1]}, "power", 7, {"prior": "abcd", "evidence": []}])
def test_a_broken_belief_is_ignored(broken: Any) -> None:
    _, reader = process("快点", {"belief": broken})
    assert reader.seen[0][1] is None


def test_the_context_is_what_was_said_and_not_what_was_tapped() -> None:
    from rasa.shared.core.events import BotUttered

    tracker = conversation(said("一"), BotUttered("甲"), said('/ask{"a": 1}'), BotUttered("乙"))
    _, reader = process("快点", {}, tracker)
    assert [(turn.who, turn.text) for turn in reader.seen[0][2]] == [
        ("shopper", "一"),
        ("agent", "甲"),
        ("agent", "乙"),
    ]


@pytest.mark.parametrize(
    ("metadata", "slot", "read"),
    [
        ({"personalisation": False}, None, False),
        ({"personalisation": False}, True, False),
        ({}, False, False),
        ({"personalisation": True}, False, True),
        ({}, None, True),
    ],
)
def test_personalisation_off_reads_nothing(metadata: dict[str, Any], slot: bool | None, read: bool) -> None:
    metadata = {**metadata, "belief": belief(3).to_json()}
    message, reader = process("快点", metadata, conversation(personalisation=slot))
    assert bool(reader.seen) is read
    assert message.get("entities")[0]["value"] == ("power" if read else "neutral")
    assert (message.get("belief") is not None) is read


def test_a_tapped_button_is_no_evidence_and_keeps_the_style() -> None:
    from bot.components.temperament import keep_style

    reader = CountingReader()
    held = belief(5, Temperament.LIVELY)
    style = keep_style(reader, {"belief": held.to_json()}, None)  # type: ignore[arg-type]
    assert (style.served, style.reading, style.belief) == ("lively", None, held.to_json())
    assert reader.seen == []


def test_signals_are_looked_for_without_a_reading_also_where_the_message_is_recorded() -> None:
    from rasa.shared.core.events import BotUttered

    from bot.components.temperament import CONTEXT, signals_of

    reader = CountingReader()
    before = [
        event for i in range(CONTEXT) for event in (said(f"问{i}", message_id=f"m_{i}"), BotUttered(f"答{i}"))
    ]
    recorded = [said("我投诉你", message_id="m_x"), BotUttered("您别急"), said("好", message_id="m_y")]
    for events in (before, before + recorded):
        found = signals_of(reader, "我投诉你", conversation(*events), "m_x")  # type: ignore[arg-type]
        assert found == {"signals": {"mood": "angry", "names": ["safety", "threat"]}}
    fresh, again = reader.felt
    assert fresh == again
    assert [turn.text for turn in fresh[1]] == ["问3", "答3", "问4", "答4", "问5", "答5"]
    assert signals_of(reader, None) == {}  # type: ignore[arg-type]
    assert reader.seen == []
