"""A front with WeChat and a Mini Program, a platform that holds its answers back, and a clock to be moved."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.app.front import shanghai_now
from bot.channels.platforms import wechat, wechat_mini
from tests.bot.conversation.harness import Front, rows
from tests.bot.conversation.rasa_stub import RasaStub
from tests.fakes.wechat import APP_ID, OPENID, SECRET, TOKEN, FakeWeChat, Poster

#: Two of these are no message of WeChat's.
LONG = "，还有一件事要说" * 80


def replies(*texts: str | dict[str, Any]) -> list[dict[str, Any]]:
    return [{"text": text} if isinstance(text, str) else text for text in texts]


class HoldingWeChat(FakeWeChat):
    """Takes a message, and holds back that it did where it is told to.

    Attributes:
        hold: hold the next one.
        held: one is held.
        go: let it go.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hold = False
        self.held = asyncio.Event()
        self.go = asyncio.Event()

    async def __aexit__(self, *error: Any) -> None:
        self.go.set()
        await super().__aexit__(*error)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        answer = await super()._send(request)
        if self.hold:
            self.hold = False
            self.held.set()
            await self.go.wait()
        return answer


class MovedClock:
    """The present, and what it was moved by."""

    def __init__(self) -> None:
        self.by = timedelta(0)

    def __call__(self) -> datetime:
        return shanghai_now() + self.by

    def forward(self, **by: float) -> None:
        self.by += timedelta(**by)


class Wechats:
    """Shoppers of both WeChat platforms, and what they have got."""

    def __init__(self, rasa: RasaStub, api: FakeWeChat, record: Path, clock: MovedClock) -> None:
        self.rasa, self.api, self.record, self.clock = rasa, api, record, clock
        self.posters = {"wechat": Poster(), "wechat_mini": Poster(as_json=True)}
        self.front: Front

    def open(self, **more: Any) -> Front:
        """Return a new front over the record, with `more` channels; enter it."""
        self.front = Front(
            f"sqlite:///{self.record}",
            self.rasa.port,
            clock=self.clock,
            channels={
                "wechat": wechat.Settings(APP_ID, SECRET, TOKEN, api=self.api.origin, menus=True),
                "wechat_mini": wechat_mini.Settings(APP_ID, SECRET, TOKEN, api=self.api.origin),
                **more,
            },
        )
        return self.front

    async def write(self, text: str, *, name: str = "wechat", user: str = OPENID, **fields: Any) -> None:
        poster = self.posters[name]
        kind, more = ("event", fields) if fields else ("text", {"Content": text})
        query, body = poster.request(self.clock(), poster.message(self.clock(), kind, user, **more))
        path = self.front.url(f"/channels/{name}")
        async with self.front.session.post(path, params=query, data=body) as got:
            assert got.status == 200, await got.text()

    def got(self, user: str = OPENID) -> list[str]:
        """The messages that a shopper has got, each in words."""
        return [
            sent["text"]["content"] if sent["msgtype"] == "text" else sent["msgmenu"]["head_content"]
            for sent in self.api.sent
            if sent["touser"] == user
        ]

    def link(self, *columns: str) -> tuple[Any, ...]:
        """The newest link's row; empty while there is none."""
        query = f"SELECT {', '.join(columns)} FROM channel_links ORDER BY id DESC LIMIT 1"
        return tuple(next(iter(rows(self.record, query)), ()))
