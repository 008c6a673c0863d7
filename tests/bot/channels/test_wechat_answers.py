"""WeChat's Official Account and Mini Program: answers are pushed, what goes wrong is understood."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot.channels import wechat_api
from bot.channels.base import (
    Address,
    Button,
    ButtonsPart,
    CardPart,
    CardRow,
    Media,
    PicturePart,
    SendError,
    SendKind,
    SettingsProblem,
    TextPart,
    Tools,
)
from bot.channels.channel_settings import read
from bot.channels.platforms import wechat, wechat_mini
from tests.bot.channels.wechat_kit import NOW, HeldTokens, account, mini
from tests.fakes.wechat import AES_KEY, APP_ID, OPENID, SECRET, TOKEN, FakeWeChat

TO = Address(OPENID)
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeWeChat]:
    async with FakeWeChat() as made:
        yield made


@pytest_asyncio.fixture
async def tools() -> AsyncIterator[Tools]:
    async with aiohttp.ClientSession() as http:
        yield Tools(http, HeldTokens(), lambda: NOW)


# -- answers ---------------------------------------------------------------------------------------------


async def test_texts_pictures_menus_and_articles_are_sent(api: FakeWeChat, tools: Tools) -> None:
    to = account(tools, api=api.origin, menus=True)
    choices = (Button("b-1", "查物流"), Button("b-2", "找人工"))
    api.picture = PNG
    await to.send(TO, TextPart("您好，<a href='weixin://bizmsgmenu'>点我</a> 1<2"), "k")
    await to.send(TO, PicturePart(data=PNG, content_type="image/png"), "k")
    await to.send(TO, PicturePart(address=f"{api.origin}/picture.png"), "k")
    await to.send(TO, ButtonsPart("您看选哪个", choices), "k")
    row = CardRow("奶杏色风衣", "329元", "https://shop.example/p/1.jpg", "https://shop.example/p/1")
    await to.send(TO, CardPart("products", "", (row,), "奶杏色风衣，329元"), "k")
    await to.send(TO, CardPart("products", "", (row, row), "两件"), "k")
    text, one, two, menu, news, rows = api.sent
    assert {message["touser"] for message in api.sent} == {OPENID}
    assert text["text"]["content"] == "您好，＜a href='weixin://bizmsgmenu'>点我＜/a> 1<2"
    assert [api.uploaded[sent["image"]["media_id"]] for sent in (one, two)] == [PNG, PNG]
    assert menu["msgmenu"] == {
        "head_content": "您看选哪个",
        "list": [{"id": "b-1", "content": "查物流"}, {"id": "b-2", "content": "找人工"}],
        "tail_content": "",
    }
    assert news["news"]["articles"] == [
        {
            "title": "奶杏色风衣",
            "description": "329元",
            "url": "https://shop.example/p/1",
            "picurl": "https://shop.example/p/1.jpg",
        }
    ]
    assert rows["text"]["content"].count("https://shop.example/p/1") == 2
    assert api.asked.count("token") == 1


async def test_the_mini_program_sends_links_and_no_menus(api: FakeWeChat, tools: Tools) -> None:
    to = mini(tools, api=api.origin)
    assert to.limits.buttons == 0
    row = CardRow("奶杏色风衣", "329元", "https://shop.example/p/1.jpg", "https://shop.example/p/1")
    await to.send(TO, TextPart("您好"), "k")
    await to.send(TO, CardPart("products", "", (row,), "奶杏色风衣，329元"), "k")
    await to.send(TO, PicturePart(data=PNG), "k")
    assert [message["msgtype"] for message in api.sent] == ["text", "link", "image"]
    assert api.sent[1]["link"]["thumb_url"] == "https://shop.example/p/1.jpg"


async def test_an_account_without_menus_numbers_its_choices_from_then_on(
    api: FakeWeChat, tools: Tools
) -> None:
    to = account(tools, api=api.origin, menus=True)
    part = ButtonsPart("您看选哪个", (Button("b-1", "查物流"), Button("b-2", "找人工")))
    api.next(45002)
    await to.send(TO, part, "k")  # this one was wrong; menus stay
    assert api.sent[-1]["msgtype"] == "text" and to.limits.buttons > 0
    api.next(40200)  # invalid account type: what a test account answers
    await to.send(TO, part, "k")
    said = api.sent[-1]["text"]["content"]
    assert "查物流" in said and "2" in said and to.limits.buttons == 0
    await to.send(TO, part, "k")  # what was made for a menu meanwhile
    assert api.sent[-1]["text"]["content"] == said


@pytest.mark.parametrize("wrong", [40200, 45002])
async def test_choices_that_do_not_go_below_a_long_text_come_after_it(
    api: FakeWeChat, tools: Tools, wrong: int
) -> None:
    """What fits with a menu of its own may not with its choices as words: WeChat takes 2048 bytes."""
    to = account(tools, api=api.origin, menus=True)
    text = "退货运费由我们承担。" * 66
    choices = tuple(Button(f"b-{number}", f"第{number}件商品的退货运费") for number in range(8))
    api.next(wrong)
    await to.send(TO, ButtonsPart(text, choices), "k")
    first, second = (sent["text"]["content"] for sent in api.sent)
    assert first == text and second.count("退货运费") == 8


@pytest.mark.parametrize(
    ("wrong", "kind", "unsure"),
    [
        (-1, SendKind.BUSY, False),
        (45009, SendKind.BUSY, False),
        (45011, SendKind.BUSY, False),
        (45015, SendKind.CLOSED, False),
        (45047, SendKind.CLOSED, False),
        (43004, SendKind.BLOCKED, False),
        (40003, SendKind.BLOCKED, False),
        (48001, SendKind.AWAY, False),
        (45002, SendKind.REFUSED, False),
        ("500", SendKind.AWAY, False),
        ("garbage", SendKind.AWAY, True),
        ("cut", SendKind.AWAY, True),
        ("slow", SendKind.AWAY, True),
        ("expired", SendKind.TOKEN, False),
    ],
)
async def test_what_goes_wrong_is_understood(
    api: FakeWeChat,
    tools: Tools,
    monkeypatch: pytest.MonkeyPatch,
    wrong: int | str,
    kind: SendKind,
    unsure: bool,
) -> None:
    monkeypatch.setattr(wechat_api, "_MESSAGE_S", 0.3)
    to = account(tools, api=api.origin)
    api.next(wrong)
    with pytest.raises(SendError) as failed:
        await to.send(TO, TextPart("您好"), "k")
    assert (failed.value.kind, failed.value.unsure) == (kind, unsure)
    assert OPENID not in str(failed.value) and "token-" not in str(failed.value)
    if wrong != "slow":
        await to.send(TO, TextPart("您好"), "k")  # goes on, with another token where that had ended
        assert api.sent[-1]["text"]["content"] == "您好"


async def test_a_token_that_is_given_out_and_not_taken_is_made_anew(api: FakeWeChat, tools: Tools) -> None:
    to = account(tools, api=api.origin)
    api.next(40001)
    with pytest.raises(SendError) as failed:
        await to.send(TO, TextPart("您好"), "k")
    assert failed.value.kind is SendKind.TOKEN
    await to.send(TO, TextPart("您好"), "k")
    assert api.asked == ["token", "send", "token", "token forced", "send"]


async def test_a_wrong_secret_is_no_reason_to_ask_again_at_once(api: FakeWeChat, tools: Tools) -> None:
    settings = wechat.Settings(APP_ID, "f" * 32, TOKEN, api=api.origin)
    to = wechat.WeChat(settings, tools)
    with pytest.raises(SendError) as failed:
        await to.send(TO, TextPart("您好"), "k")
    assert (failed.value.kind, failed.value.code) == (SendKind.AWAY, "40125")
    assert failed.value.retry_after == 300.0 and api.asked == ["token"]


async def test_nobody_at_the_other_end_is_sure_not_to_have_taken_it(tools: Tools) -> None:
    async with FakeWeChat() as api:
        to = account(tools, api=api.origin)
        await to.send(TO, TextPart("您好"), "k")
    with pytest.raises(SendError) as failed:
        await to.send(TO, TextPart("您好"), "k")
    assert failed.value.kind is SendKind.AWAY and not failed.value.unsure


async def test_pictures_of_shoppers_are_fetched(api: FakeWeChat, tools: Tools) -> None:
    to = account(tools, api=api.origin)
    api.media["m1"] = b"\xff\xd8\xff" + b"1" * 9
    assert await to.fetch(Media("m1"), "") == api.media["m1"]
    with pytest.raises(SendError) as gone:
        await to.fetch(Media("m2"), "")
    assert (gone.value.kind, gone.value.code) == (SendKind.REFUSED, "40007")
    api.expire()
    with pytest.raises(SendError) as ended:
        await to.fetch(Media("m1"), "")
    assert ended.value.kind is SendKind.TOKEN
    assert await to.fetch(Media("m1"), "") == api.media["m1"]


async def test_a_file_that_is_no_picture_is_not_sent(api: FakeWeChat, tools: Tools) -> None:
    to = account(tools, api=api.origin)
    api.picture = b"<svg/>"
    with pytest.raises(SendError) as failed:
        await to.send(TO, PicturePart(address=f"{api.origin}/picture.png"), "k")
    assert failed.value.kind is SendKind.REFUSED and not api.sent


# -- configuration ---------------------------------------------------------------------------------------


async def test_check_tells_what_is_wrong(api: FakeWeChat, tools: Tools) -> None:
    good = await account(tools, api=api.origin, aes_key=AES_KEY).check()
    assert good and not any(finding.wrong for finding in good)
    api.next(48001)
    findings = await account(tools, api=api.origin).check()
    assert [finding.code for finding in findings if finding.wrong] == ["48001"]
    assert any("AES_KEY" in finding.text for finding in findings)
    wrong = await wechat.WeChat(wechat.Settings(APP_ID, "f" * 32, TOKEN, api=api.origin), tools).check()
    assert wrong[0].code == "40125" and "ZHIXIN_WECHAT_SECRET is not" in wrong[0].text
    (away, *_) = await account(tools, api="http://127.0.0.1:9").check()
    assert away.wrong and "127.0.0.1:9 cannot be reached" in away.text and not away.text.endswith("?.")
    api.no_token = 40164
    (listed, *_) = await account(tools, api=api.origin).check()
    assert listed.code == "40164" and "(203.0.113.7) onto the IP白名单" in listed.text
    assert not api.sent


def test_settings_say_all_that_is_wrong_without_values() -> None:
    environ = {
        "ZHIXIN_WECHAT_APP_ID": "gh_97417a04a28d",
        "ZHIXIN_WECHAT_SECRET": "hush",
        "ZHIXIN_WECHAT_TOKEN": "no token!",
        "ZHIXIN_WECHAT_AES_KEY": "short",
        "ZHIXIN_WECHAT_API": "http://api.weixin.qq.com",
    }
    with pytest.raises(SettingsProblem) as wrong:
        read("wechat", environ)
    said = "\n".join(wrong.value.problems)
    assert all(name in said for name in environ) and "hush" not in said and "short" not in said
    with pytest.raises(SettingsProblem) as missing:
        read("wechat_mini", {})
    assert len(missing.value.problems) == 3
    settings = read(
        "wechat",
        {
            "ZHIXIN_WECHAT_APP_ID": APP_ID,
            "ZHIXIN_WECHAT_SECRET": SECRET,
            "ZHIXIN_WECHAT_TOKEN": TOKEN,
            "ZHIXIN_WECHAT_AES_KEY": AES_KEY,
            "ZHIXIN_WECHAT_MENUS": "on",
        },
    )
    assert settings == wechat.Settings(APP_ID, SECRET, TOKEN, AES_KEY, menus=True)
    assert SECRET not in repr(settings) and AES_KEY not in repr(settings)


@pytest.mark.parametrize("name", ["wechat", "wechat_mini"])
def test_a_platform_is_one_short_file(name: str) -> None:
    module = {"wechat": wechat, "wechat_mini": wechat_mini}[name]
    assert len(Path(str(module.__file__)).read_text(encoding="utf-8").splitlines()) < 200
