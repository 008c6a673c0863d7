"""WeCom through a whole front, from callback to answer: restarts, repeats, five at most, bad lines."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot.channels.platforms.wecom import Settings
from tests.bot.conversation.harness import Front, rows, until
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.fakes.wecom import FakeWecom

USER, OTHER = "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw", "wmAJ2GCAAABbdNL1QNfrcXHVPTgIQNYw"


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeWecom]:
    async with FakeWecom() as made:
        yield made


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record.db"


def front_of(record: Path, rasa: RasaStub, fake: FakeWecom) -> Front:
    given = Settings(fake.corp_id, fake.secret, fake.token, fake.aes_key, api=fake.url)
    return Front(f"sqlite:///{record}", rasa.port, channels={"wecom": given})


async def posted(front: Front, query: dict[str, str], body: bytes) -> tuple[int, str]:
    url = front.url("/channels/wecom")
    async with aiohttp.ClientSession() as http, http.post(url, params=query, data=body) as got:
        return got.status, await got.text()


def told(fake: FakeWecom, user: str = USER) -> list[str]:
    """Return what a shopper has read, texts and heads of menus; messages of one answer come as one."""
    bodies = [one for one in fake.sent if one.get("touser", user) == user]
    texts = (
        one["text"]["content"] if one["msgtype"] == "text" else one["msgmenu"].get("head_content", "")
        for one in bodies
    )
    return [said for text in texts for said in text.split("\n\n")]


def answers(fake: FakeWecom, user: str = USER) -> list[str]:
    return [text for text in told(fake, user) if text.startswith("答：") and text != "答：opened"]


async def test_she_comes_in_asks_and_goes_on_after_a_restart(
    rasa: RasaStub, fake: FakeWecom, record: Path
) -> None:
    fake.page = 2
    async with front_of(record, rasa, fake) as front:
        fake.enters(USER)
        assert await posted(front, *fake.callback()) == (200, "success")
        await until(lambda: fake.sent)
        assert "code" in fake.sent[0]  # the greeting, in the one answer that coming in allows
        fake.says(USER, content="第一句")
        callback = fake.callback()
        for _ in range(3):  # its retries
            assert await posted(front, *callback) == (200, "success")
        await until(lambda: answers(fake) == ["答：第一句"])
    fake.says(USER, content="第二句")
    fake.says(OTHER, content="别人的")
    fake.rows += fake.rows[-3:]  # given out twice
    async with front_of(record, rasa, fake) as front:  # nobody told it of what came meanwhile
        await until(lambda: len(answers(fake)) == 2)
        fake.says(USER, content="第三句")
        assert await posted(front, *fake.callback()) == (200, "success")
        await until(lambda: len(answers(fake)) == 3 and len(answers(fake, OTHER)) == 1)
        assert answers(fake) == ["答：第一句", "答：第二句", "答：第三句"]
        assert (await posted(front, {}, b"<xml/>"))[0] == 401
    assert len(rasa.calls) == len({call["message_id"] for call in rasa.calls})
    (cursor,) = rows(record, "SELECT cursor FROM channel_cursors WHERE channel = 'wecom'")
    assert cursor == (f"cursor-{len(fake.rows)}",)
    assert [one for one in rows(record, "SELECT user FROM channel_links") if USER in one[0]] == []


async def test_a_tapped_choice_is_the_choice_and_what_does_not_fit_waits_for_her(
    rasa: RasaStub, fake: FakeWecom, record: Path
) -> None:
    def script(request: dict[str, Any]) -> dict[str, Any]:
        buttons = [{"title": "查物流", "payload": "/track_shipment"}]
        said = request.get("text") or request.get("payload")
        long = "，还有一件事要说" * 80  # two of these are no message
        many = [{"text": f"答：{said}{number}{long}"} for number in range(6)] if said == "多" else None
        return answer(request, many or [{"text": f"答：{said}", "buttons": buttons}])

    rasa.script = script
    async with front_of(record, rasa, fake) as front:
        fake.says(USER, content="在吗")
        await posted(front, *fake.callback())
        await until(lambda: answers(fake) == ["答：在吗"])
        (_, choice) = fake.sent[-1]["msgmenu"]["list"]  # the first is the notice's
        fake.says(USER, content=choice["click"]["content"], menu_id=choice["click"]["id"])
        await posted(front, *fake.callback())
        await until(lambda: len(answers(fake)) == 2)
        assert answers(fake)[-1] == "答：/track_shipment"

        fake.says(USER, content="多")
        await posted(front, *fake.callback())
        await until(lambda: len(answers(fake)) == 7 and not fake.sessions[USER].left)
        fake.says(USER, content="继续")
        await posted(front, *fake.callback())
        await until(lambda: len(answers(fake)) == 9)
        assert [text[:4] for text in answers(fake)[2:]] == [*[f"答：多{n}" for n in range(6)], "答：继续"]
    assert len({one["msgid"] for one in fake.sent}) == len(fake.sent)


async def test_a_line_that_breaks_neither_loses_nor_doubles(
    rasa: RasaStub, fake: FakeWecom, record: Path
) -> None:
    async with front_of(record, rasa, fake) as front:
        fake.says(USER, content="第一句")
        fake.trouble("kf/sync_msg", "500", 42001)
        fake.trouble("kf/send_msg", 95018, "drop")
        await posted(front, *fake.callback())
        await until(lambda: answers(fake) == ["答：第一句"])
        fake.says(USER, content="第二句")
        await posted(front, *fake.callback())
        await until(lambda: len(answers(fake)) == 2)
    assert answers(fake) == ["答：第一句", "答：第二句"]


async def test_what_did_not_reach_her_lets_the_rest_wait_and_an_old_word_of_it_changes_nothing(
    rasa: RasaStub, fake: FakeWecom, record: Path
) -> None:
    async with front_of(record, rasa, fake) as front:
        fake.says(USER, content="第一句")
        await posted(front, *fake.callback())
        await until(lambda: answers(fake) == ["答：第一句"])
        before = time.time() - 60  # she has written since
        fake.event(USER, "msg_send_fail", at=before, fail_msgid="x", fail_type=4)
        fake.says(OTHER, content="别人的")
        await posted(front, *fake.callback())
        await until(lambda: answers(fake, OTHER) == ["答：别人的"])
        await until(lambda: not rows(record, "SELECT 1 FROM channel_inbox WHERE state = 'waiting'"))
        assert {one for (one,) in rows(record, "SELECT state FROM channel_links")} == {"active"}

        rasa.gate.clear()
        fake.says(USER, content="第二句")
        await posted(front, *fake.callback())
        await until(lambda: any(call.get("text") == "第二句" for call in rasa.calls))
        fake.event(USER, "session_status_change", at=time.time() + 2, change_type=3)
        await posted(front, *fake.callback())
        await until(lambda: rows(record, "SELECT 1 FROM channel_links WHERE state = 'closed'"))
        calls = fake.calls.count("kf/send_msg")
        rasa.gate.set()
        await until(lambda: len(rasa.ran) >= 3)
        fake.says(USER, content="第三句")
        await posted(front, *fake.callback())
        await until(lambda: len(answers(fake)) == 3)
    assert answers(fake) == ["答：第一句", "答：第二句", "答：第三句"]
    assert fake.calls.count("kf/send_msg") == calls + 2, "nothing was tried while her session was over"
