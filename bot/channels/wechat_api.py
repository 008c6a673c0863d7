"""Calls to WeChat's API: access token, customer-service messages, pictures; of both kinds of account.

Sources: developers.weixin.qq.com, "Get stable version interface call credentials", "Send customer service
messages", "Upload temporary media", "Global return codes".
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp

from bot.channels import platform_calls
from bot.channels.base import CardPart, Finding, Media, PicturePart, SendError, SendKind, Tools
from bot.channels.channel_settings import variable
from bot.channels.check_words import line_trouble, seen_from

_T = TypeVar("_T")

#: Seconds that one part may take: what comes before the message itself, and the message.
_BEFORE_S, _MESSAGE_S = 5.5, 4.0

_TOKEN, _BUSY, _AWAY = SendKind.TOKEN, SendKind.BUSY, SendKind.AWAY
#: What the platform's codes mean: kind, and seconds to wait where that is known. Others: the part is wrong.
CODES: Mapping[int, tuple[SendKind, float | None]] = {
    40001: (_TOKEN, None),  # invalid credential
    40014: (_TOKEN, None),  # invalid access_token
    41001: (_TOKEN, None),  # access_token missing
    42001: (_TOKEN, None),  # access_token expired
    -1: (_BUSY, None),  # system error, try again
    45009: (_BUSY, 3600.0),  # the day's quota
    45011: (_BUSY, 60.0),  # the minute's quota
    45015: (SendKind.CLOSED, None),  # out of the 48 hours, or no longer subscribed
    45047: (SendKind.CLOSED, None),  # as many messages as she may be sent before she writes again
    40003: (SendKind.BLOCKED, None),  # no such openid here
    43004: (SendKind.BLOCKED, None),  # does not follow the account
    43005: (SendKind.BLOCKED, None),  # is no friend
    43019: (SendKind.BLOCKED, None),  # is on the account's blacklist
    # The shop's configuration or standing: nothing is wrong with the part, somebody has to mend it.
    40013: (_AWAY, 300.0),  # invalid appid
    40125: (_AWAY, 300.0),  # invalid appsecret
    40164: (_AWAY, 300.0),  # our address is not on the account's list
    48001: (_AWAY, 300.0),  # the account may not call this
    48004: (_AWAY, 300.0),  # forbidden for irregularities
    50002: (_AWAY, 300.0),  # account limited
    61004: (_AWAY, 300.0),  # our address is not registered
}
_MEND = {
    -1: "the platform is busy: check again in some minutes",
    40001: "{secret} is not the account's AppSecret, or it was reset since: copy it anew",
    40002: "{app_id} and {secret} are not those of one account: copy both anew",
    40013: "{app_id} is no account's AppID: copy it anew",
    40125: "{secret} is not the account's AppSecret, or it was reset since: copy it anew",
    40164: "the account takes no calls from this machine: put its outgoing address{seen} onto the IP白名单",
    45009: "the account's calls of today are used up: zhixin goes on tomorrow, or once the quota is reset",
    45011: "the account has had too many calls in this minute: check again",
    48001: "the account may not send customer-service messages: it has to be verified (微信认证) first",
    48004: "the platform has taken the right to send messages away: see the notices at mp.weixin.qq.com",
    50002: "the platform limits this account: see the notices at mp.weixin.qq.com",
    61004: "the account takes no calls from this machine: register its outgoing address{seen}",
}
#: An openid that nobody has: whether the account may send at all shows in which way this is refused.
_NOBODY = "zhixin-check-nobody"


class WeChatApi:
    """One account's API.

    Args:
        name: of the platform; also of its token.
        app_id: of the account.
        secret: of the account.
        origin: of the API.
        tools: what a platform is given.
    """

    def __init__(self, name: str, app_id: str, secret: str, origin: str, tools: Tools) -> None:
        self._name = f"{name}:{app_id}"
        self._app_id, self._secret, self._origin = app_id, secret, origin.rstrip("/")
        self._tools = tools
        self._refused = ""  # the last token that was not taken

    async def send(self, user: str, kind: str, content: Mapping[str, Any]) -> None:
        """Send one message of a kind (``text``, ``image``, ``news`` …).

        Raises:
            SendError: it was not taken.
        """
        token = await _within(_BEFORE_S, self._token())
        await self._message(token, user, kind, content)

    async def send_picture(self, user: str, part: PicturePart) -> None:
        """Upload a picture and send it; without `part.data` it is fetched from its address first.

        Raises:
            SendError: it was not taken.
        """
        token, media_id = await _within(_BEFORE_S, self._upload(part))
        await self._message(token, user, "image", {"media_id": media_id})

    async def fetch(self, media: Media) -> bytes:
        """Return a file that a shopper sent.

        Raises:
            SendError: ``away`` to try again, ``refused`` where it is gone.
        """
        token = await _within(_BEFORE_S, self._token())
        query = urlencode({"access_token": token, "media_id": media.id})
        address = f"{self._origin}/cgi-bin/media/get?{query}"
        raw = await platform_calls.download(self._tools.http, address)
        if not raw.startswith(b"{"):
            return raw
        await self._judge(_parse(raw), token)
        raise SendError(SendKind.REFUSED, "no_file")

    async def findings(self) -> list[Finding]:
        """Ask for a token and whether messages may be sent; see :class:`~bot.channels.base.Platform`."""
        try:
            await _within(_BEFORE_S, self._new_token())
        except SendError as exc:
            return [self._finding("There is no access token", exc)]
        good = Finding("The app id and the secret are good: there is an access token.", wrong=False)
        try:
            await self.send(_NOBODY, "text", {"content": "zhixin channel check"})
        except SendError as exc:
            if exc.kind is not SendKind.BLOCKED and exc.kind is not SendKind.CLOSED:
                return [good, self._finding("Messages cannot be sent", exc)]
        return [good, Finding("The account may send customer-service messages.", wrong=False)]

    async def _message(self, token: str, user: str, kind: str, content: Mapping[str, Any]) -> None:
        body = {"touser": user, "msgtype": kind, kind: content}
        call = self._ask("/cgi-bin/message/custom/send", {"access_token": token}, body)
        answer = await _within(_MESSAGE_S, call, unsure=True)
        await self._judge(answer, token)
        if answer.get("errcode") != 0:
            raise SendError(_AWAY, "unreadable", unsure=True)

    async def _upload(self, part: PicturePart) -> tuple[str, str]:
        """Return the token and the platform's id of the picture."""
        data = part.data or await platform_calls.download(self._tools.http, part.address, redirects=True)
        ending = _ending(data)
        if ending is None:
            raise SendError(SendKind.REFUSED, "picture_kind")
        token = await self._token()
        form = aiohttp.FormData()
        form.add_field("media", data, filename=f"picture.{ending}", content_type=f"image/{ending}")
        address = f"{self._origin}/cgi-bin/media/upload"
        said = await platform_calls.ask(
            self._tools.http, "POST", address, params={"access_token": token, "type": "image"}, data=form
        )
        await self._judge(said.body, token)
        media_id = said.body.get("media_id")
        if not isinstance(media_id, str):
            raise SendError(_AWAY, "no_media_id")
        return token, media_id

    async def _ask(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Mapping[str, Any]:
        raw = json.dumps(body, ensure_ascii=False).encode(
            "utf-8", "replace"
        )  # \u escapes would be shown as such
        said = await platform_calls.ask(
            self._tools.http,
            "POST",
            f"{self._origin}{path}",
            params=query,
            data=raw,
            headers={"Content-Type": "application/json"},
        )
        return said.body

    async def _token(self) -> str:
        return await self._tools.tokens.get(self._name, self._new_token)

    async def _new_token(self) -> tuple[str, float]:
        """Return the account's present token, which all servers share, and the seconds that it lives."""
        token, lives = await self._ask_token(force=False)
        if token == self._refused:  # given out and yet not taken: have it made anew
            token, lives = await self._ask_token(force=True)
        return token, lives

    async def _ask_token(self, *, force: bool) -> tuple[str, float]:
        who = {"grant_type": "client_credential", "appid": self._app_id, "secret": self._secret}
        answer = await self._ask("/cgi-bin/stable_token", {}, {**who, "force_refresh": force})
        token, lives = answer.get("access_token"), answer.get("expires_in")
        if isinstance(token, str) and token and isinstance(lives, int):
            return token, float(lives)
        kind, pause = CODES.get(code := answer.get("errcode", 0), (_AWAY, 300.0))
        if kind is not _BUSY:  # here 40001 says that the secret is wrong: another try at once mends nothing
            kind, pause = _AWAY, 300.0
        raise SendError(kind, str(code), retry_after=pause, seen_from=seen_from(answer.get("errmsg")))

    async def _judge(self, answer: Mapping[str, Any], token: str) -> None:
        code = answer.get("errcode", 0)
        if code == 0:
            return
        kind, pause = CODES.get(code, (SendKind.REFUSED, None)) if isinstance(code, int) else (_AWAY, None)
        if kind is _TOKEN:
            self._refused = token
            await self._tools.tokens.expired(self._name, token)
        raise SendError(kind, str(code), retry_after=pause, seen_from=seen_from(answer.get("errmsg")))

    def _finding(self, what: str, exc: SendError) -> Finding:
        label = self._name.partition(":")[0]
        told = _MEND.get(int(exc.code)) if exc.code.lstrip("-").isdigit() else None
        if told is not None:
            seen = f" ({exc.seen_from})" if exc.seen_from else ""
            names = {name: variable(label, name) for name in ("app_id", "secret")}
            told = told.format(seen=seen, **names)
        told = told or line_trouble(exc, variable(label, "api"), self._origin)
        said = f"{what}: {told or f'the platform answered {exc.code}'}"
        return Finding(said if said.endswith("?") else f"{said}.", code="" if exc.code == "0" else exc.code)


async def _within(seconds: float, call: Awaitable[_T], *, unsure: bool = False) -> _T:
    """Await within a time; what fails before the message itself was sent is sure not to have been done."""
    try:
        return await asyncio.wait_for(call, seconds)
    except SendError as exc:
        exc.unsure = exc.unsure and unsure
        raise
    except asyncio.TimeoutError:
        raise SendError(_AWAY, "slow", unsure=unsure) from None


def _parse(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _ending(data: bytes) -> str | None:
    """Return what kind of picture a file is, by its first bytes; None for what the platform does not take."""
    heads = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n": "png", b"GIF8": "gif", b"BM": "bmp"}
    return next((ending for head, ending in heads.items() if data.startswith(head)), None)


def article_of(card: CardPart) -> dict[str, str] | None:
    """Return a card that is one thing with a page and no choices as the fields of a link; else None."""
    if len(card.rows) != 1 or card.buttons:
        return None
    row = card.rows[0]
    if not row.address.startswith("https://") or not row.picture.startswith("https://"):
        return None
    return {
        "title": row.title[:64],
        "description": row.text[:120],
        "url": row.address,
        "thumb_url": row.picture,
    }


def in_words(card: CardPart, most: int) -> str:
    """Return a card as a text of at most so many bytes, with its addresses where there is room."""
    if any(row.address for row in card.rows):
        rows = (
            "\n".join(filter(None, (f"{row.title} {row.text}".strip(), row.address))) for row in card.rows
        )
        text = "\n".join(filter(None, (card.title, *rows)))
        if len(text.encode()) <= most:
            return text
    return card.text


def bare(text: str) -> str:
    """Return a text in which nothing is read as a link or a menu: the app shows ``<a …>`` as one."""
    return re.sub(r"<(?=[a-zA-Z/!])", "＜", text)
