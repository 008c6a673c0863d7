"""WeCom's 微信客服: shoppers write from WeChat to a service account of the enterprise.

A callback brings no message, only word that there are some; they are pulled from a cursor. The session of the
shopper must be the API's (state 0 or 1): the shop's own desk is the human side, not WeCom's 接待人员.

Source: developer.work.weixin.qq.com/document/path/94670, 94677, 94669.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bot.channels import wecom_messages as messages
from bot.channels.base import (
    Address,
    Call,
    Finding,
    Heard,
    Hint,
    Limits,
    Media,
    Part,
    Pulled,
    Receipt,
    Refused,
    SendError,
    SendKind,
    Tools,
    Unit,
)
from bot.channels.platform_calls import NO_API, is_api
from bot.channels.wechat_incoming import WINDOW, fields, signature
from bot.channels.wecom_api import HINT_OVER, WecomApi
from bot.channels.wecom_check import check
from bot.channels.wecom_sending import WecomSending

NAME = "wecom"
logger = logging.getLogger(__name__)

#: What was sent so long before we first pulled was said to somebody else, who may have answered.
_NEWS = timedelta(minutes=30)
_PAGE = 1000
#: Empty pages that say that there are more, one after the other.
_EMPTY = 3


@dataclass(frozen=True)
class Settings:
    """``ZHIXIN_WECOM_…``.

    Attributes:
        corp_id: 企业ID.
        secret: of the application that may call 微信客服.
        token: of its callback.
        aes_key: EncodingAESKey of its callback.
        accounts: ids (``open_kfid``) of the service accounts that are ours; empty: all that it sees.
        api: where the API is.
    """

    corp_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    accounts: tuple[str, ...] = ()
    api: str = "https://qyapi.weixin.qq.com"

    def problems(self) -> tuple[str, ...]:
        """Return what is wrong."""
        rules = (
            (re.fullmatch(r"w[wx][0-9a-z]{16}", self.corp_id), "CORP_ID: ww and 16 letters or digits"),
            (re.fullmatch(r"[0-9A-Za-z]{1,32}", self.token), "TOKEN: at most 32 letters or digits"),
            (re.fullmatch(r"[0-9A-Za-z]{43}", self.aes_key), "AES_KEY: the EncodingAESKey has 43 characters"),
            (is_api(self.api), f"API: {NO_API}"),
        )
        return tuple(f"ZHIXIN_WECOM_{said}" for good, said in rules if not good)


class Wecom:
    """The platform; one part may take `send_s` seconds, with all calls that it needs."""

    name = NAME
    send_s = 9.5
    limits = Limits(
        text=messages.TEXT,
        unit=Unit.BYTES,
        buttons=8,
        button_title=40,
        cards=frozenset({"products"}),
        pictures=True,
        window=timedelta(hours=48),
        in_window=5,
        keyed=True,
    )

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._tools = tools
        self._api = WecomApi(settings.api, settings.corp_id, settings.secret, tools)
        account = settings.accounts[0] if len(settings.accounts) == 1 else ""
        self._sending = WecomSending(self._api, tools, account)

    async def receive(self, call: Call) -> Receipt:
        """Answer the check of the address, or return the word that there is something to pull."""
        if call.method == "GET":
            return Receipt(body=self._open(call, call.query.get("echostr", "")))
        said = fields(self._open(call, fields(call.body).get("Encrypt", "")).encode())
        account = said.get("OpenKfId", "")
        ours = not self._settings.accounts or not account or account in self._settings.accounts
        if said.get("Event") != "kf_msg_or_event" or not ours:
            return Receipt()
        return Receipt(hint=Hint(account, said.get("Token", "")))

    async def pull(self, hint: Hint, cursor: str) -> Pulled:
        """Return one page; the first pulls walk over what is past, and return what of it is news."""
        news, cursor = messages.news_and_cursor(cursor, self._tools.now() - _NEWS)
        for _ in range(_EMPTY):
            page = await self._page(hint, cursor)
            cursor, more = str(page.get("next_cursor") or cursor), bool(page.get("has_more"))
            if not more or page.get("msg_list"):  # a page may be empty and not the last
                break
        found = self._heard(page)
        known = {one.message_id: one for one in found if one.at.timestamp() >= news}
        if len(known) < len(found) and news:
            logger.info(
                "wecom: %d rows of %d are of the past and no news", len(found) - len(known), len(found)
            )
        kept = messages.in_the_past(cursor, news) if news and more else cursor
        return Pulled(tuple(sorted(known.values(), key=lambda one: one.at)), kept, more)

    async def send(self, to: Address, part: Part, key: str) -> None:
        """Send one part; `key` is its ``msgid``, which the platform takes once in an account."""
        try:
            await asyncio.wait_for(self._sending.send(to, part, key), self.send_s)
        except asyncio.TimeoutError:
            raise SendError(SendKind.AWAY, "timeout", unsure=True) from None

    async def fetch(self, media: Media, account: str) -> bytes:
        """Return a picture or a voice."""
        return await self._api.media(media.id)

    async def check(self) -> Sequence[Finding]:
        """Ask for a token, the accounts and who serves them."""
        return await check(self._api, self._settings.accounts, self._settings.api)

    def _open(self, call: Call, sealed: str) -> str:
        given, time, nonce = (call.query.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
        right = signature(self._settings.token, time, nonce, sealed)
        if not sealed or not hmac.compare_digest(right.encode(), given.encode("utf-8", "replace")):
            raise Refused(401, "signature_wrong")
        at = int(time) if re.fullmatch(r"[0-9]{9,11}", time) else 0
        if abs(call.now.timestamp() - at) > WINDOW.total_seconds():
            raise Refused(401, "signature_old")
        from wechatpy.crypto import PrpCrypto, WeChatCrypto  # takes half a second: not before it is needed
        from wechatpy.exceptions import WeChatException

        settings = self._settings
        crypto = WeChatCrypto(settings.token, settings.aes_key, settings.corp_id)
        try:
            return str(PrpCrypto(crypto.key).decrypt(sealed, settings.corp_id))
        except (ValueError, IndexError, struct.error, WeChatException):  # cut, or another's
            raise Refused(400, "not_decryptable") from None

    async def _page(self, hint: Hint, cursor: str) -> Mapping[str, Any]:
        query = {"cursor": cursor, "token": hint.token, "open_kfid": hint.account, "limit": _PAGE}
        body = {name: value for name, value in query.items() if value}
        try:
            return await self._api.post("kf/sync_msg", body)
        except SendError as exc:
            if exc.code != HINT_OVER or not hint.token:
                raise
        body.pop("token")  # good for ten minutes; without it the platform allows fewer calls
        return await self._api.post("kf/sync_msg", body)

    def _heard(self, page: Mapping[str, Any]) -> list[Heard]:
        rows = page.get("msg_list")
        found = []
        for row in rows if isinstance(rows, list) else ():
            if not isinstance(row, dict):
                continue
            if (reason := messages.not_delivered(row)) is not None:
                logger.warning("wecom did not deliver a message that it had taken: fail_type %d", reason)
            one = messages.heard(row)
            if one and (not self._settings.accounts or one.account in self._settings.accounts):
                found.append(one)
        return found


def make(settings: Settings, tools: Tools) -> Wecom:
    """Return the platform."""
    return Wecom(settings, tools)
