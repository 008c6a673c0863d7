"""DingTalk against a little DingTalk of its own: signatures, every kind, the session and the robot, errors.

Forms and example payloads: https://open.dingtalk.com/document/isvapp/receive-message (what comes in), and
robot-message-type, chatbots-send-one-on-one-chat-messages-in-batches of https://help.dingtalk.io/open/development
(what goes out). The documents give the signature's inputs and no value, so the values are another
implementation's: ``printf '%s\\n%s' TIME SECRET | openssl dgst -sha256 -hmac SECRET -binary | base64``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bot.channels.base import (
    Address,
    Button,
    ButtonsPart,
    CardPart,
    CardRow,
    HeardKind,
    Media,
    PicturePart,
    Receipt,
    Refused,
    SendError,
    SendKind,
    TextPart,
)
from bot.channels.dingtalk_forms import sign
from bot.channels.platforms.dingtalk import DingTalk, Settings, make
from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.serving import troubles
from tests.fakes.tools import call, now, tools

TEXT = TextPart("您的包裹 24 日送到。")


@pytest_asyncio.fixture
async def fake() -> AsyncIterator[FakeDingTalk]:
    async with FakeDingTalk() as made:
        yield made


@pytest_asyncio.fixture
async def platform(fake: FakeDingTalk) -> AsyncIterator[DingTalk]:
    async with tools() as given:
        yield make(Settings(fake.app_key, fake.app_secret, api=fake.url, web=fake.url), given)


async def heard(platform: DingTalk, fake: FakeDingTalk, said: dict[str, Any]) -> Receipt:
    return await platform.receive(call(fake.headers(), json.dumps(said).encode()))


async def refused(platform: DingTalk, headers: dict[str, str], body: bytes = b"{}") -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await platform.receive(call(headers, body))
    return caught.value.status, caught.value.code


async def fails(platform: DingTalk, to: Address, part: Any = TEXT) -> SendError:
    with pytest.raises(SendError) as caught:
        await platform.send(to, part, "0" * 32)
    return caught.value


@pytest.mark.parametrize(
    ("secret", "value"),
    [
        ("this is secret", "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="),
        ("this is a secret", "DJrE6qdyVGCQz9z5r2MDuNcNAhwYnuAkyj13cx169CA="),
    ],
)
def test_the_signature_is_what_openssl_makes_of_the_documented_inputs(secret: str, value: str) -> None:
    assert sign("1577262236757", secret) == value


async def test_what_is_not_dingtalks_is_refused(platform: DingTalk, fake: FakeDingTalk) -> None:
    body = json.dumps(fake.message()).encode()
    assert await refused(platform, {}, body) == (401, "unsigned")
    assert await refused(platform, {**fake.headers(), "timestamp": "later"}, body) == (401, "unsigned")
    assert await refused(platform, fake.headers(secret="another"), body) == (401, "signature")
    assert await refused(platform, {**fake.headers(), "sign": "é"}, body) == (401, "signature")
    assert await refused(platform, {**fake.headers(), "sign": "\udcff"}, body) == (401, "signature")
    for hours in (-1.02, 1.02):  # a replay, and a clock that is wrong
        headers = fake.headers(at=now().timestamp() + hours * 3600)
        assert await refused(platform, headers, body) == (401, "old")
    for broken in (
        b"",
        b"[]",
        b'{"msgtype": "text"}',
        body[: len(body) // 2],
        b'{"conversationType": "1"}',
        b"[" * 9999,
    ):
        assert await refused(platform, fake.headers(), broken) == (400, "unreadable")


async def test_the_documented_example_is_read(platform: DingTalk, fake: FakeDingTalk) -> None:
    example = {
        "conversationId": "xxx",
        "atUsers": [{"dingtalkId": "xxx", "staffId": "xxx"}],
        "chatbotCorpId": "dinge8a565xxxx",
        "chatbotUserId": "$:LWCP_v1:$Cxxxxx",
        "msgId": "msg0xxxxx",
        "senderNick": "杨xx",
        "isAdmin": True,
        "senderStaffId": "user123",
        "sessionWebhookExpiredTime": 1613635652738,
        "createAt": 1613630252678,
        "senderCorpId": "dinge8a565xxxx",
        "conversationType": "2",
        "senderId": "$:LWCP_v1:$Ff09GIxxxxx",
        "conversationTitle": "机器人测试-TEST",
        "isInAtList": True,
        "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=xxxxx",
        "text": {"content": " 你好"},
        "msgtype": "text",
    }
    receipt = await heard(platform, fake, example)
    (said,) = receipt.heard
    assert (said.user, said.message_id, said.kind, said.text) == (
        "user123",
        "msg0xxxxx",
        HeardKind.TEXT,
        "你好",
    )
    assert said.at.timestamp() == 1613630252.678
    assert "reply" not in said.data  # of a group: the answer goes to her own chat
    assert (receipt.status, receipt.body) == (200, "{}")


@pytest.mark.parametrize(
    ("form", "more", "kind", "text", "media"),
    [
        ("picture", {"content": {"downloadCode": "d1"}}, HeardKind.PICTURE, "", "d1"),
        (
            "audio",
            {"content": {"downloadCode": "d1", "recognition": "查快递"}},
            HeardKind.VOICE,
            "查快递",
            None,
        ),
        ("audio", {"content": {"downloadCode": "d1", "duration": 4000}}, HeardKind.VOICE, "", None),
        (
            "richText",
            {"content": {"richText": [{"text": "坏了"}, {"type": "picture", "downloadCode": "d2"}]}},
            HeardKind.TEXT,
            "坏了",
            "d2",
        ),
        ("file", {"content": {"fileName": "a.pdf"}}, HeardKind.UNSUPPORTED, "", None),
        ("video", {"content": {}}, HeardKind.UNSUPPORTED, "", None),
        ("unknownMsgType", {}, HeardKind.UNSUPPORTED, "", None),
    ],
)
async def test_each_kind(
    platform: DingTalk,
    fake: FakeDingTalk,
    form: str,
    more: dict[str, Any],
    kind: HeardKind,
    text: str,
    media: str | None,
) -> None:
    (said,) = (await heard(platform, fake, fake.message(msgtype=form, **more))).heard
    assert (said.kind, said.text, said.media.id if said.media else None) == (kind, text, media)
    assert said.event == (form if kind is HeardKind.UNSUPPORTED else "")


async def test_only_dingtalks_own_address_is_answered(platform: DingTalk, fake: FakeDingTalk) -> None:
    """The signature does not cover the body, so an address in it may be anybody's."""
    for hook in (
        "http://169.254.169.254/latest",
        f"{fake.url}.example/robot",
        fake.url.replace("http", "ftp"),
        fake.session("u").replace("sendBySession", "send"),  # somebody's own robot, in a group of theirs
        fake.session("u").replace("sendBySession", "sendBySession/../send"),
    ):
        (said,) = (await heard(platform, fake, fake.message(sessionWebhook=hook))).heard
        assert "reply" not in said.data
    endless = fake.message(sessionWebhookExpiredTime=10**15)
    (said,) = (await heard(platform, fake, endless)).heard
    assert said.data["reply"]["until"] <= (now().timestamp() + 7200) * 1000
    stranger = fake.message(senderStaffId="", conversationType="2")
    assert (await heard(platform, fake, stranger)).heard == ()


async def test_an_answer_goes_to_the_session_and_later_to_the_robot(
    platform: DingTalk, fake: FakeDingTalk
) -> None:
    (said,) = (await heard(platform, fake, fake.message())).heard
    session = Address(said.user, data=said.data["reply"])
    await platform.send(session, TEXT, "0" * 32)
    buttons = ButtonsPart("要催一下吗", (Button("b_1", "催一下"), Button("b_2", "不用")))
    await platform.send(session, buttons, "1" * 32)
    card = CardPart("order", "订单 *1*", (CardRow("状态", "已发货", address="https://s.example/1"),), "…")
    await platform.send(session, card, "2" * 32)
    forms = [(form, content) for _, form, content in fake.shown]
    assert forms[0] == ("text", {"content": TEXT.text})
    tap = "dtmd://dingtalkclient/sendMessage?content=%E5%82%AC%E4%B8%80%E4%B8%8B"
    assert forms[1][0] == "actionCard" and forms[1][1]["btns"][0] == {"title": "催一下", "actionURL": tap}
    assert (
        forms[2][0] == "markdown" and "**订单 ＊1＊**\n\n[状态](https://s.example/1)" in forms[2][1]["text"]
    )
    assert not fake.tokens

    fake.shown.clear()
    over = Address(said.user, data={**said.data["reply"], "until": 0})
    ended = Address(
        said.user, data={**said.data["reply"], "hook": f"{fake.url}/robot/sendBySession?session=x"}
    )
    for to in (over, ended, Address(said.user)):
        await platform.send(to, TEXT, "3" * 32)
    await platform.send(over, buttons, "4" * 32)
    await platform.send(over, card, "5" * 32)
    assert [(user, form) for user, form, _ in fake.shown] == [("manager01", "sampleText")] * 3 + [
        ("manager01", "sampleActionCard2"),
        ("manager01", "sampleMarkdown"),
    ]
    assert fake.shown[3][2]["actionTitle1"] == "催一下" and fake.shown[3][2]["actionURL1"] == tap
    assert len(fake.tokens) == 1


async def test_somebody_without_a_staff_id_is_reached_in_her_session_alone(
    platform: DingTalk, fake: FakeDingTalk
) -> None:
    (said,) = (await heard(platform, fake, fake.message(senderStaffId=None))).heard
    assert said.user == "$:LWCP_v1:$sealed"
    await platform.send(Address(said.user, data=said.data["reply"]), TEXT, "0" * 32)
    over = {**said.data["reply"], "until": int(now().timestamp() * 1000) + 30_000}
    assert (await fails(platform, Address(said.user, data=over))).kind is SendKind.CLOSED
    fake.sessions.clear()  # it is over before its time
    error = await fails(platform, Address(said.user, data=said.data["reply"]))
    assert (error.kind, error.code) == (SendKind.CLOSED, "300001")
    assert len(fake.shown) == 1


async def test_pictures_go_both_ways(platform: DingTalk, fake: FakeDingTalk) -> None:
    fake.files["d1"] = b"jpeg"
    assert await platform.fetch(Media("d1"), "") == b"jpeg"
    with pytest.raises(SendError) as caught:
        await platform.fetch(Media("gone"), "")
    assert caught.value.kind is SendKind.REFUSED
    await platform.send(Address("u"), PicturePart(data=b"png", content_type="image/png"), "0" * 32)
    await platform.send(Address("u"), PicturePart(address="https://s.example/a.jpg"), "1" * 32)
    (_, form, first), (_, _, second) = fake.shown
    assert form == "sampleImageMsg" and fake.files[first["photoURL"]] == b"png"
    assert second == {"photoURL": "https://s.example/a.jpg"}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, {"errcode": -1, "errmsg": "系统繁忙"}, SendKind.BUSY),
        (200, {"errcode": 88, "sub_code": "90018"}, SendKind.BUSY),
        (200, {"errcode": 90018}, SendKind.BUSY),
        (429, {}, SendKind.BUSY),
        (200, {"errcode": 88, "sub_code": "60011"}, SendKind.AWAY),
        (200, {"errcode": 40014}, SendKind.TOKEN),
        (200, {"errcode": 88, "sub_code": "40014"}, SendKind.TOKEN),
        (200, {"errcode": 40004, "errmsg": "不合法的媒体文件类型"}, SendKind.REFUSED),
        (500, {}, SendKind.AWAY),
    ],
)
async def test_why_a_picture_is_not_taken_is_understood(
    platform: DingTalk, fake: FakeDingTalk, status: int, body: dict[str, Any], kind: SendKind
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse | None:
        return web.json_response(body, status=status) if "/media/upload" in request.path else None

    fake.behave = answer
    assert (await fails(platform, Address("u"), PicturePart(data=b"png"))).kind is kind
    assert len(fake.tokens) == (2 if kind is SendKind.TOKEN else 1)


async def test_a_picture_is_uploaded_with_a_new_token_where_the_old_has_ended(
    platform: DingTalk, fake: FakeDingTalk
) -> None:
    await platform.send(Address("u"), TEXT, "0" * 32)
    fake.ended.add("t0")
    await platform.send(Address("u"), PicturePart(data=b"png"), "1" * 32)
    assert fake.tokens == ["t0", "t1"] and fake.files[fake.shown[-1][2]["photoURL"]] == b"png"


async def test_an_ended_token_is_renewed_once(platform: DingTalk, fake: FakeDingTalk) -> None:
    await platform.send(Address("u"), TEXT, "0" * 32)
    fake.ended.add("t0")
    await platform.send(Address("u"), TEXT, "1" * 32)
    assert len(fake.shown) == 2 and fake.tokens == ["t0", "t1"]

    async def never(request: web.Request) -> web.StreamResponse | None:
        return (
            web.json_response({"code": "InvalidAuthentication"}, status=401)
            if "/robot/" in request.path
            else None
        )

    fake.behave = never
    assert (await fails(platform, Address("u"))).kind is SendKind.TOKEN
    assert len(fake.tokens) == 3


async def test_another_application_has_a_token_of_its_own(fake: FakeDingTalk) -> None:
    async with tools() as given:
        for key, secret in (("dingkey", "ding-secret"), ("dingkey", "reset"), ("other", "reset")):
            fake.app_key, fake.app_secret = key, secret
            made = make(Settings(key, secret, api=fake.url, web=fake.url), given)
            await made.send(Address("u"), TEXT, "0" * 32)
    assert fake.tokens == ["t0", "t1", "t2"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {}, SendKind.AWAY),
        (429, {"code": "x"}, SendKind.BUSY),
        (403, {"code": "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi"}, SendKind.BUSY),
        (403, {"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied"}, SendKind.AWAY),
        (400, {"code": "staffId.notExisted"}, SendKind.BLOCKED),
        (400, {"code": "invalidParameter.msgParam.invalid"}, SendKind.REFUSED),
        (200, {"invalidStaffIdList": ["u"]}, SendKind.BLOCKED),
        (200, {"flowControlledStaffIdList": ["u"]}, SendKind.BUSY),
    ],
)
async def test_the_robots_errors_are_understood(
    platform: DingTalk, fake: FakeDingTalk, status: int, body: dict[str, Any], kind: SendKind
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse | None:
        return web.json_response(body, status=status) if "batchSend" in request.path else None

    fake.behave = answer
    assert (await fails(platform, Address("u"))).kind is kind


async def test_the_sessions_errors_are_understood(platform: DingTalk, fake: FakeDingTalk) -> None:
    (said,) = (await heard(platform, fake, fake.message(senderStaffId=""))).heard
    to = Address(said.user, data=said.data["reply"])
    answers: list[web.Response] = []

    async def answer(request: web.Request) -> web.StreamResponse | None:
        return answers.pop() if answers else None

    fake.behave = answer
    answers.append(web.json_response({"errcode": 130101, "errmsg": "send too fast"}))
    assert (await fails(platform, to)).kind is SendKind.BUSY
    answers.append(web.Response(status=429, headers={"Retry-After": "7"}))
    assert (await fails(platform, to)).retry_after == 7
    answers.append(web.json_response({"errcode": 40035, "errmsg": "不合法的参数"}))
    assert (await fails(platform, to)).kind is SendKind.REFUSED
    answers.append(web.Response(text="<html>", status=502))
    error = await fails(platform, to)
    assert (error.kind, error.unsure) == (SendKind.AWAY, True)


async def test_what_the_session_finds_unsafe_the_robot_sends(platform: DingTalk, fake: FakeDingTalk) -> None:
    """A link that DingTalk takes for unsafe there is refused however often it is sent."""
    fake.behave = troubles("sendBySession", *[{"errcode": 430101, "errmsg": "不安全的外链"}] * 2)
    (said,) = (await heard(platform, fake, fake.message())).heard
    await platform.send(Address(said.user, data=said.data["reply"]), TEXT, "0" * 32)
    assert [(user, form) for user, form, _ in fake.shown] == [("manager01", "sampleText")]
    (said,) = (await heard(platform, fake, fake.message(senderStaffId=""))).heard
    error = await fails(platform, Address(said.user, data=said.data["reply"]))
    assert (error.kind, error.code) == (SendKind.REFUSED, "430101")


async def test_a_line_that_breaks_may_have_carried_it(platform: DingTalk, fake: FakeDingTalk) -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse | None:
        assert request.transport is not None
        request.transport.close()
        await asyncio.sleep(0)
        return None

    fake.behave = hang_up
    error = await fails(platform, Address("u"))
    assert (error.kind, error.unsure) == (SendKind.AWAY, True)
    async with tools() as given:
        nowhere = make(Settings("k", "s", api="http://127.0.0.1:1", web="http://127.0.0.1:1"), given)
        error = await fails(nowhere, Address("u"))
    assert (error.kind, error.unsure) == (SendKind.AWAY, False)


async def test_check_says_what_is_wrong(platform: DingTalk, fake: FakeDingTalk) -> None:
    assert [one.wrong for one in await platform.check()] == [False]
    assert not fake.shown
    async with tools() as given:
        wrong = Settings(fake.app_key, "not-the-secret", api=fake.url, web=fake.url)
        (finding,) = await make(wrong, given).check()
        assert finding.wrong and "APP_SECRET" in finding.text and finding.code == "invalidClientIdOrSecret"
        other = Settings(fake.app_key, fake.app_secret, "another", api=fake.url, web=fake.url)
        (finding,) = await make(other, given).check()
        assert finding.wrong and "ROBOT_CODE" in finding.text and finding.code == "resource.not.found"


def test_no_secret_shows() -> None:
    assert "hidden" not in repr(Settings("k", "hidden"))
