"""Statements of the shop's rules: selected, ordered and set by each style."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from persona.strategy import PARTS, Layout, PolicyRule, Style, load_strategies
from persona.wording import Wording, WordingError
from persona.wording.catalogue import load_catalogue
from persona.wording.check import check
from persona.wording.clauses import arrange, card
from tests.persona.wording.conftest import Room

ROWS: list[dict[str, Any]] = [
    {"part": "exception", "text": "定制的除外。", "core": False},
    {"part": "deadline", "text": "26 日前申请。", "core": True},
    {"part": "step", "text": "先提交申请。", "core": False},
    {"part": "step", "text": "再寄回。", "core": False},
    {"part": "conclusion", "text": "可以退。", "core": True},
]
ALL = PolicyRule(PARTS, True, Layout.NUMBERED, {"step": "步骤", "deadline": "时限"})
CORE = PolicyRule(PARTS, False, Layout.LINES, {})


def test_a_style_that_tells_all_numbers_the_parts() -> None:
    assert str(arrange(ROWS, ALL)).splitlines() == [
        "可以退。",
        "① 步骤：先提交申请。再寄回。",
        "② 时限：26 日前申请。",
        "③ 定制的除外。",
    ]
    assert str(arrange(ROWS[-2:], ALL)).splitlines() == [
        "可以退。",
        "步骤：再寄回。",
    ]  # one point has no number


def test_what_every_shopper_needs_is_told_in_every_style_and_order() -> None:
    for parts in list(permutations(PARTS))[::37]:
        for details in (True, False):
            told = str(arrange(ROWS, PolicyRule(parts, details, Layout.FLOWING, {})))
            assert "可以退。" in told
            assert "26 日前申请。" in told
            assert ("定制的除外。" in told) == details


def test_asked_again_it_tells_what_was_left_out_or_the_conclusion_alone() -> None:
    more = arrange(ROWS, CORE, untold=True)
    assert (more.more, str(more)) == (True, "先提交申请。\n再寄回。\n定制的除外。")
    for rows, rule in ((ROWS, ALL), (ROWS[1:2] + ROWS[4:], CORE)):
        last = arrange(rows, rule, untold=True)
        assert (last.more, str(last)) == (False, "可以退。")


def test_a_conclusion_is_told_even_where_it_is_called_a_detail() -> None:
    assert str(arrange([{"part": "conclusion", "text": "可以。", "core": False}], CORE)) == "可以。"


def test_the_strategies_tell_as_the_voice_guide_says() -> None:
    rules = {style: load_strategies().of(style).policy for style in Style}
    assert all(rule.parts[0] == "conclusion" for rule in rules.values())
    assert [style for style in Style if rules[style].details] == [Style.PERFECT]
    assert rules[Style.PERFECT].labels.keys() == set(PARTS) - {"conclusion"}
    assert rules[Style.POWER].layout is Layout.LINES
    assert rules[Style.PEACE].layout is Layout.FLOWING


FACTS = """
must:
  clauses: {type: clauses, sample: [{part: conclusion, text: 可以退。}, {part: fee, text: 运费您出。}]}
  rule: {type: text, sample: 退货运费, where: cited}
may:
  cited: {type: flag, sample: true}
"""
TEXTS = {
    "neutral": "{{ clauses }}{% if cited %}依据“{{ rule }}”规则。{% endif %}",
    "power": "{{ clauses }}{% if cited %}规则：{{ rule }}。{% endif %}",
    "perfect": "{{ clauses }}出自《{{ rule }}》一条。",
    "peace": "您放心，{{ clauses }}{% if cited %}店里的“{{ rule }}”就是这样定的。{% endif %}",
    "lively": "没问题👌 {{ clauses }}{% if cited %}“{{ rule }}”里写着呢～{% endif %}",
}


def violations(room: Room, facts: str = FACTS, **changes: str) -> list[tuple[str, str, str]]:
    room.response("utter_rule", facts=facts, **{**TEXTS, **changes})
    found = check(load_catalogue(room.root), frozenset({"utter_rule"}))
    return [(v.style, v.rule, v.message) for v in found]


def test_a_text_that_tells_all_statements_and_the_rule_passes(room: Room) -> None:
    assert violations(room) == []


def test_a_text_that_leaves_a_statement_or_the_rule_out_is_named(room: Room) -> None:
    first = "{% for row in clauses %}{% if loop.first %}{{ row.text }}{% endif %}{% endfor %}"
    ((style, rule, message),) = violations(room, power=first + "{% if cited %}按{{ rule }}。{% endif %}")
    assert (style, rule) == ("power", "must")
    assert "«运费您出。» of clauses" in message
    ((style, rule, message),) = violations(room, peace="您放心，{{ clauses }}店里一直是这样做的。")
    assert (style, rule) == ("peace", "must")
    assert "rule" in message


@pytest.mark.parametrize(
    "clauses",
    [[], "可以退。", [{"part": "price", "text": "可以。"}], [{"part": "fee"}], [{"part": "fee", "text": 3}]],
)
def test_statements_of_another_form_are_refused(room: Room, clauses: Any) -> None:
    room.response("utter_rule", facts=FACTS, **TEXTS)
    wording = Wording.load(room.root)
    with pytest.raises(WordingError, match="clauses"):
        wording.say("utter_rule", {"clauses": clauses, "rule": "退货运费"}, "power")


def test_statements_are_data_and_never_a_template(room: Room) -> None:
    room.response("utter_rule", facts=FACTS, **TEXTS)
    rows = [{"part": "conclusion", "text": "{{ rule }}{% x %}可以。"}]
    said = Wording.load(room.root).say("utter_rule", {"clauses": rows, "rule": "退货"}, "perfect")
    assert said.text.startswith("{{ rule }}{% x %}可以。")


NAMES = {part: part.upper() for part in PARTS}


def test_a_card_holds_all_that_holds_and_marks_what_the_text_tells() -> None:
    made = card("退货", arrange(ROWS, CORE), NAMES)
    assert made is not None
    assert (made["type"], made["card"], made["data"]["title"]) == ("card", "policy", "退货")
    clauses = made["data"]["clauses"]
    assert {row["text"]: row["told"] for row in clauses} == {row["text"]: row["core"] for row in ROWS}
    assert {row["label"] for row in clauses} <= set(NAMES.values())


def test_where_the_text_tells_all_there_is_no_card() -> None:
    assert card("退货", arrange(ROWS, ALL), NAMES) is None
    assert card("退货", arrange(ROWS, CORE, untold=True), NAMES) is None
    assert card("退货", arrange([row for row in ROWS if row["core"]], CORE), NAMES) is None


def test_the_styles_say_the_same_rules_with_their_card() -> None:
    wording = Wording.load()
    facts = {"clauses": ROWS, "rule": "退货", "cited": True, "which": False}
    for style in Style:
        said = wording.say("utter_policy_yes", facts, style)
        told = {row["text"] for row in ROWS if row["text"] in said.text}
        if said.card is None:
            assert told == {row["text"] for row in ROWS}
        else:
            clauses = said.card["data"]["clauses"]
            assert {row["text"] for row in clauses} == {row["text"] for row in ROWS}
            assert {row["text"] for row in clauses if row["told"]} == told
            assert {row["label"] for row in clauses} == {"结论", "步骤", "时限", "例外"}
    assert wording.say("utter_policy_again", {"clauses": ROWS}, "power").card is None
