"""When a conversation goes to a person, who comes first, and how long it takes."""

from __future__ import annotations

import copy
import inspect
from datetime import datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation import escalation
from bot.conversation.desk_types import Reason, Wish
from bot.conversation.escalation import (
    Decision,
    Rules,
    Said,
    Situation,
    decide,
    expected_minutes,
    place,
    worth_looking,
)
from bot.conversation.schema import SHANGHAI
from bot.conversation.types import Trouble

RULES = Rules.load()
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)
ANGRY, CALM = Said("angry"), Said("calm")
MISSED, FAILED = Said("calm", trouble=Trouble.MISUNDERSTOOD), Said("calm", trouble=Trouble.FAILED)


def signals(*names: str, **more: Any) -> Said:
    return Said("calm", frozenset(names), **more)


@pytest.mark.parametrize(
    ("recent", "expected"),
    [
        ([CALM], None),
        ([ANGRY], None),
        ([ANGRY, ANGRY], Reason.ANGER),
        ([ANGRY, CALM, ANGRY], Reason.ANGER),
        ([ANGRY, CALM, CALM, ANGRY], None),
        ([CALM, ANGRY, ANGRY], None),  # calmed down again
        ([MISSED], None),
        ([MISSED, MISSED], Reason.REPEATED_MISUNDERSTANDING),
        ([MISSED, CALM, MISSED], None),
        ([MISSED, FAILED], None),  # each once
        ([FAILED, FAILED], Reason.TOOL_FAILURE),
        ([signals("threat")], Reason.THREAT),
        ([signals("safety")], Reason.SAFETY),
        ([signals("safety", "threat")], Reason.SAFETY),
        ([signals("urgency")], None),
        ([signals("giving_up")], None),  # nothing went wrong before
        ([Said(None)], None),
    ],
)
def test_what_the_last_messages_lead_to(recent: list[Said], expected: Reason | None) -> None:
    found = decide(Situation(tuple(recent)), RULES)
    assert (found.reason if found else None) is expected
    assert found is None or not found.offer


@pytest.mark.parametrize(
    ("recent", "reason"),
    [
        ([signals("giving_up", trouble=Trouble.FAILED)], Reason.TOOL_FAILURE),
        ([signals("giving_up"), FAILED], Reason.TOOL_FAILURE),
        ([signals("giving_up"), MISSED], Reason.REPEATED_MISUNDERSTANDING),
    ],
)
def test_who_gives_up_after_trouble_is_offered_a_person(recent: list[Said], reason: Reason) -> None:
    assert decide(Situation(tuple(recent)), RULES) == Decision(reason, offer=True)


def test_giving_up_long_after_the_trouble_is_no_silent_complaint() -> None:
    assert decide(Situation((signals("giving_up"), CALM, FAILED)), RULES) is None


@pytest.mark.parametrize("reason", list(Reason))
def test_what_is_asked_for_is_done_whatever_was_before(reason: Reason) -> None:
    rested = dict.fromkeys(Reason, 0)
    for recent in ((), (CALM,), (ANGRY, ANGRY)):
        assert decide(Situation(recent, Wish(reason), rested), RULES) == Decision(reason)


def test_a_complaint_that_threatens_is_a_threat() -> None:
    threat = Said("angry", frozenset({"threat"}))
    for wished, expected in (
        (Reason.COMPLAINT, Reason.THREAT),
        (Reason.CUSTOMER_REQUEST, Reason.CUSTOMER_REQUEST),
    ):
        assert decide(Situation((threat,), Wish(wished)), RULES) == Decision(expected)


def test_danger_goes_before_what_is_asked_for() -> None:
    asked = Situation((signals("safety"),), Wish(Reason.COMPLAINT))
    assert decide(asked, RULES) == Decision(Reason.SAFETY)


@pytest.mark.parametrize(("messages", "again"), [(0, False), (9, False), (10, True)])
def test_an_automatic_reason_rests_after_a_hand_over(messages: int, *, again: bool) -> None:
    rested = {Reason.ANGER: messages}
    assert (decide(Situation((ANGRY, ANGRY), rested=rested), RULES) is not None) is again


def test_another_reason_does_not_rest_along() -> None:
    rested = {Reason.ANGER: 0, Reason.SAFETY: 0}
    angry_and_threatening = Said("angry", frozenset({"threat"}))
    assert decide(Situation((angry_and_threatening, ANGRY), rested=rested), RULES) == Decision(Reason.THREAT)
    assert decide(Situation((signals("safety"),), rested=rested), RULES) == Decision(Reason.SAFETY)


SAID = st.builds(
    Said,
    mood=st.sampled_from([None, "calm", "angry", "complaining", "worried", "hesitant", "cheerful"]),
    signals=st.frozensets(st.sampled_from(["urgency", "threat", "safety", "giving_up"])),
    trouble=st.sampled_from([None, *Trouble]),
)


@given(st.lists(SAID, min_size=1, max_size=6))
def test_nothing_is_missed_by_not_looking_back(recent: list[Said]) -> None:
    # What was before is only read where the last message is worth it.
    if not worth_looking(recent[0]):
        assert decide(Situation(tuple(recent)), RULES) is None


@pytest.mark.parametrize("function", [decide, place, expected_minutes, worth_looking])
def test_temperament_is_no_argument(function: Any) -> None:
    names = set(inspect.signature(function).parameters)
    for kind in (Situation, Said, Wish, Decision):
        names |= set(kind.__dataclass_fields__)
    assert not any(word in name for name in names for word in ("temper", "style", "belief", "type", "prob"))
    source = inspect.getsource(escalation)
    assert "persona.temperament import" not in source and "from persona" not in source


def test_places_follow_reason_and_published_level() -> None:
    def key(reason: Reason, minutes_ago: float, level: str | None = None) -> tuple[int, datetime]:
        return place(reason, NOW - timedelta(minutes=minutes_ago), level, RULES)

    order = [
        key(Reason.SAFETY, 0),
        key(Reason.THREAT, 1),  # 10 minutes ahead
        key(Reason.CUSTOMER_REQUEST, 6, "diamond"),  # 5 minutes ahead
        key(Reason.ANGER, 1),
        key(Reason.CUSTOMER_REQUEST, 6, "gold"),
        key(Reason.CUSTOMER_REQUEST, 6, "silver"),
        key(Reason.CUSTOMER_REQUEST, 6),
        key(Reason.CUSTOMER_REQUEST, 6 - 0.01, "ordinary"),
        key(Reason.CUSTOMER_REQUEST, 0),
    ]
    assert order == sorted(order)
    assert key(Reason.COMPLAINT, 0, "unheard of") == key(Reason.COMPLAINT, 0)


def test_nobody_waits_for_ever_behind_head_starts() -> None:
    most = max(RULES.reason_start.values()) + max(RULES.level_start.values())
    old = place(Reason.CUSTOMER_REQUEST, NOW - most - timedelta(seconds=1), None, RULES)
    level = max(RULES.level_start, key=lambda name: RULES.level_start[name])
    assert all(old < place(reason, NOW, level, RULES) for reason in Reason if reason is not Reason.SAFETY)


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("position", "free", "slots", "handling", "minutes"),
    [
        (1, 1, 3, 8, 1),
        (3, 3, 9, 8, 1),
        (1, 0, 1, 8, 8),
        (2, 0, 1, 8, 16),
        (2, 0, 4, 8, 4),
        (4, 1, 3, 8, 8),
        (100, 0, 1, 8, 60),
        (1, 0, 0, 8, 60),  # nobody
        (1, 0, 100, 0.5, 1),
    ],
)
def test_expected_minutes(position: int, free: int, slots: int, handling: float, minutes: int) -> None:
    found = expected_minutes(
        position=position, free=free, slots=slots, handling=handling * MINUTE, rules=RULES
    )
    assert found == minutes


@given(st.integers(1, 500), st.integers(0, 30), st.integers(0, 90), st.floats(0.1, 600))
def test_who_stands_behind_waits_no_shorter(position: int, free: int, slots: int, handling: float) -> None:
    def at(place_: int) -> int:
        return expected_minutes(
            position=place_, free=free, slots=slots, handling=handling * MINUTE, rules=RULES
        )

    assert 1 <= at(position) <= at(position + 1) <= 60


def test_a_position_counts_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        expected_minutes(position=0, free=1, slots=1, handling=MINUTE, rules=RULES)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("when", "anger", "times"), 4, "when.anger"),
        (("when", "failures"), 0, "when.failures"),
        (("when", "failures"), True, "when.failures"),
        (("when", "misunderstood_intents"), [], "misunderstood_intents"),
        (("waiting", "tell_again_minutes"), [8, 3], "tell_again"),
        (("waiting", "reassign_minutes"), 1, "remind_agent_minutes"),
        (("waiting", "gone_minutes"), "3", "gone_minutes"),
        (("waiting", "nobody_minutes"), 0, "nobody_minutes"),
        (("head_start_minutes", "reason", "anger"), -1, "reason.anger"),
        (("head_start_minutes", "level", "gold"), None, "level.gold"),
        (("head_start_minutes", "reason", "temperament"), 3, "temperament is unknown"),
        (("surprise",), 1, "surprise"),
    ],
)
def test_wrong_figures_are_named(path: tuple[str, ...], value: Any, named: str) -> None:
    data = copy.deepcopy(yaml.safe_load(escalation.PATH.read_text(encoding="utf-8")))
    inner = data
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    with pytest.raises(ValueError, match=named):
        Rules.from_data(data)


@pytest.mark.parametrize("data", [None, [], {"when": {}}])
def test_a_file_that_is_none_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"is missing|no table"):
        Rules.from_data(data)
