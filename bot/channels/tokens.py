"""Shoppers' tokens: JWT signed by the shop's backend, which knows who is logged in.

A token is HS256 under one of the configured keys, named by ``kid``; several keys may hold at a time, so
that keys can be rotated. Claims: ``iss``, ``aud``, ``sub`` (customer id), ``exp`` at most an hour ahead,
``iat`` optional.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt

ALGORITHM = "HS256"
LONGEST_LIFE = timedelta(hours=1)
LEEWAY = timedelta(seconds=10)
_LONGEST_TOKEN = 4096
_SHORTEST_KEY = 32

_SUBJECT = re.compile(r"[\x21-\x7e]{1,128}")


class TokenError(Exception):
    """A token that proves nothing.

    Attributes:
        code: ``token_malformed``, ``token_expired`` ...
        message: for the integrator, without the token's content.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep code and message."""
        super().__init__(message)
        self.code = code
        self.message = message


def parse_keys(text: str) -> dict[str, str]:
    """Read ``kid=secret[,kid=secret...]``; the first key signs.

    Raises:
        ValueError: malformed, a repeated kid, or a secret of under 32 characters.
    """
    keys: dict[str, str] = {}
    for part in text.split(","):
        kid, separator, secret = part.strip().partition("=")
        if not separator or not kid or kid in keys:
            raise ValueError("token keys are written kid=secret, separated by commas, each kid once")
        if len(secret) < _SHORTEST_KEY:
            raise ValueError(f"the token key {kid!r} is shorter than {_SHORTEST_KEY} characters")
        keys[kid] = secret
    return keys


class Tokens:
    """Signs and verifies shoppers' tokens.

    Args:
        keys: kid -> secret; the first signs, all verify.
        issuer: ``iss`` of a valid token.
        audience: ``aud`` of a valid token.
        clock: returns the present as an aware datetime.
    """

    def __init__(
        self, keys: Mapping[str, str], issuer: str, audience: str, clock: Callable[[], datetime]
    ) -> None:
        self._keys = dict(keys)
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    def sign(self, customer_id: str, life: timedelta = LONGEST_LIFE) -> tuple[str, datetime]:
        """Return a token for a customer and when it expires."""
        now = self._clock()
        expires = now + min(life, LONGEST_LIFE)
        kid = next(iter(self._keys))
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": customer_id,
            "iat": int(now.timestamp()),
            "exp": int(expires.timestamp()),
        }
        return jwt.encode(claims, self._keys[kid], algorithm=ALGORITHM, headers={"kid": kid}), expires

    def verify(self, token: str) -> str:
        """Return the customer whom a token proves.

        Raises:
            TokenError: the token proves nobody; its code says why.
        """
        claims = self._claims(token)
        now = self._clock().timestamp()
        leeway, longest = LEEWAY.total_seconds(), LONGEST_LIFE.total_seconds()
        expires = _moment(claims, "exp")
        if expires is None or expires <= now - leeway:
            raise TokenError("token_expired", "The token has expired.")
        issued = _moment(claims, "iat") if "iat" in claims else now
        if issued is None or issued > now + leeway:
            raise TokenError("token_not_yet_valid", "The token was issued in the future.")
        if expires - now > longest + leeway or expires - issued > longest + leeway:
            raise TokenError("token_too_long", "A token may hold for an hour at most.")
        begins = _moment(claims, "nbf") if "nbf" in claims else now
        if begins is None or begins > now + leeway:
            raise TokenError("token_not_yet_valid", "The token does not hold yet.")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
            raise TokenError("token_subject", "The token names no customer (sub).")
        return subject

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > _LONGEST_TOKEN:
            raise TokenError("token_malformed", "The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError, RecursionError) as exc:
            raise TokenError("token_malformed", "This is no JSON Web Token.") from exc
        if header.get("alg") != ALGORITHM:
            raise TokenError("token_algorithm", f"Tokens are signed with {ALGORITHM}.")
        kid = header.get("kid")
        key = self._keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise TokenError("token_key", "The token names no key that is known here (kid).")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=self._issuer,
                audience=self._audience,
                options={
                    "require": ["iss", "aud", "sub", "exp"],
                    # Times are judged by the injected clock.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidSignatureError as exc:
            raise TokenError("token_signature", "The token's signature is wrong.") from exc
        except jwt.InvalidAudienceError as exc:
            raise TokenError("token_audience", "The token is meant for somebody else (aud).") from exc
        except jwt.InvalidIssuerError as exc:
            raise TokenError("token_issuer", "The token comes from somebody else (iss).") from exc
        except jwt.MissingRequiredClaimError as exc:
            raise TokenError("token_claim", f"The token lacks the claim {exc.claim}.") from exc
        except (jwt.InvalidTokenError, ValueError, RecursionError) as exc:
            raise TokenError("token_malformed", "The token cannot be read.") from exc
        return claims


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e12 < value < 1e12:
        return None
    return float(value)
