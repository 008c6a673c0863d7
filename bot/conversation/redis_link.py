"""A connection to Redis that may break at any time: whoever asks gets an answer soon, or None.

Redis holds nothing here that is missed: limits fall back to each process's own, news is found in the record a
second later. So nobody waits for it: a quarter of a second, then one request a second tries again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from persona.privacy.vault import Vault

if TYPE_CHECKING:
    Client = Redis[str]
else:
    Client = Redis

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE_S = 0.25
_TRY_AGAIN_S = 1.0
_CONNECTIONS = 16


class RedisLink:
    """One process's connections to Redis.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``.
        vault: its keys name the installation, so that two on one server do not meet.
        monotonic: a clock in seconds.
    """

    def __init__(self, url: str, vault: Vault, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.prefix = f"zhixin:{vault.blind('redis', 'namespace')[:12]}:"
        self._url = url
        self._monotonic = monotonic
        self._client = client_of(url, _PATIENCE_S)
        self._away = False
        self._try_at = 0.0

    async def run(self, work: Callable[[Client], Awaitable[T]]) -> T | None:
        """Return what `work` got from Redis; None where Redis is away or refuses."""
        if self._away:
            if self._monotonic() < self._try_at:
                return None
            self._try_at = self._monotonic() + _TRY_AGAIN_S  # the others do not wait with this one
        try:
            got = await self._twice(work)
        except (RedisError, OSError) as exc:
            self._lost(exc)
            return None
        if self._away:
            self._away = False
            logger.info("Redis is back: limits and news are shared again")
        return got

    async def ping(self) -> bool:
        """Say whether Redis answers now."""
        return bool(await self.run(lambda client: client.ping()))

    def listener(self, silence_s: float) -> Client:
        """Return a client of its own for a subscription that hears something at least so often."""
        return client_of(self._url, silence_s, connections=1)

    async def close(self) -> None:
        """Release the connections."""
        await close(self._client)

    async def _twice(self, work: Callable[[Client], Awaitable[T]]) -> T:
        """Do it, and again where the connection was one of before Redis was started anew."""
        try:
            return await work(self._client)
        except (RedisConnectionError, OSError):
            await self._client.connection_pool.disconnect(inuse_connections=False)
            return await work(self._client)

    def _lost(self, error: Exception) -> None:
        self._try_at = self._monotonic() + _TRY_AGAIN_S
        if not self._away:
            self._away = True
            logger.warning(
                "Redis is away (%s: %s): each front limits by itself and looks into the record for news",
                type(error).__name__,
                error,
            )


def client_of(url: str, patience_s: float, connections: int = _CONNECTIONS) -> Client:
    """Return a client whose every step ends within `patience_s` seconds."""
    options: dict[str, Any] = {
        "socket_timeout": patience_s,
        "socket_connect_timeout": _PATIENCE_S,
        "socket_keepalive": True,
        "decode_responses": True,
        "client_name": "zhixin-front",
    }
    pool: Any = BlockingConnectionPool.from_url(
        url, max_connections=connections, timeout=_PATIENCE_S, **options
    )
    client: Any = Redis(connection_pool=pool)
    return client  # type: ignore[no-any-return]


async def close(client: Client) -> None:
    """Release a client's connections, whatever state they are in."""
    try:
        await client.close()
        await client.connection_pool.disconnect()
    except (RedisError, OSError):
        logger.debug("a connection to Redis was broken already")
