"""Tokens: what proves a customer, and everything that must not."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest

from bot.channels.tokens import TokenError, Tokens, parse_keys
from bot.conversation.schema import SHANGHAI
from tests.bot.conversation.harness import Front

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=SHANGHAI)
KEYS = parse_keys("new=" + "n" * 40 + ",old=" + "o" * 40)
TOKENS = Tokens(KEYS, "zhixin", "zhixin-shoppers", lambda: NOW)


def make(kid: str | None = "new", key: str = "n" * 40, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {
        "iss": "zhixin",
        "aud": "zhixin-shoppers",
        "sub": "u1001",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3600,
        **changes,
    }
    headers = {} if kid is None else {"kid": kid}
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers=headers)


def part(data: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


def seconds(offset: float) -> int:
    return int((NOW + timedelta(seconds=offset)).timestamp())


@pytest.mark.parametrize(
    "token",
    [
        make(),
        make(kid="old", key="o" * 40),  # rotation: the former key still verifies
        make(iat=None),
        make(aud=["zhixin-shoppers", "shop"]),
        make(exp=seconds(60)),
        make(nbf=seconds(-5)),
        make(iat=seconds(5)),  # a clock that is a little ahead
    ],
)
def test_tokens_that_prove_a_customer(token: str) -> None:
    assert TOKENS.verify(token) == "u1001"


UNSIGNED = f"{part({'alg': 'none', 'typ': 'JWT', 'kid': 'new'})}.{make().split('.')[1]}."
CASES: dict[str, tuple[str, str]] = {
    "expired": (make(iat=seconds(-7200), exp=seconds(-3600)), "token_expired"),
    "just expired": (make(exp=seconds(-11)), "token_expired"),
    "no exp": (make(exp=None), "token_claim"),
    "exp is no number": (make(exp=None) if False else make(nbf="soon"), "token_not_yet_valid"),
    "longer than an hour from now": (make(iat=None, exp=seconds(3700)), "token_too_long"),
    "longer than an hour from its issue": (make(iat=seconds(-1800), exp=seconds(2000)), "token_too_long"),
    "issued in the future": (make(iat=seconds(60)), "token_not_yet_valid"),
    "not yet valid": (make(nbf=seconds(60)), "token_not_yet_valid"),
    "wrong audience": (make(aud="somebody"), "token_audience"),
    "no audience": (make(aud=None), "token_claim"),
    "wrong issuer": (make(iss="somebody"), "token_issuer"),
    "no issuer": (make(iss=None), "token_claim"),
    "no subject": (make(sub=None), "token_claim"),
    "empty subject": (make(sub=""), "token_subject"),
    "subject with spaces": (make(sub="u 1"), "token_subject"),
    "subject too long": (make(sub="u" * 200), "token_subject"),
    "unknown kid": (make(kid="other"), "token_key"),
    "no kid": (make(kid=None), "token_key"),
    "another key under a known kid": (make(key="x" * 40), "token_signature"),
    "the old key under the new kid": (make(key="o" * 40), "token_signature"),
    "alg none": (UNSIGNED, "token_algorithm"),
    "alg HS512": (make(key="n" * 80, algorithm="HS512"), "token_algorithm"),
    "signature cut off": (make().rpartition(".")[0] + ".", "token_signature"),
    "payload exchanged": (
        ".".join((make().split(".")[0], make(sub="u1002").split(".")[1], make().split(".")[2])),
        "token_signature",
    ),
    "no token at all": ("hello", "token_malformed"),
    "empty parts": ("..", "token_malformed"),
    "header is no object": (f"{part([])}.{part({})}.x", "token_malformed"),
    "kid is no text": (f"{part({'alg': 'HS256', 'kid': 5})}.{part({})}.x", "token_malformed"),
    "endless": ("a" * 5000, "token_malformed"),
    "exp without end": (make(exp=10**30), "token_expired"),
}


@pytest.mark.parametrize(("token", "code"), CASES.values(), ids=CASES.keys())
def test_tokens_that_prove_nobody(token: str, code: str) -> None:
    with pytest.raises(TokenError) as raised:
        TOKENS.verify(token)
    assert raised.value.code == code


def test_signed_tokens_verify_and_end() -> None:
    token, expires = TOKENS.sign("u1001", timedelta(hours=5))
    assert expires == NOW + timedelta(hours=1)
    assert TOKENS.verify(token) == "u1001"
    assert jwt.get_unverified_header(token)["kid"] == "new"
    later = Tokens(KEYS, "zhixin", "zhixin-shoppers", lambda: NOW + timedelta(hours=1, seconds=11))
    with pytest.raises(TokenError, match="expired"):
        later.verify(token)


@pytest.mark.parametrize("text", ["", "a", "a=short", "=" + "x" * 40, "a=" + "x" * 40 + ",a=" + "y" * 40])
def test_malformed_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        parse_keys(text)


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic dTpw",
        "Bearer hello",
        f"Bearer {UNSIGNED}",
        f"Bearer {make(iat=1_600_000_000, exp=1_600_003_600)}",  # the front's clock is the real one
    ],
)
async def test_a_token_that_proves_nobody_is_a_clear_401_and_opens_nothing(front: Front, header: str) -> None:
    got = await front.request("POST", "/api/v1/conversations", headers={"Authorization": header})
    assert got.status == 401
    assert got.json["error"]["code"].startswith("token_") and got.json["error"]["message"]
    assert got.headers["WWW-Authenticate"].startswith("Bearer")
