"""Signs shoppers' tokens as a shop would: for the demo, for `zhixin chat` and for tests."""

from __future__ import annotations

import time

import jwt

from bot.app.settings import Settings

#: Longest life of a token; the front refuses longer ones.
MAX_MINUTES = 60


def sign(settings: Settings, customer_id: str, minutes: int = MAX_MINUTES) -> str:
    """Return a token that proves `customer_id`, signed with the current (first) token key.

    Raises:
        ValueError: `minutes` is not between 1 and 60.
    """
    if not 1 <= minutes <= MAX_MINUTES:
        raise ValueError(f"a token lives 1 to {MAX_MINUTES} minutes")
    kid, _, key = settings.token_keys.split(",")[0].strip().partition("=")
    now = int(time.time())
    claims = {
        "iss": settings.token_issuer,
        "aud": settings.token_audience,
        "sub": customer_id,
        "iat": now,
        "exp": now + minutes * 60,
    }
    return jwt.encode(claims, key, algorithm="HS256", headers={"kid": kid})
