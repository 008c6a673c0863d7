"""A circuit breaker: a shop that fails again and again is left in peace for a while, then asked once.

Closed, calls pass. After `threshold` failures in a row it is open: calls are refused at once, so that no
shopper waits for a dead backend and the backend can come back. The row must have lasted: many calls at a time
fail together where a connection breaks for a moment, and repeats get over that by themselves. After `rest_s`
one call passes (half-open): if it succeeds the breaker closes, if it fails the rest doubles, up to
`longest_rest_s`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from enum import Enum

from actions.shop.errors import ShopCircuitOpenError
from persona.telemetry import metrics

logger = logging.getLogger(__name__)


class BreakerState(str, Enum):
    """What a breaker does with the next call."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """The breaker of one backend. Everything that was let in must say how it ended.

    Args:
        name: what stands in logs, the backend's address without secrets.
        threshold: failures in a row that open it.
        lasting_s: seconds that the row must have lasted to open it.
        rest_s: seconds until it lets one call try.
        longest_rest_s: most that this grows to.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        threshold: int = 5,
        lasting_s: float = 0.5,
        rest_s: float = 5.0,
        longest_rest_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._threshold = threshold
        self._lasting = lasting_s
        self._first_rest = rest_s
        self._longest = longest_rest_s
        self._clock = clock
        self._failures = 0
        self._failing_since = 0.0
        self._opened_at: float | None = None
        self._rest = rest_s
        self._trying = False

    @property
    def state(self) -> BreakerState:
        """What the next call meets; a trial under way keeps others out."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        if not self._trying and self._clock() - self._opened_at >= self._rest:
            return BreakerState.HALF_OPEN
        return BreakerState.OPEN

    def enter(self) -> None:
        """Let a call in.

        Raises:
            ShopCircuitOpenError: it is open.
        """
        state = self.state
        if state is BreakerState.OPEN:
            raise ShopCircuitOpenError("the shop failed several times in a row and is left in peace")
        self._trying = state is BreakerState.HALF_OPEN
        if self._trying:
            metrics.breaker(BreakerState.HALF_OPEN.value)

    def succeeded(self) -> None:
        """Note that the backend answered, whatever it said."""
        if self._opened_at is not None:
            logger.warning("the shop at %s answers again", self._name)
            metrics.breaker(BreakerState.CLOSED.value)
        self._failures, self._opened_at, self._trying = 0, None, False
        self._rest = self._first_rest

    def failed(self) -> None:
        """Note that the backend was not there."""
        if not self._failures:
            self._failing_since = self._clock()
        self._failures += 1
        if self._opened_at is not None:
            if self._trying:
                self._rest = min(self._rest * 2, self._longest)
                self._opened_at, self._trying = self._clock(), False
                metrics.breaker(BreakerState.OPEN.value)
        elif self._failures >= self._threshold and self._clock() - self._failing_since >= self._lasting:
            self._opened_at = self._clock()
            metrics.breaker(BreakerState.OPEN.value)
            logger.error(
                "the shop at %s failed %d times in a row: not asked for %.0f s",
                self._name,
                self._failures,
                self._rest,
            )

    def left(self) -> None:
        """Note that a call was given up before it could tell anything."""
        self._trying = False
