"""An Official Account and a Mini Program for tests, with tokens held in memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bot.channels.base import Tools
from bot.channels.platforms import wechat, wechat_mini
from tests.fakes.wechat import APP_ID, SECRET, TOKEN

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=ZoneInfo("Asia/Shanghai"))


@dataclass
class HeldTokens:
    """Tokens of one process."""

    held: dict[str, str] = field(default_factory=dict)

    async def get(self, name: str, fetch: Callable[[], Awaitable[tuple[str, float]]]) -> str:
        if name not in self.held:
            self.held[name], _ = await fetch()
        return self.held[name]

    async def expired(self, name: str, token: str) -> None:
        if self.held.get(name) == token:
            del self.held[name]


Account = wechat.WeChat | wechat_mini.WeChatMini


def account(
    tools: Tools, *, aes_key: str = "", token: str = TOKEN, app_id: str = APP_ID, **more: Any
) -> wechat.WeChat:
    return wechat.WeChat(wechat.Settings(app_id, SECRET, token, aes_key, **more), tools)


def mini(tools: Tools, **more: Any) -> Account:
    return wechat_mini.WeChatMini(wechat_mini.Settings(APP_ID, SECRET, TOKEN, **more), tools)
