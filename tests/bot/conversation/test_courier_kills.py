"""A front dies right after a platform took a part and before that is noted: one part more at most, and told.

A front that is told to end at the same moment doubles nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from bot.app.front import shanghai_now
from tests.bot.conversation.courier_harness import HoldingWeChat
from tests.bot.conversation.harness import rows, until
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.bot.conversation.test_crashes import FrontProcess
from tests.fakes.feishu import FakeFeishu
from tests.fakes.wechat import AES_KEY, APP_ID, OPENID, SECRET, TOKEN, Poster

pytestmark = pytest.mark.slow

#: A process that starts beside many others takes its time.
STARTED_S = 60.0


class Told:
    """A front in a process of its own with WeChat and Feishu, and what its log says of parts."""

    def __init__(self, process: FrontProcess, wechat: HoldingWeChat, feishu: FakeFeishu) -> None:
        self.process, self.wechat, self.feishu = process, wechat, feishu
        self._poster = Poster(AES_KEY)

    @property
    def record(self) -> Path:
        return self.process.data_dir / "record.db"

    async def post(self, name: str, **options: Any) -> None:
        url = f"http://127.0.0.1:{self.process.port}/channels/{name}"
        async with aiohttp.ClientSession() as http, http.post(url, **options) as got:
            assert got.status == 200, await got.text()

    async def write(self, text: str) -> None:
        """Let the follower of the account write."""
        now = shanghai_now()
        query, body = self._poster.request(now, self._poster.message(now, "text", Content=text))
        await self.post("wechat", params=query, data=body)

    async def write_on_feishu(self, text: str) -> None:
        headers, body = self.feishu.signed(self.feishu.message({"text": text}))
        await self.post("feishu", headers=headers, data=body)

    def doubles(self) -> list[str]:
        return [line for line in self.process.log.read_text().splitlines() if "may come twice" in line]

    def got(self) -> list[str]:
        """What the follower has got, message by message."""
        return [
            sent["text"]["content"] if sent["msgtype"] == "text" else sent["msgmenu"]["head_content"]
            for sent in self.wechat.sent
        ]

    async def delivered(self) -> None:
        """Wait until all is delivered and noted."""
        behind = (
            "SELECT 1 FROM channel_links l JOIN conversations c ON c.id = l.conversation_id"
            " WHERE l.delivered_seq < c.next_seq - 1 OR l.lease_holder IS NOT NULL OR c.pending > 0"
            " UNION SELECT 1 FROM channel_inbox WHERE state = 'waiting'"
        )
        await until(lambda: not rows(self.record, behind), STARTED_S)


@pytest_asyncio.fixture
async def told(rasa: RasaStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Told]:
    async with HoldingWeChat() as wechat, FakeFeishu() as feishu:
        for name, value in {
            "ZHIXIN_CHANNELS": "wechat,feishu",
            "ZHIXIN_WECHAT_APP_ID": APP_ID,
            "ZHIXIN_WECHAT_SECRET": SECRET,
            "ZHIXIN_WECHAT_TOKEN": TOKEN,
            "ZHIXIN_WECHAT_AES_KEY": AES_KEY,
            "ZHIXIN_WECHAT_API": wechat.origin,
            "ZHIXIN_WECHAT_MENUS": "on",
            "ZHIXIN_FEISHU_APP_ID": feishu.app_id,
            "ZHIXIN_FEISHU_APP_SECRET": feishu.app_secret,
            "ZHIXIN_FEISHU_ENCRYPT_KEY": feishu.encrypt_key,
            "ZHIXIN_FEISHU_VERIFICATION_TOKEN": feishu.verification_token,
            "ZHIXIN_FEISHU_API": feishu.url,
        }.items():
            monkeypatch.setenv(name, value)
        process = FrontProcess(tmp_path, rasa.port)
        await process.start()
        yield Told(process, wechat, feishu)
        if process.process.returncode is None:
            await process.kill()


async def held_with(told: Told, text: str) -> None:
    """Have a first exchange over, and the platform hold back that it took the answer to a second one."""
    await told.write("在吗")
    await told.delivered()
    told.wechat.hold = True
    await told.write(text)
    await asyncio.wait_for(told.wechat.held.wait(), STARTED_S)


async def test_killed_between_the_platforms_yes_and_the_note_one_part_comes_twice_and_is_told(
    told: Told,
) -> None:
    await held_with(told, "一")
    (seq,) = rows(told.record, "SELECT max(seq) FROM messages WHERE author = 'bot'")[0]
    await told.process.kill()
    assert told.got()[1:] == ["答：一"] and told.doubles() == []
    await told.process.start()
    await told.delivered()
    await told.write("二")
    await until(lambda: "答：二" in told.got())
    assert told.got()[1:] == ["答：一", "答：一", "答：二"]
    (cid,) = rows(told.record, "SELECT id FROM conversations")[0]
    (line,) = told.doubles()
    assert f"part 1 of message {seq} of {cid} may come twice" in line
    assert OPENID not in line and "答" not in line


async def test_killed_in_an_answer_that_is_one_message_all_of_it_and_nothing_else_comes_twice(
    told: Told, rasa: RasaStub
) -> None:
    rasa.script = lambda turn: answer(
        turn, [{"text": "甲"}, {"text": "乙"}] if turn.get("text") == "一" else None
    )
    await held_with(told, "一")
    await told.process.kill()
    await told.process.start()
    await told.delivered()
    assert told.got()[1:] == ["甲\n\n乙"] * 2 and len(told.doubles()) == 1


async def test_killed_while_nothing_is_sent_nothing_comes_twice_and_nothing_is_told(
    told: Told, rasa: RasaStub
) -> None:
    await told.write("在吗")
    await told.delivered()
    rasa.gate.clear()
    await told.write("一")
    await until(lambda: any(call.get("text") == "一" for call in rasa.calls))
    await told.process.kill()
    rasa.gate.set()
    await told.process.start()
    await until(lambda: "答：一" in told.got(), STARTED_S)
    await told.delivered()
    assert told.got()[1:] == ["答：一"] and told.doubles() == []


async def test_told_to_end_at_that_moment_nothing_comes_twice_and_nothing_is_told(
    told: Told, rasa: RasaStub
) -> None:
    long = "，还有一件事要说" * 80  # two of these are no message
    many = [{"text": f"甲{long}"}, {"text": f"乙{long}"}]
    rasa.script = lambda turn: answer(turn, many if turn.get("text") == "一" else None)
    await held_with(told, "一")
    told.process.terminate()

    url = f"http://127.0.0.1:{told.process.port}/readyz"
    with contextlib.suppress(aiohttp.ClientError):
        while True:  # until it listens no more: what it has begun is closed next
            async with aiohttp.ClientSession() as http, http.get(url):
                await asyncio.sleep(0.02)
    told.wechat.go.set()
    assert await asyncio.wait_for(told.process.process.wait(), STARTED_S) == 0
    await told.process.start()
    await told.delivered()
    assert [text[0] for text in told.got()[1:]] == ["甲", "乙"] and told.doubles() == []


async def test_killed_at_that_moment_a_platform_with_keys_is_sent_the_same_key_and_shows_one(
    told: Told,
) -> None:
    feishu, keys = told.feishu, []
    held, hold = asyncio.Event(), [True]

    async def behave(request: web.Request) -> web.StreamResponse | None:
        if request.path != "/open-apis/im/v1/messages":
            return None
        said = await request.json()
        keys.append(said["uuid"])
        if "答：一" not in said["content"] or not hold:
            return None
        hold.clear()
        await feishu._send(request)  # taken, and nobody hears of it
        held.set()
        await asyncio.Event().wait()
        raise AssertionError

    feishu.behave = behave
    await told.write_on_feishu("一")
    await asyncio.wait_for(held.wait(), STARTED_S)
    await told.process.kill()
    await told.process.start()
    await told.delivered()
    shown = [content for _, _, content in feishu.shown]
    assert len(shown) == 2 and sum("答：一" in str(content) for content in shown) == 1
    assert len(keys) == 3 and keys[1] == keys[2] and keys[0] != keys[1]
    assert told.doubles() == []
