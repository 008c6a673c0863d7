"""Signed JSON over HTTP both ways, for the shop's own app and for platforms that have no file here.

Documented, with curl, in docs/channels.md. The signature is that of the shop's events and of webhooks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import aiohttp

from bot.channels import signed_forms
from bot.channels.base import (
    Address,
    Call,
    Finding,
    Limits,
    Media,
    Part,
    Receipt,
    Refused,
    SendError,
    SendKind,
    Tools,
)
from bot.channels.channel_settings import variable
from bot.channels.check_words import address_problems, line_trouble, receiver
from bot.channels.platform_calls import ask, download
from persona.privacy.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SignatureError,
    check_signature,
    check_time,
    signed_headers,
)

NAME = "signed"
DELIVERY_HEADER = "X-Zhixin-Delivery"
_MOST_MESSAGES = 100
_LEAST_KEY = 32
_CARDS = frozenset({"order", "shipment", "products", "comparison", "aftersale", "policy", "coupons"})


@dataclass(frozen=True)
class Settings:
    """``ZHIXIN_SIGNED_…``.

    Attributes:
        keys: each of them signs what comes in; the first one signs what goes out.
        url: where answers are posted.
        text_length: characters of one text.
        buttons: buttons of one message; 0 numbers the choices.
        cards: whether cards come as data (``on``) or in plain words.
    """

    keys: tuple[str, ...] = field(repr=False)
    url: str
    text_length: int = 2000
    buttons: int = 8
    cards: bool = False

    def problems(self) -> Sequence[str]:
        """Return what is wrong."""
        found = []
        if not self.keys or any(len(key) < _LEAST_KEY for key in self.keys):
            found.append(f"ZHIXIN_SIGNED_KEYS: each key must have at least {_LEAST_KEY} characters")
        found += address_problems(NAME, url=self.url.partition("?")[0])
        if not 100 <= self.text_length <= 100_000:
            found.append("ZHIXIN_SIGNED_TEXT_LENGTH: must be 100 to 100000")
        if not 0 <= self.buttons <= 20:
            found.append("ZHIXIN_SIGNED_BUTTONS: must be 0 to 20")
        return found


class SignedWebhook:
    """The platform."""

    name = NAME

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self.limits = Limits(
            text=settings.text_length,
            buttons=settings.buttons,
            button_title=40,
            cards=_CARDS if settings.cards else frozenset(),
            card_rows=50,
            pictures=True,
            keyed=True,
        )

    async def receive(self, call: Call) -> Receipt:
        """Take one message, or ``{"messages": […]}``."""
        if call.method != "POST":
            raise Refused(400, "post_only")
        try:
            timestamp = check_time(call.headers.get(TIMESTAMP_HEADER.lower()), call.now)
            signature = call.headers.get(SIGNATURE_HEADER.lower())
            check_signature(self._settings.keys, timestamp, signature, call.body)
        except SignatureError as exc:
            raise Refused(401, exc.code) from exc
        try:
            data = json.loads(call.body)
            given = data.get("messages", [data])
            heard = tuple(signed_forms.heard(one, call.now) for one in given)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            raise Refused(400, "malformed") from exc
        if not 1 <= len(heard) <= _MOST_MESSAGES:
            raise Refused(400, "too_many_messages")
        body = json.dumps({"accepted": [one.message_id for one in heard]})
        return Receipt(body, 202, "application/json", heard)

    async def send(self, to: Address, part: Part, key: str) -> None:
        """Post one part; 200 to 299 takes it, 410 says that the shopper has left, other 4xx refuse it."""
        data = {"delivery_id": key, "user": to.user, "account": to.account, **signed_forms.written(part)}
        body = json.dumps(data, ensure_ascii=False).encode()
        headers = {
            **signed_headers(self._settings.keys[0], self._tools.now(), body),
            "Content-Type": "application/json; charset=utf-8",
            DELIVERY_HEADER: key,
        }
        got = await ask(self._tools.http, "POST", self._settings.url, data=body, headers=headers)
        if 200 <= got.status < 300:
            return
        kind = {410: SendKind.BLOCKED, 429: SendKind.BUSY, 408: SendKind.AWAY, 403: SendKind.AWAY}
        # A redirect, a wrong path or an unknown key is a mistake of the set-up, which will be mended.
        wait = got.status < 400 or got.status in (401, 404)
        found = SendKind.AWAY if wait else kind.get(got.status, SendKind.REFUSED)
        raise SendError(found, f"http_{got.status}", retry_after=got.retry_after)

    async def fetch(self, media: Media, account: str) -> bytes:
        """Return a picture from its address, which must be at the host that answers go to, and stay there."""
        try:
            there = urlsplit(media.address)[:2] == urlsplit(self._settings.url)[:2]
        except ValueError:
            there = False
        if not there:
            raise SendError(SendKind.REFUSED, "other_host")
        return await download(self._tools.http, media.address)

    async def check(self) -> Sequence[Finding]:
        """Post a signed ``{"type": "check"}`` to the address."""
        body = json.dumps({"type": "check"}).encode()
        headers = {**signed_headers(self._settings.keys[0], self._tools.now(), body)}
        headers["Content-Type"] = "application/json; charset=utf-8"
        try:
            async with self._tools.http.post(
                self._settings.url,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=10.0),
            ) as got:
                status = got.status
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as exc:
            failed = SendError(SendKind.AWAY, type(exc).__name__)
            said = line_trouble(failed, variable(NAME, "url"), self._settings.url)
            return [Finding(said or "the receiver could not be asked", code=failed.code)]
        return [receiver(status)]


def make(settings: Settings, tools: Tools) -> SignedWebhook:
    """Return the platform."""
    return SignedWebhook(settings, tools)
