"""A front with the demo shop behind it, a shop that tells it things, and an independent signature."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from actions.shop.errors import ShopUnavailableError
from bot.app.events import ShopEvents
from bot.conversation.events_schema import shop_events, shop_notices
from tests.bot.conversation.harness import Answer, Front, Shopper
from tests.support.shop import Clock, demo_shop

SECRET = "e" * 40
KEYS = f"new={SECRET},old={'f' * 40}"

#: Of the demo shop: parcels on time, one that is late already, an order not sent yet.
ON_TIME = ("u1006", "202611186526")
LATE = ("u1002", "202611140584")
UNSENT = ("u1003", "202611170246")


def signature(timestamp: int, body: bytes, secret: str = SECRET) -> str:
    """What the shop's own program computes, by the words of the page and without our code."""
    return (
        "v1=" + hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256).hexdigest()
    )


class MovedShop:
    """The demo shop, away when told so; counts what it is asked."""

    def __init__(self, shop: Any) -> None:
        self._shop = shop
        self.away = False
        self.asked: list[str] = []
        self.before: Callable[[str], Awaitable[None]] | None = None

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._shop, name)
        if not callable(found):
            return found

        async def ask(*args: Any, **more: Any) -> Any:
            self.asked.append(name)
            if self.before is not None:
                await self.before(name)
            if self.away and name != "close":
                raise ShopUnavailableError("away")
            return await found(*args, **more)

        return ask


class Told:
    """One front, told things by its shop."""

    def __init__(self, front: Front, shop: MovedShop, clock: Clock) -> None:
        self.front = front
        self.shop = shop
        self.clock = clock
        self._numbers = itertools.count(1)

    @property
    def events(self) -> ShopEvents:
        found = self.front.conversations.beside
        assert isinstance(found, ShopEvents)
        return found

    def event(self, kind: str, whose: tuple[str, str] | None = None, **fields: Any) -> dict[str, Any]:
        """An event that happens now; `whose` is customer and order."""
        made: dict[str, Any] = {
            "event_id": f"e-{next(self._numbers)}",
            "kind": kind,
            "at": self.clock().isoformat(),
        }
        if whose is not None:
            made |= {"customer_id": whose[0], "order_number": whose[1]}
        data = fields.pop("data", None)
        return {**made, **fields, **({"data": data} if data is not None else {})}

    async def post(self, body: Any, *, raw: bytes | None = None, **headers: str | None) -> Answer:
        """Send a body signed; headers replace those of the signature, None leaves one out."""
        sent = json.dumps(body, ensure_ascii=False).encode() if raw is None else raw
        timestamp = int(self.clock().timestamp())
        given: dict[str, str | None] = {
            "X-Zhixin-Timestamp": str(timestamp),
            "X-Zhixin-Signature": signature(timestamp, sent),
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        kept = {name: value for name, value in given.items() if value is not None}
        return await self.front.request("POST", "/api/v1/events", data=sent, headers=kept)

    async def tell(self, kind: str, whose: tuple[str, str] | None = None, **fields: Any) -> None:
        """Tell one event and wait until it is settled."""
        got = await self.post(self.event(kind, whose, **fields))
        assert got.status == 202, got.json
        await self.settled()

    async def settled(self) -> None:
        """Wait until no event waits."""

        async def poll() -> None:
            while await self.events.book.oldest_waiting() is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

        await asyncio.wait_for(poll(), 20)

    async def watch(self) -> None:
        """Let a minute pass and look for late parcels."""
        self.clock.forward(seconds=61)
        assert await self.events.watch.look_if_due()

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Look into the record."""
        database = self.front.conversations._store.database
        return await database.read(lambda c: [tuple(row) for row in c.execute(text(query), values)])

    async def count(self, table: Any, **equal: Any) -> int:
        where = [table.c[name] == value for name, value in equal.items()]
        query = select(func.count()).select_from(table).where(*where)
        database = self.front.conversations._store.database
        return int(await database.read(lambda c: c.execute(query).scalar_one()))

    async def events_in(self, state: str) -> int:
        return await self.count(shop_events, state=state)

    async def notices_in(self, state: str) -> int:
        return await self.count(shop_notices, state=state)

    async def notices(self, shopper: Shopper, line: str) -> list[dict[str, Any]]:
        """The notices of a line that a shopper has got."""
        found = await shopper.messages()
        return [m for m in found if m["type"] == "notice" and m["text"].startswith(line)]


def open_told(url: str, rasa_port: int, folder: Path, clock: Clock | None = None, **changes: Any) -> Told:
    """Return a front that is told things; enter its `front`."""
    shop, clock = demo_shop(folder, clock)
    moved = MovedShop(shop)
    front = Front(url, rasa_port, clock=clock, shop=moved, event_keys=KEYS, **changes)
    return Told(front, moved, clock)
