"""WeChat's side: the API that an account calls, and what the platform posts to an account's address.

``async with FakeWeChat() as wechat`` listens on a free port. ``wechat.next(45015, "slow")`` makes the next
calls go wrong: an ``errcode``, ``"slow"``, ``"cut"`` (the connection breaks after the message was taken),
``"500"``, ``"garbage"``, ``"expired"`` (the token has ended).
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from wechatpy.crypto import WeChatCrypto

APP_ID, SECRET, TOKEN = "wxba5fad812f8e6fb9", "0123456789abcdef0123456789abcdef", "AAAAA"
AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
OPENID = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
_ERRORS = {
    40001: "invalid credential, access_token is invalid or not latest",
    42001: "access_token expired",
    40003: "invalid openid",
    40007: "invalid media_id",
    40125: "invalid appsecret",
    40164: "invalid ip 203.0.113.7, not in whitelist",
    43004: "require subscribe",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit",
    45015: "response out of time limit or subscription is canceled",
    45047: "out of response count limit",
    48001: "api unauthorized",
    -1: "system error",
}


def signed(nonce: str, at: datetime, *more: str, token: str = TOKEN) -> str:
    """Return the platform's signature, worked out here by its documentation alone."""
    parts = sorted([token, str(int(at.timestamp())), nonce, *more])
    return hashlib.sha1("".join(parts).encode()).hexdigest()


def as_xml(fields: Mapping[str, Any]) -> str:
    """Return fields as the platform writes them."""
    inner = "".join(
        f"<{name}>{value}</{name}>" if isinstance(value, int) else f"<{name}><![CDATA[{value}]]></{name}>"
        for name, value in fields.items()
    )
    return f"<xml>{inner}</xml>"


@dataclass
class Poster:
    """Makes the platform's requests to an account's address.

    Attributes:
        aes_key: with one, messages are encrypted.
        as_json: of a Mini Program that chose JSON.
    """

    aes_key: str = ""
    as_json: bool = False
    token: str = TOKEN
    app_id: str = APP_ID
    _nonces: itertools.count[int] = field(default_factory=lambda: itertools.count(415670741))
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(6054768590064713728))

    def message(self, at: datetime, kind: str, user: str = OPENID, **fields: Any) -> dict[str, Any]:
        """Return a message's or event's fields; messages have an id of their own."""
        made = {
            "ToUserName": "gh_97417a04a28d",
            "FromUserName": user,
            "CreateTime": int(at.timestamp()),
            "MsgType": kind,
            **fields,
        }
        if kind != "event":
            made.setdefault("MsgId", next(self._ids))
        return made

    def request(self, at: datetime, fields: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
        """Return query and body of the platform's POST."""
        nonce, stamp = str(next(self._nonces)), str(int(at.timestamp()))
        query = {"timestamp": stamp, "nonce": nonce, "signature": signed(nonce, at, token=self.token)}
        query["openid"] = str(fields.get("FromUserName", ""))
        text = json.dumps(fields, ensure_ascii=False) if self.as_json else as_xml(fields)
        if not self.aes_key:
            return query, text.encode()
        crypto = WeChatCrypto(self.token, self.aes_key, self.app_id)
        sealed = crypto.encrypt_message(text, nonce, stamp)
        sealed = sealed.split("<Encrypt><![CDATA[", 1)[1].split("]]>", 1)[0]
        query |= {"encrypt_type": "aes", "msg_signature": signed(nonce, at, sealed, token=self.token)}
        outer = {"ToUserName": "gh_97417a04a28d", "Encrypt": sealed}
        return query, (json.dumps(outer) if self.as_json else as_xml(outer)).encode()


class FakeWeChat:
    """The API: tokens, customer-service messages, media.

    Attributes:
        sent: bodies of the messages that were taken, in order.
        uploaded: pictures by media id.
        asked: paths of all calls, with ``forced`` beside a token that was asked for anew.
        media: files that shoppers sent, by media id.
    """

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.uploaded: dict[str, bytes] = {}
        self.media: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.no_token = 0  # an errcode: no token is given
        self._next: deque[int | str] = deque()
        self._token = 1
        self._release = asyncio.Event()
        app = web.Application(client_max_size=12 << 20)
        app.add_routes(
            [
                web.post("/cgi-bin/stable_token", self._give_token),
                web.post("/cgi-bin/message/custom/send", self._send),
                web.post("/cgi-bin/media/upload", self._upload),
                web.get("/cgi-bin/media/get", self._get),
                web.get("/picture.png", self._picture),
            ]
        )
        self._server = TestServer(app, host="127.0.0.1")
        self.picture = b""

    async def __aenter__(self) -> FakeWeChat:
        await self._server.start_server()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release.set()
        await self._server.close()

    @property
    def origin(self) -> str:
        """Where it answers."""
        return str(self._server.make_url("")).rstrip("/")

    def next(self, *wrong: int | str) -> None:
        """Let the next calls for a message or upload go wrong, in this order; ``0`` is a good one."""
        self._next.extend(wrong)

    def expire(self) -> None:
        """End the present token."""
        self._token += 1

    async def _give_token(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.asked.append("token forced" if asked.get("force_refresh") else "token")
        if self.no_token:
            return _error(self.no_token)
        if asked["grant_type"] != "client_credential" or asked["appid"] != APP_ID:
            return _error(40013)
        if asked["secret"] != SECRET:
            return _error(40125)
        if asked.get("force_refresh"):
            self._token += 1
        return web.json_response({"access_token": f"token-{self._token}", "expires_in": 7200})

    async def _wrong(self, request: web.Request) -> web.StreamResponse | None:
        wrong = self._next.popleft() if self._next else 0
        if request.query.get("access_token") != f"token-{self._token}":
            return _error(42001)
        if wrong == "expired":
            self.expire()
            return _error(42001)
        if wrong == "slow":
            await self._release.wait()
        if wrong == "500":
            return web.Response(status=500, text="<html>busy</html>")
        if wrong == "garbage":
            return web.Response(text="<html>maintenance</html>")
        return _error(wrong) if isinstance(wrong, int) and wrong else None if wrong != "cut" else _CUT

    async def _send(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("send")
        body = await request.json()
        if not isinstance(body.get(body.get("msgtype")), dict):
            return _error(40008)
        wrong = await self._wrong(request)
        if wrong is not None and wrong is not _CUT:
            return wrong
        if body["touser"] == "zhixin-check-nobody":
            return _error(40003)
        if body["msgtype"] == "image" and body["image"]["media_id"] not in self.uploaded:
            return _error(40007)
        if body["msgtype"] == "news" and len(body["news"]["articles"]) != 1:
            return _error(45008)
        if body["msgtype"] == "text" and len(body["text"]["content"].encode()) > 2048:
            return _error(45002)
        self.sent.append(body)
        if wrong is _CUT and request.transport is not None:
            request.transport.close()
        return _answer({"errcode": 0, "errmsg": "ok"})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("upload")
        wrong = await self._wrong(request)
        if wrong is not None:
            return wrong
        given = (await request.post())["media"]
        if not isinstance(given, web.FileField) or not given.filename.endswith(
            (".png", ".jpeg", ".gif", ".bmp")
        ):
            return _error(40004)
        media_id = f"media-{len(self.uploaded) + 1}"
        self.uploaded[media_id] = given.file.read()
        return _answer({"type": "image", "media_id": media_id, "created_at": 1})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.asked.append("get")
        wrong = await self._wrong(request)
        if wrong is not None:
            return wrong
        found = self.media.get(request.query["media_id"])
        return web.Response(body=found, content_type="image/jpeg") if found else _error(40007)

    async def _picture(self, _: web.Request) -> web.StreamResponse:
        return web.Response(body=self.picture, content_type="image/png")


_CUT = web.Response()


def _answer(body: Mapping[str, Any]) -> web.Response:
    """The platform calls its JSON plain text."""
    return web.Response(text=json.dumps(body), content_type="text/plain")


def _error(code: int) -> web.Response:
    return _answer(
        {"errcode": code, "errmsg": f"{_ERRORS.get(code, 'wrong')} rid: 66f3bd4d-25a283a9-73c6a452"}
    )
