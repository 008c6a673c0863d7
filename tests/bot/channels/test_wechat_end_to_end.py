"""WeChat through a whole front: acknowledged at once, answered by push, each once, whatever goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from bot.app.front import shanghai_now
from bot.channels.platforms import wechat, wechat_mini
from tests.bot.conversation.harness import Front, rows, until
from tests.bot.conversation.rasa_stub import RasaStub, Turn, answer
from tests.fakes.wechat import AES_KEY, APP_ID, OPENID, SECRET, TOKEN, FakeWeChat, Poster
from tests.support.photographs import photograph


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeWeChat]:
    async with FakeWeChat() as made:
        yield made


class Stage:
    """A front with both WeChat platforms, and the platform's side of it."""

    def __init__(self, rasa: RasaStub, api: FakeWeChat, folder: Path) -> None:
        self.rasa, self.api, self.path = rasa, api, folder / "record.db"
        self.menus: dict[str, Any] = {}
        self.poster = Poster(AES_KEY)
        self.front: Front

    def make(self) -> Front:
        channels = {
            "wechat": wechat.Settings(APP_ID, SECRET, TOKEN, AES_KEY, api=self.api.origin, **self.menus),
            "wechat_mini": wechat_mini.Settings(APP_ID, SECRET, TOKEN, api=self.api.origin),
        }
        self.front = Front(f"sqlite:///{self.path}", self.rasa.port, channels=channels)
        return self.front

    async def post(self, message: dict[str, Any], name: str = "wechat", poster: Poster | None = None) -> None:
        query, body = (poster or self.poster).request(shanghai_now(), message)
        async with self.front.session.post(
            self.front.url(f"/channels/{name}"), params=query, data=body
        ) as got:
            assert (got.status, await got.text()) == (200, "success")

    def message(self, kind: str, **fields: Any) -> dict[str, Any]:
        return self.poster.message(shanghai_now(), kind, **fields)

    @property
    def said(self) -> list[str]:
        """What the shopper has got, in words: several messages of one answer come as one."""
        texts = (
            sent["text"]["content"]
            if sent["msgtype"] == "text"
            else sent[sent["msgtype"]].get("head_content", "")
            for sent in self.api.sent
        )
        return [said for text in texts for said in text.split("\n\n")]

    async def answered(self, count: int = 1, text: str = "答：") -> None:
        await until(lambda: sum(text in said for said in self.said) >= count)


@pytest_asyncio.fixture
async def stage(rasa: RasaStub, api: FakeWeChat, tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(rasa, api, tmp_path)
    async with made.make():
        yield made


async def test_it_is_acknowledged_before_it_is_answered_and_answered_once(stage: Stage) -> None:
    stage.rasa.gate.clear()
    message = stage.message("text", Content="几天能到")
    for _ in range(3):  # the platform repeats what it thinks was lost
        await stage.post(message)
    assert not any("答：" in said for said in stage.said)
    stage.rasa.gate.set()
    await stage.answered()
    await stage.post(message)
    await stage.post(stage.message("text", Content="第二句"))
    await stage.answered(2)
    assert [said for said in stage.said if "答：" in said] == ["答：几天能到", "答：第二句"]
    assert {sent["touser"] for sent in stage.api.sent} == {OPENID}
    raw = stage.path.read_bytes() + stage.path.with_name("record.db-wal").read_bytes()
    assert OPENID.encode() not in raw  # who she is stands sealed in the record


def choices(turn: Turn) -> Turn:
    if turn.get("text") == "选项":
        buttons = [{"title": "查物流", "payload": "/track"}, {"title": "找人工", "payload": "/ask_human"}]
        return answer(turn, [{"text": "您看选哪个", "buttons": buttons}])
    return answer(turn)


async def test_choices_are_numbered_so_that_each_of_her_answers_earns_five_messages(stage: Stage) -> None:
    stage.rasa.script = choices
    await stage.post(stage.message("text", Content="选项"))
    await stage.answered(text="找人工")
    assert stage.said[1] == "回复 1：关闭"  # the notice's, which counts on
    assert stage.said[-1] == "回复数字：2 查物流 3 找人工"
    await until(lambda: rows(stage.path, "SELECT 1 FROM channel_links WHERE sent = 1"))
    await stage.post(stage.message("text", Content="3"))
    await stage.answered(text="答：/ask_human")
    assert {sent["msgtype"] for sent in stage.api.sent} == {"text"}


async def test_a_menu_is_tapped_and_a_menu_of_the_account_too(
    rasa: RasaStub, api: FakeWeChat, tmp_path: Path
) -> None:
    stage = Stage(rasa, api, tmp_path)
    stage.menus = {"menus": True}
    async with stage.make():
        await menus_are_tapped(stage)


async def menus_are_tapped(stage: Stage) -> None:
    stage.rasa.script = choices
    await stage.post(stage.message("text", Content="选项"))
    await stage.answered(text="您看选哪个")
    menus = [sent["msgmenu"] for sent in stage.api.sent if sent["msgtype"] == "msgmenu"]
    (_, tapped, _) = next(menu["list"] for menu in menus if menu["head_content"].endswith("您看选哪个"))
    await stage.post(stage.message("text", Content=tapped["content"], bizmsgmenuid=tapped["id"]))
    await stage.answered(text="答：/track")
    await stage.post(stage.message("text", Content="找人工"))  # what a tap is where no id comes with it
    await stage.answered(text="答：/ask_human")
    await stage.post(stage.message("event", Event="CLICK", EventKey="menu-orders"))
    await stage.answered(text="答：/list_orders")
    await stage.post(stage.message("event", Event="CLICK", EventKey="尺码怎么选"))
    await stage.answered(text="答：尺码怎么选")


async def test_each_kind_has_its_answer(stage: Stage) -> None:
    await stage.post(stage.message("event", Event="subscribe"))
    await until(lambda: stage.said)
    await stage.post(stage.message("voice", MediaId="v1", Format="amr", Recognition="我要退货"))
    await stage.answered(text="答：我要退货")
    for kind, more in (("voice", {"MediaId": "v2", "Format": "amr"}), ("video", {"MediaId": "v3"})):
        before = len(stage.said)
        await stage.post(stage.message(kind, **more))
        await until(lambda known=before: len(stage.said) > known)
    stage.api.media["p1"] = photograph()
    await stage.post(stage.message("image", MediaId="p1", PicUrl="http://127.0.0.1:9/never"))
    await until(
        lambda: "get" in stage.api.asked and any(call.get("event") == "picture" for call in stage.rasa.calls)
    )


async def test_who_left_is_left_alone_until_she_comes_back(stage: Stage) -> None:
    stage.rasa.gate.clear()
    await stage.post(stage.message("text", Content="在吗"))
    await until(lambda: stage.rasa.calls)
    await stage.post(stage.message("event", Event="unsubscribe"))
    await until(lambda: rows(stage.path, "SELECT 1 FROM channel_links WHERE state = 'blocked'"))
    stage.rasa.gate.set()
    await until(lambda: stage.rasa.ran)
    await stage.post(stage.message("event", Event="subscribe"))
    await stage.answered(text="答：在吗")


async def test_a_token_that_ends_and_a_platform_that_stumbles_lose_nothing(stage: Stage) -> None:
    stage.api.next("expired", -1, 45011)
    await stage.post(stage.message("text", Content="几天能到"))
    await until(lambda: stage.api.asked.count("send") >= 3)
    # 45011 wants a minute: her next message does not wait for it.
    await stage.post(stage.message("text", Content="在吗"))
    await stage.answered(2)
    assert [said for said in stage.said if "答：" in said] == ["答：几天能到", "答：在吗"]


async def test_what_the_closed_window_held_back_comes_with_her_next_message(stage: Stage) -> None:
    stage.api.next(*[45015] * 4)
    await stage.post(stage.message("text", Content="几天能到"))
    await until(lambda: rows(stage.path, "SELECT 1 FROM channel_links WHERE state = 'closed'"))
    await until(lambda: stage.rasa.ran)
    stage.api._next.clear()
    await stage.post(stage.message("text", Content="在吗"))
    await stage.answered(2)
    assert [said for said in stage.said if "答：" in said] == ["答：几天能到", "答：在吗"]


async def test_a_restart_goes_on_where_it_stood(rasa: RasaStub, api: FakeWeChat, tmp_path: Path) -> None:
    stage = Stage(rasa, api, tmp_path)
    rasa.gate.clear()
    message = stage.message("text", Content="几天能到")
    async with stage.make():
        await stage.post(message)
        await until(lambda: rasa.calls)
    rasa.gate.set()
    async with stage.make():
        await stage.answered()
        await stage.post(message)
        await stage.post(stage.message("text", Content="在吗"))
        await stage.answered(2)
    assert [said for said in stage.said if "答：" in said] == ["答：几天能到", "答：在吗"]


async def test_a_mini_program_writes_in_json(stage: Stage) -> None:
    poster = Poster(as_json=True)
    enter = poster.message(shanghai_now(), "event", Event="user_enter_tempsession", SessionFrom="goods")
    await stage.post(enter, "wechat_mini", poster)
    page = poster.message(
        shanghai_now(), "miniprogrampage", Title="奶杏色风衣", AppId=APP_ID, PagePath="p/goods?id=7"
    )
    await stage.post(page, "wechat_mini", poster)
    await stage.answered(text="答：奶杏色风衣")


async def test_what_is_not_the_platforms_is_refused_and_changes_nothing(stage: Stage) -> None:
    query, body = stage.poster.request(shanghai_now(), stage.message("text", Content="在吗"))
    for wrong in ({**query, "msg_signature": "0" * 40}, {**query, "timestamp": "1409735669"}, {}):
        got = await stage.front.request("POST", "/channels/wechat", params=wrong, data=body)
        assert got.status == 401
    cut = body.replace(b"]]></Encrypt>", b"")
    assert (await stage.front.request("POST", "/channels/wechat", params=query, data=cut)).status == 400
    many = [stage.front.request("GET", "/channels/wechat", params={"echostr": "1"}) for _ in range(5)]
    assert {got.status for got in await asyncio.gather(*many)} == {401}
    assert not rows(stage.path, "SELECT 1 FROM channel_links")


async def test_the_question_for_a_rating_says_how_and_a_figure_answers_it(stage: Stage) -> None:
    def script(turn: Turn) -> Turn:
        if turn.get("text") != "再见":
            return answer(turn)
        bye = {"custom": {"type": "directive", "directive": "closed"}}
        return answer(turn, [{"text": "再见"}, bye], intent={"name": "goodbye", "confidence": 1.0})

    stage.rasa.script = script
    await stage.post(stage.message("text", Content="几天能到"))
    await stage.answered()
    await stage.post(stage.message("text", Content="再见"))
    await stage.answered(text="utter_rate_by_number/")
    question = "SELECT seq FROM messages WHERE kind = 'rating'"
    await until(lambda: rows(stage.path, f"SELECT 1 FROM channel_links WHERE delivered_seq >= ({question})"))
    rating = stage.message("text", Content="⑤")
    await stage.post(rating)
    await stage.answered(text="utter_rated/")
    await stage.post(rating)
    await stage.post(stage.message("text", Content="在吗"))
    await stage.answered(text="答：在吗")
    assert rows(stage.path, "SELECT score FROM conversation_ratings") == [(5,)]
    assert sum("utter_rated/" in said for said in stage.said) == 1
    assert not any("utter_rate_us" in said or said == "答：⑤" for said in stage.said)
