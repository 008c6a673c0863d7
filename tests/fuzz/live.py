"""A real front beside the tests, on a loop in a thread of its own, for tools that speak HTTP themselves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tests.bot.conversation.harness import QUICK, Front, Shopper, token
from tests.bot.conversation.rasa_stub import RasaStub, answer

T = TypeVar("T")

#: One of each kind of reply, so that every schema of the answers is met.
REPLIES = [
    {"text": "您好"},
    {"text": "要看哪一个？", "buttons": [{"title": "查物流", "payload": '/track_shipment{"n": "1"}'}]},
    {"custom": {"type": "directive", "directive": "closed"}},
]


class LiveFront:
    """A front with the stand-in for Rasa; `conversation` is one that is open, for calls that need one."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="live-front", daemon=True)
        self._folder = folder
        self._rasa = RasaStub()
        self._rasa.script = lambda turn: answer(turn, REPLIES)
        self.front: Front
        self.conversation: Shopper

    def __enter__(self) -> LiveFront:
        self._thread.start()
        self.run(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        return self.front.url("")

    @property
    def credentials(self) -> dict[str, str]:
        """The headers that open the conversation, and the token of a customer."""
        return {**self.conversation.headers, "Authorization": f"Bearer {token('u1001')}"}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the front's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _begin(self) -> None:
        await self._rasa.start()
        patience = replace(QUICK, looking=20.0, apology=30.0)
        url = f"sqlite:///{self._folder / 'record.db'}"
        self.front = await Front(url, self._rasa.port, patience=patience).__aenter__()
        self.conversation = await self.front.open()

    async def _end(self) -> None:
        await self.front.__aexit__()
        await self._rasa.stop()
