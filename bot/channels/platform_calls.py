"""One call of a platform's HTTP API: how long it may take, and what a line that fails means for a part."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from bot.channels.base import SendError, SendKind, Tokens

_T = TypeVar("_T")

#: A part may take 10 s in all, a token before it included.
_TIMEOUT = aiohttp.ClientTimeout(total=8.0, connect=3.0)
_LONGEST = 10 * 1024 * 1024


@dataclass(frozen=True)
class Said:
    """What a platform answered.

    Attributes:
        status: of HTTP, below 500.
        headers: names in any case.
        body: the JSON object; empty where it sent none.
    """

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def retry_after(self) -> float | None:
        """Return the seconds that it wants to be left alone, where it says so."""
        for name in ("Retry-After", "x-ogw-ratelimit-reset"):
            text = self.headers.get(name, "")
            if text.isascii() and text.isdigit():
                return min(float(text), 3600.0)
        return None


def is_api(address: str) -> bool:
    """Return whether secrets may be sent to an address: https; on this machine (proxy, test) also http."""
    try:
        where = urlsplit(address)
        host, _ = where.hostname, where.port
    except ValueError:
        return False
    here = where.scheme == "http" and host in ("127.0.0.1", "localhost", "::1")
    plain = not (where.username or where.password or where.query or where.fragment)
    return bool(host) and plain and (where.scheme == "https" or here)


#: What is said of an address that is not one.
NO_API = "must be an https address (on this machine also http) without a password or a query"


async def ask(http: aiohttp.ClientSession, method: str, address: str, **more: Any) -> Said:
    """Call once; `more` goes to aiohttp (``json``, ``data``, ``params``, ``headers``).

    Raises:
        SendError: ``away`` where nobody answers or the platform is broken, with `unsure` where it may have
            done it nevertheless.
    """
    try:
        async with http.request(method, address, timeout=_TIMEOUT, allow_redirects=False, **more) as got:
            raw = await _read(got)
            if got.status >= 500:
                raise SendError(SendKind.AWAY, f"http_{got.status}", unsure=got.status in (502, 504))
            return Said(got.status, got.headers, _object(raw))
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError, aiohttp.InvalidURL) as exc:
        raise SendError(SendKind.AWAY, type(exc).__name__) from exc
    except asyncio.TimeoutError as exc:
        raise SendError(SendKind.AWAY, "timeout", unsure=True) from exc
    except (aiohttp.ClientError, OSError) as exc:
        raise SendError(SendKind.AWAY, type(exc).__name__, unsure=True) from exc


def token_name(platform: str, application: str, secret: str) -> str:
    """Return the name of an application's token: with other credentials the kept one is not used any more.

    Args:
        platform: its name.
        application: its id.
        secret: its secret; nothing of it can be read off the name.
    """
    return f"{platform}/{application[:64]}/{hashlib.sha256(secret.encode()).hexdigest()[:8]}"


async def with_token(
    tokens: Tokens,
    name: str,
    fetch: Callable[[], Awaitable[tuple[str, float]]],
    call: Callable[[str], Awaitable[_T]],
) -> _T:
    """Call with an access token, and once more with a new one where the platform does not take it any more.

    Args:
        tokens: the shared ones.
        name: of the token.
        fetch: returns a new one and the seconds that it lives.
        call: calls with one; SendError ``token`` says that it has ended.
    """
    token = await tokens.get(name, fetch)
    try:
        return await call(token)
    except SendError as exc:
        if exc.kind is not SendKind.TOKEN:
            raise
        await tokens.expired(name, token)
    return await call(await tokens.get(name, fetch))


def not_to_be_had(said: Said) -> SendError:
    """Return what a status means that is not 200: with 429 it is tried again."""
    return SendError(SendKind.AWAY if said.status == 429 else SendKind.REFUSED, f"http_{said.status}")


async def download(
    http: aiohttp.ClientSession,
    address: str,
    headers: Mapping[str, str] | None = None,
    *,
    redirects: bool = False,
    wrong: Callable[[Said], SendError] = not_to_be_had,
) -> bytes:
    """Return a file of at most 10 MiB.

    Args:
        http: calls out.
        address: of the file.
        headers: that go along.
        redirects: go where its server leads: only of addresses that are the shop's or the platform's own.
        wrong: tells what an answer means that is below 500 and not 200.

    Raises:
        SendError: ``away`` to try again; ``refused`` where it is gone, too large or not to be had.
    """
    if not address.startswith(("https://", "http://")):
        raise SendError(SendKind.REFUSED, "address")
    try:
        async with http.get(address, headers=headers, timeout=_TIMEOUT, allow_redirects=redirects) as got:
            if got.status >= 500:
                raise SendError(SendKind.AWAY, f"http_{got.status}")
            raw = await _read(got)
            if got.status != 200:
                raise wrong(Said(got.status, got.headers, _object(raw)))
            return raw
    except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as exc:
        raise SendError(SendKind.AWAY, type(exc).__name__) from exc


async def _read(got: aiohttp.ClientResponse) -> bytes:
    parts, length = [], 0
    async for part in got.content.iter_chunked(65_536):
        length += len(part)
        if length > _LONGEST:
            raise SendError(SendKind.REFUSED, "too_large")
        parts.append(part)
    return b"".join(parts)


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
