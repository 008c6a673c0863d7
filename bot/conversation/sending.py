"""Why a platform did not take what was sent to it, and what is done about it."""

from __future__ import annotations

from enum import Enum


class SendKind(str, Enum):
    """Kinds of failure; see "Messaging channels" of docs/architecture.md."""

    TOKEN = "token"  # noqa: S105
    BUSY = "busy"
    AWAY = "away"
    BLOCKED = "blocked"
    CLOSED = "closed"
    REFUSED = "refused"


class SendError(Exception):
    """A part was not taken.

    Attributes:
        kind: what to do about it.
        code: the platform's code, for the log; nothing personal.
        retry_after: seconds to wait, where the platform tells.
        unsure: it may have been taken nevertheless (a timeout after the request was written).
        seen_from: the address that we call from as the platform sees it, where it refuses because of that.
    """

    def __init__(
        self,
        kind: SendKind,
        code: str = "",
        *,
        retry_after: float | None = None,
        unsure: bool = False,
        seen_from: str = "",
    ) -> None:
        super().__init__(f"{kind.value} {code}".strip())
        self.kind = kind
        self.code = code
        self.retry_after = retry_after
        self.unsure = unsure
        self.seen_from = seen_from
