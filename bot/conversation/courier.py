"""Brings what the record holds to shoppers on messaging channels: in order for each, several at once.

Whose turn it is; :mod:`bot.conversation.courier_delivery` has what is done for each. Any front may, under a
lease.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.engine import Row

from bot.conversation.carrier import Carrier
from bot.conversation.courier_delivery import FIRST_PAUSE, Delivery
from bot.conversation.courier_links import CourierLinks
from bot.conversation.database import Database
from bot.conversation.waiting import happened
from persona.privacy.vault import Vault

logger = logging.getLogger(__name__)

#: Seconds that a part which is being sent may take when the front ends.
GRACE_S = 5.0
#: Conversations with news that are kept, at a look at everything, while there is no room for them: those of a
#: platform that hangs would grow for ever. The next look finds them.
_MOST_KEPT = 500


class Courier:
    """Delivers.

    Args:
        database: the record.
        vault: opens what is sealed.
        clock: returns the present as an aware datetime.
        holder: this process's name as the holder of leases.
        carriers: channel -> how it is spoken to.
        at_once: shoppers at the same time.
        sweep_s: seconds between two looks at everything; news of this front, and what Redis brings, are
            looked at when they come.
        pause: before a second try; each further one is twice as long.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Callable[[], datetime],
        holder: str,
        carriers: Mapping[str, Carrier],
        *,
        at_once: int = 16,
        sweep_s: float = 1.0,
        pause: timedelta = FIRST_PAUSE,
    ) -> None:
        self._links = CourierLinks(database, vault, clock, holder, carriers)
        self._delivery = Delivery(self._links, vault, clock, carriers, pause=pause)
        self._at_once = at_once
        self._sweep_s = sweep_s
        self._news: set[str] = set()
        self._woken = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._channels: dict[int, str] = {}
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; what a former process left undelivered comes first."""
        self._loop = asyncio.create_task(self._run(), name="courier")

    def tell(self, conversation_id: str) -> None:
        """Hear that a conversation has news."""
        if self._loop is not None:
            self._news.add(conversation_id)
            self._woken.set()

    async def close(self, grace_s: float = GRACE_S) -> None:
        """Begin no further part, let those that are being sent end and be noted, and let go of the rest."""
        if self._loop is None:
            return
        self._delivery.stop()
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)
        tasks = list(self._running.values())
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop = None
        try:
            await self._links.release()
        except Exception:
            logger.exception("the courier's leases could not be released; they lapse by themselves")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        sweep_at = 0.0
        while True:
            self._woken.clear()
            news, self._news = self._news, set()
            everything = loop.time() >= sweep_at
            room, found = self._at_once - len(self._running), None
            try:
                if room > 0:
                    found = await self._links.claim(room, None if everything else news, self._channels)
            except Exception:
                logger.exception("the courier could not ask the record")
            if found is None:  # again as soon as there is room
                self._news |= news
                await happened(self._woken, self._sweep_s)
                continue
            for row in found.taken:
                task = asyncio.create_task(self._delivery.run(row))
                self._running[row.id], self._channels[row.id] = task, row.channel
                task.add_done_callback(partial(self._ended, row))
            if everything:
                sweep_at = loop.time() + self._sweep_s
            # What had no room is looked for by its conversation when there is some, everything but seldom.
            self._news |= found.left
            if found.full and not (everything and len(news) > _MOST_KEPT):
                self._news |= news
            await happened(self._woken, max(0.05, min(self._sweep_s, sweep_at - loop.time())))

    def _ended(self, row: Row, _task: asyncio.Task[None]) -> None:
        self._running.pop(row.id, None)
        self._channels.pop(row.id, None)
        self._news.add(row.conversation_id)  # what came in the moment between its last look and this
        self._woken.set()
