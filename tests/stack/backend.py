"""A shop's backend beside the stack: the reference over a demo shop of its own, in a thread of the test.

with Backend(folder / "reference.db") as backend, Stack(folder / "data", **backend.settings) as stack:
    backend.fault("slow=1.5")         # see actions.shop.reference.faults
    backend.die()                     # nobody listens on its port any more
    backend.live()                    # the same shop, on the same port
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections import Counter
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from actions.shop.http_operations import API_KEY_HEADER, KEY_HEADER
from actions.shop.reference.guard import Guard
from actions.shop.reference.serve import prepare
from actions.shop.reference.server import Handler, Reference, make_app
from actions.shop.sql import SqlShop
from tests.support.ports import free_ports
from tests.support.shop import VAULT

KEY = "backend-key-of-the-stack-3f9c1b77"  # its own: what tests look for in logs must stand nowhere else
_WITHIN_S = 20.0
T = TypeVar("T")


@dataclass(frozen=True)
class Heard:
    """One request that came in, as far as tests ask about it."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def trace_id(self) -> str:
        """The trace id of its ``traceparent``, "" without one."""
        parts = self.headers.get("traceparent", "").split("-")
        return parts[1] if len(parts) == 4 else ""

    @property
    def key(self) -> str:
        """Its idempotency key, "" for reads."""
        return self.headers.get(KEY_HEADER, "")


class Backend:
    """The reference backend on a port that stays the same, and all that it hears.

    Args:
        database: where its SQLite shop lies; made and filled here.
    """

    def __init__(self, database: Path) -> None:
        self.database = database
        self.port = free_ports(1)[0]
        self.heard: list[Heard] = []
        self._url = f"sqlite:///{database}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._guard = Guard(keys=(KEY,))
        self._reference: Reference | None = None
        self._runner: web.AppRunner | None = None

    @property
    def settings(self) -> dict[str, object]:
        """What a stack is told of it."""
        return {"shop_kind": "http", "shop_url": f"http://127.0.0.1:{self.port}", "shop_key": KEY}

    def __enter__(self) -> Backend:
        """Fill the shop and serve."""
        prepare(self._url, VAULT)
        self._thread.start()
        self.live()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop for good."""
        self.die()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WITHIN_S)
        self._loop.close()

    def live(self) -> None:
        """Serve, if it does not already."""
        if self._runner is None:
            self._do(self._start())

    def die(self) -> None:
        """Close the port and every connection."""
        if self._runner is not None:
            self._do(self._end())

    def fault(self, text: str) -> None:
        """Switch what goes wrong; "" ends it."""
        assert self._reference is not None
        self._reference.faults.switch(text)

    @property
    def calls(self) -> Counter[str]:
        """How often each operation was done with the shop since it lives."""
        assert self._reference is not None
        return Counter(self._reference.calls)

    def count(self, query: str, *values: object) -> int:
        """Return the single number that a query to its database gives."""
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            return int(db.execute(query, values).fetchone()[0])

    async def _start(self) -> None:
        shop = SqlShop(self._url, VAULT)
        self._reference = Reference(shop, self._guard)
        app = make_app(self._reference)
        app.middlewares.insert(0, self._listen())

        async def close(_app: object) -> None:
            await shop.close()

        app.on_cleanup.append(close)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def _end(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()
        self._runner = None

    def _listen(self) -> Any:
        @web.middleware
        async def listen(request: web.Request, handler: Handler) -> web.StreamResponse:
            headers = {name: value for name, value in request.headers.items() if name != API_KEY_HEADER}
            self.heard.append(Heard(request.method, request.path, headers))
            return await handler(request)

        return listen

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WITHIN_S)
