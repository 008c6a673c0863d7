"""A process dies at any moment: nothing accepted is lost, nothing is answered twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.app.front import shanghai_now
from bot.conversation.lease import LEASE
from tests.bot.conversation.harness import (
    ASSERTION_KEY,
    DATA_KEYS,
    QUICK,
    TOKEN_KEYS,
    Front,
    Shopper,
    rows,
    until,
)
from tests.bot.conversation.rasa_stub import RasaStub, answer

ROOT = Path(__file__).parents[3]


class FrontProcess:
    """The front as the supervisor runs it, in a process that can be killed."""

    def __init__(self, data_dir: Path, rasa_port: int) -> None:
        self.data_dir = data_dir
        self.rasa_port = rasa_port
        self.log = data_dir / "front.log"
        self.port = 0
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        env = {
            **os.environ,
            "ZHIXIN_MODE": "demo",
            "ZHIXIN_DATA_DIR": str(self.data_dir),
            "ZHIXIN_DATA_KEYS": DATA_KEYS,
            "ZHIXIN_ASSERTION_KEY": ASSERTION_KEY,
            "ZHIXIN_RASA_SECRET": "s" * 40,
            "ZHIXIN_TOKEN_KEYS": TOKEN_KEYS,
            "ZHIXIN_FRONT_PORT": str(self.port),
            "ZHIXIN_RASA_PORT": str(self.rasa_port),
            "ZHIXIN_ACTION_PORT": str(self.rasa_port),
        }
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot.app.front",
                cwd=ROOT,
                env=env,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        assert await self.process.stdout.readline() == b"ready\n"

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    def terminate(self) -> None:
        """Tell it to end; `process.wait()` says when it has."""
        self.process.send_signal(signal.SIGTERM)

    async def post(self, path: str, body: dict[str, Any], secret: str = "") -> dict[str, Any]:
        headers = {"X-Conversation-Secret": secret} if secret else {}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"http://127.0.0.1:{self.port}{path}", json=body, headers=headers) as got,
        ):
            data: dict[str, Any] = await got.json()
            assert got.status < 300, data
            return data


@pytest.fixture
async def process(rasa: RasaStub, tmp_path: Path) -> AsyncIterator[FrontProcess]:
    made = FrontProcess(tmp_path, rasa.port)
    await made.start()
    yield made
    if made.process.returncode is None:
        await made.kill()


def bot_texts(record: Path, message_id: str) -> int:
    query = "select count(*) from messages where in_reply_to=? and author='bot'"
    return int(rows(record, query, message_id)[0][0])


def state(record: Path, message_id: str) -> str:
    found = rows(record, "select state from messages where channel_message_id=?", message_id)
    return str(found[0][0]) if found else ""


async def test_front_killed_between_accept_and_answer(
    process: FrontProcess, rasa: RasaStub, tmp_path: Path
) -> None:
    record = tmp_path / "record.db"
    opened = await process.post("/api/v1/conversations", {})
    body = {"conversation_id": opened["conversation_id"], "message_id": "m_1", "text": "取消订单"}
    rasa.gate.clear()
    with contextlib.suppress(aiohttp.ClientError):
        asking = asyncio.create_task(process.post("/api/v1/chat", body, opened["secret"]))
        await until(lambda: rasa.calls and rasa.calls[-1]["message_id"] == "m_1")
        assert state(record, "m_1") == "accepted"
        await process.kill()
        await asking
    rasa.gate.set()
    await process.start()  # nobody repeats the message: the new process finds it by itself
    await until(lambda: state(record, "m_1") == "answered")
    assert bot_texts(record, "m_1") == 1
    assert rasa.ran.count("m_1") == 1
    again = await process.post("/api/v1/chat", body, opened["secret"])
    assert [r["text"] for r in again["replies"] if r["author"] == "bot"] == ["答：取消订单"]
    assert bot_texts(record, "m_1") == 1


async def test_front_killed_at_random_moments_under_load(
    process: FrontProcess, rasa: RasaStub, tmp_path: Path
) -> None:
    async def script(request: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return answer(request)

    rasa.script = script
    record = tmp_path / "record.db"
    opened = [await process.post("/api/v1/conversations", {}) for _ in range(3)]
    accepted: set[tuple[str, str]] = set()

    async def chat(conversation: dict[str, Any]) -> None:
        for number in range(200):
            body = {
                "conversation_id": conversation["conversation_id"],
                "message_id": f"m_{number}",
                "text": "在吗",
            }
            await process.post("/api/v1/chat", body, conversation["secret"])
            accepted.add((body["conversation_id"], body["message_id"]))

    chats = [asyncio.create_task(chat(c)) for c in opened]
    await until(lambda: len(accepted) >= 10)
    await process.kill()
    await asyncio.gather(*chats, return_exceptions=True)
    await process.start()
    await until(lambda: not rows(record, "select 1 from messages where state='accepted'"))
    per_message = rows(
        record,
        "select m.conversation_id, m.channel_message_id, count(r.seq) from messages m left join messages r"
        " on r.conversation_id=m.conversation_id and r.in_reply_to=m.channel_message_id and r.author='bot'"
        " where m.author='shopper' group by 1, 2",
    )
    assert {(c, m) for c, m, _ in per_message} >= accepted
    assert {count for _, _, count in per_message} == {1}
    assert rows(
        record, "select count(*) from conversations where pending<>0 or lease_holder is not null"
    ) == [(0,)]


async def test_rasa_dies_in_the_middle_of_a_turn_and_comes_back(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    rasa.drop = 1  # the turn is run, its answer never arrives
    replies = await shopper.say("退款", "m_1")
    assert [r["text"] for r in replies] == ["答：退款"]
    assert rasa.ran.count("m_1") == 1 and [c["message_id"] for c in rasa.calls].count("m_1") == 2


async def test_rasa_is_away_and_comes_back(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    await rasa.stop()
    got = await shopper.post(text="在吗", message_id="m_1")
    assert got.status == 200 and got.json["pending"] is True
    assert [r["text"].split("/")[0] for r in got.json["replies"]] == ["utter_still_looking", "utter_apology"]
    await rasa.start()
    for _ in range(200):
        texts = [m["text"] for m in await shopper.messages()]
        if "答：在吗" in texts:
            break
        await asyncio.sleep(0.02)
    assert texts.count("答：在吗") == 1 and rasa.ran.count("m_1") == 1
    again = await shopper.post(text="在吗", message_id="m_1")
    assert "pending" not in again.json and [r["text"] for r in again.json["replies"]][-1] == "答：在吗"


async def orphan(front: Front) -> None:
    """End a front's work as a kill would, without letting go of its leases."""
    worker = front.conversations._worker
    for task in worker._background:
        task.cancel()
    for task in list(worker._active.values()):
        task.cancel()


async def test_a_second_front_takes_over_when_the_lease_lapses(rasa: RasaStub, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'record.db'}"
    patience = replace(QUICK, apology=15.0)
    ahead = timedelta(0)
    async with (
        Front(url, rasa.port, patience=patience) as first,
        Front(url, rasa.port, patience=patience, clock=lambda: shanghai_now() + ahead) as second,
    ):
        shopper = await first.open()
        rasa.gate.clear()
        asking = asyncio.create_task(shopper.post(text="在吗", message_id="m_1"))
        await until(lambda: any(c["message_id"] == "m_1" for c in rasa.calls))
        await orphan(first)
        await asyncio.sleep(0.3)  # several sweeps of the second front: the lease still holds
        assert [c["message_id"] for c in rasa.calls].count("m_1") == 1
        ahead = LEASE
        rasa.gate.set()
        there = Shopper(second, shopper.conversation_id, shopper.secret, [])
        await until(lambda: state(tmp_path / "record.db", "m_1") == "answered")
        assert bot_texts(tmp_path / "record.db", "m_1") == 1
        # Who waits at the first front hears what the second one has answered.
        assert (await asking).json["replies"][-1]["text"] == "答：在吗"
        assert [m["text"] for m in await there.messages()].count("答：在吗") == 1


async def test_two_fronts_serve_one_conversation_in_turn(rasa: RasaStub, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'record.db'}"
    async with Front(url, rasa.port) as first, Front(url, rasa.port) as second:
        shopper = await first.open()
        there = Shopper(second, shopper.conversation_id, shopper.secret, [])
        rasa.gate.clear()
        one = asyncio.create_task(shopper.say("一", "m_1"))
        await until(lambda: state(tmp_path / "record.db", "m_1") == "accepted")
        two = asyncio.create_task(there.say("二", "m_2"))
        await until(lambda: state(tmp_path / "record.db", "m_2") == "accepted")
        rasa.gate.set()
        assert (await one)[-1]["text"] == "答：一" and (await two)[-1]["text"] == "答：二"
        assert rasa.ran[1:] == ["m_1", "m_2"]
