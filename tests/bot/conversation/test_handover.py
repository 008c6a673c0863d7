"""Taking over, speaking, handing back: who answers is what the record says, and nobody is talked over."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.conversation.desk_types import EscalationState, Outcome, Reason
from bot.conversation.errors import AlreadyHeldError, KeyReusedError, NotHeldError
from bot.conversation.types import Audience, Author, Kind, Owner
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front, until
from tests.bot.conversation.rasa_stub import BELIEF, RasaStub, answer


@pytest_asyncio.fixture
async def desk(front: Front) -> Desk:
    return Desk(front)


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["text"] for message in messages]


async def test_a_conversation_goes_to_a_person_and_back(front: Front, desk: Desk, rasa: RasaStub) -> None:
    lin = await desk.hire("小林")
    shopper = await front.open("u1")
    cid = shopper.conversation_id
    await shopper.say("在吗")
    held = await desk.hands.take_over(cid, lin)
    assert held.state is EscalationState.HELD and held.agent_name == "小林" and held.reason is Reason.AGENT
    asked = len(rasa.calls)
    assert await shopper.say("我的退款呢") == []
    assert len(rasa.calls) == asked
    sent = await desk.hands.reply(cid, lin, key="k1", text="我看一下")
    seen = (await shopper.messages())[-1]
    assert seen["author"] == "agent" and seen["agent"] == {"name": "小林"} and seen["seq"] == sent.seq
    assert seen["type"] == "text" and seen["text"] == "我看一下"
    await desk.hands.hand_back(cid, lin, outcome=Outcome.SOLVED, settled_order="202611200001")
    replies = await shopper.say("谢谢，那我再问个别的")
    assert texts(replies) == ["答：谢谢，那我再问个别的"]
    event, message = rasa.calls[asked:]
    assert event["event"] == "handed_back"
    assert event["settled"] == {
        "outcome": "solved",
        "order_number": "202611200001",
        "by": "agent",
        "agent": "小林",
    }
    assert message["text"] == "谢谢，那我再问个别的"
    found = await desk.see(cid)
    assert [(c.before, c.after) for c in found.owner_changes] == [
        (None, Owner.BOT),
        (Owner.BOT, Owner.WAITING),
        (Owner.WAITING, Owner.HUMAN),
        (Owner.HUMAN, Owner.BOT),
    ]
    assert found.escalations[0].outcome is Outcome.SOLVED
    assert found.escalations[0].order_number == "202611200001"


async def test_one_of_two_agents_wins(front: Front, desk: Desk) -> None:
    lin, wang = await desk.hire("小林"), await desk.hire("小王")
    cid = (await front.open()).conversation_id
    results = await asyncio.gather(
        desk.hands.take_over(cid, lin), desk.hands.take_over(cid, wang), return_exceptions=True
    )
    (lost,) = [r for r in results if isinstance(r, AlreadyHeldError)]
    (won,) = [r for r in results if not isinstance(r, BaseException)]
    assert lost.name == won.agent_name
    again = await desk.hands.take_over(cid, won.agent_id or "")
    assert again == won  # whoever has it, has it


async def test_only_who_has_it_speaks(front: Front, desk: Desk) -> None:
    lin, wang = await desk.hire("小林"), await desk.hire("小王")
    cid = (await front.open()).conversation_id
    for call in (
        desk.hands.reply(cid, lin, key="k", text="在"),
        desk.hands.hand_back(cid, lin, outcome="solved"),
        desk.hands.close(cid, lin, outcome="solved"),
        desk.hands.transfer(cid, lin, to=None),
    ):
        with pytest.raises(NotHeldError):
            await call
    await desk.hands.take_over(cid, wang)
    with pytest.raises(NotHeldError):
        await desk.hands.reply(cid, lin, key="k", text="在")


async def test_a_repeated_key_is_the_same_reply(front: Front, desk: Desk) -> None:
    lin = await desk.hire("小林")
    shopper = await front.open()
    cid = shopper.conversation_id
    await desk.hands.take_over(cid, lin)
    first, second = await asyncio.gather(*(desk.hands.reply(cid, lin, key="k", text="您好") for _ in "12"))
    assert first == second
    assert texts(await shopper.messages()).count("您好") == 1
    with pytest.raises(KeyReusedError):
        await desk.hands.reply(cid, lin, key="k", text="别的")


async def test_what_the_bot_was_about_to_say_is_not_said(front: Front, desk: Desk, rasa: RasaStub) -> None:
    lin = await desk.hire("小林")
    shopper = await front.open()
    cid = shopper.conversation_id
    rasa.gate.clear()
    asking = asyncio.create_task(shopper.say("取消订单", "m_a"))
    await until(lambda: any(call["message_id"] == "m_a" for call in rasa.calls))
    behind = asyncio.create_task(shopper.say("快点", "m_b"))
    await asyncio.sleep(0.05)
    await desk.hands.take_over(cid, lin)
    await behind  # it went to the person: nobody waits for it any more
    rasa.gate.set()
    await asking
    found = await desk.see(cid)
    (kept,) = [m for m in found.messages if m.content.get("text") == "答：取消订单"]
    assert kept.audience is Audience.DESK and kept.author is Author.BOT and kept.kind is Kind.TEXT
    assert "答：取消订单" not in texts(await shopper.messages())
    assert "m_b" not in rasa.ran
    await desk.hands.hand_back(cid, lin, outcome="solved")
    assert texts(await shopper.say("再问一句"))[-1] == "答：再问一句"
    assert "答：取消订单" not in texts(await shopper.messages())


async def test_what_a_late_turn_has_done_counts(front: Front, desk: Desk, rasa: RasaStub) -> None:
    complaint = {"type": "directive", "directive": "complaint", "reason": "送来是碎的", "live": True}
    lin = await desk.hire("小林")
    shopper = await front.open()
    cid = shopper.conversation_id
    rasa.script = lambda request: answer(request, [{"text": "记下了"}, {"custom": complaint}])
    rasa.gate.clear()
    asking = asyncio.create_task(shopper.post(text="杯子碎了", message_id="m_a"))
    await until(lambda: any(call["message_id"] == "m_a" for call in rasa.calls))
    await desk.hands.take_over(cid, lin)
    await shopper.say("我气死了", "m_b")
    rasa.gate.set()
    assert (await asking).json["replies"] == []
    found = await desk.see(cid)
    assert [request.reason for request in found.requests] == ["送来是碎的"]
    assert found.owner is Owner.HUMAN and len(found.escalations) == 1
    # Both messages are read, the one of the late turn from where the belief had come to meanwhile.
    assert found.belief is not None and found.belief["turns"] == BELIEF["turns"] + 2
    assert all(m.reading is not None for m in found.messages if m.author is Author.SHOPPER)


async def test_notes_are_for_the_desk(front: Front, desk: Desk, tmp_path: Path) -> None:
    lin, wang = await desk.hire("小林"), await desk.hire("小王")
    shopper = await front.open()
    cid = shopper.conversation_id
    await desk.hands.take_over(cid, lin)
    note = await desk.hands.note(cid, lin, key="n1", text="查一下仓库", mentions=[wang])
    assert note.kind is Kind.NOTE and note.audience is Audience.DESK
    assert "查一下仓库" not in texts(await shopper.messages())
    assert (await front.conversations.desk.counts(wang))["mentions"] == 1
    await desk.hands.seen(cid, wang, seq=note.seq)
    assert (await front.conversations.desk.counts(wang))["mentions"] == 0
