"""The signed channel without a front: the documented call as openssl signs it, and each answer.

The vector is what the commands of docs/channels.md print, with the key and the time below:
``printf '%s.%s' TIME BODY | openssl dgst -sha256 -hmac KEY -r``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone

import pytest
import pytest_asyncio

from bot.channels.base import Address, HeardKind, Media, Refused, SendError, SendKind, TextPart
from bot.channels.platforms.signed import Settings, SignedWebhook, make
from tests.fakes.signed import KEY, Receiver, signed
from tests.fakes.tools import call, now, tools

AT = datetime.fromtimestamp(1795355905, timezone.utc)
BODY = '{"user":"app-4711","message_id":"m-1","text":"我的订单到哪了"}'.encode()
HEADERS = {
    "x-zhixin-timestamp": "1795355905",
    "x-zhixin-signature": "v1=425adc3405880f0b8ace46dabe22b2205d976bd75c3d9b14972ff38aaa0444f3",
}


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver(now) as made:
        yield made


@pytest_asyncio.fixture
async def platform(receiver: Receiver) -> AsyncIterator[SignedWebhook]:
    async with tools() as given:
        yield make(Settings((KEY,), receiver.url), given)


async def refused(platform: SignedWebhook, headers: dict[str, str], body: bytes, at: datetime = AT) -> int:
    with pytest.raises(Refused) as caught:
        await platform.receive(call(headers, body, at=at))
    return caught.value.status


async def test_the_documented_call_is_taken_as_openssl_signs_it(platform: SignedWebhook) -> None:
    receipt = await platform.receive(call(HEADERS, BODY, at=AT))
    (heard,) = receipt.heard
    assert (heard.user, heard.message_id, heard.kind) == ("app-4711", "m-1", HeardKind.TEXT)
    assert (heard.text, receipt.status, receipt.body) == ("我的订单到哪了", 202, '{"accepted": ["m-1"]}')


async def test_another_body_key_or_time_is_refused(platform: SignedWebhook) -> None:
    assert await refused(platform, HEADERS, BODY + b" ") == 401
    assert await refused(platform, HEADERS, BODY[:-2]) == 401
    assert await refused(platform, {**HEADERS, "x-zhixin-timestamp": "1795355906"}, BODY) == 401
    assert await refused(platform, {}, BODY) == 401
    for off in (
        timedelta(minutes=5, seconds=1),
        timedelta(minutes=-5, seconds=-1),
    ):  # a replay, a wrong clock
        assert await refused(platform, HEADERS, BODY, AT + off) == 401


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (410, SendKind.BLOCKED),
        (429, SendKind.BUSY),
        (500, SendKind.AWAY),
        (302, SendKind.AWAY),
        (401, SendKind.AWAY),
        (403, SendKind.AWAY),
        (404, SendKind.AWAY),
        (408, SendKind.AWAY),
        (422, SendKind.REFUSED),
    ],
)
async def test_each_answer_is_understood(
    platform: SignedWebhook, receiver: Receiver, status: int, kind: SendKind
) -> None:
    receiver.statuses.append(status)
    with pytest.raises(SendError) as caught:
        await platform.send(Address("u"), TextPart("您好"), "0" * 32)
    assert (caught.value.kind, caught.value.code) == (kind, f"http_{status}")
    await platform.send(Address("u"), TextPart("您好"), "0" * 32)
    assert receiver.texts("u") == ["您好"]


async def test_a_picture_is_fetched_from_the_shops_host_and_nowhere_else(
    platform: SignedWebhook, receiver: Receiver
) -> None:
    address = receiver.holds(b"jpeg")
    assert await platform.fetch(Media(address=address), "") == b"jpeg"
    async with Receiver(now) as inside:
        secret = inside.holds(b"secret")
        receiver.moved["p1.jpg"] = secret
        for there in (
            address.replace("p0", "p1"),  # leads on to another host
            secret,
            address.replace("http:", "https:"),
            "https://[x/y",
            "file:///etc/passwd",
        ):
            with pytest.raises(SendError) as caught:
                await platform.fetch(Media(address=there), "")
            assert caught.value.kind is SendKind.REFUSED


async def test_what_is_no_address_is_refused_when_it_comes(platform: SignedWebhook) -> None:
    for picture in ("https://[x/y", "https://s.example/\n", 7, ""):
        posted = {"user": "u", "message_id": "m", "type": "picture", "picture": picture}
        made = signed(posted, AT)
        headers = {name.lower(): value for name, value in made["headers"].items()}
        assert await refused(platform, headers, made["data"]) == 400
