"""What an Official Account and a Mini Program have in common: how their posts are taken, files, the check."""

from __future__ import annotations

from collections.abc import Sequence

from bot.channels.base import Call, Finding, Media, Receipt, Tools
from bot.channels.channel_settings import variable
from bot.channels.wechat_api import WeChatApi
from bot.channels.wechat_incoming import Envelope, heard
from bot.channels.wechat_settings import AccountSettings


class WeChatAccount:
    """One account; its kind says how parts are sent.

    Args:
        settings: of the account.
        tools: what a platform is given.
    """

    def __init__(self, settings: AccountSettings, tools: Tools) -> None:
        self.name = settings.name
        self._encrypted = bool(settings.aes_key)
        self._envelope = Envelope(settings.token, settings.app_id, settings.aes_key)
        self._api = WeChatApi(self.name, settings.app_id, settings.secret, settings.api, tools)

    async def receive(self, call: Call) -> Receipt:
        """Answer the question for our address; open and read a message."""
        if call.method == "GET":
            return self._envelope.echo(call)
        return Receipt(heard=heard(self._envelope.open(call), call.now))

    async def fetch(self, media: Media, account: str) -> bytes:
        """Return a picture that she sent."""
        return await self._api.fetch(media)

    async def check(self) -> Sequence[Finding]:
        """Ask for a token, whether messages may be sent, and say how messages come."""
        plain = f"Messages come in plain text; set {variable(self.name, 'aes_key')} and choose 安全模式."
        mode = "Messages are taken encrypted only." if self._encrypted else plain
        return [*await self._api.findings(), Finding(mode, wrong=False)]
