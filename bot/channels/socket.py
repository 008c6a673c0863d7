"""The WebSocket: the same messages as REST, pushed as they are recorded.

Frames are JSON objects with a ``type``. The first frame of the client is ``auth`` with ``conversation_id``,
``secret``, optionally ``after`` and ``lang``; the server answers ``ready`` and sends every message with a
greater ``seq``, old and new ones alike. A secret in the address would end up in logs: it travels in a frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMsgType, web

from bot.channels.draining import Draining
from bot.channels.errors import ApiError, to_api_error
from bot.channels.language import AS_IS, Tongue, asked
from bot.channels.page_context import page_context
from bot.channels.validation import id_field, incoming, lang_field, only, read_json
from bot.channels.web_base import Shared, owner_json
from bot.conversation.types import Owner
from bot.conversation.waiting import happened
from persona.telemetry import metrics

logger = logging.getLogger(__name__)

_LARGEST_FRAME = 32 << 10
_MOST_SOCKETS = 8  # of one conversation: tabs of one shopper
_MOST_BAD_FRAMES = 10
_LAST_WORDS_S = 1.0

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
        draining: says when nothing new is taken any more.
    """

    def __init__(
        self,
        shared: Shared,
        origins: Sequence[str] = (),
        *,
        auth_s: float = 5.0,
        heartbeat_s: float = 25.0,
        look_s: float = 10.0,
        draining: Draining | None = None,
    ) -> None:
        self._shared = shared
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._auth_s = auth_s
        self._heartbeat_s = heartbeat_s
        self._look_s = look_s
        self._draining = draining or Draining()
        self._open: dict[web.WebSocketResponse, str] = {}  # the conversation, once it is known
        self._pushing: dict[web.WebSocketResponse, _Push] = {}
        self._counts: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/api/v1/ws", self.connect, allow_head=False)]

    async def close(self, _app: web.Application) -> None:
        """Tell all peers that the server restarts."""
        await self.leave(lambda _: False)

    async def leave(self, busy: Callable[[str], bool]) -> None:
        """Close the sockets whose conversation has nothing under way: their peers come back elsewhere.

        What is stored is sent before: an answer of a moment ago may not have been read yet.

        Args:
            busy: says of a conversation whether an answer is on its way.
        """
        leaving = [socket for socket, conversation_id in self._open.items() if not busy(conversation_id)]
        told = [push for socket in leaving if (push := self._pushing.get(socket)) is not None]
        for push in told:
            push.last = True
            if push.news is not None:
                push.news.set()
        if told:
            await asyncio.wait({push.task for push in told}, timeout=_LAST_WORDS_S)
        await asyncio.gather(*map(_restart, leaving), return_exceptions=True)

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Serve one connection."""
        self._check_origin(request)
        address = self._shared.addresses.of(request)
        await self._shared.limiter.request(address)
        socket = web.WebSocketResponse(heartbeat=self._heartbeat_s, max_msg_size=_LARGEST_FRAME)
        if not socket.can_prepare(request).ok:
            raise ApiError(
                426, "upgrade_needed", "This address speaks WebSocket.", headers={"Upgrade": "websocket"}
            )
        await socket.prepare(request)
        self._open[socket] = ""
        metrics.SOCKETS.inc()
        try:
            await self._serve(socket, address)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as exc:
            # The response has begun: nothing but a frame can be sent any more.
            await _send_error(socket, to_api_error(exc), self._shared)
            await socket.close(code=WSCloseCode.INTERNAL_ERROR)
        finally:
            del self._open[socket]
            metrics.SOCKETS.dec()
        return socket

    def _check_origin(self, request: web.Request) -> None:
        """Refuse pages of other sites; programs that send no Origin are no pages."""
        origin = request.headers.get("Origin")
        if origin is None or origin.rstrip("/").lower() in self._origins:
            return
        try:
            parts = urlsplit(origin)
        except ValueError:  # e.g. http://[
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or parts.netloc.lower() != request.host.lower():
            raise ApiError(403, "origin_refused", "Pages of this origin may not connect.")

    async def _serve(self, socket: web.WebSocketResponse, address: str) -> None:
        entered = await self._authenticate(socket)
        if entered is None:
            return
        conversation_id, owner = entered.conversation_id, entered.owner
        if self._counts[conversation_id] >= _MOST_SOCKETS:
            await _send_error(
                socket,
                ApiError(429, "too_many_sockets", "Too many connections to one conversation."),
                self._shared,
            )
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return
        self._counts[conversation_id] += 1
        self._open[socket] = conversation_id
        await _send(socket, {"type": "ready", "conversation_id": conversation_id, "owner": owner.value})
        push = _Push()
        pushing = push.task = asyncio.create_task(self._push(socket, entered, push))
        self._pushing[socket] = push
        try:
            await self._receive(socket, entered, address)
        finally:
            del self._pushing[socket]
            # Before anything is awaited: the server may be cancelling this very task.
            self._counts[conversation_id] -= 1
            if not self._counts[conversation_id]:
                del self._counts[conversation_id]
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)

    async def _authenticate(self, socket: web.WebSocketResponse) -> _Entered | None:
        """Return who has come; None where the peer was sent away."""
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
            only(data, "type", "conversation_id", "secret", "after", "lang")
            conversation_id, secret = id_field(data, "conversation_id"), id_field(data, "secret")
            after = data.get("after", 0)
            if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after < 10**9:
                raise ApiError(422, "invalid_field", "after must be a whole number from 0 on.")
            # The handshake's own header is the browser's, not the page's.
            tongue = AS_IS if data.get("lang") is None else asked(lang_field(data))
            owner = await self._shared.conversations.authorise(conversation_id, secret)
        except Exception as exc:
            error = to_api_error(exc)
            await _send_error(socket, error, self._shared)
            # A record that is away proves nothing against her: she comes back, and keeps her conversation.
            await socket.close(code=UNAUTHORISED if error.status < 500 else WSCloseCode.INTERNAL_ERROR)
            return None
        return _Entered(conversation_id, secret, after, owner, tongue)

    async def _push(self, socket: web.WebSocketResponse, entered: _Entered, push: _Push) -> None:
        """Send what is recorded, in order, each message once; and who answers, and in which style."""
        conversation_id, after = entered.conversation_id, entered.after
        style, answering = "neutral", {"owner": entered.owner.value}
        try:
            with self._shared.conversations.watch(conversation_id) as news:
                push.news = news
                while not socket.closed:
                    news.clear()
                    last = push.last
                    page = await self._shared.conversations.messages(conversation_id, None, after)
                    for message in page.messages:
                        turned = entered.tongue.message(message)
                        await _send(socket, {"type": "message", "message": turned})
                        after = message["seq"]
                    if page.style != style:
                        style = page.style
                        await _send(socket, {"type": "style", "style": style})
                    if (now := owner_json(page)) != answering:
                        answering = now
                        await _send(socket, {"type": "owner", **answering})
                    if page.more:
                        continue
                    if last:
                        return
                    await happened(news, self._look_s if page.owner is Owner.WAITING else None)
        except ConnectionError:
            return
        except Exception as exc:
            await _send_error(socket, to_api_error(exc), self._shared)
            await socket.close(code=WSCloseCode.INTERNAL_ERROR)

    async def _receive(self, socket: web.WebSocketResponse, entered: _Entered, address: str) -> None:
        bad = 0
        async for frame in socket:
            message_id = None
            try:
                if frame.type is not WSMsgType.TEXT:
                    raise ApiError(400, "bad_frame", "Frames are JSON texts.")
                data = read_json(frame.data.encode("utf-8", "surrogatepass"))
                if isinstance(data.get("message_id"), str):
                    message_id = data["message_id"][:64]
                await self._handle(socket, entered, address, data)
            except Exception as exc:
                error = to_api_error(exc)
                await _send_error(socket, error, self._shared, message_id, entered.tongue)
                bad += error.status < 500
                if bad > _MOST_BAD_FRAMES and error.status != 429:
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION)
                    return

    async def _handle(
        self, socket: web.WebSocketResponse, entered: _Entered, address: str, data: dict[str, Any]
    ) -> None:
        if data.get("type") == "ping":
            only(data, "type")
            await _send(socket, {"type": "pong"})
            return
        if data.get("type") != "message":
            raise ApiError(422, "unknown_type", "Frames are of type message or ping.")
        only(data, "type", "message_id", "text", "button", "context")
        self._draining.check()
        await self._shared.limiter.request(address)
        message = replace(incoming(data, self._shared.net(address)), context=page_context(data))
        await self._shared.limiter.message(entered.conversation_id)
        accepted = await self._shared.conversations.submit(entered.conversation_id, entered.secret, message)
        await _send(
            socket,
            {
                "type": "accepted",
                "message_id": message.message_id,
                "seq": accepted.seq,
                "repeated": accepted.repeated,
            },
        )


@dataclass(frozen=True)
class _Entered:
    """Who has come: to which conversation, with which secret, from which message on, reading what."""

    conversation_id: str
    secret: str
    after: int
    owner: Owner
    tongue: Tongue


@dataclass
class _Push:
    """What sends the news of one socket.

    Attributes:
        task: the sending.
        news: wakes it, once it waits.
        last: what is stored by now is the last that it sends.
    """

    task: asyncio.Task[None] = field(init=False)
    news: asyncio.Event | None = None
    last: bool = False


async def _restart(socket: web.WebSocketResponse) -> None:
    # A peer that does not answer the close is not waited for.
    with contextlib.suppress(asyncio.TimeoutError, ConnectionError):
        await asyncio.wait_for(socket.close(code=WSCloseCode.SERVICE_RESTART), 1.0)


async def _send(socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
    if not socket.closed:
        await socket.send_str(json.dumps(data, ensure_ascii=False, separators=(",", ":")))


async def _send_error(
    socket: web.WebSocketResponse,
    error: ApiError,
    shared: Shared,
    message_id: str | None = None,
    tongue: Tongue = AS_IS,
) -> None:
    body = error.body(shared.conversations.lines, tongue)
    if "Retry-After" in error.headers:
        body["error"]["retry_after"] = int(error.headers["Retry-After"])
    if message_id is not None:
        body["message_id"] = message_id.encode("utf-8", "replace").decode()
    await _send(socket, {"type": "error", **body})
