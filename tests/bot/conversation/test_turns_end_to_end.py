"""One turn through the whole front: stored, asked, answered, in order, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.bot.conversation.harness import Front, rows, until
from tests.bot.conversation.rasa_stub import RasaStub, answer


async def test_opening_says_the_notice_then_the_greeting(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open("u1001")
    notice, greeting = shopper.opening
    assert notice["type"] == "notice" and notice["text"] == "utter_privacy_notice/neutral"
    assert [b["title"] for b in notice["buttons"]] == ["关闭"]
    assert greeting["type"] == "text" and greeting["text"] == "答：opened"
    assert notice["seq"] < greeting["seq"]
    assert notice["in_reply_to"] is None and greeting["at"].endswith("+08:00")
    (call,) = rasa.calls
    assert call["event"] == "opened" and call["history_wanted"] is True and call["belief"] is None
    assert "text" not in call and "payload" not in call
    assert await shopper.messages() == shopper.opening  # so a client may show them without asking again


async def test_a_text_is_answered_and_belief_travels_with_the_next_one(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    (reply,) = await shopper.say("我的快递到哪了", "m_a")
    assert reply == {
        "seq": reply["seq"],
        "type": "text",
        "text": "答：我的快递到哪了",
        "author": "bot",
        "at": reply["at"],
        "in_reply_to": "m_a",
    }
    await shopper.say("快点", "m_b")
    assert rasa.calls[-1]["belief"]["served"] == "power"
    assert rasa.calls[-1]["text"] == "快点"


async def test_all_forms_of_replies(front: Front, rasa: RasaStub) -> None:
    def script(request: dict[str, Any]) -> dict[str, Any]:
        return answer(
            request,
            [
                {
                    "text": "哪一单？",
                    "buttons": [{"title": "耳机", "payload": '/choose{"order_number": "1"}'}],
                },
                {
                    "custom": {
                        "type": "card",
                        "card": "order",
                        "text": "订单 1",
                        "data": {"order_number": "1"},
                    }
                },
                {"custom": {"type": "directive", "directive": "closed"}},
            ],
        )

    shopper = await front.open()
    rasa.script = script
    # A slow machine brings the line that it is still looking.
    said = [r for r in await shopper.say("查订单") if r["type"] != "notice"]
    assert [r["type"] for r in said] == ["buttons", "card", "rating"]  # the goodbye ends it
    buttons, card, _ = said
    assert buttons["type"] == "buttons" and buttons["buttons"][0]["title"] == "耳机"
    assert set(buttons["buttons"][0]) == {"id", "title"}
    assert card["type"] == "card" and card["card"] == "order" and card["text"] == "订单 1"
    assert card["data"] == {"order_number": "1"}
    rasa.script = answer
    tapped = await shopper.post(button=buttons["buttons"][0]["id"])
    assert tapped.status == 200
    assert rasa.calls[-1]["payload"] == '/choose{"order_number": "1"}' and "text" not in rasa.calls[-1]
    own = [m for m in await shopper.messages() if m["author"] == "shopper"]
    assert [m["text"] for m in own] == ["查订单", "耳机"]


async def test_the_same_message_again_changes_nothing(front: Front, rasa: RasaStub, tmp_path: Path) -> None:
    shopper = await front.open()
    first = await shopper.say("你好", "m_1")
    assert await shopper.say("你好", "m_1") == first
    conflict = await shopper.post(text="别的", message_id="m_1")
    assert conflict.status == 409 and conflict.json["error"]["code"] == "message_conflict"
    assert rasa.ran.count("m_1") == 1
    assert rows(tmp_path / "record.db", "select count(*) from messages where channel_message_id='m_1'") == [
        (1,)
    ]


async def test_the_same_message_at_the_same_time(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    rasa.gate.clear()
    asked = [asyncio.create_task(shopper.say("你好", "m_1")) for _ in range(5)]
    await asyncio.sleep(0.05)
    rasa.gate.set()
    answers = await asyncio.gather(*asked)
    assert all(a == answers[0] for a in answers) and answers[0][0]["text"] == "答：你好"
    assert [c["message_id"] for c in rasa.calls].count("m_1") == 1


async def test_messages_of_one_conversation_are_answered_in_order_one_at_a_time(
    front: Front, rasa: RasaStub, tmp_path: Path
) -> None:
    running, most = 0, 0

    async def script(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return answer(request)

    shopper = await front.open()
    rasa.script = script
    query = "select count(*) from messages where author='shopper'"
    tasks = []
    for number in range(8):
        tasks.append(asyncio.create_task(shopper.say(f"第{number}条", f"m_{number}")))
        await until(lambda n=number: rows(tmp_path / "record.db", query) == [(n + 1,)])
    await asyncio.gather(*tasks)
    assert most == 1
    assert rasa.ran[1:] == [f"m_{n}" for n in range(8)]
    said = [m for m in await shopper.messages() if m["author"] == "bot" and m["in_reply_to"]]
    assert [m["text"] for m in said] == [f"答：第{n}条" for n in range(8)]
    seqs = [m["seq"] for m in await shopper.messages()]
    assert seqs == sorted(set(seqs))


async def test_conversations_do_not_wait_for_each_other(front: Front, rasa: RasaStub) -> None:
    one, two = await front.open(), await front.open()
    held = asyncio.Event()

    async def script(request: dict[str, Any]) -> dict[str, Any]:
        if request["conversation_id"] == one.conversation_id:
            await held.wait()
        return answer(request)

    rasa.script = script
    slow = asyncio.create_task(one.say("慢"))
    assert (await two.say("快"))[0]["text"] == "答：快"
    held.set()
    assert (await slow)[-1]["text"] == "答：慢"
