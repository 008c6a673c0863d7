"""Signatures of requests between the shop's systems and ours: HMAC-SHA256 over time and body.

``X-Zhixin-Timestamp`` holds whole seconds since the epoch, ``X-Zhixin-Signature`` one or more ``v1=<hex>``
separated by commas, each of ``"<timestamp>.<raw body>"`` under one key. Both directions are signed alike.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

TIMESTAMP_HEADER = "X-Zhixin-Timestamp"
SIGNATURE_HEADER = "X-Zhixin-Signature"

#: How far the clocks of both sides, and the way between them, may be apart.
WINDOW = timedelta(minutes=5)

_SCHEME = "v1="
_MOST_SIGNATURES = 5
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_HEX = re.compile(r"[0-9a-f]{64}")


class SignatureError(ValueError):
    """A request is not signed as agreed.

    Attributes:
        code: what is wrong, for programs.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def sign(key: str, timestamp: int, body: bytes) -> str:
    """Return the value of the signature header."""
    return _SCHEME + _digest(key, str(timestamp), body)


def signed_headers(key: str, now: datetime, body: bytes) -> dict[str, str]:
    """Return both headers for a body that is sent now."""
    timestamp = int(now.timestamp())
    return {TIMESTAMP_HEADER: str(timestamp), SIGNATURE_HEADER: sign(key, timestamp, body)}


def check_time(timestamp: str | None, now: datetime) -> str:
    """Return the timestamp as it is signed.

    Raises:
        SignatureError: it is missing, malformed, or out of the window.
    """
    if not timestamp:
        raise SignatureError("timestamp_missing", f"The header {TIMESTAMP_HEADER} is needed.")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise SignatureError(
            "timestamp_malformed", f"{TIMESTAMP_HEADER} must be whole seconds since the epoch."
        )
    if abs(now.timestamp() - int(timestamp)) > WINDOW.total_seconds():
        raise SignatureError("timestamp_out_of_window", f"{TIMESTAMP_HEADER} is more than 5 minutes off.")
    return timestamp


def check_signature(keys: Iterable[str], timestamp: str, header: str | None, body: bytes) -> None:
    """Check that one of the keys has signed the body.

    Raises:
        SignatureError: it was not, or the header is missing or malformed.
    """
    if not header:
        raise SignatureError("signature_missing", f"The header {SIGNATURE_HEADER} is needed.")
    given = [part.strip() for part in header.split(",")]
    found = [part.removeprefix(_SCHEME) for part in given if part.startswith(_SCHEME)]
    found = [part for part in found if _HEX.fullmatch(part)][:_MOST_SIGNATURES]
    if not found:
        raise SignatureError("signature_malformed", f"{SIGNATURE_HEADER} must be v1=<64 hex digits>.")
    good = False
    for key in keys:
        wanted = _digest(key, timestamp, body)
        for one in found:  # all of them, so that the time tells nothing
            good |= hmac.compare_digest(wanted, one)
    if not good:
        raise SignatureError("signature_wrong", "No key that is known here has signed this body.")


def _digest(key: str, timestamp: str, body: bytes) -> str:
    return hmac.new(key.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
