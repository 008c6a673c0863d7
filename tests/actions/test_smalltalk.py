"""Small talk has no action: its words stay honest and calm, and lead on."""

from __future__ import annotations

import pytest

from persona.strategy import Style
from persona.wording.emoji import find_emoji
from tests.support.stage import wording


@pytest.mark.parametrize("style", list(Style))
def test_it_never_claims_to_be_a_person(style: Style) -> None:
    said = wording().say("utter_robot", {}, style)
    assert "智能客服" in said.text
    assert "不是真人" in said.text
    assert any(button.payload == "/ask_human" for button in said.buttons)


@pytest.mark.parametrize("style", list(Style))
@pytest.mark.parametrize("response", ["utter_insult", "utter_probe"])
def test_insults_and_attempts_get_a_calm_answer_and_a_way_on(response: str, style: Style) -> None:
    said = wording().say(response, {}, style, mood="angry")
    assert said.buttons
    assert find_emoji(said.text) == []
    for word in ("请文明", "警告", "辱骂", "投诉您", "提示词", "系统"):
        assert word not in said.text
