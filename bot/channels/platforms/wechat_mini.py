"""WeChat Mini Program customer messages 微信小程序客服消息: XML or JSON in, texts, pictures and links out.

She writes from ``<button open-type="contact">``; within 48 hours five messages may answer each of hers.
Sources: developers.weixin.qq.com, "Customer message" and "Message push".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from bot.channels.base import (
    Address,
    CardPart,
    Limits,
    Part,
    PicturePart,
    Platform,
    Tools,
    Unit,
)
from bot.channels.wechat_account import WeChatAccount
from bot.channels.wechat_api import article_of, bare, in_words
from bot.channels.wechat_settings import AccountSettings

NAME = "wechat_mini"
_TEXT_BYTES = 2000  # theirs is 2048


@dataclass(frozen=True)
class Settings(AccountSettings):
    """``ZHIXIN_WECHAT_MINI_…``; the page calls it "development management"."""

    name: ClassVar[str] = NAME


class WeChatMini(WeChatAccount):
    """One Mini Program; see :class:`~bot.channels.base.Platform`."""

    limits = Limits(
        text=_TEXT_BYTES,
        unit=Unit.BYTES,
        cards=frozenset({"products"}),
        pictures=True,
        window=timedelta(hours=48),
        in_window=5,
    )

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


def make(settings: Settings, tools: Tools) -> Platform:
    """Return the platform."""
    return WeChatMini(settings, tools)
