"""A little Feishu: tokens, messages under their keys, pictures, files; and the events that it sends."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from tests.fakes.serving import Serving


def encrypt(text: str, key: str) -> str:
    """Encrypt as Feishu does: Base64 of IV and AES-256-CBC under the key's SHA-256."""
    pad, iv = PKCS7(128).padder(), os.urandom(16)
    cipher = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(iv)).encryptor()
    padded = pad.update(text.encode()) + pad.finalize()
    return base64.b64encode(iv + cipher.update(padded) + cipher.finalize()).decode()


@dataclass
class FakeFeishu(Serving):
    """Feishu as the application sees it.

    Attributes:
        shown: what its users have seen: (open id, type, content).
        calls: how often a message was sent, repeats under the same key included.
    """

    app_id: str = "cli_1"
    app_secret: str = "feishu-secret"
    encrypt_key: str = "feishu-encrypt-key"
    verification_token: str = "verify-me"
    active: int = 2
    shown: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    calls: int = 0
    tokens: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    refused: dict[str, int] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/open-apis/auth/v3/tenant_access_token/internal", self._token),
            web.post("/open-apis/im/v1/messages", self._send),
            web.post("/open-apis/im/v1/images", self._upload),
            web.get("/open-apis/im/v1/messages/{message}/resources/{key}", self._file),
            web.get("/open-apis/bot/v3/info", self._robot),
            web.get("/pictures/{key}", self._picture),
        ]

    # -- the events that it sends -----------------------------------------------------------------------

    def event(self, kind: str, event: dict[str, Any], **header: Any) -> dict[str, Any]:
        """Return an event of the second form."""
        told = {
            "event_id": secrets.token_hex(16),
            "token": self.verification_token,
            "create_time": str(int(time.time() * 1000)),
            "event_type": kind,
            "tenant_key": "tenant",
            "app_id": self.app_id,
            **header,
        }
        return {"schema": "2.0", "header": told, "event": event}

    def message(
        self, content: dict[str, Any] | None = None, *, form: str = "text", user: str = "ou_1", **more: Any
    ) -> dict[str, Any]:
        """Return the event of a message in a chat with the robot."""
        message = {
            "message_id": f"om_{secrets.token_hex(8)}",
            "create_time": str(int(time.time() * 1000)),
            "chat_id": "oc_1",
            "chat_type": "p2p",
            "message_type": form,
            "content": json.dumps(content or {"text": "在吗"}, ensure_ascii=False),
            **more,
        }
        sender = {
            "sender_id": {"union_id": "on_1", "user_id": "u1", "open_id": user},
            "sender_type": "user",
            "tenant_key": "tenant",
        }
        return self.event("im.message.receive_v1", {"sender": sender, "message": message})

    def tap(self, button: str, user: str = "ou_1", **header: Any) -> dict[str, Any]:
        """Return the callback of a tapped button of a card."""
        return self.event(
            "card.action.trigger",
            {
                "operator": {"open_id": user, "tenant_key": "tenant"},
                "token": "c-1",
                "action": {"tag": "button", "value": {"button": button}},
                "host": "im_message",
                "context": {"open_message_id": "om_card", "open_chat_id": "oc_1"},
            },
            create_time=str(int(time.time() * 1_000_000)),  # this one comes in microseconds
            **header,
        )

    def signed(
        self, told: dict[str, Any], *, at: float | None = None, key: str | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Return headers and body of the call that brings an event, at a moment (seconds) or now."""
        body = json.dumps({"encrypt": encrypt(json.dumps(told), key or self.encrypt_key)}).encode()
        return self.sign(body, at=at, key=key), body

    def sign(self, body: bytes, *, at: float | None = None, key: str | None = None) -> dict[str, str]:
        """Return the headers that sign a body."""
        stamp, nonce = str(int(time.time() if at is None else at)), secrets.token_hex(8)
        whole = f"{stamp}{nonce}{key or self.encrypt_key}".encode() + body
        return {
            "x-lark-request-timestamp": stamp,
            "x-lark-request-nonce": nonce,
            "x-lark-signature": hashlib.sha256(whole).hexdigest(),
        }

    # -- what it answers --------------------------------------------------------------------------------

    async def answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        free = "tenant_access_token" in request.path or request.path.startswith("/pictures/")
        if not free and (token not in self.tokens or token in self.ended):
            return self._refuse(99991663)
        return await super().answer(request, handler)

    @staticmethod
    def _refuse(code: int) -> web.Response:
        return web.json_response({"code": code, "msg": "…"}, status=400)

    async def _token(self, request: web.Request) -> web.Response:
        if await request.json() != {"app_id": self.app_id, "app_secret": self.app_secret}:
            return web.json_response({"code": 10014, "msg": "app secret invalid"})
        self.tokens.append(f"t-{len(self.tokens)}")
        return web.json_response({"code": 0, "tenant_access_token": self.tokens[-1], "expire": 7200})

    async def _send(self, request: web.Request) -> web.Response:
        said = await request.json()
        assert request.query["receive_id_type"] == "open_id" and len(said["uuid"]) <= 50
        if code := self.refused.get(said["receive_id"]):
            return self._refuse(code)
        self.calls += 1
        if said["uuid"] not in self.keys:
            self.keys[said["uuid"]] = f"om_{len(self.keys)}"
            self.shown.append((said["receive_id"], said["msg_type"], json.loads(said["content"])))
        return web.json_response({"code": 0, "data": {"message_id": self.keys[said["uuid"]]}})

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        image = form["image"]
        assert form["image_type"] == "message" and isinstance(image, web.FileField)
        name = f"img_{len(self.files)}"
        self.files[name] = image.file.read()
        return web.json_response({"code": 0, "data": {"image_key": name}})

    async def _file(self, request: web.Request) -> web.Response:
        key = request.match_info["key"]
        return web.Response(body=self.files[key]) if key in self.files else self._refuse(234003)

    async def _picture(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["key"]], content_type="image/jpeg")

    async def _robot(self, request: web.Request) -> web.Response:
        bot = {"activate_status": self.active, "app_name": "知心", "open_id": "ou_bot"}
        return web.json_response({"code": 0, "msg": "ok", "bot": bot})
