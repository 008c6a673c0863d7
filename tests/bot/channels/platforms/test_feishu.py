"""Feishu against a little Feishu of its own: signatures, ciphertext, every kind, keys, cards, errors.

Forms: event-subscription-guide/overview (events, encryption, retries), im-v1/message/events/receive and
im-v1/message/create of https://open.feishu.cn/document/server-docs. The ciphertext is the documents' own
example ("test key", "hello world").
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bot.channels import channel_settings
from bot.channels.base import (
    Address,
    Button,
    ButtonsPart,
    CardPart,
    CardRow,
    Heard,
    HeardKind,
    Media,
    PicturePart,
    Refused,
    SendError,
    SendKind,
    SettingsProblem,
    TextPart,
)
from bot.channels.feishu_crypt import decrypt, sign
from bot.channels.platforms.feishu import Feishu, Settings, make
from tests.fakes.feishu import FakeFeishu, encrypt
from tests.fakes.tools import call, now, tools

TEXT = TextPart("您的包裹 24 日送到。")
TO = Address("ou_1")


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeFeishu]:
    async with FakeFeishu() as made:
        yield made


def settings(fake: FakeFeishu, **more: str) -> Settings:
    given = {"verification_token": fake.verification_token, "app_secret": fake.app_secret, **more}
    return Settings(app_id=fake.app_id, encrypt_key=fake.encrypt_key, api=fake.url, **given)


@pytest_asyncio.fixture
async def platform(fake: FakeFeishu) -> AsyncIterator[Feishu]:
    async with tools() as given:
        yield make(settings(fake), given)


async def heard(platform: Feishu, fake: FakeFeishu, told: dict[str, Any]) -> tuple[Heard, ...]:
    receipt = await platform.receive(call(*fake.signed(told)))
    assert (receipt.status, receipt.body, receipt.content_type) == (200, "{}", "application/json")
    return receipt.heard


async def refused(platform: Feishu, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await platform.receive(call(headers, body))
    return caught.value.status, caught.value.code


async def fails(platform: Feishu, part: Any = TEXT) -> SendError:
    with pytest.raises(SendError) as caught:
        await platform.send(TO, part, "0" * 32)
    return caught.value


def test_the_documented_ciphertext_is_read() -> None:
    assert decrypt("P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=", "test key") == b"hello world"


def test_the_signature_is_over_time_nonce_key_and_body() -> None:
    """The documents have code for it and no value; this one was made by another implementation.

    ``printf '%s%s%s%s' 1609073151 c3d1f9b8a7 'test key' BODY | openssl dgst -sha256 -r``
    """
    body = b'{"encrypt":"P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk="}'
    value = "3beff07a5f554d916099e7d6a5bfec76d6f57ab4647b76790bae785588e5ccb9"
    assert sign("1609073151", "c3d1f9b8a7", "test key", body) == value


async def test_the_documented_challenge_is_answered_as_openssl_encrypts_and_signs_it() -> None:
    """The challenge is the documents' (event-subscription-guide, "configure request URL").

    Their ciphertext is made up; this one is ``openssl enc -aes-256-cbc`` under the SHA-256 of ``test key``,
    with the bytes 0 to 15 as IV, signed as above.
    """
    sealed = (
        "AAECAwQFBgcICQoLDA0ODw9mLTIAZS9jAmGTQ1wAhHpnBHVL2wRjH9rPunQdQC1vLjsckayA10kZ8cPwtb62F8rC7JprUPR/"
        "4S2aZihfR+p8npX7UzWPithZmfKIPZgE"
    )
    headers = {
        "x-lark-request-timestamp": "1609073151",
        "x-lark-request-nonce": "c3d1f9b8a7",
        "x-lark-signature": "9da262a11138e96e7ddd46797bd862170ef89779a7a3b464399678dea3219fb4",
    }
    body = f'{{"encrypt":"{sealed}"}}'.encode()
    async with tools() as given:
        made = make(Settings("cli", "secret", "test key", "xxxxxx"), given)
        at = datetime.fromtimestamp(1609073151, timezone.utc)
        receipt = await made.receive(call(headers, body, at=at))
        assert json.loads(receipt.body) == {"challenge": "ajls384kdjx98XX"}
        late = await refused_at(made, headers, body, at + timedelta(hours=8, seconds=1))
    assert late == (401, "old")


async def refused_at(platform: Feishu, headers: dict[str, str], body: bytes, at: datetime) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await platform.receive(call(headers, body, at=at))
    return caught.value.status, caught.value.code


def test_it_does_not_start_without_an_encrypt_key() -> None:
    environ = {"ZHIXIN_FEISHU_APP_ID": "cli", "ZHIXIN_FEISHU_APP_SECRET": "hidden"}
    with pytest.raises(SettingsProblem, match="ZHIXIN_FEISHU_ENCRYPT_KEY is not set"):
        channel_settings.read("feishu", environ)
    read = channel_settings.read("feishu", {**environ, "ZHIXIN_FEISHU_ENCRYPT_KEY": "hidden"})
    assert "hidden" not in repr(read)


async def test_the_console_asks_first(platform: Feishu, fake: FakeFeishu) -> None:
    """It comes encrypted, with or without a signature, and is answered word for word."""
    told = {"challenge": "1b6aef1a-401f", "token": fake.verification_token, "type": "url_verification"}
    headers, body = fake.signed(told)
    for given in (headers, {}):
        receipt = await platform.receive(call(given, body))
        assert json.loads(receipt.body) == {"challenge": "1b6aef1a-401f"} and not receipt.heard
    assert await refused(platform, *fake.signed({**told, "token": "another"})) == (401, "token")
    assert await refused(platform, {}, json.dumps(told).encode()) == (401, "unsigned")


async def test_what_is_not_feishus_is_refused(platform: Feishu, fake: FakeFeishu) -> None:
    headers, body = fake.signed(fake.message())
    assert await refused(platform, {}, body) == (401, "unsigned")
    assert await refused(platform, {**headers, "x-lark-signature": "0" * 64}, body) == (401, "signature")
    assert await refused(platform, headers, body + b" ") == (401, "signature")
    assert await refused(platform, {**headers, "x-lark-request-timestamp": "1"}, body) == (401, "signature")
    assert await refused(platform, *fake.signed(fake.message(), key="another")) == (401, "signature")
    for hours in (-8.1, 0.2):  # a replay, and a clock that is wrong
        call_of = fake.signed(fake.message(), at=now().timestamp() + hours * 3600)
        assert await refused(platform, *call_of) == (401, "old")
    for name in headers:  # a byte that is no character, as the server reads it
        odd = {**headers, name: "\udcff"}
        assert await refused(platform, odd, body) == (401, "signature")
    assert await refused(platform, {}, b"[" * 9999) == (401, "unsigned")
    forged = {**fake.message(), "header": {**fake.message()["header"], "token": "\ud800"}}
    assert await refused(platform, *fake.signed(forged)) == (401, "token")
    forged = {**fake.message(), "header": {**fake.message()["header"], "token": "another"}}
    assert await refused(platform, *fake.signed(forged)) == (401, "token")


async def test_a_cut_ciphertext_tells_nothing(platform: Feishu, fake: FakeFeishu) -> None:
    text = encrypt(json.dumps(fake.message()), fake.encrypt_key)
    raw = base64.b64decode(text)
    cut = [
        text[:-3],
        text[:8],
        "",
        "???",
        base64.b64encode(raw[:-16]).decode(),
        base64.b64encode(raw[:-5]).decode(),
    ]
    for one in (*cut, encrypt("{", fake.encrypt_key), encrypt("[]", fake.encrypt_key)):
        body = json.dumps({"encrypt": one}).encode()
        assert await refused(platform, fake.sign(body), body) == (400, "unreadable")
        assert await refused(platform, {}, body) == (401, "unsigned")  # like any other: no oracle
    for body in (b"", b"[]", b'{"encrypt": 7}', json.dumps(fake.message()).encode()):
        assert await refused(platform, fake.sign(body), body) == (400, "unreadable")
    odd = fake.event("im.message.receive_v1", {"sender": {}, "message": {}})
    assert await refused(platform, *fake.signed(odd)) == (400, "unreadable")


async def test_a_repeat_is_the_same_message(platform: Feishu, fake: FakeFeishu) -> None:
    """Retries keep the event's id; a message that comes under two events keeps its own."""
    told = fake.message({"text": "在吗"})
    again = {**told, "header": {**told["header"], "event_id": "another"}}
    (first,), (second,) = await heard(platform, fake, told), await heard(platform, fake, again)
    assert first == second and first.kind is HeardKind.TEXT and first.text == "在吗"
    tap = fake.tap("b_1")
    assert (await heard(platform, fake, tap))[0].message_id == tap["header"]["event_id"]


@pytest.mark.parametrize(
    ("form", "content", "kind", "text"),
    [
        ("image", {"image_key": "img_7"}, HeardKind.PICTURE, ""),
        ("audio", {"file_key": "f_7", "duration": 2000}, HeardKind.VOICE, ""),
        (
            "location",
            {"name": "人民广场", "latitude": "31.23", "longitude": "121.47"},
            HeardKind.LOCATION,
            "人民广场",
        ),
        (
            "post",
            {
                "title": "破了",
                "content": [[{"tag": "text", "text": "看图"}], [{"tag": "img", "image_key": "img_8"}]],
            },
            HeardKind.TEXT,
            "破了\n看图",
        ),
        ("file", {"file_key": "f"}, HeardKind.UNSUPPORTED, ""),
        ("sticker", {"file_key": "f"}, HeardKind.UNSUPPORTED, ""),
    ],
)
async def test_each_kind(
    platform: Feishu, fake: FakeFeishu, form: str, content: dict[str, Any], kind: HeardKind, text: str
) -> None:
    told = fake.message(content, form=form)
    (said,) = await heard(platform, fake, told)
    assert (said.user, said.kind, said.text) == ("ou_1", kind, text)
    ident = told["event"]["message"]["message_id"]
    key = {"image": "img_7", "audio": "f_7", "post": "img_8"}.get(form)
    assert (said.media.id if said.media else None) == (key and f"{ident}/{key}")
    if form == "location":
        assert said.data == {"latitude": 31.23, "longitude": 121.47}


async def test_events_of_the_robot(platform: Feishu, fake: FakeFeishu) -> None:
    (tap,) = await heard(platform, fake, fake.tap("b_17"))
    assert (tap.kind, tap.user, tap.data) == (HeardKind.MENU, "ou_1", {"button": "b_17"})
    assert abs(tap.at - now()).total_seconds() < 60
    operator = {"operator_name": "x", "operator_id": {"open_id": "ou_2"}}
    menu = fake.event(
        "application.bot.menu_v6", {"operator": operator, "event_key": "menu-orders", "timestamp": 1}
    )
    (clicked,) = await heard(platform, fake, menu)
    assert (clicked.kind, clicked.user, clicked.data) == (HeardKind.MENU, "ou_2", {"button": "menu-orders"})
    other = fake.event("application.bot.menu_v6", {"operator": operator, "event_key": "尺码怎么选"})
    (asked,) = await heard(platform, fake, other)
    assert (asked.text, asked.data) == ("尺码怎么选", {})
    entered = {"chat_id": "oc_1", "operator_id": {"open_id": "ou_3"}}
    kind = "im.chat.access_event.bot_p2p_chat_entered_v1"
    (first,) = await heard(platform, fake, fake.event(kind, entered))
    assert (first.kind, first.message_id) == (HeardKind.SUBSCRIBE, "entered-oc_1")
    assert await heard(platform, fake, fake.event(kind, {**entered, "last_message_id": "om_1"})) == ()
    assert await heard(platform, fake, fake.event("im.message.message_read_v1", {})) == ()


async def test_in_a_group_only_who_calls_the_robot_is_heard(platform: Feishu, fake: FakeFeishu) -> None:
    robot = {"key": "@_user_1", "name": "知心", "id": {"open_id": "ou_bot"}, "mentioned_type": "bot"}
    called = fake.message({"text": "@_user_1 我的快递呢"}, chat_type="group", mentions=[robot])
    (said,) = await heard(platform, fake, called)
    assert (said.user, said.text) == ("ou_1", "我的快递呢")
    for mentions in ([], [{**robot, "mentioned_type": "user"}], [{"key": "@_all"}]):
        other = fake.message({"text": "@_user_1 午饭？"}, chat_type="group", mentions=mentions)
        assert await heard(platform, fake, other) == ()
    robots = fake.message({"text": "通知"})
    robots["event"]["sender"]["sender_type"] = "app"
    assert await heard(platform, fake, robots) == ()


async def test_messages_go_out_once_under_their_key(platform: Feishu, fake: FakeFeishu) -> None:
    for _ in range(3):  # killed between sending and noting it
        await platform.send(TO, TEXT, "a" * 32)
    assert fake.calls == 3 and fake.shown == [("ou_1", "text", {"text": TEXT.text})]
    await platform.send(TO, TextPart('<at user_id="all">所有人</at> < 5 元'), "b" * 32)
    assert fake.shown[1][2] == {"text": '＜at user_id="all">所有人＜/at> < 5 元'}


async def test_cards_and_pictures(platform: Feishu, fake: FakeFeishu) -> None:
    buttons = (Button("b_1", "催一下"), Button("b_2", "**不用**"))
    await platform.send(TO, ButtonsPart("要催一下吗", buttons), "1" * 32)
    rows = (CardRow("状态", "已发货"), CardRow("陶瓷杯", "¥59", address="https://s.example/p/1"))
    await platform.send(TO, CardPart("order", "订单 1", rows, "…", buttons[:1]), "2" * 32)
    await platform.send(TO, PicturePart(data=b"png", content_type="image/png"), "3" * 32)
    fake.files["given"] = b"jpeg"
    await platform.send(TO, PicturePart(address=f"{fake.url}/pictures/given"), "4" * 32)
    forms = [form for _, form, _ in fake.shown]
    assert forms == ["interactive", "interactive", "image", "image"]
    asked, order, *pictures = (content for *_, content in fake.shown)
    actions = asked["elements"][1]["actions"]
    assert [one["value"] for one in actions] == [{"button": "b_1"}, {"button": "b_2"}]
    assert actions[1]["text"] == {"tag": "plain_text", "content": "**不用**"}
    assert order["header"]["title"]["content"] == "订单 1"
    assert order["elements"][0]["text"]["content"] == "状态：已发货"
    assert order["elements"][1]["extra"]["url"] == "https://s.example/p/1"
    assert [fake.files[one["image_key"]] for one in pictures] == [b"png", b"jpeg"]


async def test_what_she_sent_is_fetched(platform: Feishu, fake: FakeFeishu) -> None:
    fake.files["img_7"] = b"jpeg"
    assert await platform.fetch(Media("om_1/img_7"), "") == b"jpeg"
    with pytest.raises(SendError) as caught:
        await platform.fetch(Media("om_1/gone"), "")
    assert caught.value.kind is SendKind.REFUSED


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, 99991400, SendKind.BUSY),
        (429, 0, SendKind.BUSY),
        (400, 99991672, SendKind.AWAY),
        (400, 234003, SendKind.REFUSED),
        (302, 0, SendKind.REFUSED),
        (500, 0, SendKind.AWAY),
    ],
)
async def test_why_a_picture_is_not_to_be_had_is_understood(
    platform: Feishu, fake: FakeFeishu, status: int, code: int, kind: SendKind
) -> None:
    fake.files["img_7"] = b"jpeg"
    elsewhere = {"Location": f"{fake.url}/pictures/img_7"}

    async def answer(request: web.Request) -> web.StreamResponse | None:
        if "/resources/" not in request.path:
            return None
        return web.json_response({"code": code, "msg": "…"}, status=status, headers=elsewhere)

    fake.behave = answer
    with pytest.raises(SendError) as caught:
        await platform.fetch(Media("om_1/img_7"), "")
    assert (caught.value.kind, caught.value.code) == (kind, str(code or f"http_{status}"))


async def test_a_picture_is_fetched_with_a_new_token_where_the_old_has_ended(
    platform: Feishu, fake: FakeFeishu
) -> None:
    fake.files["img_7"] = b"jpeg"
    await platform.send(TO, TEXT, "0" * 32)
    fake.ended.add("t-0")
    assert await platform.fetch(Media("om_1/img_7"), "") == b"jpeg"
    assert fake.tokens == ["t-0", "t-1"]


async def test_another_application_has_a_token_of_its_own(fake: FakeFeishu) -> None:
    async with tools() as given:
        for app, secret in (("cli_1", "feishu-secret"), ("cli_1", "reset"), ("cli_2", "reset")):
            fake.app_id, fake.app_secret = app, secret
            await make(settings(fake), given).send(TO, TEXT, "0" * 32)
    assert fake.tokens == ["t-0", "t-1", "t-2"]


async def test_an_ended_token_is_renewed_once(platform: Feishu, fake: FakeFeishu) -> None:
    await platform.send(TO, TEXT, "0" * 32)
    fake.ended.add("t-0")
    await platform.send(TO, PicturePart(data=b"png"), "1" * 32)
    assert len(fake.shown) == 2 and fake.tokens == ["t-0", "t-1"]
    fake.ended.update(("t-1", "t-2"))
    assert (await fails(platform)).kind is SendKind.TOKEN
    assert len(fake.tokens) == 3


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (230020, SendKind.BUSY),
        (11232, SendKind.BUSY),
        (99991400, SendKind.BUSY),
        (230049, SendKind.BUSY),
        (230013, SendKind.BLOCKED),
        (230029, SendKind.BLOCKED),
        (230006, SendKind.AWAY),
        (230027, SendKind.AWAY),
        (99991401, SendKind.AWAY),
        (99992361, SendKind.AWAY),  # "open_id cross app": the shop has put in another application
        (230025, SendKind.REFUSED),
        (230028, SendKind.REFUSED),
        (999, SendKind.REFUSED),
    ],
)
async def test_its_codes_are_understood(
    platform: Feishu, fake: FakeFeishu, code: int, kind: SendKind
) -> None:
    fake.refused["ou_1"] = code
    error = await fails(platform)
    assert (error.kind, error.code) == (kind, str(code))


async def test_a_line_that_breaks(platform: Feishu, fake: FakeFeishu) -> None:
    answers: list[web.Response | None] = [
        web.Response(status=429, headers={"x-ogw-ratelimit-reset": "30"}),
        web.Response(status=500),
        web.Response(text="<html>"),
        None,
    ]

    async def answer(request: web.Request) -> web.StreamResponse | None:
        if "messages" not in request.path:
            return None
        given = answers.pop(0)
        if given is None:
            assert request.transport is not None
            request.transport.close()
            await asyncio.sleep(0)
        return given

    fake.behave = answer
    error = await fails(platform)
    assert (error.kind, error.retry_after) == (SendKind.BUSY, 30)
    assert (await fails(platform)).kind is SendKind.AWAY
    assert (await fails(platform)).kind is SendKind.REFUSED
    error = await fails(platform)
    assert (error.kind, error.unsure) == (SendKind.AWAY, True)


async def test_check_says_what_is_wrong(platform: Feishu, fake: FakeFeishu) -> None:
    assert [one.wrong for one in await platform.check()] == [False]
    fake.active = 0
    assert [one.wrong for one in await platform.check()] == [False, True]
    async with tools() as given:
        (finding,) = await make(settings(fake, app_secret="another"), given).check()
        assert finding.wrong and "APP_SECRET" in finding.text and finding.code == "10014"
