"""What is wrong with the settings of a WeChat account, in sentences for whoever sets it up."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from bot.channels.channel_settings import variable
from bot.channels.check_words import address_problems

#: Where the platform's API answers.
API = "https://api.weixin.qq.com"


def problems(name: str, *, app_id: str, secret: str, token: str, aes_key: str, api: str) -> Iterator[str]:
    """Yield what is wrong; no value is told.

    Args:
        name: of the platform.
        app_id: of the account.
        secret: of the account.
        token: agreed upon for the server address.
        aes_key: the EncodingAESKey; may be empty.
        api: origin of the API.
    """
    if not re.fullmatch(r"wx[0-9a-f]{16}", app_id):
        yield f"{variable(name, 'app_id')}: an AppID is wx and 16 of the digits 0-9a-f (gh_… is another id)"
    if not re.fullmatch(r"[0-9a-f]{32}", secret):
        yield f"{variable(name, 'secret')}: an AppSecret is 32 of the digits 0-9a-f"
    if not re.fullmatch(r"[0-9A-Za-z]{3,32}", token):
        yield f"{variable(name, 'token')}: a Token is 3 to 32 letters and digits"
    if aes_key and not _is_key(aes_key):
        yield f"{variable(name, 'aes_key')}: an EncodingAESKey is 43 letters and digits"
    yield from address_problems(name, api=api)


def _is_key(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9A-Za-z]{43}", text)) and len(base64.b64decode(text + "=")) == 32
