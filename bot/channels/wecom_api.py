"""WeCom's HTTP API as 微信客服 needs it: the access token, and what its error codes mean for a part.

Sources: developer.work.weixin.qq.com/document/path/90313 (error codes), 91039 (access token), 90253 and 90254
(media).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.channels.base import SendError, SendKind, Tools
from bot.channels.check_words import seen_from
from bot.channels.platform_calls import Said, ask, download, token_name, with_token

#: The access token is missing, wrong or over.
_TOKEN = frozenset({40014, 41001, 42001})
#: Too many calls (of the minute), too many at a time, and the platform's own "later".
_BUSY = frozenset({-1, 45009, 45033})
#: Her five messages are used up, her 48 hours are over, her session has ended, somebody else serves it.
_CLOSED = frozenset({95001, 95002, 95013, 95016, 95018})
#: The id of a shopper who is not this enterprise's (any more).
_BLOCKED = frozenset({40096, 84061})
#: The configuration is wrong; it may be mended while parts wait: secret, enterprise, address not on the list,
#: the application may not use the API, the account is not there or not given to the API.
_MENDED = frozenset({40001, 40013, 48002, 60011, 60020, 95000, 95004, 95011, 95012, 95017})
#: The session is not the API's: the one refusal that may be mended here.
SESSION_STATE = "95018"
#: The token of a callback is over.
HINT_OVER = "95007"
_MINUTE = 60.0


class WecomApi:
    """The API of one enterprise's application.

    Args:
        base: ``https://qyapi.weixin.qq.com``, or what speaks like it.
        corp_id: the enterprise.
        secret: of the application that may call 微信客服.
        tools: the session, the tokens.
    """

    def __init__(self, base: str, corp_id: str, secret: str, tools: Tools) -> None:
        self._base = base.rstrip("/")
        self._corp_id = corp_id
        self._secret = secret
        self._tools = tools
        self._name = token_name("wecom", corp_id, secret)

    async def get(self, path: str, **query: str) -> Mapping[str, Any]:
        """Ask for something; SendError as :meth:`post`."""
        return await self._call("GET", path, query, {})

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Call ``/cgi-bin/<path>`` and return the answer.

        Raises:
            SendError: with the platform's code.
        """
        return await self._call("POST", path, {}, {"json": dict(body)})

    async def upload(self, data: bytes, content_type: str) -> str:
        """Upload a picture (JPEG or PNG) and return its media id, good for three days; SendError."""
        ending = "png" if content_type == "image/png" else "jpg"
        file = aiohttp.BytesPayload(data, content_type=content_type)
        file.set_content_disposition(
            "form-data", name="media", filename=f"picture.{ending}", filelength=str(len(data))
        )
        form = aiohttp.MultipartWriter("form-data")
        form.append_payload(file)
        answer = await self._call("POST", "media/upload", {"type": "image"}, {"data": form})
        return str(answer.get("media_id", ""))

    async def media(self, media_id: str) -> bytes:
        """Return a file that a shopper sent; SendError ``refused`` where it is gone or too large."""
        found = b""

        async def call(token: str) -> Said:
            nonlocal found
            query = urlencode({"access_token": token, "media_id": media_id})
            found = await download(self._tools.http, f"{self._base}/cgi-bin/media/get?{query}")
            # No picture and no sound begins like an object of JSON.
            return _checked(Said(200, {}, _object(found))) if found[:1] == b"{" else Said(200, {}, {})

        await with_token(self._tools.tokens, self._name, self._fetch, call)
        return found

    async def _call(
        self, method: str, path: str, query: Mapping[str, str], more: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        address = f"{self._base}/cgi-bin/{path}"

        async def call(token: str) -> Said:
            params = {"access_token": token, **query}
            return _checked(await ask(self._tools.http, method, address, params=params, **more))

        return (await with_token(self._tools.tokens, self._name, self._fetch, call)).body

    async def _fetch(self) -> tuple[str, float]:
        query = {"corpid": self._corp_id, "corpsecret": self._secret}
        said = _checked(await ask(self._tools.http, "GET", f"{self._base}/cgi-bin/gettoken", params=query))
        token = said.body.get("access_token")
        if not isinstance(token, str) or not token:
            raise SendError(SendKind.AWAY, "no_token")
        return token, float(said.body.get("expires_in") or 7200)


def _checked(said: Said) -> Said:
    """Return an answer that is WeCom's and says that all is well; SendError otherwise."""
    if said.status == 429:
        raise SendError(SendKind.BUSY, "http_429", retry_after=said.retry_after)
    code = said.body.get("errcode")
    if said.status != 200 or not isinstance(code, int):
        raise SendError(SendKind.AWAY, f"http_{said.status}", unsure=said.status == 200)
    if code:
        raise _error(code, said.body.get("errmsg"))
    return said


def _error(code: int, told: object) -> SendError:
    kinds = (
        (SendKind.TOKEN, _TOKEN),
        (SendKind.BUSY, _BUSY),
        (SendKind.CLOSED, _CLOSED),
        (SendKind.BLOCKED, _BLOCKED),
        (SendKind.AWAY, _MENDED),
    )
    kind = next((kind for kind, codes in kinds if code in codes), SendKind.REFUSED)
    pause = _MINUTE if code == 45009 else None
    return SendError(kind, str(code), retry_after=pause, seen_from=seen_from(told))


def _object(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
