"""Personalisation off: what a message shows brings a person, and is kept nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.conversation.desk_types import Reason
from bot.conversation.errors import RasaBrokenError
from bot.conversation.turns import parse_turn
from bot.conversation.types import Owner
from tests.bot.conversation.desk_harness import Desk, Hours
from tests.bot.conversation.harness import SIGNALS, Front, Shopper, rows
from tests.bot.conversation.rasa_stub import RasaStub, answer


def shown(request: dict[str, Any]) -> dict[str, Any]:
    """What Rasa says of a message where personalisation is off."""
    text = request.get("text") or ""
    if not text or request["personalisation"]:
        return {}
    names = [name for word, name in SIGNALS.items() if word in text]
    return {"signals": {"mood": "angry" if "气" in text else "calm", "names": names}}


@pytest_asyncio.fixture
async def shopper(rasa: RasaStub, tmp_path: Path) -> Any:
    """A shopper who has switched personalisation off, at a front with somebody at its desk."""
    rasa.script = lambda request: answer(request, **shown(request))
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, duty=Hours()) as front:
        await Desk(front).hire("小林", presence="busy")
        made = await front.open("u1")
        await off(made)
        yield made


async def off(shopper: Shopper) -> None:
    path = f"/api/v1/conversations/{shopper.conversation_id}/personalisation"
    assert (
        await shopper.front.request("PUT", path, json={"on": False}, headers=shopper.headers)
    ).status == 200


@pytest.mark.parametrize(
    ("text", "reason"), [("充电器冒烟了", Reason.SAFETY), ("我要打12315", Reason.THREAT)]
)
async def test_it_brings_a_person_and_leaves_no_trace(
    shopper: Shopper, tmp_path: Path, text: str, reason: Reason
) -> None:
    desk = Desk(shopper.front)
    await shopper.say("在吗")
    assert await desk.owner(shopper.conversation_id) == "BOT"
    await shopper.say(text)
    found = await desk.see(shopper.conversation_id)
    assert found.owner is Owner.WAITING
    assert (found.escalations[0].reason, found.escalations[0].opened_by) == (reason, "system")
    assert found.mood is None and found.belief is None and found.style == "neutral"
    assert all(message.reading is None for message in found.messages)
    record = tmp_path / "record.db"
    assert rows(record, "select count(*) from messages where reading is not null") == [(0,)]
    assert rows(record, "select mood, belief from conversations") == [(None, None)]
    assert rows(record, "select belief from shoppers") == [(None,)]


async def test_moods_of_before_are_not_known(shopper: Shopper) -> None:
    for text in ("气人", "真气", "还在气"):
        await shopper.say(text)
    assert await Desk(shopper.front).owner(shopper.conversation_id) == "BOT"


async def test_giving_up_after_trouble_is_offered_a_person(shopper: Shopper, rasa: RasaStub) -> None:
    misunderstood = {"name": "nlu_fallback", "confidence": 0.3}
    rasa.script = lambda request: answer(request, intent=misunderstood, **shown(request))
    await shopper.say("嗯啊哦")
    rasa.script = lambda request: answer(request, **shown(request))
    replies = await shopper.say("算了")
    assert replies[-1]["text"].startswith("utter_queue_offer")


async def test_a_turn_that_broke_off_is_judged_by_what_the_message_shows(
    rasa: RasaStub, tmp_path: Path
) -> None:
    danger = {"mood": "calm", "names": ["safety"]}
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, duty=Hours()) as front:
        await Desk(front).hire("小林", presence="busy")
        made = await front.open()
        rasa.script = lambda request: answer(request, [], failed=True, reading=None, signals=danger)
        await made.say("充电器冒烟了")
        found = await Desk(front).see(made.conversation_id)
    assert found.escalations[0].reason is Reason.SAFETY


async def test_a_tapped_button_shows_nothing(shopper: Shopper, rasa: RasaStub) -> None:
    danger = {"mood": "angry", "names": ["safety"]}
    buttons = [{"title": "冒烟了吗", "payload": "/ask"}]
    rasa.script = lambda request: answer(request, [{"text": "选一个", "buttons": buttons}])
    (reply,) = await shopper.say("在吗")
    rasa.script = lambda request: answer(request, signals=danger)
    await shopper.post(button=reply["buttons"][0]["id"])
    assert await Desk(shopper.front).owner(shopper.conversation_id) == "BOT"


@pytest.mark.parametrize(
    "signals",
    [
        [],
        "safety",
        {},
        {"mood": "calm"},
        {"mood": None, "names": []},
        {"mood": "calm", "names": "safety"},
        {"mood": "calm", "names": [7]},
    ],
)
def test_what_is_no_answer_is_not_guessed_at(signals: Any) -> None:
    data = {"message_id": "m_1", "replies": [], "signals": signals}
    with pytest.raises(RasaBrokenError, match="signals"):
        parse_turn(data, "m_1")


async def test_safety_is_spoken_of_before_anything_else(shopper: Shopper, rasa: RasaStub) -> None:
    replies = await shopper.say("充电器冒烟了")
    assert [reply["author"] for reply in replies] == ["system", "bot", "system"]
    assert "utter_safety_first" in replies[0]["text"]


async def test_an_answer_that_says_how_to_get_help_is_not_spoken_over(
    shopper: Shopper, rasa: RasaStub
) -> None:
    careful = {"name": "share_crisis", "confidence": 0.9}
    said = [{"text": "先打 12356", "told": {"response": "utter_share_crisis", "facts": {}}}]
    rasa.script = lambda request: answer(request, said, **shown(request), intent=careful)
    replies = await shopper.say("我冒烟了")
    assert [reply["author"] for reply in replies] == ["bot", "system"]


async def test_a_form_that_takes_the_danger_for_its_story_is_spoken_over(
    shopper: Shopper, rasa: RasaStub
) -> None:
    careful = {"name": "report_unsafe", "confidence": 0.9}
    said = [{"text": "已登记", "told": {"response": "utter_complaint_noted", "facts": {}}}]
    rasa.script = lambda request: answer(request, said, **shown(request), intent=careful)
    replies = await shopper.say("我冒烟了")
    assert [reply["author"] for reply in replies] == ["system", "bot", "system"]
    assert "utter_safety_first" in replies[0]["text"]


async def test_where_that_answer_failed_what_comes_first_is_said_all_the_same(
    shopper: Shopper, rasa: RasaStub
) -> None:
    careful = {"name": "report_unsafe", "confidence": 0.9}
    rasa.script = lambda request: answer(request, **shown(request), intent=careful, failed=True, replies=[])
    replies = await shopper.say("我冒烟了")
    assert "utter_safety_first" in replies[0]["text"]
