"""The channels' bench: its load does not wait, its arithmetic, and what it says of the record."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.app.bench import channels
from bot.app.bench.channels_load import Job, Samples, schedule, send_all
from bot.app.bench.channels_receiver import Receiver
from bot.app.bench.channels_record import Left, Record
from bot.app.front import shanghai_now
from bot.app.output import CommandError
from bot.channels.platforms.signed import Settings
from tests.bot.conversation.harness import Front, rows, until
from tests.bot.conversation.rasa_stub import RasaStub
from tests.fakes.signed import KEY, signed


@pytest.fixture
async def rasa() -> AsyncIterator[RasaStub]:
    stub = RasaStub()
    await stub.start()
    yield stub
    await stub.stop()


def job(url: str = "", **changes: Any) -> Job:
    return Job(**{"url": url, "key": KEY, "shoppers": 3, "rate": 50.0, "seconds": 0.2, **changes})


def test_messages_come_evenly_from_each_shopper_in_turn() -> None:
    planned = list(schedule(job(shoppers=4, rate=20.0, seconds=3.0)))
    assert len(planned) == 60 and len({due.message_id for due in planned}) == 60
    assert [due.at for due in planned[:3]] == [0.0, 0.05, 0.1] and planned[-1].at == pytest.approx(2.95)
    assert set(Counter(due.shopper for due in planned).values()) == {15}
    assert [due.shopper for due in planned[:5]] == ["s0", "s1", "s2", "s3", "s0"]
    assert len({due.text for due in planned[:4]}) == 4, "they do not all say the same at a time"


@asynccontextmanager
async def front(take: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/channels/signed", take)
    async with TestServer(app) as server:
        yield str(server.make_url("/channels/signed"))


async def test_it_does_not_wait_for_a_front_that_stands_still() -> None:
    arrived: list[str] = []
    everything, plan = asyncio.Event(), job()

    async def take(request: web.Request) -> web.Response:
        arrived.append(json.loads(await request.read())["message_id"])
        if len(arrived) == plan.count:
            everything.set()
        await everything.wait()  # nobody is answered before all have come
        return web.Response(status=202)

    samples = Samples()
    async with front(take) as url, aiohttp.ClientSession() as session:
        await send_all(job(url), samples, session)
    assert sorted(arrived) == sorted(due.message_id for due in schedule(plan))
    assert sorted(samples.accepted) == sorted(arrived) and not samples.errors
    # The first was due long before the last came, and is charged with all of it.
    assert max(samples.acknowledged) >= 1000 * (plan.count - 1) / plan.rate
    for counted, served, late in zip(samples.acknowledged, samples.served, samples.late, strict=True):
        assert counted == pytest.approx(served + late), "its own lateness counts, and is told apart"


async def test_what_is_not_acknowledged_is_an_error() -> None:
    answers = iter([503, 202, 200, 202])

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=next(answers))

    samples = Samples()
    async with front(take) as url, aiohttp.ClientSession() as session:
        await send_all(job(url, rate=20.0), samples, session)
        assert samples.errors == {"HTTP 503": 1, "HTTP 200": 1} and len(samples.acknowledged) == 2
        gone = Samples()
        await send_all(job("http://127.0.0.1:1/", seconds=0.02), gone, session)
    assert gone.errors == {"ClientConnectorError": 1} and not gone.acknowledged


def test_percentiles_are_values_that_were_measured() -> None:
    times = [float(n) for n in range(1000, 0, -1)]
    assert channels.spread(times) == {"count": 1000, "p50": 500, "p95": 950, "p99": 990, "most": 1000}
    assert channels.spread([7.04]) == {"count": 1, "p50": 7.0, "p95": 7.0, "p99": 7.0, "most": 7.0}


def report(acknowledged: list[float], **changes: Any) -> dict[str, Any]:
    times = channels.spread(acknowledged)
    made = {
        "acknowledged_ms": times,
        "served_ms": times,
        "late_ms": channels.spread([0.5]),
        "goals_ms": {"p99": channels.GOAL_P99_MS, "most": channels.GOAL_MOST_MS},
        "sent": 5,
        "accepted": 4,
        "errors": {"HTTP 503": 1},
        "behind": {"inbox": 3, "unanswered": 2, "undelivered": 1},
        "settled_after_s": 1.5,
        "left": {"inbox": 0, "unanswered": 0, "undelivered": 0},
        "answers": {"once": 4, "never": 0, "twice": 0, "replies": 9, "notices": 5, "handed_over": 0},
        "delivered": 9,
        "delivered_twice": 0,
        "cpu_share": {"front": 0.5},
        "load_cpu_share": 0.1,
        "load_average": {"before": 1.0, "after": 2.0},
        "pss_mb": {"sent": {"front": 99.6}},
        "conditions": {"rate": 100.0, "seconds": 30.0, "shoppers": 200, "cores": 2},
    }
    return {**made, **changes}


@pytest.mark.parametrize(
    ("times", "verdict"),
    [
        ([10.0] * 99 + [900.0], "met"),
        ([10.0] * 98 + [301.0] * 2, "MISSED"),
        ([10.0] * 999 + [1001.0], "MISSED"),
    ],
)
def test_the_goal_is_of_99_in_100_and_of_every_one(times: list[float], verdict: str) -> None:
    text = "\n".join(channels.lines(report(times)))
    assert f"ms: {verdict}" in text and "HTTP 503 (1 times)" in text


def test_what_was_never_done_is_said() -> None:
    text = "\n".join(channels.lines(report([1.0], settled_after_s=None, left={"unanswered": 2})))
    assert "NOT all was done: {'unanswered': 2}" in text


def test_it_asks_for_a_stack_of_its_own() -> None:
    with pytest.raises(CommandError, match="--start"):
        channels.run(json_file=None, start=False, plan=channels.Plan())


async def test_the_record_tells_what_is_left_and_what_was_answered_how_often(
    rasa: RasaStub, tmp_path: Path
) -> None:
    path = tmp_path / "record.db"
    with Receiver(KEY) as receiver:
        settings = Settings(keys=(KEY,), url=receiver.url)
        async with Front(f"sqlite:///{path}", rasa.port, channels={"signed": settings}) as running:
            record = Record(f"sqlite:///{path}", "signed")
            rasa.gate.clear()
            for number in range(3):
                body = {"user": f"u{number % 2}", "message_id": str(number), "text": "你好"}
                got = await running.request("POST", "/channels/signed", **signed(body, shanghai_now()))
                assert got.status == 202
            await until(lambda: record.left().unanswered == 3)
            rasa.gate.set()
            await until(lambda: record.left() == Left(0, 0, 0))
            stored = record.stored()
            assert (stored.messages, stored.once, stored.never, stored.twice) == (3, 3, 0, 0)
            assert stored.handed_over == 0
            assert len(receiver.taken) == stored.replies and set(receiver.taken.values()) == {1}
        (cid, asked), *_ = rows(
            path, "SELECT conversation_id, in_reply_to FROM messages WHERE author='bot' ORDER BY seq LIMIT 1"
        )
        kept = "conversation_id, author, kind, in_reply_to, state, code, audience, body, net"
        change(
            path,
            f"INSERT INTO messages ({kept}, seq, at) SELECT {kept}, 99, at + 5 FROM messages"
            f" WHERE conversation_id='{cid}' AND in_reply_to='{asked}' AND author='bot' LIMIT 1",
        )
        assert (record.stored().once, record.stored().twice) == (2, 1)
        change(path, f"DELETE FROM messages WHERE conversation_id='{cid}' AND author='bot'")
        assert record.stored().never >= 1
        record.close()


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()
