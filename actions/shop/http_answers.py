"""What an HTTP answer of the shop means: content, or one of the errors that callers know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from actions.shop.errors import (
    KeyReusedError,
    NotFoundError,
    NotOfferedError,
    RuleError,
    ShopGarbledError,
    ShopRefusedError,
    ShopUnavailableError,
)
from actions.shop.http_wire import loads

#: Statuses after which the same read may succeed.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Of these, a write has surely not been done.
NOT_DONE = frozenset({408, 425, 429, 503})

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True)
class Answer:
    """A whole answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class AwayError(Exception):
    """The shop was not there for one attempt.

    Attributes:
        error: what the caller is told where nobody tries again.
        sent: the request may have reached the shop.
        cut: the connection failed before the whole answer was here.
        retry_after_s: how long the shop asks to wait, or None.
        again: another attempt may help.
    """

    def __init__(
        self,
        error: ShopUnavailableError,
        *,
        sent: bool = True,
        cut: bool = False,
        retry_after_s: float | None = None,
        again: bool = True,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.sent = sent
        self.cut = cut
        self.retry_after_s = retry_after_s
        self.again = again


def content(answer: Answer) -> Any:
    """Return the JSON of a good answer.

    Raises:
        AwayError: the shop, or what stands before it, does not work.
        ShopError: what the shop says instead.
    """
    status = answer.status
    if status in (200, 201):
        return _json(answer)
    if status in (401, 403):
        raise ShopRefusedError(f"the shop refused our credentials with {status}")
    if status == 404:
        _not_found(answer)
    if status in (409, 422):
        _ruled_out(answer)
    if status == 501:
        raise NotOfferedError("this backend does not do this")
    if status in PASSING:
        raise AwayError(
            ShopUnavailableError(f"the shop answered {status}"),
            sent=status not in NOT_DONE,
            retry_after_s=retry_after(answer.headers),
        )
    if 300 <= status < 400:
        raise _garbage(f"the shop sent us elsewhere ({status}); redirects are not followed")
    if 400 <= status < 500:
        raise ShopUnavailableError(f"the shop does not understand our request: it answered {status}")
    raise _garbage(f"the shop answered {status}, which the contract does not know")


def _garbage(message: str) -> AwayError:
    return AwayError(ShopGarbledError(message), again=False)


def _json(answer: Answer) -> Any:
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise _garbage("the answer is no application/json")
    try:
        return loads(answer.body)
    except ShopGarbledError as exc:
        raise AwayError(exc, again=False) from None


def _error(answer: Answer) -> dict[str, Any]:
    """Return ``error`` of the body; empty where something else answered than the backend."""
    found = _json(answer)
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}


def _not_found(answer: Answer) -> None:
    if _error(answer).get("code") == "not_found":
        raise NotFoundError("the shop knows no such thing of this customer")
    # else nobody could tell a wrong base address from an order that does not exist
    raise _garbage('404 without {"error": {"code": "not_found"}}: is the base address right?')


def _ruled_out(answer: Answer) -> None:
    error = _error(answer)
    if error.get("code") == "key_reused":
        raise KeyReusedError("the shop knows this key for a different write")
    rule = error.get("rule")
    if isinstance(rule, str) and _CODE.fullmatch(rule):
        raise RuleError(rule)
    raise ShopGarbledError(f"{answer.status} names no rule", "error.rule")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``; a date counts from the answer's own ``Date``."""
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return min(float(text), _LONGEST_WAIT_S)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return min(max(wait.total_seconds(), 0.0), _LONGEST_WAIT_S)
