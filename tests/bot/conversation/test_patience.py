"""Rasa is slow, broken or fails: the shopper always hears something, and the real answer once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.conversation.worker import Patience
from tests.bot.conversation.harness import Front, rows, until
from tests.bot.conversation.rasa_stub import RasaStub, answer


def codes(replies: list[dict[str, Any]]) -> list[str]:
    return [r["text"].split("/")[0] for r in replies]


async def test_waiting_times_are_those_promised() -> None:
    assert (Patience().looking, Patience().apology) == (3.0, 10.0)


async def test_a_slow_answer_follows_the_line_that_it_is_looking(front: Front, rasa: RasaStub) -> None:
    async def slow(request: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0.25)
        return answer(request)

    shopper = await front.open()
    rasa.script = slow
    replies = await shopper.say("查一下")
    assert codes(replies) == ["utter_still_looking", "答：查一下"]
    assert replies[0]["type"] == "notice" and replies[0]["author"] == "system"


async def test_a_very_slow_answer_follows_an_apology_with_a_way_on(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    rasa.gate.clear()
    got = await shopper.post(text="查一下", message_id="m_1")
    assert got.json["pending"] is True
    looking, apology = got.json["replies"]
    assert codes([looking, apology]) == ["utter_still_looking", "utter_apology"]
    assert [b["title"] for b in apology["buttons"]] == ["找人工"]
    rasa.gate.set()
    again = await shopper.post(text="查一下", message_id="m_1")
    assert codes(again.json["replies"]) == ["utter_still_looking", "utter_apology", "答：查一下"]
    assert "pending" not in again.json


async def test_one_waiting_line_for_several_messages_that_wait(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    rasa.gate.clear()
    asked = [asyncio.create_task(shopper.post(text=f"{n}", message_id=f"m_{n}")) for n in range(3)]

    async def lines() -> int:
        return codes(await shopper.messages()).count("utter_still_looking")

    for _ in range(500):
        if await lines():
            break
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)  # long enough for the others' lines
    assert await lines() == 1
    rasa.gate.set()
    await asyncio.gather(*asked)


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"message_id": "other", "replies": []}',
        b'{"message_id": "m_1"}',
        b'{"message_id": "m_1", "replies": [{"text": 5}]}',
        b'{"message_id": "m_1", "replies": [{"custom": {"type": "what"}}]}',
        b'{"message_id": "m_1", "replies": [{"text": "x", "buttons": [{"title": "t"}]}]}',
        b'{"message_id": "m_1", "replies": [{"text": "\\ud800"}]}',
        b'{"message_id": "m_1", "replies": [], "belief": {"prior": [1]}}',
        b'{"message_id": "m_1", "replies": [], "failed": "yes"}',
    ],
)
async def test_garbage_ends_in_one_apology_and_the_next_message_goes_on(
    front: Front, rasa: RasaStub, tmp_path: Path, garbage: bytes
) -> None:
    shopper = await front.open()
    rasa.garbage = garbage
    replies = codes(await shopper.say("在吗", "m_1"))
    assert replies[-1] == "utter_apology" and set(replies) <= {"utter_still_looking", "utter_apology"}
    await until(lambda: rows(tmp_path / "record.db", "select pending from conversations") == [(0,)])
    assert codes(await shopper.messages()).count("utter_apology") == 1
    rasa.garbage = None
    assert codes(await shopper.say("还在吗"))[-1] == "答：还在吗"


@pytest.mark.parametrize("status", [500, 502, 400])
async def test_errors_of_rasa_end_in_an_apology(front: Front, rasa: RasaStub, status: int) -> None:
    shopper = await front.open()
    rasa.status = status
    assert codes(await shopper.say("在吗"))[-1] == "utter_apology"


@pytest.mark.parametrize("status", [503, 401])
async def test_not_ready_is_waited_for(front: Front, rasa: RasaStub, status: int) -> None:
    shopper = await front.open()
    rasa.status = status
    asking = asyncio.create_task(shopper.say("在吗"))
    await asyncio.sleep(0.1)
    rasa.status = None
    assert codes(await asking)[-1] == "答：在吗"


async def test_a_failed_action_is_followed_by_the_apology(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    rasa.script = lambda request: answer(request, [], failed=True)
    (reply,) = await shopper.say("退款")
    assert codes([reply]) == ["utter_apology"] and reply["buttons"]
    rasa.script = lambda request: answer(request, [{"text": "先查了订单"}], failed=True)
    shopper = await front.open()  # a second failure in a row would go to a person
    assert codes(await shopper.say("再试")) == ["先查了订单", "utter_apology"]


async def test_a_flood_of_one_conversation_is_refused_and_the_accepted_are_answered(
    front: Front, rasa: RasaStub, tmp_path: Path
) -> None:
    shopper = await front.open()
    rasa.gate.clear()
    asked = [asyncio.create_task(shopper.post(text=f"{n}", message_id=f"m_{n}")) for n in range(30)]
    await until(lambda: sum(task.done() and task.result().status == 429 for task in asked) == 14)
    assert rows(tmp_path / "record.db", "select pending from conversations") == [(16,)]
    rasa.gate.set()
    refused = [a for a in await asyncio.gather(*asked) if a.status == 429]
    assert len(refused) == 14 and all(int(a.headers["Retry-After"]) >= 1 for a in refused)
    await until(lambda: rows(tmp_path / "record.db", "select pending from conversations") == [(0,)])
    own = [m for m in await shopper.messages() if m["author"] == "shopper"]
    assert len(own) == 16 and sorted(rasa.ran[1:]) == sorted(m["message_id"] for m in own)
