"""What DingTalk's refusals mean for a part: of a session, of its API, of the older one for files."""

from __future__ import annotations

from bot.channels.base import SendError, SendKind
from bot.channels.platform_calls import Said

_TOO_FAST = frozenset({"130101", "410100", "90018", "-1"})
#: The session's address is not, or no longer, known.
_OVER = frozenset({"300001", "300005"})
_TOKEN = frozenset({"40014", "42001"})
#: Of files: the reason is the code inside, mostly too many calls (90018); a permission that is missing.
_INSIDE, _NOT_PERMITTED = "88", "60011"


def of_session(got: Said) -> SendError | None:
    """Return why a session's address did not take a message; None where it did."""
    code = _code(got, "errcode")
    if code == "0":
        return None
    if got.status == 429 or code in _TOO_FAST:
        return SendError(SendKind.BUSY, code, retry_after=got.retry_after)
    return SendError(SendKind.CLOSED if code in _OVER else SendKind.REFUSED, code)


def of_upload(got: Said) -> SendError:
    """Return why a file was not taken."""
    code, inside = _code(got, "errcode"), str(got.body.get("sub_code", ""))
    if code in _TOKEN or inside in _TOKEN:
        return SendError(SendKind.TOKEN, code)
    if inside == _NOT_PERMITTED:
        return SendError(SendKind.AWAY, code)
    if got.status == 429 or code in _TOO_FAST or code == _INSIDE:
        return SendError(SendKind.BUSY, code, retry_after=got.retry_after)
    return SendError(SendKind.REFUSED, code)


def of_api(got: Said) -> SendError:
    """Return why the API did not do what it was asked for."""
    code = _code(got, "code")
    if got.status == 401 or "InvalidAuthentication" in code:
        return SendError(SendKind.TOKEN, code)
    if got.status == 429 or "Throttling" in code or "Qps" in code:
        return SendError(SendKind.BUSY, code, retry_after=got.retry_after)
    if got.status == 403:  # a permission or an address that is not allowed: mended, it goes on
        return SendError(SendKind.AWAY, code)
    kind = SendKind.BLOCKED if code.startswith("staffId.") else SendKind.REFUSED
    return SendError(kind, code)


def _code(got: Said, name: str) -> str:
    return str(got.body.get(name, f"http_{got.status}"))
