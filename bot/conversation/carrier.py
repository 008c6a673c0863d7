"""What the courier asks of a channel, and whom it brings something to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol


@dataclass(frozen=True)
class To:
    """Whom a part is for: her id at the platform, what it wants back, when she last wrote."""

    user: str
    account: str
    data: Mapping[str, Any]
    heard_at: datetime


class Carrier(Protocol):
    """One channel.

    Attributes:
        window: how long after her last message she may be written to; None: always.
        in_window: parts that may be sent after each message of hers; 0: any number.
        keyed: it shows what comes again under the same key once.
    """

    window: timedelta | None
    in_window: int
    keyed: bool

    async def parts(self, message: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Return a message, as clients see it, as the parts that are sent; `before`: some that precede it."""

    def together(self, message: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether a message goes on with the answer that was given right before it."""

    def joined(self, first: Any, then: Any) -> Any | None:
        """Return two parts as one; None where they do not fit into one."""

    async def send(self, to: To, part: Any, key: str) -> None:
        """Send one part; raises SendError."""
