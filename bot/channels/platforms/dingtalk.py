"""DingTalk (钉钉): an organisation's own robot, over HTTP.

A call's signature covers the time alone, not its body; so an address in it is believed only where it is
DingTalk's own. Who writes in a group is answered in her own chat with the robot, never before her colleagues.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.channels import base, check_words, dingtalk_errors
from bot.channels.base import Finding, HeardKind, Media, Refused, SendError, SendKind
from bot.channels.dingtalk_forms import CARDS, as_answer, as_robot, content, sign
from bot.channels.platform_calls import Said, ask, download, token_name, with_token

NAME = "dingtalk"


@dataclass(frozen=True)
class Settings:
    """``ZHIXIN_DINGTALK_…``: the robot's application, as its page of credentials shows it.

    Attributes:
        app_key: Client ID (AppKey).
        app_secret: Client Secret (AppSecret); it signs what comes in.
        robot_code: the robot's code; the same as `app_key` unless told otherwise.
        api: DingTalk's API; ``https://api.dingtalk.io`` outside of China.
        web: its older API, where the answers of a session go, and files.
    """

    app_key: str
    app_secret: str = field(repr=False)
    robot_code: str = ""
    api: str = "https://api.dingtalk.com"
    web: str = "https://oapi.dingtalk.com"

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        return check_words.address_problems(NAME, api=self.api, web=self.web)


_OLD = timedelta(hours=1)  # DingTalk's own rule
_LONGEST_MS = 7_200_000  # that a session is believed to last; DingTalk gives it an hour and a half
_SPARE_MS = 60_000  # a session's address is not used in its last minute
_SEND, _FILE = "/v1.0/robot/oToMessages/batchSend", "/v1.0/robot/messageFiles/download"


class DingTalk:
    """The platform; see :class:`bot.channels.base.Platform`."""

    name = NAME
    limits = base.Limits(text=2000, buttons=5, cards=CARDS, pictures=True, echoes=True)

    def __init__(self, settings: Settings, tools: base.Tools) -> None:
        self._own = settings
        self._tools = tools
        self._name = token_name(NAME, settings.app_key, settings.app_secret)

    async def receive(self, call: base.Call) -> base.Receipt:
        """Check the signature and its age, and read the message."""
        stamp = call.headers.get("timestamp", "")
        if call.method != "POST" or not re.fullmatch("[0-9]{13}", stamp):
            raise Refused(401, "unsigned")
        wanted = sign(stamp, self._own.app_secret).encode()
        if not hmac.compare_digest(wanted, call.headers.get("sign", "").encode("utf-8", "replace")):
            raise Refused(401, "signature")
        if abs(call.now - _moment(stamp)) > _OLD:
            raise Refused(401, "old")
        try:
            heard = self._heard(json.loads(call.body))
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError, OSError):
            raise Refused(400, "unreadable") from None
        return base.Receipt("{}", content_type="application/json", heard=heard)

    def _heard(self, said: Mapping[str, Any]) -> tuple[base.Heard, ...]:
        staff, alone = said.get("senderStaffId"), said["conversationType"] == "1"
        if not (staff or alone):
            return ()  # a stranger to the organisation, in a group: she has no chat of her own to answer in
        hook, form, data = str(said.get("sessionWebhook", "")), str(said["msgtype"]), {}
        where = urlsplit(hook)
        if alone and where[:2] == urlsplit(self._own.web)[:2] and where.path == "/robot/sendBySession":
            last = int(self._tools.now().timestamp() * 1000) + _LONGEST_MS
            data["reply"] = {"hook": hook, "until": min(int(said["sessionWebhookExpiredTime"]), last)}
        kind, text, media = content(form, said)
        event = form if kind is HeardKind.UNSUPPORTED else ""
        user, at = str(staff or said["senderId"]), _moment(said["createAt"])
        return (base.Heard(user, str(said["msgId"]), kind, at, text, media, event, data),)

    async def send(self, to: base.Address, part: base.Part, key: str) -> None:
        """Answer in the session while it lasts, else as the robot. DingTalk takes no key."""
        staff = not to.user.startswith("$:")  # what begins so is a sealed id, which nothing can be sent to
        now = self._tools.now().timestamp() * 1000
        if to.data.get("hook") and now < to.data["until"] - _SPARE_MS:
            if await self._in_session(to.data["hook"], part, staff):
                return
        elif not staff:
            raise SendError(SendKind.CLOSED, "session_over")
        form, filled = as_robot(part, await self._picture(part))
        text = json.dumps(filled, ensure_ascii=False)
        got = await self._call(_SEND, {"userIds": [to.user], "msgKey": form, "msgParam": text})
        if got.body.get("invalidStaffIdList"):
            raise SendError(SendKind.BLOCKED, "invalidStaffId")
        if got.body.get("flowControlledStaffIdList"):
            raise SendError(SendKind.BUSY, "flowControlled")

    async def _in_session(self, hook: str, part: base.Part, staff: bool) -> bool:
        """Return whether it was taken; False where the robot may still send it otherwise."""
        form, filled = as_answer(part, await self._picture(part))
        got = await ask(self._tools.http, "POST", hook, json={"msgtype": form, form: filled})
        error = dingtalk_errors.of_session(got)
        if error is not None and (error.kind is SendKind.BUSY or not staff):
            raise error
        return error is None

    async def fetch(self, media: Media, account: str) -> bytes:
        """Return what she sent, by its download code."""
        got = await self._call(_FILE, {"downloadCode": media.id})
        return await download(self._tools.http, str(got.body.get("downloadUrl", "")), redirects=True)

    async def check(self) -> Sequence[Finding]:
        """Get a token, and ask for a message to nobody, which the robot's code and permission must allow."""
        try:
            await self._token()
            await self._call(_SEND, {"userIds": [], "msgKey": "sampleText", "msgParam": '{"content": ""}'})
        except SendError as exc:
            if "userIds" not in exc.code:
                return (check_words.dingtalk(exc, self._own.api),)
        return (Finding("DingTalk gives an access token, and the robot may send", wrong=False),)

    async def _token(self) -> str:
        return await self._tools.tokens.get(self._name, self._new_token)

    async def _new_token(self) -> tuple[str, float]:
        body = {"appKey": self._own.app_key, "appSecret": self._own.app_secret}
        got = await ask(self._tools.http, "POST", f"{self._own.api}/v1.0/oauth2/accessToken", json=body)
        if not got.body.get(
            "accessToken"
        ):  # wrong credentials lose no message: it waits until they are mended
            raise SendError(SendKind.AWAY, str(got.body.get("code", f"http_{got.status}")))
        return str(got.body["accessToken"]), float(got.body.get("expireIn", 7200))

    async def _call(self, path: str, body: Mapping[str, Any]) -> Said:
        named = {"robotCode": self._own.robot_code or self._own.app_key, **body}

        async def call(token: str) -> Said:
            headers = {"x-acs-dingtalk-access-token": token}
            got = await ask(self._tools.http, "POST", self._own.api + path, json=named, headers=headers)
            if got.status != 200:
                raise dingtalk_errors.of_api(got)
            return got

        return await with_token(self._tools.tokens, self._name, self._new_token, call)

    async def _picture(self, part: base.Part) -> str:
        """Return the address of a picture, or DingTalk's name of it; empty for other parts."""
        if not isinstance(part, base.PicturePart) or part.address:
            return getattr(part, "address", "")
        data, kind, address = part.data, part.content_type, f"{self._own.web}/media/upload"

        async def call(token: str) -> str:
            form = aiohttp.FormData()  # anew for each try: a form is sent once only
            form.add_field("media", data, filename="picture.jpg", content_type=kind)
            query = {"access_token": token, "type": "image"}
            got = await ask(self._tools.http, "POST", address, params=query, data=form)
            if not got.body.get("media_id"):
                raise dingtalk_errors.of_upload(got)
            return str(got.body["media_id"])

        return await with_token(self._tools.tokens, self._name, self._new_token, call)


make = DingTalk


def _moment(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, timezone.utc)
