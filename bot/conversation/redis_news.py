"""News between fronts: what one has written wakes who watches at the others, at once.

A message is the sender's name and ids of conversations, never words. It may be lost: every front also looks
into the record each second (:meth:`bot.conversation.service.Conversations.start`), so that loses a second.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from redis.exceptions import RedisError

from bot.conversation.hub import Hub
from bot.conversation.redis_link import RedisLink, close
from bot.conversation.waiting import happened

logger = logging.getLogger(__name__)

#: Each front says something at least so often, so that silence means a broken connection.
_BEAT_S = 5.0
_SILENCE_S = 2.5 * _BEAT_S
_LISTEN_AGAIN_S = 1.0
_MOST_IDS = 100  # of one message
_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


class RedisNews:
    """Carries a hub's news to the other fronts, and theirs to this hub.

    Args:
        link: the connection.
        hub: this front's.
        beat_s: seconds between two signs of life.
    """

    def __init__(self, link: RedisLink, hub: Hub, *, beat_s: float = _BEAT_S) -> None:
        self._link = link
        self._hub = hub
        self._beat_s = beat_s
        self._name = secrets.token_hex(8)
        self._channel = f"{link.prefix}news"
        self._untold: dict[str, None] = {}  # ids in order, each once
        self._noted = asyncio.Event()
        #: Set while this front hears the others.
        self.listening = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell and listen for as long as the block runs."""
        tasks = [asyncio.create_task(self._tell_forever()), asyncio.create_task(self._listen_forever())]
        self._hub.outward = self._note
        try:
            yield
        finally:
            self._hub.outward = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _note(self, conversation_id: str) -> None:
        self._untold[conversation_id] = None
        self._noted.set()

    async def _tell_forever(self) -> None:
        """Tell what has gathered while the last message was under way, in one message."""
        while True:
            await happened(self._noted, self._beat_s)
            self._noted.clear()
            ids, self._untold = list(self._untold), {}
            for start in range(0, max(len(ids), 1), _MOST_IDS):
                message = " ".join([self._name, *ids[start : start + _MOST_IDS]])
                await self._link.run(lambda client, told=message: client.publish(self._channel, told))  # type: ignore[misc]

    async def _listen_forever(self) -> None:
        while True:
            client = self._link.listener(_SILENCE_S)
            subscription = client.pubsub(ignore_subscribe_messages=True)
            try:
                await subscription.subscribe(self._channel)
                self.listening.set()
                await self._listen(subscription)
            except (RedisError, OSError) as exc:
                # The link says once that Redis is away; this front goes on looking into the record.
                logger.debug("the news of other fronts do not arrive: %s", exc)
            finally:
                self.listening.clear()
                with suppress(RedisError, OSError):
                    await subscription.close()
                await close(client)
            await asyncio.sleep(_LISTEN_AGAIN_S)

    async def _listen(self, subscription: Any) -> None:
        """Wake watchers until the connection breaks or nothing is heard any more, our own beat included."""
        loop = asyncio.get_running_loop()
        heard_at = loop.time()
        while loop.time() - heard_at < 2.5 * self._beat_s:
            message = await subscription.get_message(timeout=self._beat_s)
            if message is None:
                continue
            heard_at = loop.time()
            sender, *ids = str(message["data"]).split(" ")
            if sender != self._name:
                for conversation_id in filter(_ID.fullmatch, ids[:_MOST_IDS]):
                    self._hub.wake(conversation_id)
