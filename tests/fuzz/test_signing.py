"""Only the right key over the right body at the right time opens the door for events."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from persona.privacy.signing import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    WINDOW,
    SignatureError,
    check_signature,
    check_time,
    sign,
    signed_headers,
)
from tests.fuzz.pace import MESSY, pace

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=timezone(timedelta(hours=8)))
KEYS = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=50)
BODIES = st.binary(max_size=80)
HEX = "0123456789abcdef"
#: What a header can hold, and what comes near to a signature.
HEADERS = st.one_of(
    st.none(),
    MESSY,
    st.text(HEX, min_size=60, max_size=66).map("v1={}".format),
    st.text("v1=, 0af", max_size=80),
    st.lists(st.text(HEX, min_size=64, max_size=64).map("v1={}".format), max_size=8).map(", ".join),
)
TIMES = st.one_of(
    st.none(), MESSY, st.integers(-(10**14), 10**14).map(str), st.text("0123456789.+-e_ \n٣", max_size=14)
)


def opens(headers: dict[str, str | None], keys: list[str], now: datetime, body: bytes) -> bool:
    """Whether a request is let in; that it is refused is told by a code, and by nothing else."""
    try:
        timestamp = check_time(headers.get(TIMESTAMP_HEADER), now)
        check_signature(keys, timestamp, headers.get(SIGNATURE_HEADER), body)
    except SignatureError as exc:
        assert exc.code.startswith(("timestamp_", "signature_")) and str(exc)
        return False
    return True


@pace(200)
@given(timestamp=TIMES, signature=HEADERS, keys=st.lists(KEYS, max_size=3), body=BODIES)
def test_what_nobody_signed_is_refused(
    timestamp: str | None, signature: str | None, keys: list[str], body: bytes
) -> None:
    assert not opens({TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: signature}, keys, NOW, body)
    now = str(int(NOW.timestamp()))
    assert not opens({TIMESTAMP_HEADER: now, SIGNATURE_HEADER: signature}, keys, NOW, body)


@pace(150)
@given(key=KEYS, others=st.lists(KEYS, max_size=2), body=BODIES, off=st.integers(-900, 900), noise=HEADERS)
def test_the_right_key_opens_within_the_window_and_never_beside_it(
    key: str, others: list[str], body: bytes, off: int, noise: str | None
) -> None:
    sent = NOW + timedelta(seconds=off)
    headers: dict[str, str | None] = dict(signed_headers(key, sent, body))
    within = abs(off) <= WINDOW.total_seconds()
    assert opens(headers, [*others, key], NOW, body) is within
    assert opens(headers, [key, *others], NOW, body) is within
    # A signature of another kind or key beside it does no harm, as while keys are changed.
    beside = {**headers, SIGNATURE_HEADER: f"{headers[SIGNATURE_HEADER]},{noise or ''}"}
    assert opens(beside, [key], NOW, body) is within
    assert opens(headers, [one for one in others if one != key], NOW, body) is False
    wanted = hmac.new(key.encode(), f"{int(sent.timestamp())}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers[SIGNATURE_HEADER] == f"v1={wanted}"


@pace(150)
@given(key=KEYS, other=KEYS, body=BODIES, changed=BODIES, moved=st.integers(-299, 299))
def test_a_signature_is_of_one_body_one_time_and_one_key(
    key: str, other: str, body: bytes, changed: bytes, moved: int
) -> None:
    headers: dict[str, str | None] = dict(signed_headers(key, NOW, body))
    at = int(NOW.timestamp())
    assert opens(headers, [key], NOW, body)
    assert opens(headers, [key], NOW, changed) is (changed == body)
    assert opens({**headers, TIMESTAMP_HEADER: str(at + moved)}, [key], NOW, body) is (moved == 0)
    same = other.encode().rstrip(b"\0") == key.encode().rstrip(b"\0")  # HMAC fills a key up with NUL
    assert opens(headers, [other], NOW, body) is same
    assume(body)
    # What stands before and after the point is not one text.
    assert not opens({**headers, SIGNATURE_HEADER: sign(key, at // 10, body)}, [key], NOW, body)


@pytest.mark.parametrize("left_out", [TIMESTAMP_HEADER, SIGNATURE_HEADER])
@pytest.mark.parametrize("value", [None, "", " "])
def test_both_headers_are_needed(left_out: str, value: str | None) -> None:
    headers: dict[str, str | None] = dict(signed_headers("k" * 40, NOW, b"{}"))
    assert not opens({**headers, left_out: value}, ["k" * 40], NOW, b"{}")
