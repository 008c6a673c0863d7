"""The other side of the bench's channel: takes what is delivered, checks who signed it, counts it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from datetime import datetime, timezone

from aiohttp import web

from persona.privacy.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, check_signature, check_time


class Receiver:
    """Takes deliveries at a free port of this machine, in a thread of its own, while it is entered.

    Args:
        key: what deliveries are signed with.

    Attributes:
        taken: how often each delivery came.
        last_at: when the last new one came (:func:`time.perf_counter`).
    """

    def __init__(self, key: str) -> None:
        self._key = key
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="bench-receiver", daemon=True)
        self._runner: web.AppRunner | None = None
        self._port = 0
        self.taken: Counter[str] = Counter()
        self.last_at = 0.0

    @property
    def url(self) -> str:
        """Return where deliveries are taken."""
        return f"http://127.0.0.1:{self._port}/answers"

    def __enter__(self) -> Receiver:
        """Begin to listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        assert self._runner is not None  # noqa: S101  # entered
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_post("/answers", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]

    async def _take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        stamp = check_time(request.headers.get(TIMESTAMP_HEADER), datetime.now(timezone.utc))
        check_signature([self._key], stamp, request.headers.get(SIGNATURE_HEADER), raw)
        delivery = str(json.loads(raw)["delivery_id"])
        if delivery not in self.taken:
            self.last_at = time.perf_counter()
        self.taken[delivery] += 1
        return web.Response(status=204)
