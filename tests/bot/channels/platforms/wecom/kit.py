"""What the tests of WeCom share: a clock, the settings that lead to the little WeCom, calls."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from bot.channels.base import (
    Address,
    Button,
    Call,
    Part,
    Refused,
    SendError,
    TextPart,
)
from bot.channels.platforms.wecom import Settings, Wecom
from tests.fakes.wecom import FakeWecom

USER = "wmAJ2GCAAAme1XQRC-NI-q0_ZM9ukoAw"
KEY = "0123456789abcdef0123456789abcdef"
TEXT = TextPart("您的包裹 24 日送到。")
BUTTONS = (Button("b1", "查物流"), Button("b2", "拒收退款"))

SAMPLE = Settings("wx5823bf96d3bd56c7", "secret", "QDG6eK", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C")


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 2, 0, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.at

    def timestamp(self) -> float:
        return self.at.timestamp()


def settings(fake: FakeWecom, **more: Any) -> Settings:
    return Settings(fake.corp_id, fake.secret, fake.token, fake.aes_key, api=fake.url, **more)


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
