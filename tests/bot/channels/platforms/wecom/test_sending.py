"""What is sent by WeCom: every part, sessions, windows, and what goes wrong.

Forms: https://developer.work.weixin.qq.com/document/path/94677; sessions 94669; answers to events 95122.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.channels.base import (
    Address,
    ButtonsPart,
    CardPart,
    CardRow,
    HasMedia,
    Hint,
    Media,
    Part,
    PicturePart,
    PulledFrom,
    SendError,
    SendKind,
    TextPart,
)
from bot.channels.platforms.wecom import Wecom, make
from tests.bot.channels.platforms.wecom.kit import (
    BUTTONS,
    KEY,
    TEXT,
    USER,
    Clock,
    failed,
    settings,
)
from tests.fakes.tools import tools
from tests.fakes.wecom import JPEG, FakeWecom, Session


async def sent(platform: Wecom, fake: FakeWecom, part: Part, key: str = KEY) -> list[dict[str, Any]]:
    fake.sent.clear()
    await platform.send(Address(USER, fake.account), part, key)
    return fake.sent


async def test_each_part(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    fake.says(USER, content="在吗")
    base = {"touser": USER, "open_kfid": fake.account, "msgid": KEY}
    (body,) = await sent(platform, fake, TEXT)
    assert body == {**base, "msgtype": "text", "text": {"content": TEXT.text}}

    (body,) = await sent(platform, fake, TextPart('<a href="https://x.example">点我</a>' + "好" * 660))
    assert body["text"]["content"].startswith("＜a href")  # and within the length all the same

    (body,) = await sent(platform, fake, ButtonsPart("想怎么处理？", BUTTONS))
    assert body["msgmenu"] == {
        "head_content": "想怎么处理？",
        "list": [
            {"type": "click", "click": {"id": "b1", "content": "查物流"}},
            {"type": "click", "click": {"id": "b2", "content": "拒收退款"}},
        ],
    }

    (body,) = await sent(platform, fake, PicturePart(data=JPEG))
    assert body["msgtype"] == "image" and fake.files[body["image"]["media_id"]] == JPEG
    await sent(platform, fake, PicturePart(address=f"{fake.url}/pictures/shoe.jpg"))
    assert fake.calls.count("media/upload") == 1  # the same file is uploaded once
    fake.says(USER, content="在吗")
    (body,) = await sent(platform, fake, PicturePart(data=b"<svg/>", text="尺码表"))
    assert body["text"]["content"] == "尺码表"
    assert (await failed(platform, PicturePart(data=b"<svg/>"))).kind is SendKind.REFUSED
    assert (await failed(platform, PicturePart(address=f"{fake.url}/pictures/none"))).kind is SendKind.REFUSED


async def test_a_text_too_long_for_a_menu_goes_before_it_and_only_once(
    platform: Wecom, fake: FakeWecom
) -> None:
    fake.says(USER, content="能退吗")
    text = "签收后七天内可以退。" * 60
    long = ButtonsPart(text, BUTTONS)
    first, second = await sent(platform, fake, long)
    assert first["text"]["content"] + second["msgmenu"]["head_content"] == text
    assert first["msgid"] != second["msgid"] == KEY
    assert {one["msgtype"] for one in fake.sent} == {"text", "msgmenu"}

    fake.sent.pop()  # the first went out, then the line broke: what is sent again is the menu alone
    await platform.send(Address(USER, fake.account), long, KEY)
    assert [one["msgtype"] for one in fake.sent] == ["text", "msgmenu"]


async def test_products_become_a_link_or_a_menu_that_leads_to_them(platform: Wecom, fake: FakeWecom) -> None:
    fake.says(USER, content="推荐一双跑鞋")
    row = CardRow("轻量跑鞋", "399 元", f"{fake.url}/pictures/shoe.jpg", "https://shop.example/p/1")
    (body,) = await sent(platform, fake, CardPart("products", "", (row,), "轻量跑鞋，399 元"))
    assert body["link"]["url"] == "https://shop.example/p/1" and body["link"]["title"] == "轻量跑鞋"
    assert fake.files[body["link"]["thumb_media_id"]] == JPEG

    rows = tuple(CardRow(f"跑鞋{n}", "399 元", "", f"https://shop.example/p/{n}") for n in range(9))
    (body,) = await sent(platform, fake, CardPart("products", "", rows, "…", BUTTONS))
    lines = body["msgmenu"]["list"]
    assert [line["type"] for line in lines] == ["view"] * 8 + ["click"] * 2  # ten at most
    assert lines[0]["view"] == {"url": "https://shop.example/p/0", "content": "跑鞋0 399 元"}
    assert "head_content" not in body["msgmenu"]

    lost = CardRow("轻量跑鞋", "399 元", f"{fake.url}/pictures/none", "https://shop.example/p/1")
    (body,) = await sent(platform, fake, CardPart("products", "", (lost,), "轻量跑鞋，399 元"))
    assert body["msgtype"] == "msgmenu"
    fake.says(USER, content="推荐一双跑鞋")
    (body,) = await sent(
        platform, fake, CardPart("order", "订单", (CardRow("状态", "已发货"),), "订单：已发货")
    )
    assert body["text"]["content"] == "订单：已发货"


async def test_coming_in_is_answered_once_and_soon(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    fake.sessions[USER] = Session()
    fake.enters(USER)
    (heard,) = (await platform.pull(Hint(fake.account), "")).heard
    to = Address(USER, fake.account, heard.data["reply"], clock.at)
    await platform.send(to, ButtonsPart("您好，想问什么？", BUTTONS), KEY)
    assert fake.sent[0]["code"] and "touser" not in fake.sent[0]
    with pytest.raises(SendError) as caught:  # one answer; the rest waits until she writes
        await platform.send(to, TEXT, "f" * 32)
    assert caught.value.kind is SendKind.CLOSED
    fake.enters(USER)
    clock.at += timedelta(seconds=21)
    with pytest.raises(SendError):
        await platform.send(to, TEXT, "e" * 32)
    assert fake.calls.count("kf/send_msg_on_event") == 2


async def test_notice_and_greeting_are_the_one_answer_to_her_coming_in(
    platform: Wecom, fake: FakeWecom, clock: Clock
) -> None:
    notice, greeting = (
        "我会参考您的说话方式和过往订单，不影响价格。",
        "您好，我是知心。查订单、退换货都可以问我。",
    )
    long = notice * 16 + greeting  # too long for the head of a menu, and nothing may follow
    assert len(long.encode()) > 1024
    for text in (f"{notice}\n{greeting}", long):
        fake.sent.clear()
        fake.sessions[USER] = Session()
        fake.enters(USER)
        heard = (await platform.pull(Hint(fake.account), "")).heard[-1]
        to = Address(USER, fake.account, heard.data["reply"], clock.at)
        await platform.send(to, ButtonsPart(text, BUTTONS), f"{len(text):032}")
        (body,) = fake.sent
        said = body["text"]["content"] if body["msgtype"] == "text" else body["msgmenu"]["head_content"]
        assert body["code"] and notice in said and greeting in said
        assert ("查物流" in said) is (text is long), "the choices are tapped, or at least read"
    assert "kf/send_msg" not in fake.calls


async def test_a_part_that_is_sent_again_arrives_once(platform: Wecom, fake: FakeWecom) -> None:
    fake.says(USER, content="在吗")
    fake.trouble("kf/send_msg", "drop")
    error = await failed(platform)
    assert (error.kind, error.unsure) == (SendKind.AWAY, True)
    assert (await failed(platform)).kind is SendKind.REFUSED  # an account takes a msgid once
    assert len(fake.sent) == 1


async def test_a_session_of_nobody_is_taken_and_one_of_wecoms_is_left(
    platform: Wecom, fake: FakeWecom, caplog: pytest.LogCaptureFixture
) -> None:
    fake.says(USER, content="在吗")
    fake.trouble("kf/send_msg", 95018)
    await platform.send(Address(USER, fake.account), TEXT, KEY)
    assert fake.calls[-3:] == ["kf/service_state/get", "kf/service_state/trans", "kf/send_msg"]
    assert fake.sessions[USER].state == 1

    for state in (2, 3):
        fake.sessions[USER].state = state
        error = await failed(platform, key=f"{state}" * 32)
        assert (error.kind, error.code) == (SendKind.CLOSED, "95018")
        assert fake.sessions[USER].state == state
    assert "接待人员" in caplog.text
    fake.sessions[USER].state = 4
    assert (await failed(platform, key="4" * 32)).kind is SendKind.CLOSED


async def test_five_messages_and_48_hours(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    fake.says(USER, content="在吗")
    for number in range(5):
        await platform.send(Address(USER, fake.account), TEXT, f"{number}" * 32)
    assert ((await failed(platform)).kind, len(fake.sent)) == (SendKind.CLOSED, 5)
    fake.says(USER, content="还在吗")
    await platform.send(Address(USER, fake.account), TEXT, KEY)  # what waited goes out
    clock.at += timedelta(hours=49)
    assert (await failed(platform, key="9" * 32)).kind is SendKind.CLOSED
    assert platform.limits.in_window == 5 and platform.limits.window == timedelta(hours=48)


@pytest.mark.parametrize(
    ("trouble", "kind", "retry_after", "unsure"),
    [
        (45009, SendKind.BUSY, 60.0, False),
        (-1, SendKind.BUSY, None, False),
        ("429", SendKind.BUSY, 7.0, False),
        ("500", SendKind.AWAY, None, True),
        ("garbage", SendKind.AWAY, None, True),
        ("drop", SendKind.AWAY, None, True),
        (60020, SendKind.AWAY, None, False),
        (48002, SendKind.AWAY, None, False),
        (95001, SendKind.CLOSED, None, False),
        (95013, SendKind.CLOSED, None, False),
        (40096, SendKind.BLOCKED, None, False),
        (40058, SendKind.REFUSED, None, False),
        (999999, SendKind.REFUSED, None, False),
    ],
)
async def test_each_error(
    platform: Wecom, fake: FakeWecom, trouble: Any, kind: SendKind, retry_after: float | None, unsure: bool
) -> None:
    fake.says(USER, content="在吗")
    fake.trouble("kf/send_msg", trouble)
    error = await failed(platform)
    assert (error.kind, error.retry_after, error.unsure) == (kind, retry_after, unsure)


async def test_a_platform_that_hangs_is_away(platform: Wecom, fake: FakeWecom) -> None:
    platform.send_s = 0.3
    fake.says(USER, content="在吗")
    fake.trouble("kf/send_msg", "slow")
    error = await failed(platform)
    assert (error.kind, error.unsure) == (SendKind.AWAY, True)


async def test_another_application_has_a_token_of_its_own(fake: FakeWecom, clock: Clock) -> None:
    async with tools(clock) as given:
        for secret in ("one", "another"):
            fake.secret = secret
            await make(settings(fake), given).pull(Hint(fake.account), "")
    assert len(fake.tokens) == 2


async def test_an_access_token_is_fetched_once_and_again_when_it_has_ended(
    platform: Wecom, fake: FakeWecom
) -> None:
    fake.says(USER, content="在吗")
    await platform.send(Address(USER, fake.account), TEXT, "1" * 32)
    await platform.send(Address(USER, fake.account), TEXT, "2" * 32)
    assert len(fake.tokens) == 1
    fake.ended.add(fake.tokens[0])
    await platform.send(Address(USER, fake.account), PicturePart(data=JPEG), "3" * 32)
    assert len(fake.tokens) == 2 and len(fake.sent) == 3
    fake.trouble("kf/send_msg", 40014, 42001)
    assert (await failed(platform)).kind is SendKind.TOKEN


async def test_a_shoppers_picture_is_fetched(platform: Wecom, fake: FakeWecom) -> None:
    fake.files["m1"] = JPEG
    assert await platform.fetch(Media("m1"), fake.account) == JPEG
    fake.ended.update(fake.tokens)
    assert await platform.fetch(Media("m1"), fake.account) == JPEG
    with pytest.raises(SendError) as caught:
        await platform.fetch(Media("over"), fake.account)
    assert caught.value.kind is SendKind.REFUSED
    assert isinstance(platform, PulledFrom) and isinstance(platform, HasMedia)
