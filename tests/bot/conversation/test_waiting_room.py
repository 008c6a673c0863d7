"""The shopper while a person is waited for, or answers: kept, read, obeyed, never sent to Rasa."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.conversation.desk_types import Outcome, Reason
from bot.conversation.listening import Listener
from bot.conversation.types import Owner
from bot.conversation.waiting_room import bare, cancel_words
from tests.bot.conversation.desk_harness import Desk, Hours
from tests.bot.conversation.harness import Front, Shopper, rows, small_engine, until
from tests.bot.conversation.rasa_stub import BELIEF, RasaStub, answer

ASK = {"type": "directive", "directive": "request_human", "reason": "退款", "live": True}


def human(request: dict[str, Any], **more: Any) -> dict[str, Any]:
    return answer(request, [{"text": "好的"}, {"custom": {**ASK, **more}}])


@pytest_asyncio.fixture
async def waiting(front: Front, rasa: RasaStub) -> AsyncIterator[Shopper]:
    """A shopper who has asked for a person and waits."""
    await Desk(front).hire("小忙")
    shopper = await front.open("u1")
    rasa.script = human
    await shopper.say("转人工", "m_ask")
    rasa.script = answer
    yield shopper


def names(replies: list[dict[str, Any]]) -> list[str]:
    texts = [reply["text"] for reply in replies]
    return [text.split("/")[0] if text.startswith("utter_") else text for text in texts]


async def tap(shopper: Shopper, payload: str) -> Any:
    """Tap the button with this payload that the conversation was offered last."""
    vault = shopper.front.conversations._store.writing.vault
    path = Path(shopper.front.settings.record_url.removeprefix("sqlite:///"))
    offered = rows(
        path,
        "select id, payload from offered_buttons where conversation_id=? order by seq desc",
        shopper.conversation_id,
    )
    for button_id, sealed in offered:
        context = f"offered_buttons.payload/{shopper.conversation_id}/{button_id}"
        if vault.open(sealed, context) == payload:
            return await shopper.post(button=button_id)
    raise AssertionError(f"no button {payload} was offered")


async def test_the_answer_says_where_the_shopper_stands(front: Front, rasa: RasaStub) -> None:
    desk = Desk(front)
    lin = await desk.hire("小林", presence="online", most=1)
    first, second = await front.open(), await front.open()
    rasa.script = human
    replies = await first.say("转人工")
    assert names(replies) == ["好的", "utter_queue_joined"]
    await desk.hands.tend()
    got = await second.post(text="转人工")
    assert got.json["owner"] == "WAITING" and got.json["queue"] == {"position": 1, "minutes": 8}
    assert "position=1 minutes=8" in got.json["replies"][-1]["text"]
    there = await first.post(text="在吗")
    assert there.json["owner"] == "HUMAN" and there.json["agent"] == {"name": "小林"}
    page = await front.conversations.messages(second.conversation_id, None, 0)
    assert page.queue == {"position": 1, "minutes": 8} and page.agent is None
    assert lin


async def test_nothing_of_it_reaches_rasa(front: Front, rasa: RasaStub, waiting: Shopper) -> None:
    before = len(rasa.calls)
    assert await waiting.say("快点啊", "m_1") == []
    assert await waiting.say("快点啊", "m_1") == []  # repeated
    await Desk(front).hands.take_over(waiting.conversation_id, await Desk(front).hire("小林"))
    assert await waiting.say("我来说一下情况", "m_2") == []
    assert len(rasa.calls) == before


async def test_temperament_goes_on_being_read_and_goes_back(
    front: Front, rasa: RasaStub, waiting: Shopper
) -> None:
    desk = Desk(front)
    cid = waiting.conversation_id
    lin = await desk.hire("小林")
    await waiting.say("我气死了")
    found = await desk.see(cid)
    assert found.mood == "angry" and found.style == "perfect"
    assert found.belief is not None and found.belief["turns"] == BELIEF["turns"] + 1
    await desk.hands.take_over(cid, lin)
    await desk.hands.reply(cid, lin, key="k1", text="请说")
    await waiting.say("规格是多少")
    found = await desk.see(cid)
    assert found.belief is not None and found.belief["turns"] == BELIEF["turns"] + 2
    read = [m.reading for m in found.messages if m.content.get("text") == "规格是多少"]
    assert read[0] is not None and read[0]["before"] == ["我气死了", "请说"]
    stored = front.conversations._store.database
    kept = await stored.read(lambda c: c.exec_driver_sql("select belief from shoppers").scalar())
    assert json.loads(kept)["turns"] == BELIEF["turns"] + 2
    rasa.script = lambda request: answer(request, belief=request["belief"])  # nothing more to be read
    await desk.hands.hand_back(cid, lin, outcome="solved")
    await waiting.say("好的")
    assert rasa.calls[-1]["belief"]["turns"] == BELIEF["turns"] + 2


async def test_with_personalisation_off_nothing_is_read(front: Front, waiting: Shopper) -> None:
    path = f"/api/v1/conversations/{waiting.conversation_id}/personalisation"
    await front.request("PUT", path, json={"on": False}, headers=waiting.headers)
    await waiting.say("我气死了")
    found = await Desk(front).see(waiting.conversation_id)
    assert found.mood is None and found.belief is None and found.style == "neutral"
    assert all(m.reading is None for m in found.messages)


@pytest.mark.parametrize("words", ["不等了", " 不等了！", "取消排队。", "…不想等了~~"])
async def test_a_typed_cancel_ends_the_wait(
    front: Front, rasa: RasaStub, waiting: Shopper, words: str
) -> None:
    before = len(rasa.calls)
    replies = await waiting.say(words, "m_c")
    assert names(replies) == ["utter_queue_cancelled"]
    assert await waiting.say(words, "m_c") == replies
    found = await Desk(front).see(waiting.conversation_id)
    assert found.owner is Owner.BOT and found.escalations[0].outcome is Outcome.WAIT_CANCELLED
    assert names(await waiting.say("查物流")) == ["答：查物流"]
    event = rasa.calls[before]
    assert event["settled"] == {"outcome": "wait_cancelled", "order_number": None, "by": "shopper"}


@pytest.mark.parametrize("words", ["我不等了你们快点", "不等了是吧", "取消订单", "等", "别不等了"])
async def test_a_sentence_is_for_the_person(front: Front, waiting: Shopper, words: str) -> None:
    assert await waiting.say(words) == []
    assert await Desk(front).owner(waiting.conversation_id) == "WAITING"


async def test_a_cancel_typed_to_a_person_is_read_by_the_person(front: Front, waiting: Shopper) -> None:
    desk = Desk(front)
    await desk.hands.take_over(waiting.conversation_id, await desk.hire("小林"))
    assert await waiting.say("不等了") == []
    assert await desk.owner(waiting.conversation_id) == "HUMAN"


def test_the_words_of_a_cancel_have_no_signs() -> None:
    assert all(bare(word) == word and 2 < len(word) < 9 for word in cancel_words())
    assert bare("!？ 🙂") == ""


async def test_cancelling_twice_is_once(front: Front, rasa: RasaStub, waiting: Shopper) -> None:
    got = await tap(waiting, "front:cancel_wait")
    assert names(got.json["replies"]) == ["utter_queue_cancelled"] and got.json["owner"] == "BOT"
    again = await tap(waiting, "front:cancel_wait")
    assert names(again.json["replies"]) == ["utter_queue_back"]
    assert [c["event"] for c in rasa.calls if c.get("event") == "handed_back"] == ["handed_back"]
    assert not any("front:" in str(c.get("payload")) for c in rasa.calls)


async def test_who_would_rather_be_called_is_asked_for_the_number(
    front: Front, rasa: RasaStub, waiting: Shopper
) -> None:
    before = len(rasa.calls)
    got = await tap(waiting, "front:call_back")
    assert names(got.json["replies"]) == ["答：/ask_callback"] and got.json["owner"] == "BOT"
    event, wish = rasa.calls[before:]
    assert event["event"] == "handed_back" and event["settled"]["outcome"] == "call_back"
    assert wish["payload"] == "/ask_callback"
    again = await tap(waiting, "front:call_back")  # later, from the old line
    assert names(again.json["replies"]) == ["答：/ask_callback"]
    found = await Desk(front).see(waiting.conversation_id)
    assert found.escalations[0].outcome is Outcome.CALL_BACK and len(found.escalations) == 1


async def test_who_keeps_waiting_hears_how_long(front: Front, waiting: Shopper) -> None:
    await Desk(front).hire("小林", presence="online", most=0)
    got = await tap(waiting, "front:keep_waiting")
    assert names(got.json["replies"]) == ["utter_queue_still"] and got.json["owner"] == "WAITING"


async def test_a_button_tapped_to_a_person_is_a_text(front: Front, rasa: RasaStub, waiting: Shopper) -> None:
    desk = Desk(front)
    lin = await desk.hire("小林")
    await desk.hands.take_over(waiting.conversation_id, lin)
    before = len(rasa.calls)
    got = await tap(waiting, "front:cancel_wait")
    assert got.json == {"owner": "HUMAN", "style": "neutral", "agent": {"name": "小林"}, "replies": []}
    found = await desk.see(waiting.conversation_id)
    assert found.messages[-1].content["text"] == "不等了" and found.owner is Owner.HUMAN
    assert len(rasa.calls) == before


async def test_danger_told_to_the_queue_goes_to_its_front(
    front: Front, rasa: RasaStub, waiting: Shopper
) -> None:
    desk = Desk(front)
    other = await front.open()
    rasa.script = human
    await other.say("转人工")
    await other.say("充电器冒烟了")
    lin = await desk.hire("小林")
    first, second = await desk.queue(lin)
    assert first.conversation_id == other.conversation_id and first.escalation is not None
    assert first.escalation.reason is Reason.SAFETY
    assert second.conversation_id == waiting.conversation_id


async def test_messages_behind_the_one_that_hands_over_go_to_the_person(front: Front, rasa: RasaStub) -> None:
    await Desk(front).hire("小忙")
    shopper = await front.open()
    rasa.gate.clear()
    rasa.script = human
    asking = asyncio.create_task(shopper.post(text="转人工", message_id="m_1"))
    await until(lambda: any(c["message_id"] == "m_1" for c in rasa.calls))
    behind = asyncio.create_task(shopper.post(text="我气死了", message_id="m_2"))
    await until(lambda: len(front.conversations._worker._waiters) > 1)
    rasa.gate.set()
    assert (await asking).json["owner"] == "WAITING"
    assert (await behind).json["owner"] == "WAITING" and "pending" not in (await behind).json
    assert "m_2" not in rasa.ran
    found = await Desk(front).see(shopper.conversation_id)
    (read,) = [m for m in found.messages if m.content.get("text") == "我气死了"]
    assert found.mood == "angry" and read.reading is not None


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        (["充电器冒烟了"], Reason.SAFETY),
        (["我要打12315"], Reason.THREAT),
        (["气人", "真气"], Reason.ANGER),
    ],
)
async def test_what_is_read_hands_over(
    rasa: RasaStub, tmp_path: Path, texts: list[str], reason: Reason
) -> None:
    engine = small_engine()

    def script(request: dict[str, Any]) -> dict[str, Any]:
        reading = engine(request["text"], None, (), 0.0).reading if "text" in request else None
        return answer(request, reading=reading)

    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, duty=Hours()) as front:
        await Desk(front).hire("小忙")
        shopper = await front.open()
        rasa.script = script
        for text in texts:
            assert await Desk(front).owner(shopper.conversation_id) == "BOT"
            replies = await shopper.say(text)
        assert names(replies)[-1] == "utter_queue_joined"
        found = await Desk(front).see(shopper.conversation_id)
        assert found.owner is Owner.WAITING and found.escalations[0].reason is reason
        assert found.escalations[0].detail == texts[-1] and found.escalations[0].opened_by == "system"


async def test_trouble_hands_over_and_giving_up_is_offered_a_person(front: Front, rasa: RasaStub) -> None:
    misunderstood = {"name": "nlu_fallback", "confidence": 0.3}
    engine = small_engine()
    rasa.script = lambda request: answer(request, intent=misunderstood)
    await Desk(front).hire("小忙")
    shopper, other = await front.open(), await front.open()
    await shopper.say("嗯啊哦")
    assert names(await shopper.say("啊这"))[-1] == "utter_queue_joined"
    await other.say("嗯啊哦")
    rasa.script = lambda request: answer(request, reading=engine(request["text"], None, (), 0.0).reading)
    assert names(await other.say("算了"))[-1] == "utter_queue_offer"
    assert await Desk(front).owner(other.conversation_id) == "BOT"
    assert "utter_queue_offer" not in names(await other.say("算了算了"))  # once


async def test_the_bot_hands_over_what_the_rules_do_not_allow(front: Front, rasa: RasaStub) -> None:
    wish = {
        "type": "directive",
        "directive": "escalate",
        "reason": "policy_exception",
        "detail": "过了七天还要退",
        "order_number": "202611200001",
        "live": True,
        "level": "gold",
    }
    rasa.script = lambda request: answer(request, [{"text": "规则是这样的"}, {"custom": wish}])
    await Desk(front).hire("小忙")
    shopper = await front.open("u1")
    replies = await shopper.say("就是要退")
    assert names(replies) == ["规则是这样的", "utter_queue_joined"]
    (found,) = (await Desk(front).see(shopper.conversation_id)).escalations
    assert found.reason is Reason.POLICY_EXCEPTION and found.opened_by == "bot"
    assert found.detail == "过了七天还要退" and found.order_number == "202611200001" and found.level == "gold"


async def test_out_of_hours_what_is_read_is_promised_an_answer(rasa: RasaStub, tmp_path: Path) -> None:
    hours = Hours(open_now=False)
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, duty=hours) as front:
        shopper = await front.open()
        rasa.script = lambda request: answer(request, [{"text": "没办成"}], failed=True)
        await shopper.say("退款")
        assert names(await shopper.say("退款啊"))[-1] == "utter_queue_after_hours"
        assert "utter_queue_after_hours" not in names(await shopper.say("退款！"))  # once
        found = await Desk(front).see(shopper.conversation_id)
        assert found.owner is Owner.BOT and found.escalations[0].reason is Reason.TOOL_FAILURE
        lin = await Desk(front).hire("小林")
        (row,) = await Desk(front).queue(lin)
        assert row.conversation_id == shopper.conversation_id


async def test_with_nobody_at_the_desk_what_is_read_is_noted_and_the_bot_goes_on(
    rasa: RasaStub, tmp_path: Path
) -> None:
    engine = small_engine()

    def script(request: dict[str, Any]) -> dict[str, Any]:
        reading = engine(request["text"], None, (), 0.0).reading if "text" in request else None
        return answer(request, reading=reading)

    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, duty=Hours()) as front:
        desk = Desk(front)
        lin = await desk.hire("小林", presence="away")
        shopper = await front.open()
        rasa.script = script
        assert names(await shopper.say("气人")) == ["答：气人"]
        replies = await shopper.say("真气")
        assert names(replies) == ["答：真气", "utter_queue_noted"] and "answer_by=" in replies[-1]["text"]
        assert names(await shopper.say("气死了")) == ["答：气死了"]  # told once
        (row,) = await desk.queue(lin)
        assert row.owner is Owner.BOT and row.escalation is not None
        assert row.escalation.reason is Reason.ANGER
        danger = await shopper.say("充电器冒烟了")  # told each time, and first in the queue
        assert names(danger)[-1] == "utter_queue_noted"
        (row,) = await desk.queue(lin)
        assert row.escalation is not None and row.escalation.reason is Reason.SAFETY
        await desk.hands.set_presence(lin, "busy")
        assert names(await shopper.say("我要打12315"))[-1] == "utter_queue_joined"
        found = await desk.see(shopper.conversation_id)
        assert found.owner is Owner.WAITING and len(found.escalations) == 1


async def test_the_same_cause_rests_after_a_hand_back_but_not_the_wish(front: Front, rasa: RasaStub) -> None:
    desk = Desk(front)
    shopper = await front.open()
    cid = shopper.conversation_id
    lin = await desk.hire("小林")
    rasa.script = lambda request: answer(request, [], failed=True)
    await shopper.say("退款")
    await shopper.say("退款啊")
    await desk.hands.take_over(cid, lin)
    await desk.hands.hand_back(cid, lin, outcome="not_solved")
    for number in range(9):
        await shopper.say(f"第{number}次")
        assert await desk.owner(cid) == "BOT"
    rasa.script = human
    await shopper.say("转人工")
    assert await desk.owner(cid) == "WAITING"


async def test_the_real_engine_reads_what_is_written_to_people(rasa: RasaStub, tmp_path: Path) -> None:
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, listener=Listener()) as front:
        desk = Desk(front)
        rasa.script = lambda request: answer(request, belief=None, reading=None)
        shopper = await front.open()
        await desk.hands.take_over(shopper.conversation_id, await desk.hire("小林"))
        await shopper.say("你们太过分了，骗子！")
        found = await desk.see(shopper.conversation_id)
        assert found.mood == "angry" and found.belief is not None and found.belief["turns"] == 1


async def test_an_engine_that_cannot_be_loaded_loses_no_message(rasa: RasaStub, tmp_path: Path) -> None:
    def broken() -> Any:
        raise FileNotFoundError("no data")

    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, listener=Listener(broken)) as front:
        desk = Desk(front)
        shopper = await front.open()
        await desk.hands.take_over(shopper.conversation_id, await desk.hire("小林"))
        assert await shopper.say("在吗") == []
        assert (await desk.see(shopper.conversation_id)).messages[-1].content["text"] == "在吗"
