"""Calls to the shop: one pooled session, time limits, repeats, a breaker; an answer or a named error results.

Reads are tried up to three times while the call's budget lasts, with growing, jittered pauses, or the pause
that the shop asks for. A write is sent again once, under its key, and only where the connection failed before
the whole answer was here: the key makes that harmless, and more would burden a shop that is in trouble.
Where a write may have happened although no usable answer came, the error is a
:class:`~actions.shop.errors.ShopTimeoutError`, whatever the cause.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from actions.shop.errors import (
    ShopGarbledError,
    ShopRefusedError,
    ShopTimeoutError,
    ShopUnavailableError,
)
from actions.shop.http_answers import Answer, AwayError, content
from actions.shop.http_auth import Auth
from actions.shop.http_breaker import Breaker, BreakerState
from actions.shop.http_operations import KEY_HEADER, Operation
from actions.shop.http_wire import decode, dumps
from persona.telemetry import metrics

logger = logging.getLogger(__name__)

#: What a call still needs to be worth beginning.
_LEAST_S = 0.05
_CONNECT_S = 2.0


@dataclass(frozen=True)
class HttpOptions:
    """Limits of calls to the shop.

    Attributes:
        call_timeout_s: one attempt of a read.
        budget_s: a whole call, pauses and repeats included; all that a write may take.
        attempts: most attempts of a read.
        pause_s: mean pause before the second attempt; doubles.
        most_bytes: longest answer.
        connections: most open at a time.
    """

    call_timeout_s: float = 4.0
    budget_s: float = 9.0
    attempts: int = 3
    pause_s: float = 0.2
    most_bytes: int = 4 * 1024 * 1024
    connections: int = 64


@dataclass(frozen=True)
class Call:
    """One call as it is sent."""

    operation: Operation
    path: str  # below the base address, quoted
    query: Mapping[str, str]
    body: bytes | None
    key: str | None


class Transport:
    """Sends calls to one backend. Opened by the first call, in the running loop; :meth:`close` ends it.

    Args:
        base_url: address of the backend, checked by :class:`actions.shop.http_settings.HttpSettings`.
        auth: what proves who asks.
        options: limits.
        headers: more headers of each call, e.g. the trace.
        clock: monotonic seconds.
        sleep: waits.
        chance: a number in 0..1 for the jitter.
    """

    def __init__(
        self,
        base_url: str,
        auth: Auth,
        options: HttpOptions | None = None,
        *,
        headers: Callable[[], Mapping[str, str]] = dict,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        breaker: Breaker | None = None,
    ) -> None:
        self._base = URL(base_url.rstrip("/"))
        self._auth = auth
        self.options = options or HttpOptions()
        self._headers = headers
        self.clock = clock
        self._sleep = sleep
        self._chance = chance
        self.breaker = breaker or Breaker(str(self._base), clock=clock)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def ask(
        self,
        operation: Operation,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        key: str | None = None,
    ) -> Any:
        """Make a call and return its answer as the operation's type.

        Raises:
            ShopError: see :mod:`actions.shop.errors`.
        """
        sent = dumps(body) if body is not None else None
        call = Call(operation, path, query or {}, sent, key)
        answer = await self._until_answered(call)
        try:
            return _read(operation, answer)
        except ShopGarbledError as exc:
            logger.error("the shop's answer to %s breaks the contract: %s", operation.name, exc)
            raise _told(call, exc, sent=True) from None

    async def close(self) -> None:
        """Close the connections; no call may follow."""
        self._closed = True
        await self._auth.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _until_answered(self, call: Call) -> Any:
        deadline = self.clock() + self.options.budget_s
        attempt, maybe_done = 0, False
        while True:
            attempt += 1
            self.breaker.enter()
            try:
                answer = await self._attempt(call, deadline - self.clock())
            except AwayError as away:
                self.breaker.failed()
                maybe_done = maybe_done or away.sent
                logger.warning("the shop did not do %s (attempt %d): %s", call.operation.name, attempt, away)
                pause = self._pause(call, away, attempt, deadline)
                if pause is None:
                    raise _told(call, away.error, sent=maybe_done) from None
                metrics.SHOP_RETRIES.labels(call.operation.name).inc()
                await self._sleep(pause)
            except ShopRefusedError as exc:
                self.breaker.succeeded()
                logger.error("the shop does not let us in: %s; check key or client of the shop", exc)
                raise
            except ShopUnavailableError as exc:
                self.breaker.succeeded()  # it is there, and says that the fault is ours
                logger.error("the shop did not do %s: %s", call.operation.name, exc)
                raise _told(call, exc, sent=isinstance(exc, ShopGarbledError)) from None
            except BaseException as exc:
                if isinstance(exc, Exception):
                    self.breaker.succeeded()  # an error that the shop named is an answer
                else:
                    self.breaker.left()
                raise
            else:
                self.breaker.succeeded()
                return answer

    def _pause(self, call: Call, away: AwayError, attempt: int, deadline: float) -> float | None:
        """Return how long to wait before the next attempt; None if there is none."""
        if call.operation.repeatable:
            again = away.again and attempt < self.options.attempts
        else:
            again = away.cut and call.key is not None and attempt < 2
        if not again or self.breaker.state is BreakerState.OPEN:
            return None
        pause = self.options.pause_s * 2 ** (attempt - 1) * (0.5 + self._chance())
        if away.retry_after_s is not None:
            pause = max(pause, away.retry_after_s)
        return pause if self.clock() + pause < deadline - _LEAST_S else None

    async def _attempt(self, call: Call, left_s: float) -> Any:
        for last in (False, True):
            began = self.clock()
            proof = await self._proof(left_s)
            left_s -= self.clock() - began
            answer = await self._send(call, proof, max(left_s, _LEAST_S))
            # a 401 says that nothing was done, so this is no repeat of a write either
            if answer.status == 401 and not last and self._auth.refused(proof):
                continue
            break
        return content(answer)

    async def _proof(self, left_s: float) -> Mapping[str, str]:
        try:
            return await asyncio.wait_for(self._auth.headers(self._open()), max(left_s, _LEAST_S))
        except ShopRefusedError:
            raise
        except ShopUnavailableError as exc:
            raise AwayError(exc, sent=False) from None
        except asyncio.TimeoutError:
            raise AwayError(ShopTimeoutError("no token came in time"), sent=False) from None

    async def _send(self, call: Call, proof: Mapping[str, str], left_s: float) -> Answer:
        limit = min(left_s, self.options.call_timeout_s) if call.operation.repeatable else left_s
        timeout = aiohttp.ClientTimeout(total=limit, sock_connect=min(_CONNECT_S, limit))
        headers = {**self._headers(), **proof}
        if call.key is not None:
            headers[KEY_HEADER] = call.key
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        url = URL(f"{self._base}{call.path}", encoded=True)
        if call.query:
            url = url.with_query(call.query)
        try:
            async with self._open().request(
                call.operation.method,
                url,
                data=call.body,
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                return Answer(response.status, response.headers, await self._body(response))
        # What these errors hold (address, headers) is not for logs: only their kind goes on.
        except aiohttp.ServerTimeoutError:
            raise AwayError(ShopTimeoutError("the shop could not be reached in time"), sent=False) from None
        except asyncio.TimeoutError:
            raise AwayError(ShopTimeoutError(f"the shop did not answer within {limit:.1f} s")) from None
        except aiohttp.ClientConnectorError as exc:
            raise AwayError(_away(exc), sent=False, cut=True) from None
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as exc:
            raise AwayError(_away(exc), cut=True) from None
        except aiohttp.ClientError as exc:
            error = ShopGarbledError(f"the answer is no HTTP ({type(exc).__name__})")
            raise AwayError(error, again=False) from None

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise AwayError(ShopGarbledError("the answer is compressed, unasked"), again=False)
        parts, size = [], 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self.options.most_bytes:
                raise AwayError(
                    ShopGarbledError(f"the answer is longer than {self.options.most_bytes} bytes"),
                    again=False,
                )
            parts.append(part)
        return b"".join(parts)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ShopUnavailableError("the connection to the shop is closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self.options.connections, keepalive_timeout=30.0),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Compressed answers could unfold to any size before anybody counts them.
                auto_decompress=False,
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "User-Agent": "zhixin",
                },
            )
        return self._session


def _away(exc: Exception) -> ShopUnavailableError:
    return ShopUnavailableError(f"the connection to the shop failed ({type(exc).__name__})")


def _told(call: Call, error: ShopUnavailableError, *, sent: bool) -> ShopUnavailableError:
    """Return what the caller is told: of a write that may have happened, that this is not known."""
    if call.key is None or not sent or isinstance(error, ShopTimeoutError):
        return error
    return ShopTimeoutError(f"whether {call.operation.name} was done is not known: {error}")


def _read(operation: Operation, answer: Any) -> Any:
    if getattr(operation.answer, "__origin__", None) is not tuple:
        return decode(operation.answer, answer)
    if not isinstance(answer, dict) or "items" not in answer:
        raise ShopGarbledError("is missing: lists are told as items", "items")
    return decode(operation.answer, answer["items"], "items")
