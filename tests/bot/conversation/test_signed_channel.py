"""The signed channel end to end: a real front, the stand-in for Rasa, and a receiver that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp import web

from bot.app.front import shanghai_now
from bot.channels.platforms.signed import Settings
from tests.bot.conversation.harness import Answer, Front, rows, until
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.fakes.signed import KEY, Receiver, signed
from tests.support.photographs import photograph

NOTICE = "utter_privacy_notice/neutral"


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver(shanghai_now) as made:
        yield made


def front_at(url: str, rasa: RasaStub, receiver: Receiver, **changes: Any) -> Front:
    settings = Settings(keys=(KEY,), url=receiver.url, **changes)
    return Front(url, rasa.port, channels={"signed": settings})


async def write(front: Front, user: str, number: int, text: str = "", **more: Any) -> Answer:
    body = {"user": user, "message_id": f"{user}-{number}", **({"text": text} if text else {}), **more}
    return await front.request("POST", "/channels/signed", **signed(body, shanghai_now()))


async def test_a_message_is_acknowledged_answered_and_never_doubled(
    url: str, rasa: RasaStub, receiver: Receiver
) -> None:
    async with front_at(url, rasa, receiver) as front:
        rasa.gate.clear()  # the bot takes long; the platform does not wait for it
        for _ in range(3):
            assert (await write(front, "u1", 1, "我的订单呢")).status == 202
        assert (await write(front, "u2", 1, "你好")).json == {"accepted": ["u2-1"]}
        rasa.gate.set()
        await until(lambda: len(receiver.of("u1")) == 2 and len(receiver.of("u2")) == 2)
        assert receiver.texts("u1") == [receiver.texts("u1")[0], "答：我的订单呢"]
        assert receiver.texts("u1")[0].startswith(NOTICE)
        await write(front, "u1", 1, "我的订单呢")  # again, long after
        await write(front, "u1", 2, "谢谢")
        await until(lambda: "答：谢谢" in receiver.texts("u1"))
        assert [c["text"] for c in rasa.calls if "text" in c].count("我的订单呢") == 1
        assert len(receiver.taken) == len(receiver.of("u1")) + len(receiver.of("u2"))
        assert all(call["binds"] is True for call in rasa.calls)  # nobody logs in there
        shopper = await front.open()
        await shopper.say("在吗")
        assert "binds" not in rasa.calls[-1]


async def test_who_signs_wrongly_or_too_late_is_refused(
    rasa: RasaStub, receiver: Receiver, tmp_path: Path
) -> None:
    async with front_at(f"sqlite:///{tmp_path / 'record.db'}", rasa, receiver) as front:
        good = {"user": "u1", "message_id": "1", "text": "你好"}

        async def status(body: Any, **options: Any) -> int:
            return (await front.request("POST", "/channels/signed", **signed(body, **options))).status

        now = shanghai_now()
        assert await status(good, now=now, key="x" * 40) == 401
        assert await status(good, now=now - timedelta(minutes=6)) == 401
        assert await status({**good, "user": ""}, now=now) == 400
        assert await status(b"[1", now=now) == 400
        assert await status([good], now=now) == 400
        assert await status({"messages": []}, now=now) == 400
        assert (await front.request("GET", "/channels/signed")).status == 400
        assert (await front.request("POST", "/channels/nowhere", data=b"{}")).status == 404
        assert (await front.request("POST", "/channels/signed", data=b"x" * (1 << 20) + b"x")).status == 413
        assert rows(tmp_path / "record.db", "SELECT count(*) FROM channel_inbox") == [(0,)]


async def test_what_was_acknowledged_survives_the_end_of_the_front(
    url: str, rasa: RasaStub, receiver: Receiver
) -> None:
    rasa.gate.clear()
    async with front_at(url, rasa, receiver) as front:
        for number in range(1, 4):
            await write(front, "u1", number, f"第{number}句")
    rasa.gate.set()
    async with front_at(url, rasa, receiver) as front:
        await write(front, "u1", 2, "第2句")
        await until(lambda: len(receiver.of("u1")) == 4)
        assert receiver.texts("u1")[1:] == ["答：第1句", "答：第2句", "答：第3句"]


async def test_answers_are_sent_again_in_order_and_carry_the_same_key(
    url: str, rasa: RasaStub, receiver: Receiver
) -> None:
    async with front_at(url, rasa, receiver) as front:
        receiver.statuses = [500]
        receiver.lost = 1  # taken, but we do not hear so: sent again under its key
        await write(front, "u1", 1, "一")
        await write(front, "u1", 2, "二")
        await until(lambda: len(receiver.of("u1")) == 3)
        assert receiver.texts("u1")[1:] == ["答：一", "答：二"]
        assert len(receiver.taken) == 4


async def test_who_left_is_not_written_to_until_she_writes(
    url: str, rasa: RasaStub, receiver: Receiver
) -> None:
    async with front_at(url, rasa, receiver) as front:
        receiver.statuses = [410]
        await write(front, "u1", 1, "一")
        await until(lambda: receiver.tried == 1)
        await until(lambda: len(rasa.ran) == 1)
        await write(front, "u2", 1, "别人")
        await until(lambda: len(receiver.of("u2")) == 2)
        assert receiver.texts("u1") == []
        await write(front, "u1", 2, "二")
        await until(lambda: len(receiver.of("u1")) == 3)
        assert receiver.texts("u1")[1:] == ["答：一", "答：二"]


async def test_a_part_that_is_refused_does_not_hold_up_the_next(
    url: str, rasa: RasaStub, receiver: Receiver
) -> None:
    async with front_at(url, rasa, receiver) as front:
        receiver.statuses = [200, 422]
        await write(front, "u1", 1, "一")
        await write(front, "u1", 2, "二")
        await until(lambda: "答：二" in receiver.texts("u1"))
        assert "答：一" not in receiver.texts("u1")


async def test_buttons_and_numbers_choose_the_same(
    rasa: RasaStub, receiver: Receiver, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'record.db'}"
    offered = [{"text": "要什么", "buttons": [{"title": "查物流", "payload": "/track"}]}]
    rasa.script = lambda turn: answer(turn, offered if "text" in turn else None)
    async with front_at(url, rasa, receiver, buttons=1) as front:
        await write(front, "u1", 1, "一")
        await until(
            lambda: any(one["type"] == "buttons" and one["text"] == "要什么" for one in receiver.taken)
        )
        button = next(one for one in receiver.taken if one["text"] == "要什么")["buttons"][0]
        await write(front, "u1", 2, button=button["id"])
        await until(lambda: "答：/track" in receiver.texts("u1"))
    async with front_at(url, rasa, receiver, buttons=0) as front:
        await write(front, "u3", 1, "1")  # before she has got anything to choose from
        await until(lambda: len(receiver.of("u3")) == 2)
        assert rasa.calls[-1]["text"] == "1"
        await until(lambda: _delivered(front, 2))
        await write(front, "u3", 2, "1")
        await until(lambda: "答：/track" in receiver.texts("u3"))


def _delivered(front: Front, parts: int) -> bool:
    path = Path(front.settings.record_url.removeprefix("sqlite:///"))
    return rows(path, "SELECT sent FROM channel_links ORDER BY id DESC LIMIT 1") == [(parts,)]


async def test_two_fronts_deliver_once(url: str, rasa: RasaStub, receiver: Receiver) -> None:
    async with front_at(url, rasa, receiver) as one, front_at(url, rasa, receiver) as two:
        fronts = (one, two)
        await asyncio.gather(
            *(write(fronts[n % 2], f"u{n % 5}", n // 5, f"{n // 5}") for n in range(20)),
            *(write(fronts[(n + 1) % 2], f"u{n % 5}", n // 5, f"{n // 5}") for n in range(20)),
        )
        await until(lambda: all(len(receiver.of(f"u{n}")) == 5 for n in range(5)))
        assert len(receiver.taken) == 25


async def test_ids_with_strokes_are_told_apart(url: str, rasa: RasaStub, receiver: Receiver) -> None:
    async with front_at(url, rasa, receiver) as front:
        for user, message_id, text in (("u", "x/1", "一"), ("u/x", "1", "二")):
            body = {"user": user, "message_id": message_id, "text": text}
            got = await front.request("POST", "/channels/signed", **signed(body, shanghai_now()))
            assert got.status == 202
        await until(lambda: "答：一" in receiver.texts("u") and "答：二" in receiver.texts("u/x"))


async def test_pictures_that_do_not_come_leave_room_for_words(url: str, rasa: RasaStub) -> None:
    go = asyncio.Event()

    class Holding(Receiver):
        asked = most = 0

        async def _picture(self, request: web.Request) -> web.Response:
            self.asked += 1
            self.most = max(self.most, self.asked)
            try:
                await go.wait()
                return await super()._picture(request)
            finally:
                self.asked -= 1

    async with Holding(shanghai_now) as receiver, front_at(url, rasa, receiver) as front:
        address = receiver.holds(photograph())
        for number in range(10):
            await write(front, f"p{number}", 1, type="picture", picture=address)
        await write(front, "u1", 1, "在吗")
        await until(lambda: "答：在吗" in receiver.texts("u1"))
        assert not any(call.get("event") == "picture" for call in rasa.calls)
        assert receiver.most <= 3
        go.set()
        await until(lambda: [call.get("event") for call in rasa.calls].count("picture") == 10)
