"""A front that is told to stop: says so, finishes what it has taken, sends everybody to the next one."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from bot.app.ending import end
from bot.channels.app import DRAINING
from bot.channels.health import disk_look
from tests.bot.conversation.harness import QUICK, Front, RasaStub, Shopper, rows, until


@asynccontextmanager
async def connected(front: Front, shopper: Shopper) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with front.session.ws_connect(front.url("/api/v1/ws")) as socket:
        frame = {"type": "auth", "conversation_id": shopper.conversation_id, "secret": shopper.secret}
        await socket.send_str(json.dumps(frame))
        assert (await socket.receive_json())["type"] == "ready"
        yield socket


async def closed(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, object]]:
    """Return the frames until the socket is closed."""
    frames = []
    async for message in socket:
        frames.append(json.loads(message.data))
    return frames


async def ready(front: Front) -> tuple[int, dict[str, object]]:
    got = await front.request("GET", "/readyz")
    return got.status, got.json


async def test_it_says_so_at_once_and_takes_messages_for_a_while(front: Front) -> None:
    shopper = await front.open()
    assert (await ready(front))[0] == 200
    ending = asyncio.create_task(end(front.app, front.conversations, drain_s=0.5, within_s=4))
    await until(lambda: front.app[DRAINING].begun)
    status, told = await ready(front)
    assert (status, told["ready"], told["draining"]) == (503, False, True)
    assert (await front.request("GET", "/healthz")).status == 200
    assert (await shopper.post(message_id="m_1", text="你好")).status == 200
    assert await ending == 0
    refused = await shopper.post(message_id="m_2", text="你好")
    assert refused.status == 503
    assert refused.json["error"]["code"] == "restarting"
    assert int(refused.headers["Retry-After"]) > 0
    assert (await front.request("POST", "/api/v1/conversations", json={})).status == 503
    assert (await front.request("GET", "/api/v1/ws")).status == 503
    read = f"/api/v1/conversations/{shopper.conversation_id}/messages"
    assert (await front.request("GET", read, headers=shopper.headers)).status == 200


async def test_who_waits_hears_the_answer_and_the_others_are_sent_away(front: Front, rasa: RasaStub) -> None:
    idle, waiting = await front.open(), await front.open()
    async with connected(front, idle) as quiet, connected(front, waiting) as busy:
        rasa.gate.clear()
        frame = {"type": "message", "message_id": "m_1", "text": "快递到哪了"}
        await busy.send_str(json.dumps(frame))
        posting = asyncio.create_task(waiting.post(message_id="m_1", text="快递到哪了"))
        await until(lambda: any(call["message_id"] == "m_1" for call in rasa.calls))
        ending = asyncio.create_task(end(front.app, front.conversations, drain_s=0.01, within_s=20))
        await closed(quiet)
        assert quiet.close_code == aiohttp.WSCloseCode.SERVICE_RESTART
        assert not busy.closed
        await busy.send_str(json.dumps({**frame, "message_id": "m_2"}))
        rasa.gate.set()
        frames = await closed(busy)
        assert busy.close_code == aiohttp.WSCloseCode.SERVICE_RESTART
        assert await ending == 0
        assert (await posting).status == 200
    errors = [f["error"] for f in frames if f["type"] == "error"]
    assert [(e["code"], e["retry_after"]) for e in errors] == [("restarting", 2)]
    answers = [f for f in frames if f["type"] == "message" and f["message"].get("in_reply_to") == "m_1"]
    assert len(answers) >= 1


async def test_what_cannot_be_finished_is_answered_by_the_next_front_once(
    rasa: RasaStub, tmp_path: Path
) -> None:
    record = tmp_path / "record.db"
    url = f"sqlite:///{record}"
    async with Front(url, rasa.port, patience=QUICK) as first:
        shopper = await first.open()
        rasa.gate.clear()
        posting = [asyncio.create_task(shopper.post(message_id=f"m_{i}", text=f"问题{i}")) for i in range(3)]
        await until(lambda: len(rows(record, "SELECT 1 FROM messages WHERE state = 'accepted'")) == 3)
        assert await end(first.app, first.conversations, drain_s=0.01, within_s=0.5) == 1
        got = await asyncio.wait_for(asyncio.gather(*posting), 5)  # nobody hangs until the front is gone
        assert [(answer.status, answer.json.get("pending")) for answer in got] == [(200, True)] * 3
    assert rows(record, "SELECT count(*) FROM conversations WHERE lease_holder IS NOT NULL") == [(0,)]
    rasa.gate.set()
    async with Front(url, rasa.port, patience=QUICK) as second:
        back = Shopper(second, shopper.conversation_id, shopper.secret, [])
        await until(lambda: not rows(record, "SELECT 1 FROM messages WHERE state = 'accepted'"))
        said = (
            await second.request(
                "GET", f"/api/v1/conversations/{back.conversation_id}/messages", headers=back.headers
            )
        ).json["messages"]
    for i in range(3):
        answers = [m for m in said if m["in_reply_to"] == f"m_{i}" and m["type"] != "notice"]
        assert len(answers) == 1, answers
        assert rasa.ran.count(f"m_{i}") == 1


async def test_after_the_turn_under_way_none_of_those_behind_it_begins(
    rasa: RasaStub, tmp_path: Path
) -> None:
    record = tmp_path / "record.db"
    async with Front(f"sqlite:///{record}", rasa.port, patience=QUICK) as front:
        shopper = await front.open()
        rasa.gate.clear()
        posting = [asyncio.create_task(shopper.post(message_id=f"m_{i}", text=f"问题{i}")) for i in range(2)]
        await until(lambda: len(rows(record, "SELECT 1 FROM messages WHERE state = 'accepted'")) == 2)
        ending = asyncio.create_task(end(front.app, front.conversations, drain_s=0.01, within_s=20))
        await until(lambda: front.app[DRAINING].refusing)
        rasa.gate.set()
        assert await ending == 0
        await asyncio.gather(*posting)
        assert len([m for m in rasa.ran if m.startswith("m_")]) == 1
        assert rows(record, "SELECT pending, lease_holder FROM conversations") == [(1, None)]


# -- readiness ---------------------------------------------------------------------------------------------


async def test_a_shop_that_is_away_degrades_and_leaves_it_ready(front: Front, rasa: RasaStub) -> None:
    rasa.shop = False
    status, told = await ready(front)
    assert (status, told["ready"], told["degraded"]) == (200, True, ["shop"])


async def test_a_record_without_its_schema_is_not_ready(front: Front, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "record.db") as record:
        record.execute("UPDATE record_version SET version_num = '0001'")
    status, told = await ready(front)
    assert (status, told["checks"]["migrations"], told["checks"]["record"]) == (503, False, True)


async def test_a_record_that_takes_no_writes_is_not_ready(front: Front, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "record.db") as record:
        record.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON record_version BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    status, told = await ready(front)
    assert (status, told["checks"]["record"]) == (503, False)
    assert (await front.request("GET", "/healthz")).status == 200


async def test_a_full_disk_is_found(tmp_path: Path) -> None:
    assert await disk_look(tmp_path, needed=1)() == {"disk": True}
    assert await disk_look(tmp_path, needed=2**62)() == {"disk": False}
