"""WeChat Mini Program customer messages 微信小程序客服消息: XML or JSON in, texts, pictures and links out.

She writes from ``<button open-type="contact">``; within 48 hours five messages may answer each of hers.
Sources: developers.weixin.qq.com, "Customer message" and "Message push".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.channels import wechat_settings
from bot.channels.base import (
    Address,
    Call,
    CardPart,
    Finding,
    Limits,
    Media,
    Part,
    PicturePart,
    Platform,
    Receipt,
    Tools,
    Unit,
)
from bot.channels.wechat_api import WeChatApi, article_of, bare, in_words
from bot.channels.wechat_incoming import Envelope, heard

NAME = "wechat_mini"
_TEXT_BYTES = 2000  # theirs is 2048


@dataclass(frozen=True)
class Settings:
    """What the Mini Program's page at mp.weixin.qq.com says under "development management".

    Attributes:
        app_id: AppID.
        secret: AppSecret.
        token: Token of the message push.
        aes_key: EncodingAESKey; empty in plain mode. With it, messages that are not encrypted are refused.
        api: the platform's API.
    """

    app_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(default="", repr=False)
    api: str = wechat_settings.API

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        return wechat_settings.problems(
            NAME,
            app_id=self.app_id,
            secret=self.secret,
            token=self.token,
            aes_key=self.aes_key,
            api=self.api,
        )


class WeChatMini:
    """One Mini Program; see :class:`~bot.channels.base.Platform`."""

    name = NAME
    limits = Limits(
        text=_TEXT_BYTES,
        unit=Unit.BYTES,
        cards=frozenset({"products"}),
        pictures=True,
        window=timedelta(hours=48),
        in_window=5,
    )

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._encrypted = bool(settings.aes_key)
        self._envelope = Envelope(settings.token, settings.app_id, settings.aes_key)
        self._api = WeChatApi(NAME, settings.app_id, settings.secret, settings.api, tools)

    async def receive(self, call: Call) -> Receipt:
        """Answer the question for our address; open and read a message."""
        if call.method == "GET":
            return self._envelope.echo(call)
        return Receipt(heard=heard(self._envelope.open(call), call.now))

    async def send(self, to: Address, part: Part, key: str) -> None:
        """Send a text, a picture or a link; the platform takes no key."""
        if isinstance(part, PicturePart):
            await self._api.send_picture(to.user, part)
            return
        link = article_of(part) if isinstance(part, CardPart) else None
        if link is not None:
            await self._api.send(to.user, "link", link)
            return
        text = part.text if not isinstance(part, CardPart) else in_words(part, _TEXT_BYTES)
        await self._api.send(to.user, "text", {"content": bare(text)})

    async def fetch(self, media: Media, account: str) -> bytes:
        """Return a picture that she sent."""
        return await self._api.fetch(media)

    async def check(self) -> Sequence[Finding]:
        """Ask for a token, whether messages may be sent, and say how messages come."""
        mode = (
            "Messages are taken encrypted only."
            if self._encrypted
            else "Messages come in plain text; set ZHIXIN_WECHAT_MINI_AES_KEY and choose 安全模式."
        )
        return [*await self._api.findings(), Finding(mode, wrong=False)]


def make(settings: Settings, tools: Tools) -> Platform:
    """Return the platform."""
    return WeChatMini(settings, tools)
