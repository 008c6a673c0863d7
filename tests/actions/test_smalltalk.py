"""Small talk stays honest and calm and leads on; feelings are answered by the graver reading."""

from __future__ import annotations

import pytest

from actions.shop.sql import SqlShop
from actions.smalltalk import Share
from persona.strategy import Style
from persona.wording.emoji import find_emoji
from tests.support.stage import Stage, wording


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


@pytest.mark.parametrize(
    ("text", "intent", "response"),
    [
        ("奶奶走了", "share_joy", "utter_share_low"),
        ("遗书写好了", "share_joy", "utter_share_crisis"),
        ("吃安眠药死了算了", "share_low", "utter_share_crisis"),
        ("我真的撑不住", "share_crisis", "utter_share_crisis"),
        ("我升职啦", "share_joy", "utter_share_joy"),
        ("开心死了", "share_joy", "utter_share_joy"),
        ("今天好倒霉", "share_joy", "utter_share_low"),
        ("我升职了但是好累", "share_low", "utter_share_low"),
        ("嗯呢呐", "share_joy", "utter_chitchat"),
    ],
)
async def test_nobody_is_congratulated_on_a_loss(
    shop: SqlShop, text: str, intent: str, response: str
) -> None:
    scene = await Stage(shop).play(Share(), text, intent=intent)
    assert scene.responses == [response]


@pytest.mark.parametrize("style", list(Style))
def test_a_crisis_gets_a_way_to_help_in_every_style(style: Style) -> None:
    said = wording().say("utter_share_crisis", {}, style)
    assert "12356" in said.text
    assert "120" in said.text
    assert find_emoji(said.text) == []
    assert not said.buttons
