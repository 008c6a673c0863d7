"""Who may call the reference backend: whoever knows a key, or holds a token of its token address."""

from __future__ import annotations

import binascii
import hmac
import secrets
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from actions.shop.http_operations import API_KEY_HEADER

_MOST_TOKENS = 1000


@dataclass
class Guard:
    """Checks keys and tokens; gives tokens out.

    Attributes:
        keys: API keys that open.
        clients: secret of each OAuth2 client.
        token_life_s: how long a token lives.
        clock: monotonic seconds.
        tokens_given: how many were given out.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    clients: Mapping[str, str] = field(default_factory=dict, repr=False)
    token_life_s: float = 3600.0
    clock: Callable[[], float] = time.monotonic
    tokens_given: int = 0
    _tokens: dict[str, float] = field(default_factory=dict, repr=False)

    def opens(self, headers: Mapping[str, str]) -> bool:
        """Say whether a request's headers prove who asks."""
        given = headers.get(API_KEY_HEADER, "").encode(errors="replace")
        if any([hmac.compare_digest(given, key.encode()) for key in self.keys]):  # noqa: C419 (all are tried)
            return True
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        until = self._tokens.get(token) if scheme.lower() == "bearer" else None
        return until is not None and self.clock() < until

    def token(self, headers: Mapping[str, str], grant_type: str) -> dict[str, object] | None:
        """Return the answer of the token address (RFC 6749, 4.4.3); None for a client that is not known."""
        scheme, _, pair = headers.get("Authorization", "").partition(" ")
        try:
            name, _, secret = b64decode(pair, validate=True).decode().partition(":")
        except (ValueError, binascii.Error):
            return None
        expected = self.clients.get(unquote_plus(name))
        known = hmac.compare_digest(unquote_plus(secret).encode(), (expected or "").encode())
        if scheme.lower() != "basic" or not expected or not known or grant_type != "client_credentials":
            return None
        token = secrets.token_urlsafe(24)
        if len(self._tokens) >= _MOST_TOKENS:
            self._tokens.clear()
        self._tokens[token] = self.clock() + self.token_life_s
        self.tokens_given += 1
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.token_life_s}

    def revoke(self) -> None:
        """Take all tokens back."""
        self._tokens.clear()
