"""Policies are asked for with many messages: what was read a moment ago is not read again.

Five seconds is what a manager may have to wait until every process has heard of a change; the process that
made it hears it at once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from actions.shop.policy_models import Policy

#: Greatest age of what is answered, in seconds.
MAX_AGE_S = 5.0

Clock = Callable[[], float]


class PolicyCache:
    """Remembers policies for a few seconds.

    Args:
        read_all: reads every policy.
        read_one: reads the policy of a topic; what it raises is not remembered.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        read_all: Callable[[], Awaitable[Sequence[Policy]]],
        read_one: Callable[[str], Awaitable[Policy]],
        clock: Clock = time.monotonic,
    ) -> None:
        self._read_all = read_all
        self._read_one = read_one
        self._clock = clock
        self._all: tuple[float, tuple[Policy, ...]] | None = None
        self._one: dict[str, tuple[float, Policy]] = {}
        self._round = 0

    async def policies(self) -> tuple[Policy, ...]:
        """Return every policy."""
        if self._all is not None and self._fresh(self._all[0]):
            return self._all[1]
        began, turn = self._clock(), self._round
        found = tuple(await self._read_all())
        if turn == self._round:  # else a change came in between, which this reading may have missed
            self._all = (began, found)
            self._one = {policy.topic: (began, policy) for policy in found}
        return found

    async def policy(self, topic: str) -> Policy:
        """Return the policy of a topic."""
        known = self._one.get(topic)
        if known is not None and self._fresh(known[0]):
            return known[1]
        began, turn = self._clock(), self._round
        found = await self._read_one(topic)
        if turn == self._round:
            self._one[topic] = (began, found)
        return found

    def forget(self) -> None:
        """Forget everything: something was changed here."""
        self._round += 1
        self._all = None
        self._one = {}

    def _fresh(self, at: float) -> bool:
        return self._clock() - at < MAX_AGE_S
