"""A small server that speaks the front's API with scripted answers, for the chat page's tests."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.channels.page import Page
from bot.channels.web_base import SECURITY_HEADERS

ZONE = timezone(timedelta(hours=8))
SECRET = "s" * 32
HOSTILE = '<img src=x onerror="document.title=1"><b>粗</b>&amp;'

SHOP = json.loads((Path(__file__).parent / "shop.json").read_text(encoding="utf-8"))


def text(line: str) -> dict[str, Any]:
    return {"type": "text", "text": line}


def buttons(line: str, *titles: str) -> dict[str, Any]:
    return {"type": "buttons", "text": line, "buttons": [{"id": f"b_{t}", "title": t} for t in titles]}


def card(name: str) -> dict[str, Any]:
    return {"type": "card", "card": name, "data": SHOP[name], "text": "卡片"}


SCRIPT: dict[str, list[dict[str, Any]]] = {
    "物流": [
        card("shipment"),
        buttons("11月24日 18:00 前到。包裹卡在杭州两天，已恢复发运。", "催一下"),
    ],
    "推荐": [card("products"), text("这两款和您的跑鞋很配。")],
    "售后": [card("aftersale"), text("审核通过了，请在 7 天内寄回。")],
    "退": [buttons("确认取消订单 202611200001 吗？", "确认", "不了")],
    "标签": [buttons(HOSTILE, HOSTILE)],
    "怪卡": [{"type": "card", "card": "hologram", "data": {"x": 1}, "text": "看不懂的卡片也有文字"}],
}


@dataclass
class StandIn:
    """State and switches of the server.

    Attributes:
        demo: offer shoppers and readings.
        sockets: let WebSockets connect.
        refuse: statuses with which the next chat posts are refused.
        silent: accept messages and never answer them.
        style: the style that the reading tells.
        owner: who answers, with ``queue`` and ``agent`` where there are; see :meth:`hand`.
    """

    demo: bool = True
    sockets: bool = True
    refuse: list[int] = field(default_factory=list)
    silent: bool = False
    style: str = "power"
    owner: dict[str, Any] = field(default_factory=lambda: {"owner": "BOT"})
    pause: float = 0.05
    log: list[dict[str, Any]] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    opened: int = 0
    outside: list[str] = field(default_factory=list)
    _live: set[web.WebSocketResponse] = field(default_factory=set)

    def app(self) -> web.Application:
        app = web.Application()
        app.on_response_prepare.append(self._headers)
        conversation = "/api/v1/conversations"
        app.add_routes([
            web.get("/demo/shoppers", self.shoppers),
            web.post("/demo/login", self.login),
            web.post(conversation, self.open),
            web.get(conversation + "/{id}/messages", self.messages),
            web.get(conversation + "/{id}/reading", self.reading),
            web.post("/api/v1/chat", self.chat),
            web.get("/api/v1/ws", self.socket),
            *Page().routes(),
        ])  # fmt: skip
        return app

    async def say(self, author: str, reply: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Record a message and push it."""
        at = datetime(2026, 11, 22, 10, 30, tzinfo=ZONE) + timedelta(seconds=len(self.log))
        message = {"seq": len(self.log) + 1, **reply, "author": author, "at": at.isoformat(), **more}
        self.log.append(message)
        for live in list(self._live):
            await live.send_json({"type": "message", "message": message})
        return message

    async def hand(self, owner: str, **more: Any) -> None:
        """Let somebody else answer from now on, and tell it."""
        self.owner = {"owner": owner, **more}
        for live in list(self._live):
            await live.send_json({"type": "owner", **self.owner})

    async def drop_sockets(self) -> None:
        for live in list(self._live):
            await live.close()

    async def _headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(SECURITY_HEADERS)

    async def shoppers(self, _request: web.Request) -> web.Response:
        if not self.demo:
            return self._error(404, "not_found", "Nothing.")
        return web.json_response({"shoppers": SHOP["shoppers"]})

    async def login(self, request: web.Request) -> web.Response:
        return web.json_response({"token": "t." + (await request.json())["customer_id"]})

    async def open(self, request: web.Request) -> web.Response:
        self.opened += 1
        self.owner = {"owner": "BOT"}
        self.log.clear()
        self.authorizations.append(request.headers.get("Authorization"))
        notice = {"type": "notice", "text": "我会参考您的说话方式和过往订单，调整回复的详略和语气。",
                  "buttons": [{"id": "b_off", "title": "关闭个性化"}]}  # fmt: skip
        await self.say("bot", notice, in_reply_to=None)
        if self.authorizations[-1]:
            await self.say("bot", card("order"), in_reply_to=None)
            greeting = buttons("您好，这是您最近的订单。", "查物流", "改地址", "申请退货", "找人工客服")
            await self.say("bot", greeting, in_reply_to=None)
        else:
            await self.say("bot", text("您好，请说要办什么。"), in_reply_to=None)
        opened = {"conversation_id": f"c_{self.opened}", "secret": SECRET, **self.owner}
        return web.json_response({**opened, "replies": self.log}, status=201)

    async def messages(self, request: web.Request) -> web.Response:
        if refused := self._check(request):
            return refused
        after = int(request.query.get("after", 0))
        new = [m for m in self.log if m["seq"] > after]
        return web.json_response({**self.owner, "messages": new, "more": False})

    async def reading(self, request: web.Request) -> web.Response:
        if not self.demo:
            return self._error(404, "not_found", "Nothing.")
        if refused := self._check(request):
            return refused
        mine = [m for m in self.log if m["author"] == "shopper"]
        reading = self._read(mine[-1]["text"]) if mine else None
        return web.json_response(
            {
                "personalisation": True,
                "style": self.style if mine else "neutral",
                "belief": None,
                "reading": reading,
                "intent": None,
                "message_id": mine[-1]["message_id"] if mine else None,
            }
        )

    async def chat(self, request: web.Request) -> web.Response:
        if refused := self._check(request):
            return refused
        data = await request.json()
        if self.refuse:
            status = self.refuse.pop(0)
            refused = self._error(status, "rate_limited" if status == 429 else "internal", "歇一歇")
            refused.headers["Retry-After"] = "7"
            return refused
        replies = await self._answer(data)
        return web.json_response(
            {**self.owner, "replies": replies, **({"pending": True} if self.silent else {})}
        )

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if not self.sockets:
            return self._error(503, "unavailable", "No sockets.")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        first = await socket.receive_json()
        if first.get("secret") != SECRET or first["conversation_id"] != f"c_{self.opened}":
            await socket.close(code=4401)
            return socket
        ready = {"type": "ready", "conversation_id": first["conversation_id"], "owner": self.owner["owner"]}
        await socket.send_json(ready)
        if len(self.owner) > 1:
            await socket.send_json({"type": "owner", **self.owner})
        for message in [m for m in self.log if m["seq"] > first.get("after", 0)]:
            await socket.send_json({"type": "message", "message": message})
        self._live.add(socket)
        tasks = set()
        try:
            async for frame in socket:
                data = json.loads(frame.data)
                await socket.send_json({"type": "accepted", "message_id": data["message_id"], "seq": 0})
                tasks.add(asyncio.create_task(self._answer(data)))
        finally:
            self._live.discard(socket)
        await asyncio.gather(*tasks)
        return socket

    async def _answer(self, data: dict[str, Any]) -> list[dict[str, Any]]:
        message_id = data["message_id"]
        if any(m.get("message_id") == message_id for m in self.log):
            return [m for m in self.log if m.get("in_reply_to") == message_id]
        self.received.append(data)
        said = data.get("text") or data["button"].removeprefix("b_")
        await self.say("shopper", text(said), message_id=message_id, in_reply_to=None)
        if self.silent or self.owner["owner"] != "BOT":
            return []
        await asyncio.sleep(self.pause)
        script = next((lines for word, lines in SCRIPT.items() if word in said), [text(f"收到：{said}")])
        return [await self.say("bot", line, in_reply_to=message_id) for line in script]

    def _read(self, said: str) -> dict[str, Any]:
        evidence = [
            {
                "cue": "history:express",
                "text": "",
                "start": -1,
                "end": -1,
                "type": "power",
                "weight": 0.7,
            },
            {
                "cue": "style:short",
                "text": said,
                "start": 0,
                "end": len(said),
                "type": "perfect",
                "weight": -0.4,
            },
        ]
        at = said.find("马上")
        if at >= 0:
            start = len(said[:at])
            cue = {"cue": "lexicon:now", "text": "马上", "start": start, "end": start + 2}
            evidence.insert(0, {**cue, "type": "power", "weight": 1.6})
        probabilities = {"power": 0.71, "perfect": 0.14, "peace": 0.09, "lively": 0.06}
        return {
            "temperament": "power",
            "secondary": None,
            "probabilities": probabilities,
            "evidence": evidence,
            "mood": "calm",
            "signals": [],
        }

    def _check(self, request: web.Request) -> web.Response | None:
        known = request.match_info.get("id", f"c_{self.opened}") == f"c_{self.opened}"
        if request.headers.get("X-Conversation-Secret") == SECRET and known:
            return None
        return self._error(404, "not_found", "No such conversation.")

    @staticmethod
    def _error(status: int, code: str, message: str) -> web.Response:
        return web.json_response({"error": {"code": code, "message": message}}, status=status)
