"""Settings of a WeChat account, and what is wrong with them in sentences for whoever sets it up."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from bot.channels.channel_settings import variable
from bot.channels.check_words import address_problems


@dataclass(frozen=True)
class AccountSettings:
    """What the account's page at mp.weixin.qq.com says under "basic configuration".

    Attributes:
        app_id: AppID.
        secret: AppSecret.
        token: Token of the server address.
        aes_key: EncodingAESKey; empty in plain mode. With it, messages that are not encrypted are refused.
        api: the platform's API.
    """

    name: ClassVar[str]  # of the platform

    app_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(default="", repr=False)
    api: str = "https://api.weixin.qq.com"

    def problems(self) -> Iterator[str]:
        """Yield what is wrong; no value is told."""
        if not re.fullmatch(r"wx[0-9a-f]{16}", self.app_id):
            yield f"{variable(self.name, 'app_id')}: an AppID is wx and 16 of 0-9a-f (gh_… is another id)"
        if not re.fullmatch(r"[0-9a-f]{32}", self.secret):
            yield f"{variable(self.name, 'secret')}: an AppSecret is 32 of the digits 0-9a-f"
        if not re.fullmatch(r"[0-9A-Za-z]{3,32}", self.token):
            yield f"{variable(self.name, 'token')}: a Token is 3 to 32 letters and digits"
        if self.aes_key and not _is_key(self.aes_key):
            yield f"{variable(self.name, 'aes_key')}: an EncodingAESKey is 43 letters and digits"
        yield from address_problems(self.name, api=self.api)


def _is_key(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9A-Za-z]{43}", text)) and len(base64.b64decode(text + "=")) == 32
