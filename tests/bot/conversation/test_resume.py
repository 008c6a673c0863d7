"""A customer goes on with her conversation elsewhere: keys, what is resumed and what never, races, kills."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bot.conversation.keys import MOST_KEYS
from bot.conversation.opening import RUNNING_FOR
from bot.conversation.privacy import erase_customer, export_customer
from bot.conversation.types import Owner
from tests.bot.conversation.desk_harness import Clock, Desk
from tests.bot.conversation.harness import Answer, Front, rows, shanghai_now, token, until, vault
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.bot.conversation.test_crashes import FrontProcess
from tests.bot.conversation.test_identity import grant

PATH = "/api/v1/conversations"
KEY = {"Idempotency-Key": "the-same-key-0001"}


async def resume(front: Front, customer_id: str | None = "u1001", **headers: str) -> Answer:
    if customer_id is not None:
        headers["Authorization"] = f"Bearer {token(customer_id, front._clock)}"
    return await front.request("POST", PATH, json={"resume": True}, headers=headers)


async def reads(front: Front, cid: str, secret: str) -> int:
    headers = {"X-Conversation-Secret": secret}
    return (await front.request("GET", f"{PATH}/{cid}/messages", headers=headers)).status


def database_of(front: Front) -> Any:
    return front.conversations._store.database


async def count(front: Front, table: str) -> int:
    found: int = await database_of(front).read(
        lambda c: c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
    )
    return found


async def test_a_customer_goes_on_in_another_browser(url: str, rasa: RasaStub) -> None:
    async with Front(url, rasa.port) as front:
        first = await resume(front)
        assert (first.status, first.json["resumed"], first.json["style"]) == (201, False, "neutral")
        assert first.json["replies"]
        cid, secret = first.json["conversation_id"], first.json["secret"]
        chat = {"conversation_id": cid, "message_id": "m_1", "text": "我的快递"}
        said = await front.request(
            "POST", "/api/v1/chat", json=chat, headers={"X-Conversation-Secret": secret}
        )
        assert said.status == 200
        again = await resume(front)
        assert again.status == 200
        own = again.json.pop("secret")
        assert again.json == {
            "conversation_id": cid, "resumed": True, "owner": "BOT", "style": "neutral", "replies": [],
        }  # fmt: skip
        assert own != secret
        # Each of the two opens all there is: what was said, the chat, the socket, the switch, the rating.
        for known in (secret, own):
            headers = {"X-Conversation-Secret": known}
            page = (await front.request("GET", f"{PATH}/{cid}/messages", headers=headers)).json
            assert "我的快递" in [message["text"] for message in page["messages"]]
            switched = await front.request(
                "PUT", f"{PATH}/{cid}/personalisation", json={"on": True}, headers=headers
            )
            rated = await front.request("PUT", f"{PATH}/{cid}/rating", json={"score": 5}, headers=headers)
            chat = {**chat, "message_id": f"m_{known[:8]}"}
            said = await front.request("POST", "/api/v1/chat", json=chat, headers=headers)
            assert (switched.status, rated.status, said.status) == (200, 200, 200)
            async with front.session.ws_connect(front.url("/api/v1/ws")) as ws:
                await ws.send_json({"type": "auth", "conversation_id": cid, "secret": known})
                assert (await ws.receive_json())["type"] == "ready"
        other = await front.open("u1002")
        for wrong in ("", "x", own + "x", other.secret):
            assert await reads(front, cid, wrong) in (401, 404)
        # A key opens its own conversation and no other, nor one that does not exist.
        assert await reads(front, other.conversation_id, own) == 404
        assert await reads(front, "c_none", own) == 404
        no = await front.request("POST", PATH, json={"resume": "yes"})
        assert (no.status, no.json["error"]["code"]) == (422, "invalid_field")


async def test_the_same_key_gives_the_same_answer(url: str, rasa: RasaStub) -> None:
    async with Front(url, rasa.port) as front:
        opened = await resume(front, **KEY)
        again = await resume(front, **KEY)
        assert (opened.status, again.status) == (201, 201)
        assert again.json == opened.json and await count(front, "conversation_keys") == 0
        other = {"Idempotency-Key": "another-key-0001"}
        first, second = await resume(front, **other), await resume(front, **other)
        assert (first.status, second.status) == (200, 200) and first.json == second.json
        assert first.json["conversation_id"] == opened.json["conversation_id"]
        assert await count(front, "conversation_keys") == 1
        # Somebody else's key of the same name is another key.
        assert (await resume(front, "u1002", **other)).json["secret"] != first.json["secret"]
        sealed = await database_of(front).read(
            lambda c: [tuple(row) for row in c.exec_driver_sql("SELECT secret FROM openings")]
        )
        assert first.json["secret"] not in str(sealed)


async def test_the_oldest_keys_go(front: Front) -> None:
    first = await resume(front, **KEY)
    cid = first.json["conversation_id"]
    held = [await resume(front, **{"Idempotency-Key": "the-oldest-of-all"})]
    held += [await resume(front) for _ in range(MOST_KEYS)]
    assert await count(front, "conversation_keys") == MOST_KEYS
    secrets = [got.json["secret"] for got in held]
    assert [await reads(front, cid, secret) for secret in secrets[:2]] == [404, 200]
    assert await reads(front, cid, first.json["secret"]) == 200  # its own is none of them
    # A repeated request whose secret has gone gets one that opens.
    late = await resume(front, **{"Idempotency-Key": "the-oldest-of-all"})
    assert late.status == 200 and late.json["secret"] not in secrets
    assert await reads(front, cid, late.json["secret"]) == 200


async def test_what_is_gone_on_with(rasa: RasaStub, tmp_path: Path) -> None:
    clock = Clock(shanghai_now())
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, clock=clock) as front:

        async def found(customer_id: str | None = "u1001") -> str | None:
            got = await resume(front, customer_id)
            assert got.status == (200 if got.json["resumed"] else 201)
            return str(got.json["conversation_id"]) if got.json["resumed"] else None

        assert await found(None) is None  # a stranger: two conversations
        assert await found(None) is None
        old = await front.open("u1001")
        clock.pass_by(minutes=1)
        new = await front.open("u1001")
        assert await found() == new.conversation_id
        clock.pass_by(minutes=1)
        await old.say("接着说")  # what was active last
        assert await found() == old.conversation_id
        # An anonymous one that becomes hers is one of them: the later activity counts, both are left.
        clock.pass_by(minutes=1)
        third = await front.open()
        headers = {**third.headers, "Authorization": f"Bearer {token('u1001', clock)}"}
        path = f"{PATH}/{third.conversation_id}/identify"
        assert (await front.request("POST", path, headers=headers)).status == 200
        assert await found() == third.conversation_id
        assert await reads(front, old.conversation_id, old.secret) == 200
        # Not what is over, not what took place elsewhere, not what is older than a month.
        store = front.conversations._store
        await store.change_owner(third.conversation_id, Owner.CLOSED, by="system", reason="test")
        clock.pass_by(minutes=1)
        await front.conversations.open(channel="wechat", customer_id="u1001", net="n")
        assert await found() == old.conversation_id
        clock.pass_by(minutes=2)
        assert timedelta(days=30) == RUNNING_FOR
        clock.pass_by(days=30)
        assert await found() is None


async def test_never_another_customers(rasa: RasaStub, tmp_path: Path) -> None:
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port) as front:
        hers = await front.open("u1002")
        # A stranger has proven an order of u1001: that makes the conversation nobody's.
        stranger = await front.open()
        proof = grant(stranger.conversation_id, "m_9", at=shanghai_now())
        rasa.script = lambda request: answer(
            request, [{"custom": {"type": "directive", "directive": "verified", "grant": proof}}]
        )
        await stranger.post(text="订单号", message_id="m_9")
        (held,) = rows(
            tmp_path / "record.db", "select orders from conversations where id=?", stranger.conversation_id
        )
        assert "202611200001" in held[0]
        rasa.script = answer
        got = await resume(front, "u1001")
        assert got.status == 201
        assert got.json["conversation_id"] not in (hers.conversation_id, stranger.conversation_id)
        wrong = {"Authorization": "Bearer " + token("u1002")[:-3] + "xyz"}
        refused = await front.request("POST", PATH, json={"resume": True}, headers=wrong)
        assert refused.status == 401


async def test_stored_settings_hold(front: Front) -> None:
    shopper = await front.open("u1001")
    off = {"json": {"on": False}, "headers": shopper.headers}
    await front.request("PUT", f"{PATH}/{shopper.conversation_id}/personalisation", **off)
    got = await resume(front)
    headers = {"X-Conversation-Secret": got.json["secret"]}
    reading = await front.request("GET", f"{PATH}/{shopper.conversation_id}/reading", headers=headers)
    assert got.status == 200 and reading.json["personalisation"] is False


async def test_who_answers_is_told(front: Front) -> None:
    desk = Desk(front)
    agent = await desk.hire("小林")
    shopper = await front.open("u1001")
    await desk.hands.take_over(shopper.conversation_id, agent)
    got = await resume(front)
    assert (got.json["owner"], got.json["agent"], got.json["replies"]) == ("HUMAN", {"name": "小林"}, [])


async def test_browsers_that_begin_at_once_find_one_conversation(url: str, rasa: RasaStub) -> None:
    async with Front(url, rasa.port) as one, Front(url, rasa.port) as two:
        got = await asyncio.gather(*(resume(front) for front in (one, two) * 4))
        assert sorted(answer.status for answer in got) == [200] * 7 + [201]
        (cid,) = {answer.json["conversation_id"] for answer in got}
        assert len({answer.json["secret"] for answer in got}) == 8
        assert {await reads(two, cid, answer.json["secret"]) for answer in got} == {200}
        assert await count(one, "conversations") == 1
        same = await asyncio.gather(*(resume(front, **KEY) for front in (one, two) * 3))
        assert len({answer.json["secret"] for answer in same}) == 1


async def test_a_front_killed_while_it_resumes(rasa: RasaStub, tmp_path: Path) -> None:
    process = FrontProcess(tmp_path, rasa.port)
    record = tmp_path / "record.db"
    headers = {"Authorization": f"Bearer {token('u1001')}", **KEY}

    async def ask(more: dict[str, str]) -> tuple[int, dict[str, Any]]:
        async with aiohttp.ClientSession() as session:
            address = f"http://127.0.0.1:{process.port}{PATH}"
            async with session.post(address, json={"resume": True}, headers={**headers, **more}) as got:
                return got.status, await got.json()

    try:
        await process.start()
        status, opened = await ask({"Idempotency-Key": "the-first-of-all"})
        assert status == 201
        asking = asyncio.create_task(ask({}))
        await until(lambda: rows(record, "select count(*) from conversation_keys")[0][0])
        await process.kill()
        with contextlib.suppress(aiohttp.ClientError):
            await asking
        await process.start()
        # Whether its answer came or not: asked again there is one key, and it opens.
        status, got = await ask({})
        assert (status, got["conversation_id"]) == (200, opened["conversation_id"])
        assert rows(record, "select count(*) from conversation_keys")[0][0] == 1
        body = {"conversation_id": got["conversation_id"], "message_id": "m_1", "text": "在吗"}
        assert (await process.post("/api/v1/chat", body, got["secret"]))["replies"]
    finally:
        if process.process.returncode is None:
            await process.kill()


async def test_erasure_takes_the_keys_and_no_copy_holds_them(url: str, rasa: RasaStub) -> None:
    async with Front(url, rasa.port) as front:
        await front.open("u1001")
        kept = await front.open("u1002")
        secret = (await resume(front)).json["secret"]
        await resume(front, "u1002")
        database = database_of(front)
        copy = await database.read(lambda c: export_customer(c, vault(), "u1001"))
        assert secret not in str(copy) and "secret" not in str(copy)
        assert len(copy["conversations"][0]["resumed_at"]) == 1
        await database.write(lambda c: erase_customer(c, "u1001"))
        left = await database.read(
            lambda c: [row[0] for row in c.exec_driver_sql("SELECT conversation_id FROM conversation_keys")]
        )
        assert left == [kept.conversation_id]
