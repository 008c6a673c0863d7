"""DingTalk and Feishu through a whole front, call to answer: repeats, taps, restarts, broken lines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bot.channels.platforms import dingtalk, feishu
from tests.bot.conversation.harness import Front, rows, until
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.feishu import FakeFeishu
from tests.support.photographs import photograph


@pytest_asyncio.fixture
async def ding() -> AsyncIterator[FakeDingTalk]:
    async with FakeDingTalk() as made:
        yield made


@pytest_asyncio.fixture
async def lark() -> AsyncIterator[FakeFeishu]:
    async with FakeFeishu() as made:
        yield made


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


def front_of(record: Path, rasa: RasaStub, ding: FakeDingTalk, lark: FakeFeishu) -> Front:
    given = {
        "dingtalk": dingtalk.Settings(ding.app_key, ding.app_secret, api=ding.url, web=ding.url),
        "feishu": feishu.Settings(
            lark.app_id, lark.app_secret, lark.encrypt_key, lark.verification_token, api=lark.url
        ),
    }
    return Front(f"sqlite:///{record}", rasa.port, channels=given)


async def by_dingtalk(front: Front, fake: FakeDingTalk, said: dict[str, Any]) -> int:
    body = json.dumps(said).encode()
    async with front.session.post(front.url("/channels/dingtalk"), data=body, headers=fake.headers()) as got:
        return got.status


async def by_feishu(front: Front, fake: FakeFeishu, told: dict[str, Any]) -> int:
    headers, body = fake.signed(told)
    async with front.session.post(front.url("/channels/feishu"), data=body, headers=headers) as got:
        assert got.status != 200 or await got.json(content_type=None) == {}
        return got.status


def words(shown: list[tuple[str, str, dict[str, Any]]]) -> list[str]:
    """Return the bot's answers, in order, of texts and of cards."""
    texts = []
    for _, _, content in shown:
        text = content.get("content") or content.get("text") or ""
        if "elements" in content:
            text = content["elements"][0]["text"]["content"]
        texts.append(str(text))
    return [text for text in texts if text.startswith("答：") and text != "答：opened"]


def with_buttons(request: dict[str, Any]) -> dict[str, Any]:
    said = request.get("text") or request.get("payload") or request.get("event")
    buttons = [{"title": "查物流", "payload": "/track_shipment"}]
    return answer(request, [{"text": f"答：{said}", "buttons": buttons}])


async def test_repeats_are_one_message_and_restarts_lose_nothing(
    rasa: RasaStub, ding: FakeDingTalk, lark: FakeFeishu, record: Path
) -> None:
    first, second = ding.message(text={"content": "第一句"}), lark.message({"text": "第一句"})
    async with front_of(record, rasa, ding, lark) as front:
        for _ in range(3):
            assert await by_dingtalk(front, ding, first) == await by_feishu(front, lark, second) == 200
        await until(lambda: words(ding.shown) == words(lark.shown) == ["答：第一句"])
    async with front_of(record, rasa, ding, lark) as front:
        assert await by_dingtalk(front, ding, first) == await by_feishu(front, lark, second) == 200
        assert await by_dingtalk(front, ding, ding.message(text={"content": "第二句"})) == 200
        assert await by_feishu(front, lark, lark.message({"text": "第二句"})) == 200
        await until(lambda: words(ding.shown) == words(lark.shown) == ["答：第一句", "答：第二句"])
        assert await by_dingtalk(front, FakeDingTalk(app_secret="another"), ding.message()) == 401
        headers, body = lark.signed(lark.message(), key="another")
        async with front.session.post(front.url("/channels/feishu"), data=body, headers=headers) as got:
            assert got.status == 401
    kept = rows(record, "SELECT * FROM channel_links")
    assert len(kept) == 2 and "manager01" not in str(kept) and "ou_1" not in str(kept)


async def test_a_tap_is_the_choice(
    rasa: RasaStub, ding: FakeDingTalk, lark: FakeFeishu, record: Path
) -> None:
    """DingTalk's button sends its title as her message; Feishu's comes as an event with its id."""
    rasa.script = with_buttons
    async with front_of(record, rasa, ding, lark) as front:
        await by_dingtalk(front, ding, ding.message(text={"content": "在吗"}))
        await by_feishu(front, lark, lark.message({"text": "在吗"}))
        await until(lambda: words(ding.shown) == words(lark.shown) == ["答：在吗"])
        (link,) = ding.shown[-1][2]["btns"]
        assert link["title"] == "查物流"
        await by_dingtalk(front, ding, ding.message(text={"content": link["title"]}))
        (button,) = lark.shown[-1][2]["elements"][1]["actions"]
        tap = lark.tap(button["value"]["button"])
        assert await by_feishu(front, lark, tap) == await by_feishu(front, lark, tap) == 200
        await until(lambda: words(ding.shown)[1:] == words(lark.shown)[1:] == ["答：/track_shipment"])


async def test_a_group_is_answered_in_her_own_chat(
    rasa: RasaStub, ding: FakeDingTalk, lark: FakeFeishu, record: Path
) -> None:
    robot = {"key": "@_user_1", "id": {"open_id": "ou_bot"}, "mentioned_type": "bot"}
    called = lark.message({"text": "@_user_1 我的快递"}, chat_type="group", mentions=[robot])
    async with front_of(record, rasa, ding, lark) as front:
        await by_dingtalk(front, ding, ding.message(conversationType="2", text={"content": " 我的快递"}))
        await by_feishu(front, lark, called)
        await until(lambda: words(ding.shown) == words(lark.shown) == ["答：我的快递"])
    assert {user for user, *_ in ding.shown} == {"manager01"}  # by the robot, not into the group's session
    assert {user for user, *_ in lark.shown} == {"ou_1"}


async def test_lines_that_break_neither_lose_nor_double(
    rasa: RasaStub, ding: FakeDingTalk, lark: FakeFeishu, record: Path
) -> None:
    lost: list[str] = []

    async def takes_it_and_hangs_up(request: web.Request) -> web.StreamResponse | None:
        if request.path.endswith("/messages") and not lost:
            lost.append(request.path)
            await lark._send(request)  # it has it, but the answer is lost
            assert request.transport is not None
            request.transport.close()
        return None

    async def is_away(request: web.Request) -> web.StreamResponse | None:
        if len(lost) < 3 and "sendBySession" in request.path:
            lost.append(request.path)
            return web.Response(status=500)
        return None

    lark.behave, ding.behave = takes_it_and_hangs_up, is_away
    async with front_of(record, rasa, ding, lark) as front:
        await by_feishu(front, lark, lark.message({"text": "一"}))
        await until(lambda: words(lark.shown) == ["答：一"] and lark.calls > len(lark.shown))
        await by_dingtalk(front, ding, ding.message(text={"content": "二"}))
        await until(lambda: words(ding.shown) == ["答：二"])
    assert len(lark.keys) == len(lark.shown) < lark.calls


async def test_an_ended_session_is_followed_by_the_robot_and_pictures_are_kept(
    rasa: RasaStub, ding: FakeDingTalk, lark: FakeFeishu, record: Path
) -> None:
    ding.files["d1"] = lark.files["img_7"] = photograph()
    async with front_of(record, rasa, ding, lark) as front:
        said = ding.message(msgtype="picture", content={"downloadCode": "d1"})
        ding.sessions.clear()  # ended before it is used
        await by_dingtalk(front, ding, said)
        await by_feishu(front, lark, lark.message({"image_key": "img_7"}, form="image"))
        await until(lambda: any(form == "sampleText" for _, form, _ in ding.shown) and lark.shown)
        await until(lambda: len(rows(record, "SELECT 1 FROM desk_pictures")) == 2)
