"""A rating is asked for once, when the conversation is over, and never where that is out of place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.conversation.asking import AskingRules, IdleWatch
from bot.conversation.escalation import Rules
from tests.bot.conversation.desk_harness import Clock, Desk
from tests.bot.conversation.harness import Front, Shopper
from tests.bot.conversation.rasa_stub import READING, RasaStub, answer

BYE = {"custom": {"type": "directive", "directive": "closed"}}
#: What she writes -> what the stand-in makes of it; all else is a wish that is answered.
SAID: dict[str, dict[str, Any]] = {
    "你好": {"intent": {"name": "greet", "confidence": 1.0}},
    "再见": {"intent": {"name": "goodbye", "confidence": 1.0}, "replies": [{"text": "再见"}, BYE]},
    "谢谢": {"intent": {"name": "thank", "confidence": 1.0}},
    "嗯？": {"intent": {"name": "nlu_fallback", "confidence": 0.3}},
    "我要退货": {"form_open": True},
    "气死了": {"reading": {**READING, "mood": "angry"}},
    "冒烟了": {"reading": {**READING, "signals": [{"name": "safety", "text": "冒烟"}]}},
    "不想活了": {"intent": {"name": "share_crisis", "confidence": 1.0}},
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def front(url: str, rasa: RasaStub, clock: Clock) -> AsyncIterator[Front]:
    rasa.script = lambda request: answer(
        request, **{"form_open": False, **SAID.get(request.get("text", ""), {})}
    )
    async with Front(url, rasa.port, clock=clock) as made:
        yield made


def path(shopper: Shopper) -> str:
    return f"/api/v1/conversations/{shopper.conversation_id}/rating"


async def asked(shopper: Shopper) -> list[dict[str, Any]]:
    return [m for m in await shopper.messages() if m["type"] == "rating"]


async def quiet(front: Front, clock: Clock, **span: float) -> None:
    """Let time go by, and the front look, whenever it has looked by itself."""
    clock.pass_by(**span)
    hands = front.conversations.handover
    await IdleWatch(hands._database, hands._writing, hands._handing.asking, hands._after).look()


async def test_goodbye_brings_the_question_with_the_answer_and_once(front: Front, clock: Clock) -> None:
    shopper = await front.open()
    await shopper.say("快递到哪了")
    replies = await shopper.say("再见")
    assert [r["type"] for r in replies] == ["text", "rating"]
    seen = replies[-1]
    assert seen["author"] == "system" and seen["text"].startswith("utter_rate_us/")
    assert [d["name"] for d in seen["dimensions"]] == [
        "product",
        "service",
        "experience",
        "emotion",
        "social",
    ]
    assert seen["dimensions"][0]["label"] == "商品" and seen["comment_label"]
    await shopper.say("还有一件事")
    await shopper.say("再见")
    await quiet(front, clock, minutes=11)
    assert len(await asked(shopper)) == 1


async def test_goodbye_is_an_end_out_of_a_form_and_after_a_person(front: Front, clock: Clock) -> None:
    shopper = await front.open()
    await shopper.say("快递到哪了")
    await shopper.say("我要退货")  # asks for more, until she leaves
    assert [r["type"] for r in await shopper.say("再见")] == ["text", "rating"]
    desk = Desk(front)
    agent = await desk.hire("小林")
    for outcome in ("solved", "not_solved", "follow_up"):
        shopper = await front.open()
        await shopper.say("快递到哪了")
        await desk.hands.take_over(shopper.conversation_id, agent)
        await desk.hands.hand_back(shopper.conversation_id, agent, outcome=outcome)
        await shopper.say("再见")
        assert len(await asked(shopper)) == 1, outcome


async def test_quiet_for_ten_minutes_is_an_end_and_two_fronts_ask_once(
    front: Front, rasa: RasaStub, clock: Clock, url: str
) -> None:
    shopper = await front.open()
    await shopper.say("快递到哪了")
    await quiet(front, clock, minutes=9)
    assert await asked(shopper) == []
    async with Front(url, rasa.port, clock=clock) as other:
        await quiet(front, clock, minutes=1)
        await quiet(other, clock, minutes=1)
    assert len(await asked(shopper)) == 1


@pytest.mark.parametrize(
    "texts",
    [(), ("你好",), ("嗯？",), ("快递到哪了", "我要退货"), ("快递到哪了", "气死了"), ("查一下", "不想活了")],
)
async def test_nobody_is_asked_out_of_place(front: Front, clock: Clock, texts: tuple[str, ...]) -> None:
    shopper = await front.open()
    for text in texts:
        await shopper.say(text)
    await quiet(front, clock, minutes=11)
    assert await asked(shopper) == []
    if "气死了" not in texts and "不想活了" not in texts and texts:
        await shopper.say("快递到哪了")  # answered, and the form is done: an end is one now
        await quiet(front, clock, minutes=11)
        assert len(await asked(shopper)) == 1


async def test_long_afterwards_and_after_a_rating_nobody_is_asked(front: Front, clock: Clock) -> None:
    late, rated = await front.open(), await front.open()
    for shopper in (late, rated):
        await shopper.say("快递到哪了")
    assert (await front.request("GET", path(rated), headers=rated.headers)).status == 404
    put = await front.request("PUT", path(rated), json={"score": 5}, headers=rated.headers)
    got = await front.request("GET", path(rated), headers=rated.headers)
    assert (got.status, got.json) == (200, put.json)
    await rated.say("再见")
    assert await asked(rated) == []
    await quiet(front, clock, minutes=61)
    assert await asked(late) == []


async def test_an_agent_who_closes_brings_it_and_spam_does_not(front: Front) -> None:
    desk = Desk(front)
    agent = await desk.hire("小林")
    for outcome, count in (("solved", 1), ("not_solved", 1), ("spam", 0)):
        shopper = await front.open()
        await shopper.say("快递到哪了")
        await desk.hands.take_over(shopper.conversation_id, agent)
        await desk.hands.close(shopper.conversation_id, agent, outcome=outcome)
        seen = await asked(shopper)
        assert len(seen) == count, outcome
        got = await front.request("PUT", path(shopper), json={"score": 4}, headers=shopper.headers)
        assert got.status == 200  # closed ones can be rated


async def test_thanks_after_an_agent_has_solved_it_is_an_end(front: Front, clock: Clock) -> None:
    desk = Desk(front)
    agent = await desk.hire("小林")
    for outcome, count in (("solved", 1), ("follow_up", 0)):
        shopper = await front.open()
        await shopper.say("快递到哪了")
        await shopper.say("谢谢")
        assert await asked(shopper) == []  # thanks alone are no end
        await desk.hands.take_over(shopper.conversation_id, agent)
        await quiet(front, clock, seconds=30)
        assert await asked(shopper) == []
        await desk.hands.hand_back(shopper.conversation_id, agent, outcome=outcome)
        await shopper.say("谢谢")
        assert len(await asked(shopper)) == count


async def test_after_danger_nobody_is_asked(front: Front, clock: Clock) -> None:
    desk = Desk(front)
    agent = await desk.hire("小林")
    shopper = await front.open()
    await shopper.say("冒烟了")
    assert await desk.owner(shopper.conversation_id) == "WAITING"
    await desk.hands.take_over(shopper.conversation_id, agent)
    await desk.hands.close(shopper.conversation_id, agent, outcome="solved")
    assert await asked(shopper) == []


async def test_the_desk_sees_that_it_was_asked(front: Front) -> None:
    desk = Desk(front)
    await desk.hire("小林")
    shopper = await front.open()
    await shopper.say("快递到哪了")
    assert (await desk.see(shopper.conversation_id)).rating_asked_at is None
    await shopper.say("再见")
    seen = await desk.see(shopper.conversation_id)
    assert seen.rating_asked_at is not None and seen.rating is None


def test_the_figures_are_checked(tmp_path: Path) -> None:
    rules = AskingRules.load()
    assert rules.no_wish >= Rules.load().misunderstood_intents
    file = tmp_path / "asking.yml"
    text = Path("bot/conversation/asking.yml").read_text(encoding="utf-8")
    for old, new, says in (
        ("idle_minutes: 10", "idle_minutes: 90", "less than give_up_minutes"),
        ("  social: 愿意推荐\n", "", "dimensions must name all"),
        ("thanks: [thank, affirm]", "", "'thanks' is missing"),
        ("idle_minutes: 10", "idle_minutes: [", "cannot be read"),
    ):
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(ValueError, match=says):
            AskingRules.load(file)
