"""Checks the configuration of a messaging channel for ``zhixin channel check``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.app import checks
from bot.app.settings import Settings
from bot.channels import channel_settings
from bot.channels.base import Finding, SettingsProblem, Tools
from bot.conversation.schema import SHANGHAI

#: Seconds that a platform may take to answer all that it is asked.
_WITHIN_S = 60.0
_PAGES = {
    "wechat": "docs/channels-wechat.md",
    "wechat_mini": "docs/channels-wechat.md",
    "wecom": "docs/channels-wecom.md",
    "dingtalk": "docs/channels-dingtalk-feishu.md",
    "feishu": "docs/channels-dingtalk-feishu.md",
}


@dataclass(frozen=True)
class Listed:
    """A channel that there is; `on` where ``ZHIXIN_CHANNELS`` names it."""

    name: str
    on: bool
    variables: tuple[str, ...]


class _Tokens:
    """Tokens of this run alone: the record need not be there."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    async def get(self, name: str, fetch: Callable[[], Awaitable[tuple[str, float]]]) -> str:
        if name not in self._kept:
            self._kept[name], _ = await fetch()
        return self._kept[name]

    async def expired(self, name: str, token: str) -> None:
        if self._kept.get(name) == token:
            del self._kept[name]


def listed(settings: Settings) -> tuple[Listed, ...]:
    """Return all channels."""
    on = checks.split(settings.channels)
    return tuple(
        Listed(name, name in on, channel_settings.variables(name)) for name in channel_settings.known()
    )


def check(settings: Settings, name: str, environ: Mapping[str, str] | None = None) -> Sequence[Finding]:
    """Return what is good and what is wrong with a channel's configuration, the platform asked."""
    found: list[Finding] = []
    given = {**(os.environ if environ is None else environ), **settings.channel_values}
    try:
        own = channel_settings.read(name, given)
    except SettingsProblem as exc:
        where = Finding(
            f"{_PAGES.get(name, 'docs/channels.md')} says where each of these is found", wrong=False
        )
        return [*map(Finding, exc.problems), where]
    found.append(Finding("the settings are complete and well-formed", wrong=False))
    if name not in checks.split(settings.channels):
        found.append(
            Finding(
                f"ZHIXIN_CHANNELS does not name {name}: it is switched off, until you add it and start again"
            )
        )
    if settings.public_url:
        found.append(
            Finding(
                f"the address to give to the platform: {settings.public_url}/channels/{name}", wrong=False
            )
        )
    else:
        found.append(
            Finding(
                "ZHIXIN_PUBLIC_URL is not set: pictures and links cannot be sent as addresses; the platform "
                f"is to be given the address at which it reaches this front, and /channels/{name}",
                wrong=False,
            )
        )

    async def ask() -> Sequence[Finding]:
        from bot.app.messaging import new_http

        async with new_http() as http:
            tools = Tools(http, _Tokens(), lambda: datetime.now(SHANGHAI))
            platform = channel_settings.kind(name).make(own, tools)
            return await asyncio.wait_for(platform.check(), _WITHIN_S)

    try:
        found += asyncio.run(ask())
    except asyncio.TimeoutError:
        found.append(Finding(f"the platform has not answered within {_WITHIN_S:.0f} s"))
    except Exception as exc:  # a platform's file may not raise; one that does is no reason for a trace
        found.append(Finding(f"the platform could not be asked: {type(exc).__name__}"))
    return found
