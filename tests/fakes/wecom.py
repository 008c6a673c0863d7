"""A little WeCom with 微信客服: token, messages to be pulled, sessions, sending, files; and its callbacks.

Its crypto is written here anew after the documented scheme, so that it proves ours.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.fakes.serving import SLOW_S, Serving

JPEG = b"\xff\xd8\xff\xe0 a little picture"


def encrypted(plain: str, aes_key: str, corp_id: str) -> str:
    """Return the documented ciphertext: AES-CBC of random(16), length, text and corp id, padded to 32."""
    key = base64.b64decode(aes_key + "=")
    whole = (
        secrets.token_bytes(16) + struct.pack("!I", len(plain.encode())) + plain.encode() + corp_id.encode()
    )
    pad = 32 - len(whole) % 32
    sealer = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    return base64.b64encode(sealer.update(whole + bytes([pad]) * pad) + sealer.finalize()).decode()


def signed(token: str, at: str, nonce: str, sealed: str) -> str:
    return hashlib.sha1("".join(sorted((token, at, nonce, sealed))).encode()).hexdigest()


@dataclass
class Session:
    """A shopper's session: its state, when she wrote last, how much may still be sent to her."""

    state: int = 4
    wrote_at: float = 0.0
    left: int = 0


@dataclass
class FakeWecom(Serving):
    """WeCom as the application sees it.

    Attributes:
        rows: what `kf/sync_msg` gives out, in order; a cursor is a place in it.
        page: rows of one page at most.
        sent: what shoppers were sent: the bodies, in order.
        calls: paths that were called.
        troubles: path -> what to do with the next calls instead: an error code, or one of ``500``, ``429``,
            ``slow``, ``drop`` (the line breaks after the work was done), ``garbage``.
        welcomes: codes that are still to be answered; `entered`: whose each of them ever was.
        empty_page: the next page has no rows and says that there are more, as the documentation warns.
        now: the clock.
    """

    corp_id: str = "ww1436e0e65a779aee"
    secret: str = "kf-secret"
    token: str = "hJqcu3uJ9Tn2gXPmxx2w9kkCkCE2EPYo"
    aes_key: str = "6qkdMrq68nTKduznJYO1A37W2oEgpkMUvkttRToqhUt"
    account: str = "wkAJ2GCAAASSm4_FhToWMFea0xAFfd3Q"
    page: int = 100
    now: Callable[[], float] = time.time
    rows: list[dict[str, Any]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    hints: dict[str, float] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    welcomes: set[str] = field(default_factory=set)
    entered: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    servicers: list[dict[str, Any]] = field(default_factory=list)
    managed: bool = True
    empty_page: bool = False
    troubles: dict[str, deque[Any]] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/cgi-bin/{path:gettoken}", self._answer),
            web.get("/cgi-bin/{path:media/get|kf/servicer/list}", self._answer),
            web.post("/cgi-bin/{path:.+}", self._answer),
            web.get("/pictures/{name}", self._picture),
        ]

    def trouble(self, path: str, *what: Any) -> None:
        """Misbehave in the next calls of a path."""
        self.troubles.setdefault(path, deque()).extend(what)

    # -- what shoppers and WeCom do ---------------------------------------------------------------------

    def says(self, user: str, kind: str = "text", *, at: float | None = None, **more: Any) -> str:
        """Let a shopper send something; return its msgid."""
        session = self.sessions.setdefault(user, Session())
        session.wrote_at, session.left = self.now(), 5
        if session.state == 4:
            session.state = 0
        return self._row(
            user, at, 3, kind, {kind: more}, {"open_kfid": self.account, "external_userid": user}
        )

    def event(self, user: str, kind: str, *, at: float | None = None, **more: Any) -> str:
        """Let something happen; return its msgid."""
        event = {"event_type": kind, "open_kfid": self.account, "external_userid": user, **more}
        return self._row(user, at, 4, "event", {"event": event}, {})

    def enters(self, user: str) -> str:
        """Let a shopper open the chat; return the welcome code."""
        code = f"CODE{secrets.token_hex(8)}"
        self.welcomes.add(code)
        self.entered[code] = user
        self.event(user, "enter_session", scene="123", welcome_code=code)
        return code

    def _row(
        self, user: str, at: float | None, origin: int, kind: str, said: dict[str, Any], ids: dict[str, Any]
    ) -> str:
        msgid = f"4622416642{secrets.token_hex(6)}"
        sent = int(self.now() if at is None else at)
        self.rows.append(
            {"msgid": msgid, **ids, "send_time": sent, "origin": origin, "msgtype": kind, **said}
        )
        return msgid

    def callback(self, **changed: Any) -> tuple[dict[str, str], bytes]:
        """Return query and body of a callback; `changed`: ``event``, ``at``, ``corp_id``, ``account``."""
        hint = f"ENC{secrets.token_hex(20)}"
        self.hints[hint] = self.now() + 600
        at = str(int(changed.get("at", self.now())))
        plain = (
            f"<xml><ToUserName><![CDATA[{self.corp_id}]]></ToUserName><CreateTime>{at}</CreateTime>"
            "<MsgType><![CDATA[event]]></MsgType>"
            f"<Event><![CDATA[{changed.get('event', 'kf_msg_or_event')}]]></Event>"
            f"<Token><![CDATA[{hint}]]></Token>"
            f"<OpenKfId><![CDATA[{changed.get('account', self.account)}]]></OpenKfId></xml>"
        )
        sealed = encrypted(plain, self.aes_key, changed.get("corp_id", self.corp_id))
        body = (
            f"<xml><ToUserName><![CDATA[{self.corp_id}]]></ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt>"
            "<AgentID><![CDATA[]]></AgentID></xml>"
        )
        return self.query(sealed, at), body.encode()

    def query(self, sealed: str, at: str | None = None) -> dict[str, str]:
        """Return the query that signs a ciphertext."""
        at, nonce = at or str(int(self.now())), secrets.token_hex(5)
        return {"msg_signature": signed(self.token, at, nonce, sealed), "timestamp": at, "nonce": nonce}

    # -- what it answers --------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.calls.append(path)
        what = self.troubles[path].popleft() if self.troubles.get(path) else None
        if what == "500":
            return web.Response(status=502, text="bad gateway")
        if what == "429":
            return web.Response(status=429, headers={"Retry-After": "7"})
        if what == "garbage":
            return web.Response(text="<html>maintenance</html>")
        if isinstance(what, int):
            told = "not allow to access from your ip, hint: [16703711583], from ip: 203.0.113.7, more info"
            return self._said({"errcode": what, "errmsg": told if what == 60020 else "told to"})
        if path != "gettoken" and (wrong := self._unauthorised(request)):
            return self._said(wrong)
        answer = await getattr(self, "_" + path.replace("/", "_"))(request)
        if what == "drop":
            assert request.transport is not None
            request.transport.close()
        if what == "slow":
            await asyncio.sleep(SLOW_S)
        if isinstance(answer, web.StreamResponse):
            return answer
        return self._said(answer)

    @staticmethod
    def _said(said: dict[str, Any]) -> web.Response:
        whole = {"errcode": 0, "errmsg": "ok", **said}
        return web.Response(text=json.dumps(whole, ensure_ascii=False), content_type="application/json")

    def _unauthorised(self, request: web.Request) -> dict[str, Any] | None:
        token = request.query.get("access_token", "")
        if not token:
            return {"errcode": 41001, "errmsg": "access_token missing"}
        if token in self.ended:
            return {"errcode": 42001, "errmsg": "access_token expired"}
        return None if token in self.tokens else {"errcode": 40014, "errmsg": "invalid access_token"}

    async def _gettoken(self, request: web.Request) -> dict[str, Any]:
        if request.query["corpid"] != self.corp_id:
            return {"errcode": 40013, "errmsg": "invalid corpid"}
        if request.query["corpsecret"] != self.secret:
            return {"errcode": 40001, "errmsg": "invalid credential"}
        self.tokens.append(f"accesstoken{len(self.tokens):06}")
        return {"access_token": self.tokens[-1], "expires_in": 7200}

    async def _kf_sync_msg(self, request: web.Request) -> dict[str, Any]:
        said = await request.json()
        if (hint := said.get("token")) and self.hints.get(hint, 0.0) < self.now():
            return {"errcode": 95007, "errmsg": "invalid msg token", "msg_list": []}
        start = int(said["cursor"].removeprefix("cursor-")) if said.get("cursor") else 0
        if self.empty_page:
            self.empty_page = False
            return {"next_cursor": f"cursor-{start}", "has_more": 1, "msg_list": []}
        end = min(len(self.rows), start + min(self.page, said.get("limit", 1000)))
        more = int(end < len(self.rows))
        return {"next_cursor": f"cursor-{end}", "has_more": more, "msg_list": self.rows[start:end]}

    async def _kf_send_msg(self, request: web.Request) -> dict[str, Any]:
        said = await request.json()
        session = self.sessions.get(said["touser"])
        if said["open_kfid"] != self.account:
            return {"errcode": 95004, "errmsg": "open_kfid not exist"}
        if session is None:
            return {"errcode": 40096, "errmsg": "invalid external userid"}
        if session.state == 4:
            return {"errcode": 95013, "errmsg": "conversation end"}
        if session.state not in (0, 1):
            return {"errcode": 95018, "errmsg": "send msg session status invalid"}
        if self.now() - session.wrote_at > 48 * 3600:
            return {"errcode": 95002, "errmsg": "send msg time limit"}
        if not session.left:
            return {"errcode": 95001, "errmsg": "send msg count limit"}
        answer = self._take(said)
        if not answer.get("errcode"):
            session.left, session.state = session.left - 1, 1
        return answer

    async def _kf_send_msg_on_event(self, request: web.Request) -> dict[str, Any]:
        said = await request.json()
        if said["code"] not in self.welcomes:
            return {"errcode": 40029, "errmsg": "invalid code"}
        if said["msgtype"] not in ("text", "msgmenu"):
            return {"errcode": 40008, "errmsg": "invalid message type"}
        answer = self._take(said)
        if not answer.get("errcode"):
            self.welcomes.discard(said["code"])
        return answer

    def _take(self, said: dict[str, Any]) -> dict[str, Any]:
        msgid = said.get("msgid") or secrets.token_hex(8)
        more = said[said["msgtype"]]
        wrong = len(msgid) > 32 or any(one.get("msgid") == msgid for one in self.sent)
        if said["msgtype"] == "text":
            wrong |= not 0 < len(more["content"].encode()) <= 2048
        elif said["msgtype"] == "image":
            wrong |= more["media_id"] not in self.files
        elif said["msgtype"] == "link":
            wrong |= more["thumb_media_id"] not in self.files or len(more["title"].encode()) > 128
        else:
            lines = more["list"]
            wrong |= not 0 < len(lines) <= 10 or len(more.get("head_content", "").encode()) > 1024
            clicks = [line["click"] for line in lines if line["type"] == "click"]
            wrong |= any(len(one["content"].encode()) > 128 or len(one["id"].encode()) > 64 for one in clicks)
        if wrong:
            return {"errcode": 40058, "errmsg": "invalid Request Parameter"}
        self.sent.append(said)
        return {"msgid": msgid}

    async def _kf_service_state_get(self, request: web.Request) -> dict[str, Any]:
        return {"service_state": self.sessions[(await request.json())["external_userid"]].state}

    async def _kf_service_state_trans(self, request: web.Request) -> dict[str, Any]:
        said = await request.json()
        session = self.sessions[said["external_userid"]]
        allowed: dict[int, set[int]] = {0: {1, 2, 3, 4}, 1: {2, 3, 4}, 2: {3, 4}, 3: {3, 4}, 4: set()}
        if said["service_state"] not in allowed[session.state]:
            return {"errcode": 95016, "errmsg": "invalid state transition"}
        session.state = said["service_state"]
        return {}

    async def _kf_account_list(self, request: web.Request) -> dict[str, Any]:
        account = {"open_kfid": self.account, "name": "咨询客服", "manage_privilege": self.managed}
        return {"account_list": [account]}

    async def _kf_servicer_list(self, request: web.Request) -> dict[str, Any]:
        assert request.query["open_kfid"] == self.account
        return {"servicer_list": self.servicers}

    async def _media_upload(self, request: web.Request) -> dict[str, Any]:
        media = (await request.post())["media"]
        assert isinstance(media, web.FileField) and request.query["type"] == "image"
        name = f"media{len(self.files)}"
        self.files[name] = media.file.read()
        return {"type": "image", "media_id": name, "created_at": str(int(self.now()))}

    async def _media_get(self, request: web.Request) -> dict[str, Any] | web.Response:
        if request.query["media_id"] not in self.files:
            return {"errcode": 40007, "errmsg": "invalid media_id"}
        return web.Response(body=self.files[request.query["media_id"]], content_type="image/jpeg")

    async def _picture(self, request: web.Request) -> web.Response:
        if request.match_info["name"] != "shoe.jpg":
            return web.Response(status=404)
        return web.Response(body=JPEG, content_type="image/jpeg")
