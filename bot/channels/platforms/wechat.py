"""WeChat Official Account 微信公众号: messages of followers, answers as customer-service messages.

What is posted is acknowledged at once and answered by the customer-service API, which a verified account may
use: within 48 hours after she wrote, five messages for each of hers.
Sources: developers.weixin.qq.com, "Receiving messages", "Receiving events", "Send customer service messages".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.channels import wechat_settings
from bot.channels.base import (
    Address,
    Button,
    ButtonsPart,
    Call,
    CardPart,
    Finding,
    Limits,
    Media,
    Part,
    PicturePart,
    Platform,
    Receipt,
    SendError,
    SendKind,
    Tools,
    Unit,
)
from bot.channels.numbered import written
from bot.channels.wechat_api import WeChatApi, article_of, bare, in_words
from bot.channels.wechat_incoming import Envelope, heard

NAME = "wechat"
_TEXT_BYTES = 2000  # theirs is 2048
#: An account that may send no menus: not a verified one, a test account.
_NO_MENUS = frozenset({"40200", "40008", "48001"})


@dataclass(frozen=True)
class Settings:
    """What the account's page at mp.weixin.qq.com says under "basic configuration".

    Attributes:
        app_id: AppID.
        secret: AppSecret.
        token: Token of the server address.
        aes_key: EncodingAESKey; empty in plain mode. With it, messages that are not encrypted are refused.
        menus: choices as menus to tap; off: as numbered lines.
        api: the platform's API.
    """

    app_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(default="", repr=False)
    menus: bool = True
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


class WeChat:
    """One Official Account; see :class:`~bot.channels.base.Platform`."""

    name = NAME

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._encrypted = bool(settings.aes_key)
        self._envelope = Envelope(settings.token, settings.app_id, settings.aes_key)
        self._api = WeChatApi(NAME, settings.app_id, settings.secret, settings.api, tools)
        self.limits = Limits(
            text=_TEXT_BYTES,
            unit=Unit.BYTES,
            buttons=8 if settings.menus else 0,
            cards=frozenset({"products"}),
            pictures=True,
            window=timedelta(hours=48),
            in_window=5,
            echoes=settings.menus,
        )

    async def receive(self, call: Call) -> Receipt:
        """Answer the question for our address; open and read a message."""
        if call.method == "GET":
            return self._envelope.echo(call)
        return Receipt(heard=heard(self._envelope.open(call), call.now))

    async def send(self, to: Address, part: Part, key: str) -> None:
        """Send a text, a picture, a menu or an article; the platform takes no key."""
        if isinstance(part, PicturePart):
            await self._api.send_picture(to.user, part)
        elif isinstance(part, ButtonsPart):
            await self._choices(to.user, part.text, part.buttons)
        elif isinstance(part, CardPart):
            await self._card(to.user, part)
        else:
            await self._text(to.user, part.text)

    async def fetch(self, media: Media, account: str) -> bytes:
        """Return a picture that she sent."""
        return await self._api.fetch(media)

    async def check(self) -> Sequence[Finding]:
        """Ask for a token, whether messages may be sent, and say how messages come."""
        mode = (
            Finding("Messages are taken encrypted only.", wrong=False)
            if self._encrypted
            else Finding(
                "Messages come in plain text; set ZHIXIN_WECHAT_AES_KEY and choose 安全模式.", wrong=False
            )
        )
        return [*await self._api.findings(), mode]

    async def _text(self, user: str, text: str) -> None:
        await self._api.send(user, "text", {"content": bare(text)})

    async def _card(self, user: str, part: CardPart) -> None:
        """Send an article where the card is one thing that has a page; only one is taken."""
        article = article_of(part)
        if article is None:
            await self._choices(user, in_words(part, _TEXT_BYTES), part.buttons)
        else:
            picture = article.pop("thumb_url")
            await self._api.send(user, "news", {"articles": [{**article, "picurl": picture}]})

    async def _choices(self, user: str, text: str, buttons: Sequence[Button]) -> None:
        if not buttons:
            return await self._text(user, text)
        choices = [{"id": button.id, "content": button.title} for button in buttons]
        menu = {"head_content": bare(text), "list": choices, "tail_content": ""}
        try:
            return await self._api.send(user, "msgmenu", menu)
        except SendError as exc:
            if exc.code in _NO_MENUS:  # from now on choices are numbered, and a typed number is understood
                self.limits = replace(self.limits, buttons=0)
            elif exc.kind is not SendKind.REFUSED:
                raise
        return await self._text(user, f"{text}\n\n{written(buttons)}")


def make(settings: Settings, tools: Tools) -> Platform:
    """Return the platform."""
    return WeChat(settings, tools)
