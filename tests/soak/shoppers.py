"""Shoppers of a soak: they type, tap, repeat themselves, talk over themselves, and never give up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

#: What is typed. Reads, small talk, and the beginnings of writes; nobody is at the desk, so the bot stays.
LINES = (
    "你好",
    "我的快递到哪了",
    "我有几个订单",
    "取消订单",
    "帮我催一下发货",
    "我现在有多少积分",
    "我要退货",
    "有什么优惠券",
    "这个月有什么新品",
    "退款到哪一步了",
    "算了",
    "谢谢",
    "什么时候能到啊急死我了",
    "能开发票吗",
    "推荐个送爸妈的",
    "哈哈好的",
)
#: Titles of buttons that go on with a write: tapped more often than chance would.
_EAGER = ("确认", "取消", "催", "退")
_PATIENCE = aiohttp.ClientTimeout(total=25)
_LONGEST_PAUSE_S = 2.0


@dataclass
class Sent:
    """One message of a shopper.

    Attributes:
        message_id: its id.
        tries: requests made for it.
        accepted: the front has answered 200 for it at least once.
        shown: what the front answered the last time, reply by reply.
    """

    message_id: str
    tries: int = 0
    accepted: bool = False
    shown: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class SoakShopper:
    """One shopper in one conversation.

    Attributes:
        customer_id: who, or None for an anonymous one.
        conversation_id: the conversation; empty until it is open.
        sent: all messages in the order in which they were begun.
    """

    url: str
    session: aiohttp.ClientSession
    random: random.Random
    customer_id: str | None
    token: str | None
    name: str
    conversation_id: str = ""
    secret: str = ""
    sent: list[Sent] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    async def live(self, messages: int, stop: asyncio.Event, peace: asyncio.Event) -> None:
        """Open a conversation and send `messages`, more until `peace`, none after `stop`.

        Each is sent until it is accepted.
        """
        await self._open()
        while (len(self.sent) < messages or not peace.is_set()) and not stop.is_set():
            dice = self.random.random()
            if dice < 0.12:  # talks over herself: the second may overtake the first
                await asyncio.gather(self._say(self._next()), self._say(self._next()))
            else:
                await self._say(self._next())
            await asyncio.sleep(self.random.random() * 0.4)

    async def history(self) -> list[dict[str, Any]]:
        """Return the whole conversation as the front has it."""
        messages: list[dict[str, Any]] = []
        while True:
            after = messages[-1]["seq"] if messages else 0
            path = f"/api/v1/conversations/{self.conversation_id}/messages?after={after}"
            answer = await self._until_answered("GET", path, None, self._headers)
            messages += answer["messages"]
            if not answer["more"]:
                return messages

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-Conversation-Secret": self.secret}

    async def _open(self) -> None:
        headers = {"Idempotency-Key": f"soak-opening-{self.name}"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        answer = await self._until_answered("POST", "/api/v1/conversations", {}, headers)
        self.conversation_id, self.secret = answer["conversation_id"], answer["secret"]
        self._look(answer["replies"])

    def _next(self) -> dict[str, str]:
        """Return what to send next: a tap on something offered, or a line."""
        eager = [found for found in self.buttons if any(word in found[1] for word in _EAGER)]
        if eager and self.random.random() < 0.6:
            return {"button": self.random.choice(eager)[0]}
        if self.buttons and self.random.random() < 0.25:
            return {"button": self.random.choice(self.buttons)[0]}
        return {"text": self.random.choice(LINES)}

    async def _say(self, content: dict[str, str]) -> None:
        message = Sent(f"soak_{self.name}_{len(self.sent)}")
        self.sent.append(message)
        body = {"conversation_id": self.conversation_id, "message_id": message.message_id, **content}
        twins = 2 if self.random.random() < 0.15 else 1  # an impatient client sends the same twice
        await asyncio.gather(*(self._send(message, body) for _ in range(twins)))
        if self.random.random() < 0.05:  # or again, much later
            await self._send(message, body)

    async def _send(self, message: Sent, body: dict[str, str]) -> None:
        message.tries += 1
        answer = await self._until_answered("POST", "/api/v1/chat", body, self._headers)
        message.accepted = True
        message.shown = answer["replies"]
        self._look(answer["replies"])

    def _look(self, replies: list[dict[str, Any]]) -> None:
        offered = [(b["id"], b["title"]) for reply in replies for b in reply.get("buttons") or ()]
        self.buttons = offered or self.buttons

    async def _until_answered(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        """Repeat a request until it is answered; whatever the front is going through."""
        pause = 0.05
        while True:
            try:
                async with self.session.request(
                    method, self.url + path, json=body, headers=headers
                ) as response:
                    if response.status < 300:
                        return await response.json()
                    if response.status not in {429, 502, 503, 504}:
                        raise AssertionError(f"{method} {path}: {response.status} {await response.text()}")
            except (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError):
                pass
            await asyncio.sleep(pause * (0.5 + self.random.random()))
            pause = min(pause * 2, _LONGEST_PAUSE_S)


@asynccontextmanager
async def http_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a client session for many shoppers."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=_PATIENCE, connector=connector) as session:
        yield session
