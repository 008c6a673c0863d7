"""How the shop knows us: by a key, or by an OAuth2 token (client credentials, RFC 6749 section 4.4).

Secrets stand in headers of requests alone: never in a text, an exception or a repr.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote_plus

import aiohttp
from yarl import URL

from actions.shop.errors import ShopGarbledError, ShopRefusedError, ShopTimeoutError, ShopUnavailableError
from actions.shop.http_operations import API_KEY_HEADER
from actions.shop.http_settings import HttpSettings
from actions.shop.http_wire import loads

logger = logging.getLogger(__name__)

_MOST_BYTES = 64 * 1024
#: A token is renewed this long before it ends, or when a tenth of its life is left.
_EARLY_S = 60.0
_DEFAULT_LIFE_S = 300.0


class Auth(Protocol):
    """Gives each request what proves who asks."""

    async def headers(self, session: aiohttp.ClientSession) -> Mapping[str, str]:
        """Return the headers of the next request."""

    def refused(self, used: Mapping[str, str]) -> bool:
        """Take note of a 401 to these headers; say whether to try once more with new ones."""

    async def close(self) -> None:
        """End what is under way."""


class NoAuth:
    """For a backend on this machine that asks for nothing."""

    async def headers(self, session: aiohttp.ClientSession) -> Mapping[str, str]:
        """See the protocol."""
        return {}

    def refused(self, used: Mapping[str, str]) -> bool:
        """See the protocol."""
        return False

    async def close(self) -> None:
        """See the protocol."""


@dataclass(frozen=True)
class ApiKey(NoAuth):
    """A key in the header ``X-Api-Key``."""

    key: str = field(repr=False)

    async def headers(self, session: aiohttp.ClientSession) -> Mapping[str, str]:
        """See the protocol."""
        return {API_KEY_HEADER: self.key}


@dataclass(frozen=True)
class ClientCredentials:
    """What an OAuth2 client is known by."""

    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    scope: str = ""


def auth_of(settings: HttpSettings) -> Auth:
    """Return what the settings ask for; they are checked already."""
    if settings.key:
        return ApiKey(settings.key)
    if settings.client_id:
        credentials = ClientCredentials(
            settings.token_url, settings.client_id, settings.client_secret, settings.scope
        )
        return OAuth2(credentials, timeout_s=settings.call_timeout_s)
    return NoAuth()


class OAuth2:
    """Keeps one token, renews it before it ends, and once when it is refused; all callers share one request.

    Args:
        credentials: of the client.
        timeout_s: of one request for a token.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        credentials: ClientCredentials,
        *,
        timeout_s: float = 4.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._timeout = timeout_s
        self._clock = clock
        self._token = ""
        self._renew_at = 0.0
        self._fetching: asyncio.Task[None] | None = None

    async def headers(self, session: aiohttp.ClientSession) -> Mapping[str, str]:
        """See the protocol.

        Raises:
            ShopRefusedError: the client is not accepted.
            ShopUnavailableError: the token's address does not answer usefully.
        """
        if not self._token or self._clock() >= self._renew_at:
            if self._fetching is None or self._fetching.done():
                self._fetching = asyncio.get_running_loop().create_task(self._fetch(session))
                # nobody may be left to hear how it failed
                self._fetching.add_done_callback(lambda task: task.cancelled() or task.exception())
            # one caller that gives up does not take the token from the others
            await asyncio.shield(self._fetching)
        return {"Authorization": f"Bearer {self._token}"}

    def refused(self, used: Mapping[str, str]) -> bool:
        """See the protocol. Another caller may have renewed it meanwhile: then that token is tried."""
        if used.get("Authorization") == f"Bearer {self._token}":
            self._token = ""
        return True

    async def close(self) -> None:
        """See the protocol."""
        if self._fetching is not None and not self._fetching.done():
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)

    async def _fetch(self, session: aiohttp.ClientSession) -> None:
        status, body = await self._request(session)
        if status in (400, 401, 403):
            logger.error("the shop's token address refuses our client: check its id, secret and scope")
            raise ShopRefusedError(f"no token: the client was refused with {status}")
        if status != 200:
            raise ShopUnavailableError(f"no token: its address answered {status}")
        token, life = _read_token(loads(body))
        self._token = token
        self._renew_at = self._clock() + max(life - _EARLY_S, life * 0.9 if life < _EARLY_S * 2 else 0.0)

    async def _request(self, session: aiohttp.ClientSession) -> tuple[int, bytes]:
        own = self._credentials
        form = {"grant_type": "client_credentials", **({"scope": own.scope} if own.scope else {})}
        pair = f"{quote_plus(own.client_id)}:{quote_plus(own.client_secret)}"  # RFC 6749, 2.3.1
        headers = {
            "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        try:
            async with session.post(
                URL(own.token_url),
                data=form,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._timeout),
            ) as response:
                body = await response.content.read(_MOST_BYTES)
                return response.status, body
        except asyncio.TimeoutError:
            raise ShopTimeoutError("no token: its address did not answer in time") from None
        except aiohttp.ClientError as exc:
            raise ShopUnavailableError(f"no token: {type(exc).__name__}") from None


def _read_token(answer: Any) -> tuple[str, float]:
    if not isinstance(answer, dict):
        raise ShopGarbledError("the token's answer is no object")
    token, kind = answer.get("access_token"), answer.get("token_type")
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise ShopGarbledError("is missing or no token", "access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise ShopGarbledError("bearer is wanted", "token_type")
    life = answer.get("expires_in", _DEFAULT_LIFE_S)
    if isinstance(life, bool) or not isinstance(life, int | float) or not 0 < life < 10**9:
        raise ShopGarbledError("seconds are wanted", "expires_in")
    return token, float(life)
