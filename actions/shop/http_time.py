"""The shop's time, from its own clock: asked now and then, counted on in between.

Deadlines are judged by it, so a wrong clock of this machine tells no shopper a wrong one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from actions.shop.errors import ShopUnavailableError

logger = logging.getLogger(__name__)

_KEEP_S = 300.0
#: After a failure, or an answer that took long and is therefore uncertain, it is asked again so soon.
_SOON_S = 30.0
_LONG_S = 1.0


@dataclass(frozen=True)
class _Measured:
    moment: datetime
    at: float  # monotonic
    until: float


class ShopTime:
    """Counts on from the shop's last answer, with the monotonic clock.

    Args:
        ask: asks the shop for its time.
        clock: monotonic seconds.
    """

    def __init__(self, ask: Callable[[], Awaitable[datetime]], clock: Callable[[], float]) -> None:
        self._ask = ask
        self._clock = clock
        self._measured: _Measured | None = None
        self._lock = asyncio.Lock()

    async def now(self) -> datetime:
        """Return the shop's time.

        Raises:
            ShopUnavailableError: it was never told, and is not told now.
        """
        if self._stale():
            async with self._lock:
                if self._stale():
                    await self._renew()
        measured = self._measured
        assert measured is not None  # noqa: S101 (else _renew has raised)
        return measured.moment + timedelta(seconds=self._clock() - measured.at)

    async def measure(self) -> None:
        """Ask the shop now, whatever it said before.

        Raises:
            ShopUnavailableError: it is not told.
        """
        began = self._clock()
        moment = await self._ask()
        ended = self._clock()
        keep = _KEEP_S if ended - began < _LONG_S else _SOON_S
        # it was read about half-way of the round trip
        self._measured = _Measured(moment, (began + ended) / 2, ended + keep)

    def _stale(self) -> bool:
        return self._measured is None or self._clock() >= self._measured.until

    async def _renew(self) -> None:
        try:
            await self.measure()
        except ShopUnavailableError:
            old = self._measured
            if old is None:
                raise
            logger.warning("the shop does not tell its time: its last answer counts on")
            self._measured = _Measured(old.moment, old.at, self._clock() + _SOON_S)
