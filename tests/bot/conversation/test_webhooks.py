"""Others are told of conversations: signed, in order, again until they have it, never of what was undone."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sized
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import aiohttp
import jsonschema
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.app.events import ShopEvents
from bot.channels.openapi import document
from bot.conversation.entry import Entry
from bot.conversation.events_schema import webhook_outbox
from bot.conversation.outbox import Happening
from bot.conversation.outbox_rows import LONGEST_PAUSE, TRIED_FOR, pause_after
from bot.conversation.webhooks import WebhookSender
from tests.bot.conversation.desk_harness import Clock, Desk
from tests.bot.conversation.harness import Front, until
from tests.bot.conversation.rasa_stub import RasaStub

KEY = "w" * 40


@dataclass
class Receiver:
    """A real little server that takes webhooks, or does whatever it is told to."""

    got: list[dict[str, Any]] = field(default_factory=list)
    raw: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    behave: Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]] | None = None
    server: TestServer | None = None

    async def __aenter__(self) -> Receiver:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        app.router.add_post("/elsewhere", self._take)
        self.server = TestServer(app, host="127.0.0.1")
        await self.server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.server is not None
        await self.server.close()

    @property
    def url(self) -> str:
        assert self.server is not None
        return str(self.server.make_url("/hook"))

    async def _take(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.raw.append((dict(request.headers), raw))
        body = json.loads(raw)
        if self.behave is not None:
            answer = await self.behave(request, body)
            if answer.status >= 300:
                return answer
        self.got.append(body)
        return web.Response()

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(body["conversation_id"], body["kind"]) for body in self.got]


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sending(url: str, rasa: RasaStub, clock: Clock, *receivers: Receiver) -> Front:
    urls = tuple(one.url for one in receivers)
    return Front(url, rasa.port, clock=clock, webhook_urls=urls, webhook_key=KEY)


@pytest_asyncio.fixture
async def front(url: str, rasa: RasaStub, clock: Clock, receiver: Receiver) -> AsyncIterator[Front]:
    async with sending(url, rasa, clock, receiver) as made:
        yield made


def beside(front: Front) -> ShopEvents:
    assert isinstance(front.conversations.beside, ShopEvents)
    return front.conversations.beside


def wake(front: Front) -> None:
    beside(front)._webhooks.wake()


async def a_whole_talk(front: Front) -> str:
    """Open, hand over, hand back, close."""
    desk = Desk(front)
    agent = await desk.hire("小林", role="supervisor")
    shopper = await front.open("u1")
    await shopper.say("在吗")
    await desk.hands.take_over(shopper.conversation_id, agent)
    await desk.hands.hand_back(shopper.conversation_id, agent, outcome="solved")
    await rate(front, shopper, {"score": 5, "dimensions": {"service": 4}, "comment": "我叫王小明，很好"})
    await desk.hands.close(shopper.conversation_id, agent, outcome="solved")
    return shopper.conversation_id


async def rate(front: Front, shopper: Any, rating: dict[str, Any]) -> None:
    path = f"/api/v1/conversations/{shopper.conversation_id}/rating"
    got = await front.request("PUT", path, json=rating, headers=shopper.headers)
    assert got.status == 200, got.json


def _has(found: Sized, count: int) -> bool:
    return len(found) == count


WHOLE = ["opened", "escalated", "handed_back", "rated", "closed"]


async def test_a_talk_is_told_in_order_signed_and_without_words(front: Front, receiver: Receiver) -> None:
    cid = await a_whole_talk(front)
    await until(lambda: len(receiver.got) == 5)
    assert receiver.told == [(cid, kind) for kind in WHOLE]
    schemas = document(demo=True)["components"]["schemas"]
    for headers, raw in receiver.raw:
        timestamp = headers["X-Zhixin-Timestamp"]
        wanted = hmac.new(KEY.encode(), f"{timestamp}.".encode() + raw, hashlib.sha256).hexdigest()
        assert headers["X-Zhixin-Signature"] == f"v1={wanted}"
        body = json.loads(raw)
        assert headers["X-Zhixin-Delivery"] == body["delivery_id"]
        assert headers["X-Zhixin-Event"] == body["kind"] and headers["X-Zhixin-Attempt"] == "1"
        jsonschema.Draft202012Validator({**schemas["Webhook"], "components": {"schemas": schemas}}).validate(
            body
        )
        assert "王小明".encode() not in raw and "王" not in json.dumps(body, ensure_ascii=False)
    data = {body["kind"]: body["data"] for body in receiver.got}
    assert data["rated"] == {"score": 5, "dimensions": {"service": 4}, "commented": True, "changed": False}
    assert data["escalated"]["reason"] == "agent" and data["handed_back"]["outcome"] == "solved"
    assert receiver.got[0]["customer_id"] == "u1"


async def test_nothing_is_written_without_an_address(url: str, rasa: RasaStub, clock: Clock) -> None:
    async with Front(url, rasa.port, clock=clock) as front:
        await a_whole_talk(front)
        assert await beside(front).outbox.listed(None, 10) == ()
        assert await beside(front).outbox.oldest_waiting() is None


async def test_what_is_undone_is_told_to_nobody(front: Front, receiver: Receiver) -> None:
    shopper = await front.open()
    await until(lambda: len(receiver.got) == 1)
    store = front.conversations._store

    def fail(connection: Connection) -> None:
        entry = Entry.of(connection, store.writing, shopper.conversation_id)
        assert entry is not None
        entry.tell_others(Happening.CLOSED)
        raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        await store.database.write(fail)
    wake(front)
    await asyncio.sleep(0.2)
    assert receiver.told == [(shopper.conversation_id, "opened")]


async def noted(front: Front, trouble: str, tries: int) -> None:
    """Wait until the record knows of a failed try, which it does after the receiver."""

    async def poll() -> None:
        while True:
            first = (await beside(front).outbox.listed("waiting", 10))[-1]
            if (first.trouble, first.tries) == (trouble, tries):
                return
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), 20)


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_a_failing_receiver_gets_the_same_again_in_order(
    front: Front, receiver: Receiver, clock: Clock, status: int
) -> None:
    async def refuse(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    receiver.behave = refuse
    cid = await a_whole_talk(front)
    await until(lambda: len(receiver.raw) == 1)
    for attempt in (2, 3):
        await noted(front, f"http_{status}", attempt - 1)
        clock.pass_by(seconds=10)
        wake(front)
        await until(partial(_has, receiver.raw, attempt))
    ids = {headers["X-Zhixin-Delivery"] for headers, _ in receiver.raw}
    assert len(ids) == 1  # nothing overtakes the first, and no redirect was followed
    assert [headers["X-Zhixin-Attempt"] for headers, _ in receiver.raw] == ["1", "2", "3"]
    await noted(front, f"http_{status}", 3)
    receiver.behave = None
    clock.pass_by(seconds=20)
    wake(front)
    await until(lambda: len(receiver.got) == 5)
    assert receiver.told == [(cid, kind) for kind in WHOLE]


async def test_one_conversation_that_fails_holds_up_no_other(
    front: Front, receiver: Receiver, clock: Clock
) -> None:
    bad = await front.open()

    async def refuse(_request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=500 if body["conversation_id"] == bad.conversation_id else 200)

    await until(lambda: len(receiver.got) == 1)
    receiver.behave = refuse
    await bad.say("在吗")
    await rate(front, bad, {"score": 1})
    await rate(front, bad, {"score": 2})
    await until(lambda: len(receiver.raw) == 2)
    good = [await front.open() for _ in range(3)]
    await until(lambda: len(receiver.got) == 4)
    assert {cid for cid, _ in receiver.told[1:]} == {one.conversation_id for one in good}


async def test_a_slow_or_broken_receiver_is_a_failure(
    url: str, rasa: RasaStub, clock: Clock, receiver: Receiver
) -> None:
    async with sending(url, rasa, clock, receiver) as front:
        events = beside(front)
        quick = WebhookSender(
            addresses=[receiver.url],
            key=KEY,
            outbox=events.outbox,
            clock=clock,
            timeout=aiohttp.ClientTimeout(total=0.3),
        )
        events._webhooks._work = quick.work
        gate = asyncio.Event()

        async def hang(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
            await gate.wait()
            return web.Response(status=500)

        receiver.behave = hang
        await front.open()
        await until_trouble(front, "timeout")
        gate.set()

        async def garbage(request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.write(b"\x00\x01 this is no HTTP\r\n\r\n")
            request.transport.close()
            return web.Response(status=500)

        receiver.behave = garbage
        clock.pass_by(seconds=10)
        wake(front)
        await until_trouble(front, "Error")
        receiver.behave = None
        clock.pass_by(seconds=30)
        wake(front)
        await until(lambda: len(receiver.got) == 1)
        await quick.close()


async def until_trouble(front: Front, part: str) -> None:
    async def poll() -> None:
        while part not in ((await beside(front).outbox.listed("waiting", 1))[0].trouble or ""):  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), 20)


async def test_a_receiver_that_is_down_for_three_days_loses_it_until_somebody_retries(
    url: str, rasa: RasaStub, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async with Receiver() as gone:
        front = sending(url, rasa, clock, gone)
    async with front:
        outbox = beside(front).outbox
        await front.open()
        await until_trouble(front, "Error")
        clock.now += TRIED_FOR - timedelta(minutes=1)
        wake(front)
        await until_tries(front, 2)
        assert (await outbox.listed(None, 10))[0].state == "waiting"
        clock.pass_by(hours=2)
        wake(front)

        async def dead() -> None:
            while (await outbox.listed(None, 10))[0].state != "aside":  # noqa: ASYNC110
                await asyncio.sleep(0.02)

        await asyncio.wait_for(dead(), 20)
        assert "is dead after 3 tries" in caplog.text
        assert await outbox.oldest_waiting() is None
        assert await outbox.retry(["wh_nothing"]) == 0
        assert await outbox.retry(None) == 1
        async with Receiver() as back:
            beside(front)._sender._addresses = (back.url,)
            wake(front)
            await until(lambda: len(back.got) == 1)


async def until_tries(front: Front, count: int) -> None:
    async def poll() -> None:
        while (await beside(front).outbox.listed(None, 1))[0].tries < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), 20)


async def test_two_fronts_send_each_delivery_once(
    url: str, rasa: RasaStub, clock: Clock, receiver: Receiver
) -> None:
    async with sending(url, rasa, clock, receiver) as one, sending(url, rasa, clock, receiver) as two:
        opened = await asyncio.gather(*(front.open() for front in (one, two) * 5))
        for front in (one, two):
            wake(front)
        await until(lambda: len(receiver.got) >= 10)
        await asyncio.sleep(0.2)
        assert sorted(cid for cid, _ in receiver.told) == sorted(o.conversation_id for o in opened)


async def test_each_address_has_its_own_order(
    url: str, rasa: RasaStub, clock: Clock, receiver: Receiver
) -> None:
    async with Receiver() as other, sending(url, rasa, clock, receiver, other) as front:

        async def refuse(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
            return web.Response(status=503)

        other.behave = refuse
        cid = await a_whole_talk(front)
        await until(lambda: len(receiver.got) == 5)
        other.behave = None
        clock.pass_by(seconds=10)
        wake(front)
        await until(lambda: len(other.got) == 5)
        assert receiver.told == other.told == [(cid, kind) for kind in WHOLE]
        ids = [body["delivery_id"] for one in (receiver, other) for body in one.got]
        assert len(set(ids)) == 10


async def test_what_a_killed_front_was_sending_is_sent_again(
    url: str, rasa: RasaStub, clock: Clock, receiver: Receiver
) -> None:
    """The same id, so that the receiver knows it: whether the first one arrived nobody can tell."""
    died = "elsewhere/12345678/1/1/deadbeef"
    async with sending(url, rasa, clock, receiver) as front:
        await beside(front)._webhooks.close()
        await front.open()
        database = front.conversations._store.database
        table = webhook_outbox
        until_at = clock.now + timedelta(seconds=60)
        await database.write(
            lambda c: c.execute(table.update().values(lease_holder=died, lease_until=until_at))
        )
        beside(front)._webhooks.start()
        await asyncio.sleep(0.2)
        assert receiver.got == []  # on another machine it may still live
        clock.pass_by(seconds=61)
        wake(front)
        await until(lambda: len(receiver.got) == 1)
        state = await database.read(lambda c: c.execute(select(table.c.state)).scalar_one())
        assert state in {"waiting", "done"}


async def test_a_receiver_may_ask_to_be_left_alone(front: Front, receiver: Receiver, clock: Clock) -> None:
    async def later(_request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=429, headers={"Retry-After": "600"})

    receiver.behave = later
    await front.open()
    await until_tries(front, 1)
    (waiting,) = await beside(front).outbox.listed("waiting", 1)
    assert waiting.due_at == clock.now + timedelta(seconds=600)


def test_pauses_double_up_to_an_hour_and_differ() -> None:
    pauses = [pause_after(tries, "wh_1").total_seconds() for tries in range(1, 30)]
    assert all(0.9 * 2**n <= pause <= 1.1 * 2**n for n, pause in enumerate(pauses[:11]))
    assert max(pauses) <= 1.1 * LONGEST_PAUSE.total_seconds()
    assert pause_after(5, "wh_1") == pause_after(5, "wh_1") != pause_after(5, "wh_2")
