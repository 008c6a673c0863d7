"""The switch for the reading of style: the front is told, and nothing of the reading stays."""

from __future__ import annotations

import pytest

from actions.privacy import PersonalisationOff, PersonalisationOn
from actions.shop.sql import SqlShop
from persona.strategy import Style
from tests.support.stage import Stage, wording


async def test_off_tells_the_front_and_forgets(shop: SqlShop) -> None:
    stage = Stage(shop, "u1006", slots={"temperament": "lively", "prior": {"prior": [0, 0, 0, 0]}})
    scene = await stage.play(PersonalisationOff(), "别分析我", intent="personalisation_off")
    assert scene.directives == [{"type": "directive", "directive": "personalisation", "on": False}]
    forgotten = {"prior": None, "care_heard": None, "care_told": None}
    assert scene.slots == {"personalisation": False, "temperament": "neutral", **forgotten}
    for text in scene.texts().values():
        assert "删除" in text
        assert "价格" in text


async def test_on_tells_the_front(shop: SqlShop) -> None:
    scene = await Stage(shop).play(PersonalisationOn(), "打开个性化", intent="personalisation_on")
    assert scene.directives == [{"type": "directive", "directive": "personalisation", "on": True}]
    assert scene.slots == {"personalisation": True}


@pytest.mark.parametrize("text", ["不想要个性化", "个性化关了吧", "别打开个性化", "不同意个性化"])
async def test_a_no_is_never_heard_as_a_yes(shop: SqlShop, text: str) -> None:
    scene = await Stage(shop).play(PersonalisationOn(), text, intent="personalisation_on")
    assert scene.directives[0]["on"] is False


def test_what_is_kept_is_told_in_every_style() -> None:
    for style in Style:
        said = wording().say("utter_privacy", {}, style)
        for right in ("加密", "关闭", "价格", "导出", "删除"):
            assert right in said.text
        assert any(button.payload == "/personalisation_off" for button in said.buttons)
