"""WeCom's 微信客服 against a little WeCom of its own: crypto, pulling, every kind, sending, sessions, errors.

The two vectors of the crypto are those of Tencent's own samples of WXBizMsgCrypt (Sample.cpp, Sample.php,
linked from https://developer.work.weixin.qq.com/document/path/90968). Rows and events have the forms of
https://developer.work.weixin.qq.com/document/path/94670 (reading), 94677 (sending), 94669 (sessions).
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import pytest_asyncio

from bot.channels import channel_settings
from bot.channels.base import (
    Address,
    Button,
    ButtonsPart,
    Call,
    CardPart,
    CardRow,
    HasMedia,
    HeardKind,
    Hint,
    Media,
    Part,
    PicturePart,
    PulledFrom,
    Refused,
    SendError,
    SendKind,
    SettingsProblem,
    TextPart,
)
from bot.channels.platforms.wecom import Settings, Wecom, make
from tests.fakes.tools import MemoryTokens, tools
from tests.fakes.wecom import JPEG, FakeWecom, Session, encrypted

USER = "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw"
KEY = "0123456789abcdef0123456789abcdef"
TEXT = TextPart("您的包裹 24 日送到。")
BUTTONS = (Button("b1", "查物流"), Button("b2", "拒收退款"))

SAMPLE = Settings("wx5823bf96d3bd56c7", "secret", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")
ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
ECHO_SIGNED = "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
MESSAGE = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvu"
    "JTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwG"
    "c2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9"
    "EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0"
    "lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q=="
)
MESSAGE_SIGNED = "477715d11cdb4164915debcba66cb864d751f3e6"


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 2, 0, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.at

    def timestamp(self) -> float:
        return self.at.timestamp()


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other tests of this process have set up: what the platform logs is heard."""
    for name in ("bot", *(n for n in logging.root.manager.loggerDict if n.startswith("bot.channels"))):
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "level", logging.NOTSET)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def fake(clock: Clock) -> AsyncIterator[FakeWecom]:
    async with FakeWecom(now=clock.timestamp) as made:
        yield made


def settings(fake: FakeWecom, **more: Any) -> Settings:
    return Settings(fake.corp_id, fake.secret, fake.token, fake.aes_key, api=fake.url, **more)


@pytest_asyncio.fixture
async def platform(fake: FakeWecom, clock: Clock) -> AsyncIterator[Wecom]:
    async with tools(clock) as given:
        yield make(settings(fake), given)


def call(query: dict[str, str], body: bytes, at: datetime, method: str = "POST") -> Call:
    return Call(method, query, {}, body, "203.0.113.9", at)


async def refused(platform: Wecom, given: Call) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await platform.receive(given)
    return caught.value.status, caught.value.code


async def failed(platform: Wecom, part: Part = TEXT, *, user: str = USER, key: str = KEY) -> SendError:
    with pytest.raises(SendError) as caught:
        await platform.send(Address(user, "wkAJ2GCAAASSm4_FhToWMFea0xAFfd3Q"), part, key)
    return caught.value


# -- callbacks ----------------------------------------------------------------------------------------------


async def test_the_platforms_own_vectors_are_opened(clock: Clock) -> None:
    async with tools(clock) as given:
        platform = make(SAMPLE, given)
    at = datetime.fromtimestamp(1409659589, timezone.utc)
    query = {"msg_signature": ECHO_SIGNED, "timestamp": "1409659589", "nonce": "263014780", "echostr": ECHO}
    assert (await platform.receive(call(query, b"", at, "GET"))).body == "1616140317555161061"

    at = datetime.fromtimestamp(1409659813, timezone.utc)
    query = {"msg_signature": MESSAGE_SIGNED, "timestamp": "1409659813", "nonce": "1372623149"}
    body = f"<xml><Encrypt><![CDATA[{MESSAGE}]]></Encrypt><AgentID><![CDATA[218]]></AgentID></xml>"
    receipt = await platform.receive(
        call(query, body.encode(), at)
    )  # a text to an application: nothing to pull
    assert (receipt.body, receipt.heard, receipt.hint) == ("success", (), None)


async def test_a_callback_gives_only_the_hint_to_pull(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    receipt = await platform.receive(call(*fake.callback(), clock.at))
    assert receipt.hint is not None and receipt.hint.account == fake.account
    assert receipt.hint.token in fake.hints
    assert (receipt.status, receipt.body, receipt.heard) == (200, "success", ())
    assert fake.calls == []  # nothing is asked before it is acknowledged


async def test_what_is_not_wecoms_is_refused(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    query, body = fake.callback()
    sealed = re.findall(rb"CDATA\[([^]]{80,})", body)[0].decode()

    wrong = {**query, "msg_signature": "0" * 40}
    assert await refused(platform, call(wrong, body, clock.at)) == (401, "signature_wrong")
    assert await refused(platform, call({}, body, clock.at)) == (401, "signature_wrong")
    # Cut or changed on the way: the signature covers the ciphertext.
    assert await refused(
        platform, call(query, body.replace(sealed.encode(), sealed[:-24].encode()), clock.at)
    ) == (
        401,
        "signature_wrong",
    )
    # Replayed later, with the signature that was right then.
    late = clock.at + timedelta(minutes=6)
    assert await refused(platform, call(query, body, late)) == (401, "signature_old")
    # Signed by whoever knows the token, but cut, without padding, of another enterprise, or no base64.
    for cut in (sealed[:-24], sealed[:24], base64.b64encode(base64.b64decode(sealed)[:32]).decode(), "@@@"):
        signed = fake.query(cut)
        posted = f"<xml><Encrypt>{cut}</Encrypt></xml>".encode()
        assert (await refused(platform, call(signed, posted, clock.at)))[0] == 400, cut
    other = fake.callback(corp_id="ww0000000000000000")
    assert await refused(platform, call(*other, clock.at)) == (400, "not_decryptable")
    # No XML, and XML that would make some of its own.
    for body in (
        b"",
        b"<xml>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><xml><Encrypt>&b;</Encrypt></xml>',
        b"\xff\xfe",
    ):
        assert (await refused(platform, call(query, body, clock.at)))[0] in (400, 401)


async def test_the_echo_is_checked_like_a_message(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    echo = encrypted("4852183490139221000", fake.aes_key, fake.corp_id)
    query = {**fake.query(echo), "echostr": echo}
    assert (await platform.receive(call(query, b"", clock.at, "GET"))).body == "4852183490139221000"
    assert await refused(platform, call({**query, "nonce": "1"}, b"", clock.at, "GET")) == (
        401,
        "signature_wrong",
    )
    assert (await refused(platform, call({}, b"", clock.at, "GET")))[0] == 401


async def test_accounts_of_others_are_left_alone(fake: FakeWecom, clock: Clock) -> None:
    async with tools(clock) as given:
        platform = make(settings(fake, accounts=("wkOther",)), given)
        assert (await platform.receive(call(*fake.callback(), clock.at))).hint is None
        fake.says(USER, content="在吗")
        assert (await platform.pull(Hint(), "")).heard == ()
        assert (await platform.receive(call(*fake.callback(event="change_contact"), clock.at))).hint is None


# -- pulling ------------------------------------------------------------------------------------------------


async def pull_all(platform: Wecom, hint: Hint, cursor: str) -> tuple[list[str], str]:
    texts, more = [], True
    while more:
        page = await platform.pull(hint, cursor)
        texts += [one.text for one in page.heard]
        cursor, more = page.cursor, page.more
    return texts, cursor


async def test_pulling_goes_on_from_the_cursor_until_there_is_no_more(
    fake: FakeWecom, clock: Clock, platform: Wecom
) -> None:
    fake.page = 3
    hint = (await platform.receive(call(*fake.callback(), clock.at))).hint
    assert hint is not None
    fake.says(USER, at=clock.timestamp() - 86_400, content="昨天的，别人答过了")
    for number in range(4):
        fake.says(USER, content=f"第一批{number}")
    texts, cursor = await pull_all(platform, hint, "")
    assert texts == [f"第一批{number}" for number in range(4)]  # the first pull walks over what is past
    assert await pull_all(platform, hint, cursor) == ([], cursor)

    for number in range(7):
        fake.says(USER, content=f"第二批{number}")
    fake.empty_page = True  # "has_more is 1 and msg_list may be empty"
    page = await platform.pull(hint, cursor)
    assert [one.text for one in page.heard] == ["第二批0", "第二批1", "第二批2"] and page.more
    async with tools(clock) as given:  # another process goes on with what was kept
        texts, cursor = await pull_all(make(settings(fake), given), hint, page.cursor)
    assert texts == [f"第二批{number}" for number in range(3, 7)]


async def test_a_hint_that_is_over_is_pulled_without_its_token(
    platform: Wecom, fake: FakeWecom, clock: Clock
) -> None:
    hint = (await platform.receive(call(*fake.callback(), clock.at))).hint
    assert hint is not None
    clock.at += timedelta(minutes=11)  # the record could not be written, a process was down
    fake.says(USER, content="还在吗")
    assert [one.text for one in (await platform.pull(hint, "")).heard] == ["还在吗"]
    assert fake.calls.count("kf/sync_msg") == 2

    fake.trouble("kf/sync_msg", 45009)
    with pytest.raises(SendError) as caught:
        await platform.pull(hint, "")
    assert (caught.value.kind, caught.value.retry_after) == (SendKind.BUSY, 60.0)


async def test_a_page_with_repeats_in_disorder_is_each_message_once_in_order(
    platform: Wecom, fake: FakeWecom, clock: Clock
) -> None:
    for number in range(4):
        fake.says(USER, at=clock.timestamp() + number, content=str(number))
    fake.rows = [fake.rows[place] for place in (2, 0, 1, 0, 3, 2)]
    heard = (await platform.pull(Hint(fake.account), "")).heard
    assert [one.text for one in heard] == ["0", "1", "2", "3"]
    assert len({one.message_id for one in heard}) == 4


async def test_each_kind(platform: Wecom, fake: FakeWecom, clock: Clock) -> None:
    fake.says(USER, content="我的包裹到哪了")
    fake.says(USER, content="查物流", menu_id="b1")
    fake.says(USER, "image", media_id="2iSLeVyqzk4eX0IB5kTi9Ljfa2rt9dwfq5WKRQ4Nvvgw")
    fake.says(USER, "voice", media_id="2iSLeVyqzk4")
    fake.says(
        USER, "location", latitude=23.106021881103501, longitude=113.320503234863, name="广州国际媒体港"
    )
    for kind in (
        "video",
        "file",
        "link",
        "business_card",
        "miniprogram",
        "channels_shop_order",
        "merged_msg",
    ):
        fake.says(USER, kind, media_id="m", title="t")
    fake.says(USER, content="  ")
    heard = (await platform.pull(Hint(fake.account), "")).heard
    assert [(one.kind, one.text) for one in heard[:2]] == [
        (HeardKind.TEXT, "我的包裹到哪了"),
        (HeardKind.MENU, "查物流"),
    ]
    assert heard[1].data == {"button": "b1"}
    assert heard[2].kind is HeardKind.PICTURE and heard[2].media is not None
    assert heard[2].media.id == "2iSLeVyqzk4eX0IB5kTi9Ljfa2rt9dwfq5WKRQ4Nvvgw"
    assert (heard[3].kind, heard[3].text) == (HeardKind.VOICE, "")
    assert (heard[4].kind, heard[4].text) == (HeardKind.LOCATION, "广州国际媒体港")
    assert heard[4].data == {"latitude": 23.106021881103501, "longitude": 113.320503234863}
    assert {one.kind for one in heard[5:]} == {HeardKind.UNSUPPORTED} and len(heard) == 13
    assert [one.event for one in heard[5:7]] == ["video", "file"]
    assert {(one.user, one.account, one.at) for one in heard} == {(USER, fake.account, clock.at)}
    assert len({one.message_id for one in heard}) == 13


async def test_each_event(
    platform: Wecom, fake: FakeWecom, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    code = fake.enters(USER)
    fake.event(USER, "enter_session", scene="123")  # greeted within 48 hours already
    fake.event(USER, "msg_send_fail", fail_msgid=KEY, fail_type=10)
    fake.event(USER, "msg_send_fail", fail_msgid=KEY, fail_type=4)
    fake.event(USER, "session_status_change", change_type=3, old_servicer_userid="zhangsan")
    fake.event(USER, "user_recall_msg", recall_msgid="x")
    fake.event("", "servicer_status_change", servicer_userid="zhangsan", status=1)
    fake.says(USER, content="接待人员说的")
    fake.rows[-1]["origin"] = 5
    fake.rows += [{}, {"msgtype": "text"}, None, {"msgtype": "event", "event": []}]  # type: ignore[list-item]
    heard = (await platform.pull(Hint(fake.account), "")).heard
    assert [one.kind for one in heard] == [HeardKind.SUBSCRIBE, HeardKind.UNSUBSCRIBE]
    assert heard[0].data == {"reply": {"welcome": code, "until": clock.timestamp() + 20}}
    assert heard[0].account == fake.account
    assert [record.getMessage()[-12:] for record in caplog.records] == ["fail_type 10", " fail_type 4"]


# -- sending ------------------------------------------------------------------------------------------------


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


# -- configuration ------------------------------------------------------------------------------------------


async def wrong(platform: Wecom) -> list[str]:
    return [f"{one.code} {one.text}".strip() for one in await platform.check() if one.wrong]


async def test_check_says_what_is_wrong(fake: FakeWecom, clock: Clock) -> None:
    async with tools(clock) as given:
        platform = make(settings(fake), given)
        assert await wrong(platform) == []
        fake.servicers = [{"userid": "zhangsan", "status": 0}, {"userid": "lisi", "status": 1}]
        assert "接待人员" in (await wrong(platform))[0]
        fake.managed = False
        assert "通过API管理微信客服账号" in (await wrong(platform))[0]
        assert "wkOther" in (await wrong(make(settings(fake, accounts=("wkOther",)), given)))[0]
        fake.trouble("kf/account/list", 60020)
        (said,) = await wrong(platform)
        assert said.startswith("60020") and "(203.0.113.7) into 企业可信IP" in said
        fake.trouble("kf/account/list", 40058)
        assert "path/90313" in (await wrong(platform))[0]
        other = Settings(fake.corp_id, "wrong", fake.token, fake.aes_key, api=fake.url)
        found = await make(other, type(given)(given.http, MemoryTokens(), clock)).check()
        assert [one.code for one in found] == ["40001"] and "ZHIXIN_WECOM_SECRET" in found[0].text
        away = Settings(fake.corp_id, fake.secret, fake.token, fake.aes_key, api="http://127.0.0.1:9")
        found = await make(away, type(given)(given.http, MemoryTokens(), clock)).check()
        assert found[0].wrong and "127.0.0.1:9 cannot be reached" in found[0].text


def test_settings_are_read_and_checked() -> None:
    good = {
        "ZHIXIN_WECOM_CORP_ID": SAMPLE.corp_id,
        "ZHIXIN_WECOM_SECRET": "s3cret",
        "ZHIXIN_WECOM_TOKEN": SAMPLE.token,
        "ZHIXIN_WECOM_AES_KEY": SAMPLE.aes_key,
        "ZHIXIN_WECOM_ACCOUNTS": "wkA, wkB",
    }
    read = channel_settings.read("wecom", good)
    assert read.accounts == ("wkA", "wkB") and "s3cret" not in repr(read)
    bad = {**good, "ZHIXIN_WECOM_AES_KEY": "short", "ZHIXIN_WECOM_CORP_ID": "corp"}
    with pytest.raises(SettingsProblem) as caught:
        channel_settings.read("wecom", bad)
    assert len(caught.value.problems) == 2 and "short" not in str(caught.value.problems)
