"""WeChat Official Account 微信公众号: messages of followers, answers as customer-service messages.

What is posted is acknowledged at once and answered by the customer-service API, which a verified account may
use: within 48 hours after she wrote, five messages for each of hers. A tapped menu earns three within a
minute instead, and a person who answers later would not reach her: so choices are numbered by default.
Sources: developers.weixin.qq.com, "Receiving messages", "Receiving events", "Send customer service messages",
"Introduction to customer service messages".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ClassVar

from bot.channels.base import (
    Address,
    Button,
    ButtonsPart,
    CardPart,
    Limits,
    Part,
    PicturePart,
    Platform,
    SendError,
    SendKind,
    Tools,
    Unit,
)
from bot.channels.cutting import size
from bot.channels.numbered import written
from bot.channels.wechat_account import WeChatAccount
from bot.channels.wechat_api import article_of, bare, in_words
from bot.channels.wechat_settings import AccountSettings

NAME = "wechat"
_TEXT_BYTES = 2000  # theirs is 2048
#: An account that may send no menus: not a verified one, a test account.
_NO_MENUS = frozenset({"40200", "40008", "48001"})


@dataclass(frozen=True)
class Settings(AccountSettings):
    """``ZHIXIN_WECHAT_…``.

    Attributes:
        menus: choices as menus to tap, at the price of her next messages; off: as numbered lines.
    """

    name: ClassVar[str] = NAME

    menus: bool = False


class WeChat(WeChatAccount):
    """One Official Account; see :class:`~bot.channels.base.Platform`."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        super().__init__(settings, tools)
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
        if not (buttons and self.limits.buttons):
            return await self._numbered(user, text, buttons)
        choices = [{"id": button.id, "content": button.title} for button in buttons]
        menu = {"head_content": bare(text), "list": choices, "tail_content": ""}
        try:
            return await self._api.send(user, "msgmenu", menu)
        except SendError as exc:
            if exc.code in _NO_MENUS:  # from now on choices are numbered, and a typed number is understood
                self.limits = replace(self.limits, buttons=0)
            elif exc.kind is not SendKind.REFUSED:
                raise
        return await self._numbered(user, text, buttons)

    async def _numbered(self, user: str, text: str, buttons: Sequence[Button]) -> None:
        """Send a text with its choices below it, or after it where they are too long together."""
        tail = written(buttons)
        whole = f"{text}\n\n{tail}" if tail else text
        if tail and size(bare(whole), Unit.BYTES) > _TEXT_BYTES:
            await self._text(user, text)
            whole = tail
        await self._text(user, whole)


def make(settings: Settings, tools: Tools) -> Platform:
    """Return the platform."""
    return WeChat(settings, tools)
