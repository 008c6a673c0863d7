"""The judge can find fault: what it lets pass and what not."""

from __future__ import annotations

from typing import Any

import pytest

from persona.wording.engine import Wording
from tests.conversations.cases import Case, Turn
from tests.conversations.judging import Judge, fits, same
from tests.conversations.playing import Run
from tests.conversations.recorded import Answered, Told

FACTS = {"items": ["轻量跑鞋"]}
RECORD = {"requests": [], "escalations": [], "care": [], "owner": "BOT"}


@pytest.fixture(scope="module")
def wording() -> Wording:
    return Wording.load()


def run(wording: Wording, style: str, **changes: Any) -> Run:
    """Return a run in which one thing was asked and answered, or something else instead."""
    facts = changes.pop("facts", FACTS)
    text = changes.pop("text", None) or wording.say("utter_no_aftersale_for_order", facts, style).text
    told = Told("utter_no_aftersale_for_order", facts, text, "calm")
    answered = Answered("cancel_refund", (told,), (), ("申请退货",), ())
    record = {**RECORD, "style": style, **changes.pop("record", {})}
    return Run(style, (answered,), changes.pop("outcome", {}), record)


def found(wording: Wording, *runs: Run, **demands: Any) -> str:
    turn = Turn(say="撤销", says=("utter_no_aftersale_for_order",), **demands)
    case = Case("t", "n", "happy", (turn,))
    return "\n".join(Judge(wording).findings(case, list(runs), {}))


def test_runs_that_agree_pass(wording: Wording) -> None:
    runs = [run(wording, style) for style in ("neutral", "power", "perfect", "peace", "lively")]
    assert found(wording, *runs, facts={"items": ["轻量跑鞋"]}, offers=("申请退货",), cards=()) == ""


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"facts": {"items": ["别的鞋"]}}, "tells"),
        ({"text": "没有"}, "foreign"),
        ({"outcome": {"orders p1": {"state": "refunding"}}}, "outcome"),
        ({"record": {"escalations": ["threat"]}}, "record"),
        ({"record": {"style": "neutral"}}, "record"),
    ],
)
def test_a_style_that_differs_is_named(wording: Wording, changes: dict[str, Any], named: str) -> None:
    lines = found(wording, run(wording, "neutral"), run(wording, "power", **changes))
    assert named in lines and "power" in lines


def test_two_styles_in_the_same_words_are_found(wording: Wording) -> None:
    text = run(wording, "neutral").answers[0].text
    assert "say the same" in found(wording, run(wording, "neutral"), run(wording, "power", text=text))


@pytest.mark.parametrize(
    "demands",
    [
        {"facts": {"items": ["别的"]}},
        {"tells": ("没有的话",)},
        {"offers": ("没有的",)},
        {"cards": ("order",)},
    ],
)
def test_a_demand_that_is_not_met_is_found(wording: Wording, demands: dict[str, Any]) -> None:
    assert found(wording, run(wording, "neutral"), **demands)


def test_values_fit_as_what_they_are() -> None:
    assert fits("89.0", "89.00") and not fits("89", "88.99")
    assert fits("2026-11-24 18:00:00+08:00", "2026-11-24T18:00:00+08:00")
    assert fits({"a": "*"}, {"a": 1, "b": 2}) and not fits({"a": "*"}, {"a": None})
    assert not fits(True, "True") and not fits(["a"], ["a", "b"])


def test_only_what_counts_from_now_may_differ_between_styles() -> None:
    assert same("2026-11-24T18:00:00+08:00", "2026-11-24T18:00:09+08:00")
    assert not same("2026-11-24T18:00:00+08:00", "2026-11-25T18:00:00+08:00")
    assert same({"request": "AS261122366497"}, {"request": "AS261122074108"})
    assert same([{"text": "最晚 18:03 审核"}], [{"text": "最晚 18:04 审核"}]) and not same(
        "退 3 元", "退 4 元"
    )
