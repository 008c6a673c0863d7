"""When people answer, and which published level a customer has: what the hand-over asks of the shop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class ServiceTime:
    """Whether people are there now, and by when somebody answers who asks now (None: not known)."""

    open_now: bool
    answer_by: datetime | None = None


class Duty(Protocol):
    """The part of the shop that the hand-over needs. It must not hinder one where the shop is away."""

    def at(self, now: datetime) -> ServiceTime:
        """Return the service time at a moment, from what is known already."""

    async def refresh(self) -> None:
        """Ask the shop for its hours again; raises where it does not answer."""

    async def level(self, customer_id: str) -> str:
        """Return the code of a customer's published membership level, "" for none.

        Raises whatever the shop raises where it does not answer.
        """


class AroundTheClock:
    """Somebody is always there, and nobody has a level: for shops that say nothing of either."""

    def at(self, now: datetime) -> ServiceTime:
        """Return that the service is open."""
        return ServiceTime(open_now=True)

    async def refresh(self) -> None:
        """Ask nobody."""

    async def level(self, customer_id: str) -> str:
        """Return no level."""
        return ""
