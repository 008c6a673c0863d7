"""A little DingTalk: access tokens, the robot, sessions, files; and the calls that it makes."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.channels.dingtalk_forms import sign
from tests.fakes.serving import Serving


@dataclass
class FakeDingTalk(Serving):
    """DingTalk as the robot sees it.

    Attributes:
        shown: what its users have seen: (staff id or ``session:<name>``, form, content).
        tokens: access tokens that were given out; ``ended`` are not taken any more.
        owners: whose each session ever was.
    """

    app_key: str = "dingkey"
    app_secret: str = "ding-secret"
    shown: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    owners: dict[str, str] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1.0/oauth2/accessToken", self._token),
            web.post("/v1.0/robot/oToMessages/batchSend", self._send),
            web.post("/v1.0/robot/messageFiles/download", self._download),
            web.get("/files/{code}", self._file),
            web.post("/media/upload", self._upload),
            web.post("/robot/sendBySession", self._session),
        ]

    # -- what DingTalk calls ----------------------------------------------------------------------------

    def session(self, user: str) -> str:
        """Return the address of a new session of a user."""
        name = secrets.token_hex(8)
        self.sessions.add(name)
        self.owners[f"session:{name}"] = user
        return f"{self.url}/robot/sendBySession?session={name}"

    def message(self, user: str = "manager01", **more: Any) -> dict[str, Any]:
        """Return the body of a message in a chat with the robot, in the documented form."""
        now = int(time.time() * 1000)
        return {
            "conversationId": "cid-1",
            "chatbotCorpId": "dingcorp",
            "chatbotUserId": "$:LWCP_v1:$robot",
            "msgId": f"msg{secrets.token_hex(8)}==",
            "senderNick": "王小明",
            "isAdmin": False,
            "senderStaffId": user,
            "senderId": "$:LWCP_v1:$sealed",
            "sessionWebhookExpiredTime": now + 5_400_000,
            "createAt": now,
            "conversationType": "1",
            "sessionWebhook": self.session(user),
            "text": {"content": "在吗"},
            "robotCode": self.app_key,
            "msgtype": "text",
            **more,
        }

    def whose(self, place: str) -> str:
        """Return who saw what was shown there: of a session the user, of others the same."""
        return self.owners.get(place, place)

    def headers(self, at: float | None = None, secret: str | None = None) -> dict[str, str]:
        """Return the headers that sign a call, at a moment (seconds) or now."""
        stamp = str(int((time.time() if at is None else at) * 1000))
        return {"timestamp": stamp, "sign": sign(stamp, secret or self.app_secret)}

    # -- what it answers --------------------------------------------------------------------------------

    def _authorised(self, token: str | None) -> bool:
        return token in self.tokens and token not in self.ended

    @staticmethod
    def _refuse(status: int, code: str) -> web.Response:
        return web.json_response({"requestid": "1", "code": code, "message": "…"}, status=status)

    async def _token(self, request: web.Request) -> web.Response:
        said = await request.json()
        if said != {"appKey": self.app_key, "appSecret": self.app_secret}:
            return self._refuse(400, "invalidClientIdOrSecret")
        self.tokens.append(f"t{len(self.tokens)}")
        return web.json_response({"accessToken": self.tokens[-1], "expireIn": 7200})

    async def _send(self, request: web.Request) -> web.Response:
        if not self._authorised(request.headers.get("x-acs-dingtalk-access-token")):
            return self._refuse(401, "InvalidAuthentication")
        said = await request.json()
        if said["robotCode"] != self.app_key:
            return self._refuse(404, "resource.not.found")
        if not said["userIds"]:
            return self._refuse(400, "invalidParameter.userIds.empty")
        (user,) = said["userIds"]
        if user in self.gone:
            return self._refuse(400, "staffId.notExisted")
        if user not in self.slow:
            self.shown.append((user, said["msgKey"], json.loads(said["msgParam"])))
        flow = [user] if user in self.slow else []
        return web.json_response(
            {"processQueryKey": "k", "invalidStaffIdList": [], "flowControlledStaffIdList": flow}
        )

    async def _download(self, request: web.Request) -> web.Response:
        if not self._authorised(request.headers.get("x-acs-dingtalk-access-token")):
            return self._refuse(401, "InvalidAuthentication")
        code = (await request.json())["downloadCode"]
        if code not in self.files:
            return self._refuse(400, "invalidParameter.downloadCode")
        return web.json_response({"downloadUrl": f"{self.url}/files/{code}"})

    async def _file(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["code"]], content_type="image/jpeg")

    async def _upload(self, request: web.Request) -> web.Response:
        if not self._authorised(request.query.get("access_token")):
            return web.json_response({"errcode": 40014, "errmsg": "不合法的access_token"})
        form = await request.post()
        media = form["media"]
        assert isinstance(media, web.FileField) and request.query["type"] == "image"
        name = f"@media{len(self.files)}"
        self.files[name] = media.file.read()
        return web.json_response({"errcode": 0, "errmsg": "ok", "media_id": name, "type": "image"})

    async def _session(self, request: web.Request) -> web.Response:
        name = request.query.get("session", "")
        if name not in self.sessions:
            return web.json_response({"errcode": 300001, "errmsg": "session 不存在"})
        said = await request.json()
        self.shown.append((f"session:{name}", said["msgtype"], said[said["msgtype"]]))
        return web.json_response({"errcode": 0, "errmsg": "ok"})
