"""The WebSocket: the same messages as REST, pushed as they are recorded.

Frames are JSON objects with a ``type``. The first frame of the client is ``auth`` with ``conversation_id``,
``secret`` and optionally ``after``; the server answers ``ready`` and sends every message with a greater
``seq``, old and new ones alike. A secret in the address would end up in logs, so it travels in a frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMsgType, web

from bot.channels.errors import ApiError, to_api_error
from bot.channels.validation import incoming, only, read_json, text_field
from bot.channels.web_base import Shared, owner_json
from bot.conversation.types import Owner

logger = logging.getLogger(__name__)

_LARGEST_FRAME = 32 << 10
_MOST_SOCKETS = 8  # of one conversation: tabs of one shopper
_MOST_BAD_FRAMES = 10

#: Private close codes: not authenticated, too late.
UNAUTHORISED = 4401
TOO_LATE = 4408


class Socket:
    """``/api/v1/ws``.

    Args:
        shared: what the routes work with.
        origins: further origins whose pages may connect, e.g. ``https://shop.example``.
        auth_s: seconds until the first frame must have come.
        heartbeat_s: seconds between two pings; a peer that does not answer is gone.
        look_s: seconds between two looks at the queue while a person is waited for: it moves without news.
    """

    def __init__(
        self,
        shared: Shared,
        origins: Sequence[str] = (),
        *,
        auth_s: float = 5.0,
        heartbeat_s: float = 25.0,
        look_s: float = 10.0,
    ) -> None:
        self._shared = shared
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._auth_s = auth_s
        self._heartbeat_s = heartbeat_s
        self._look_s = look_s
        self._open: set[web.WebSocketResponse] = set()
        self._counts: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/api/v1/ws", self.connect, allow_head=False)]

    async def close(self, _app: web.Application) -> None:
        """Tell all peers that the server goes away."""
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection."""
        self._check_origin(request)
        address = self._shared.addresses.of(request)
        self._shared.limiter.request(address)
        socket = web.WebSocketResponse(heartbeat=self._heartbeat_s, max_msg_size=_LARGEST_FRAME)
        if not socket.can_prepare(request).ok:
            raise ApiError(
                426, "upgrade_needed", "This address speaks WebSocket.", headers={"Upgrade": "websocket"}
            )
        await socket.prepare(request)
        self._open.add(socket)
        try:
            await self._serve(socket, address)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as exc:
            # The response has begun: nothing but a frame can be sent any more.
            await _send_error(socket, to_api_error(exc), self._shared)
            await socket.close(code=WSCloseCode.INTERNAL_ERROR)
        finally:
            self._open.discard(socket)
        return socket

    def _check_origin(self, request: web.Request) -> None:
        """Refuse pages of other sites; programs that send no Origin are no pages."""
        origin = request.headers.get("Origin")
        if origin is None or origin.rstrip("/").lower() in self._origins:
            return
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or parts.netloc.lower() != request.host.lower():
            raise ApiError(403, "origin_refused", "Pages of this origin may not connect.")

    async def _serve(self, socket: web.WebSocketResponse, address: str) -> None:
        entered = await self._authenticate(socket)
        if entered is None:
            return
        conversation_id, secret, after, owner = entered
        if self._counts[conversation_id] >= _MOST_SOCKETS:
            await _send_error(
                socket,
                ApiError(429, "too_many_sockets", "Too many connections to one conversation."),
                self._shared,
            )
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return
        self._counts[conversation_id] += 1
        await _send(socket, {"type": "ready", "conversation_id": conversation_id, "owner": owner.value})
        pushing = asyncio.create_task(self._push(socket, conversation_id, after, owner))
        try:
            await self._receive(socket, conversation_id, secret, address)
        finally:
            # Before anything is awaited: the server may be cancelling this very task.
            self._counts[conversation_id] -= 1
            if not self._counts[conversation_id]:
                del self._counts[conversation_id]
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)

    async def _authenticate(self, socket: web.WebSocketResponse) -> tuple[str, str, int, Owner] | None:
        """Return conversation, secret, after and owner; None where the peer was sent away."""
        try:
            frame = await asyncio.wait_for(socket.receive(), self._auth_s)
        except asyncio.TimeoutError:
            await socket.close(code=TOO_LATE, message=b"auth frame expected")
            return None
        if frame.type is not WSMsgType.TEXT:
            await socket.close(code=UNAUTHORISED, message=b"auth frame expected")
            return None
        try:
            data = read_json(frame.data.encode("utf-8", "surrogatepass"))
            if data.get("type") != "auth":
                raise ApiError(401, "auth_expected", "The first frame must be of type auth.")
            only(data, "type", "conversation_id", "secret", "after")
            conversation_id, secret = text_field(data, "conversation_id"), text_field(data, "secret")
            after = data.get("after", 0)
            if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after < 10**9:
                raise ApiError(422, "invalid_field", "after must be a whole number from 0 on.")
            owner = await self._shared.conversations.authorise(conversation_id, secret)
        except Exception as exc:
            await _send_error(socket, to_api_error(exc), self._shared)
            await socket.close(code=UNAUTHORISED)
            return None
        return conversation_id, secret, after, owner

    async def _push(
        self, socket: web.WebSocketResponse, conversation_id: str, after: int, owner: Owner
    ) -> None:
        """Send what is recorded, in order, each message once; and who answers, and in which style."""
        style, answering = "neutral", {"owner": owner.value}
        try:
            with self._shared.conversations.watch(conversation_id) as news:
                while not socket.closed:
                    news.clear()
                    page = await self._shared.conversations.messages(conversation_id, None, after)
                    for message in page.messages:
                        await _send(socket, {"type": "message", "message": message})
                        after = message["seq"]
                    if page.style != style:
                        style = page.style
                        await _send(socket, {"type": "style", "style": style})
                    if (now := owner_json(page)) != answering:
                        answering = now
                        await _send(socket, {"type": "owner", **answering})
                    if not page.more:
                        await _news(news, self._look_s if page.owner is Owner.WAITING else None)
        except ConnectionError:
            return
        except Exception as exc:
            await _send_error(socket, to_api_error(exc), self._shared)
            await socket.close(code=WSCloseCode.INTERNAL_ERROR)

    async def _receive(
        self, socket: web.WebSocketResponse, conversation_id: str, secret: str, address: str
    ) -> None:
        bad = 0
        async for frame in socket:
            message_id = None
            try:
                if frame.type is not WSMsgType.TEXT:
                    raise ApiError(400, "bad_frame", "Frames are JSON texts.")
                data = read_json(frame.data.encode("utf-8", "surrogatepass"))
                if isinstance(data.get("message_id"), str):
                    message_id = data["message_id"][:64]
                await self._handle(socket, conversation_id, secret, address, data)
            except Exception as exc:
                error = to_api_error(exc)
                await _send_error(socket, error, self._shared, message_id)
                bad += error.status < 500
                if bad > _MOST_BAD_FRAMES and error.status != 429:
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                    return

    async def _handle(
        self,
        socket: web.WebSocketResponse,
        conversation_id: str,
        secret: str,
        address: str,
        data: dict[str, Any],
    ) -> None:
        if data.get("type") == "ping":
            only(data, "type")
            await _send(socket, {"type": "pong"})
            return
        if data.get("type") != "message":
            raise ApiError(422, "unknown_type", "Frames are of type message or ping.")
        only(data, "type", "message_id", "text", "button")
        self._shared.limiter.request(address)
        message = incoming(data, self._shared.net(address))
        self._shared.limiter.message(conversation_id)
        accepted = await self._shared.conversations.submit(conversation_id, secret, message)
        await _send(
            socket,
            {
                "type": "accepted",
                "message_id": message.message_id,
                "seq": accepted.seq,
                "repeated": accepted.repeated,
            },
        )


async def _news(news: asyncio.Event, at_most_s: float | None) -> None:
    """Wait for news, or so many seconds."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(news.wait(), at_most_s)


async def _send(socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
    if not socket.closed:
        await socket.send_str(json.dumps(data, ensure_ascii=False, separators=(",", ":")))


async def _send_error(
    socket: web.WebSocketResponse, error: ApiError, shared: Shared, message_id: str | None = None
) -> None:
    body = error.body(shared.conversations.lines)
    if "Retry-After" in error.headers:
        body["error"]["retry_after"] = int(error.headers["Retry-After"])
    if message_id is not None:
        body["message_id"] = message_id.encode("utf-8", "replace").decode()
    await _send(socket, {"type": "error", **body})
