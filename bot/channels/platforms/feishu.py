"""Feishu (飞书), and Lark abroad: an application's robot, by encrypted events over HTTP.

Who writes in a group is answered in her own chat with the robot, never before her colleagues.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import aiohttp

from bot.channels import base, check_words
from bot.channels.base import Finding, Media, Refused, SendError, SendKind
from bot.channels.feishu_crypt import decrypt, sign
from bot.channels.feishu_forms import CARDS, as_message, heard
from bot.channels.platform_calls import Said, ask, download, token_name, with_token

NAME = "feishu"


@dataclass(frozen=True)
class Settings:
    """``ZHIXIN_FEISHU_…``: the application, as the developers' console shows it.

    Attributes:
        app_id: App ID.
        app_secret: App Secret.
        encrypt_key: Encrypt Key of the events; without one nothing that comes in could be trusted.
        verification_token: Verification Token; compared too where it is given.
        api: ``https://open.larksuite.com`` for Lark.
    """

    app_id: str
    app_secret: str = field(repr=False)
    encrypt_key: str = field(repr=False)
    verification_token: str = field(default="", repr=False)
    api: str = "https://open.feishu.cn"

    def problems(self) -> Iterator[str]:
        """Yield what is wrong."""
        return check_words.address_problems(NAME, api=self.api)


#: It tries again for seven hours, and does not say whether it signs anew. A repeat changes nothing.
_OLD, _EARLY = timedelta(hours=8), timedelta(minutes=5)
_TOKEN = frozenset({99991661, 99991663, 99991664, 99991668, 99991671})
_TOO_FAST = frozenset({99991400, 11232, 230020, 230049})  # 230049: the same key is being sent just now
_GONE = frozenset({230013, 230029, 230034, 230053})  # out of reach, left the company, shut the robot out
_MENDED = frozenset({230006, 230027, 99991401, 99991662, 99991672, 99991679, 99992361})  # by the shop


class Feishu:
    """The platform; see :class:`bot.channels.base.Platform`."""

    name = NAME
    limits = base.Limits(text=4000, buttons=8, cards=CARDS, pictures=True, keyed=True)

    def __init__(self, settings: Settings, tools: base.Tools) -> None:
        self._own = settings
        self._tools = tools
        self._name = token_name(NAME, settings.app_id, settings.app_secret)

    async def receive(self, call: base.Call) -> base.Receipt:
        """Check the signature and its age, decrypt, and read the event."""
        signed = self._signed(call)
        try:
            told = json.loads(decrypt(json.loads(call.body)["encrypt"], self._own.encrypt_key))
            challenge = told["challenge"] if told.get("type") == "url_verification" else None
            token = str(told.get("token") or told.get("header", {}).get("token"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            # Without a signature nothing is told apart: nobody learns by trying what decrypts.
            raise Refused(*((400, "unreadable") if signed else (401, "unsigned"))) from None
        if challenge is None and not signed:  # the console's first question alone comes unsigned
            raise Refused(401, "unsigned")
        wanted = self._own.verification_token
        if wanted and not hmac.compare_digest(token.encode("utf-8", "replace"), wanted.encode()):
            raise Refused(401, "token")
        if challenge is not None:
            return base.Receipt(json.dumps({"challenge": challenge}), content_type="application/json")
        try:
            return base.Receipt("{}", content_type="application/json", heard=heard(told))
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, OSError):
            raise Refused(400, "unreadable") from None

    def _signed(self, call: base.Call) -> bool:
        """Return whether there is a signature; Refused where it is wrong or old."""
        given = call.headers.get("x-lark-signature", "")
        if not given:
            return False
        stamp, nonce = (call.headers.get(f"x-lark-request-{name}", "") for name in ("timestamp", "nonce"))
        wanted = sign(stamp, nonce, self._own.encrypt_key, call.body).encode()
        if not hmac.compare_digest(wanted, given.encode("utf-8", "replace")):
            raise Refused(401, "signature")
        seconds = int(stamp[:10]) if re.fullmatch("[0-9]{10}(?:[0-9]{3})?", stamp) else 0
        if not -_EARLY <= call.now - datetime.fromtimestamp(seconds, timezone.utc) <= _OLD:
            raise Refused(401, "old")
        return True

    async def send(self, to: base.Address, part: base.Part, key: str) -> None:
        """Send to her own chat with the robot; the key keeps a repeat within the hour from showing twice."""
        form, content = as_message(part, await self._picture(part))
        text = json.dumps(content, ensure_ascii=False)
        body = {"receive_id": to.user, "msg_type": form, "content": text, "uuid": key}
        await self._call("POST", "/open-apis/im/v1/messages?receive_id_type=open_id", lambda: {"json": body})

    async def fetch(self, media: Media, account: str) -> bytes:
        """Return what she sent, by the message it came with."""
        message, _, name = media.id.partition("/")
        address = f"{self._own.api}/open-apis/im/v1/messages/{message}/resources/{name}?type=image"

        async def call(token: str) -> bytes:
            return await download(self._tools.http, address, _bearer(token), wrong=_error)

        return await with_token(self._tools.tokens, self._name, self._new_token, call)

    async def check(self) -> Sequence[Finding]:
        """Get a token, and ask for the robot."""
        try:
            robot = (await self._call("GET", "/open-apis/bot/v3/info")).body.get("bot") or {}
        except SendError as exc:
            return (check_words.feishu(exc, self._own.api),)
        found = [Finding(f"Feishu knows the robot as {robot.get('app_name', '?')}", wrong=False)]
        if robot.get("activate_status") != 2:
            found.append(Finding("the robot is not active: publish a version, and have it approved"))
        return found

    async def _new_token(self) -> tuple[str, float]:
        body = {"app_id": self._own.app_id, "app_secret": self._own.app_secret}
        address = f"{self._own.api}/open-apis/auth/v3/tenant_access_token/internal"
        got = await ask(self._tools.http, "POST", address, json=body)
        if not got.body.get("tenant_access_token"):  # no message is lost by wrong credentials: it waits
            raise SendError(SendKind.AWAY, str(got.body.get("code", f"http_{got.status}")))
        return str(got.body["tenant_access_token"]), float(got.body.get("expire", 7200))

    async def _call(self, method: str, path: str, more: Callable[[], Mapping[str, Any]] = dict) -> Said:
        """Call; `more` makes what goes along anew for each try, since a form is sent once only."""

        async def call(token: str) -> Said:
            address = self._own.api + path
            got = await ask(self._tools.http, method, address, headers=_bearer(token), **more())
            if got.status != 200 or got.body.get("code") != 0:
                raise _error(got)
            return got

        return await with_token(self._tools.tokens, self._name, self._new_token, call)

    async def _picture(self, part: base.Part) -> str:
        """Return Feishu's name of a picture, once it has it; empty for other parts."""
        if not isinstance(part, base.PicturePart):
            return ""
        data = part.data or await download(self._tools.http, part.address, redirects=True)

        def form() -> Mapping[str, Any]:
            made = aiohttp.FormData({"image_type": "message"})
            made.add_field("image", data, filename="picture", content_type=part.content_type)
            return {"data": made}

        return str((await self._call("POST", "/open-apis/im/v1/images", form)).body["data"]["image_key"])


make = Feishu


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _error(got: Said) -> SendError:
    number = got.body.get("code", 0)
    kinds = {
        SendKind.TOKEN: _TOKEN,
        SendKind.BUSY: _TOO_FAST,
        SendKind.BLOCKED: _GONE,
        SendKind.AWAY: _MENDED,
    }
    kind = next((kind for kind, numbers in kinds.items() if number in numbers), SendKind.REFUSED)
    kind = SendKind.BUSY if got.status == 429 else kind
    return SendError(kind, str(number or f"http_{got.status}"), retry_after=got.retry_after)
