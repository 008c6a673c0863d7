"""Masked names of customers, as lists show them: asked of the shop once, kept for a while."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from actions.shop.errors import ShopError
from persona.privacy.masking import mask_name

logger = logging.getLogger(__name__)

_MOST = 5_000
_KEPT = timedelta(minutes=30)
_AT_ONCE = 8


class Names:
    """Knows how customers are called on pages: 林*.

    A list never waits long for the shop: names that it does not tell in time are there the next time.

    Args:
        shop: the shop's gateway; None knows nobody.
        clock: returns the present.
        patience_s: so long a list waits.
    """

    def __init__(self, shop: Any, clock: Callable[[], datetime], *, patience_s: float = 0.3) -> None:
        self._shop = shop
        self._clock = clock
        self._patience_s = patience_s
        self._known: OrderedDict[str, tuple[str, datetime]] = OrderedDict()
        self._asked: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def of(self, customer_ids: Iterable[str | None]) -> Mapping[str, str]:
        """Return the masked names that are known, by customer; "" where the shop knows no such customer."""
        wanted = {customer_id for customer_id in customer_ids if customer_id}
        now = self._clock()
        for customer_id in wanted:
            known = self._known.get(customer_id)
            if (
                (known is None or known[1] < now)
                and customer_id not in self._asked
                and self._shop is not None
            ):
                task = asyncio.create_task(self._ask(customer_id))
                self._asked[customer_id] = task
        waited = [self._asked[one] for one in wanted if one in self._asked and one not in self._known]
        if waited:
            await asyncio.wait(waited, timeout=self._patience_s)
        return {one: self._known[one][0] for one in wanted if one in self._known}

    async def close(self, _app: web.Application) -> None:
        """Give up what is still asked."""
        for task in tuple(self._asked.values()):
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _ask(self, customer_id: str) -> None:
        try:
            async with self._room:
                name = mask_name((await self._shop.customer(customer_id)).name)
        except ShopError as exc:
            logger.debug("the shop did not tell a name: %r", exc)
            return
        finally:
            self._asked.pop(customer_id, None)
        self._known[customer_id] = (name, self._clock() + _KEPT)
        self._known.move_to_end(customer_id)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)


NAMES = web.AppKey("desk_names", Names)
