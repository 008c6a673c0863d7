"""A small real stand-in for Rasa's front channel: slow, dying, broken as told; it repeats itself.

As a program (``python -m tests.bot.conversation.rasa_stub PORT``) it serves the bench.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

Turn = dict[str, Any]
Script = Callable[[Turn], Turn | Awaitable[Turn]]

BELIEF = {
    "prior": [-1.4, -1.4, -1.4, -1.4],
    "evidence": [0.5, 0, 0, 0],
    "turns": 1,
    "served": "power",
    "seen": [],
}
READING = {
    "temperament": "power",
    "secondary": None,
    "probabilities": {"power": 0.7, "perfect": 0.1, "peace": 0.1, "lively": 0.1},
    "evidence": [],
    "mood": "calm",
    "signals": [],
}


def answer(request: Turn, replies: list[dict[str, Any]] | None = None, **more: Any) -> Turn:
    """A well-formed turn."""
    said = request.get("text") or request.get("payload") or request.get("event")
    on = request["personalisation"]
    return {
        "message_id": request["message_id"],
        "replayed": False,
        "failed": False,
        "intent": {"name": "ask_order_status", "confidence": 0.9},
        "entities": [],
        "reading": READING if on and "text" in request else None,
        "belief": BELIEF if on else None,
        "replies": [{"text": f"答：{said}"}] if replies is None else replies,
        **more,
    }


class RasaStub:
    """Serves turns by `script`; keeps the recorded turn of each message as Rasa's channel does."""

    def __init__(self, secret: str = "s" * 40, port: int = 0) -> None:
        self.secret = secret
        self.port = port
        self.script: Script = answer
        self.calls: list[Turn] = []
        self.traces: list[tuple[str, str]] = []  # message id and traceparent of each call
        self.ran: list[str] = []  # message ids in the order they were run: a repeated one is not run again
        self.status: int | None = None  # answer this status
        self.shop = True  # what the action server, which it stands for as well, says of the shop
        self.garbage: bytes | None = None  # answer these bytes
        self.drop = 0  # so many calls are cut off after the turn was run
        self.gate = asyncio.Event()  # closed: turns wait before they are answered
        self.gate.set()
        self._recorded: dict[tuple[str, str], Turn] = {}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/webhooks/front/turn", self._turn)
        app.router.add_get("/webhooks/front/health", self._health)
        app.router.add_get("/health", self._health)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"ok": True, "shop": self.shop})

    async def _turn(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("X-Zhixin-Secret") != self.secret:
            return web.json_response({"error": "secret"}, status=401)
        data = json.loads(await request.read())
        self.calls.append(data)
        self.traces.append((data["message_id"], request.headers.get("traceparent", "")))
        if self.status is not None:
            return web.json_response({"error": "as told"}, status=self.status)
        if self.garbage is not None:
            return web.Response(body=self.garbage, content_type="application/json")
        key = (data["conversation_id"], data["message_id"])
        if key in self._recorded:
            return web.json_response({**self._recorded[key], "replayed": True})
        await self.gate.wait()
        made = self.script(data)
        turn = made if isinstance(made, dict) else await made
        self._recorded[key] = turn
        self.ran.append(data["message_id"])
        if self.drop:
            self.drop -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(turn)


async def _main(port: int) -> None:
    stub = RasaStub(port=port)
    await stub.start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1])))
