"""Who may send how much: token buckets for each network address and each conversation.

A closed loop that waits for each answer is slowed by the bot itself; what a bucket stops is a flood. The
buckets live in this process; where Redis is given all fronts share further ones, and while it is away each
front allows the whole.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from bot.channels.errors import too_many

_MOST_BUCKETS = 50_000
_PREFIX_V6 = 64


@dataclass(frozen=True)
class Rate:
    """A bucket: refilled by `per_s` tokens a second, holding at most `burst`."""

    per_s: float
    burst: float

    @classmethod
    def parse(cls, text: str) -> Rate:
        """Read ``4/240``: tokens a second and the most that can be saved up; both above 0.

        Raises:
            ValueError: it is not of that form.
        """
        per_s, separator, burst = text.partition("/")
        rate = cls(float(per_s), float(burst)) if separator else None
        if rate is None or not (0 < rate.per_s < 1e6 and 1 <= rate.burst < 1e6):
            raise ValueError(f"{text!r} is no rate: write tokens a second and burst, like 4/240")
        return rate


@dataclass(frozen=True)
class RateLimits:
    """The limits of the front.

    Attributes:
        address: requests of one network address.
        opening: conversations that one network address opens.
        conversation: messages of one conversation. The burst is above what people type or tap and above a
            scripted conversation of 200 turns; whoever sends on without pause meets it within seconds.
        picture: pictures of one conversation: six at once, then six a minute.
        pictures: pictures of one network address.
    """

    address: Rate = Rate(300, 900)
    opening: Rate = Rate(30, 120)
    conversation: Rate = Rate(4, 240)
    picture: Rate = Rate(0.1, 6)
    pictures: Rate = Rate(1, 60)


class Buckets:
    """One bucket for each key; the ones not used for longest are forgotten."""

    def __init__(self, rate: Rate, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Take one token; return 0, or the seconds to wait where there is none."""
        now = self._monotonic()
        level, at = self._levels.pop(key, (self._rate.burst, now))
        level = min(self._rate.burst, level + (now - at) * self._rate.per_s)
        wait = 0.0 if level >= 1 else (1 - level) / self._rate.per_s
        self._levels[key] = (level if wait else level - 1, now)
        if len(self._levels) > _MOST_BUCKETS:
            self._levels.popitem(last=False)
        return wait

    def give_back(self, key: str) -> None:
        """Put back a token that :meth:`take` gave and that was not used."""
        if key in self._levels:  # else it is forgotten, and full
            level, at = self._levels[key]
            self._levels[key] = (min(self._rate.burst, level + 1), at)


class SharedBuckets(Protocol):
    """Buckets that all fronts share."""

    async def take(self, kind: str, key: str, per_s: float, burst: float) -> float | None:
        """Take one token; return 0, or the seconds to wait; None where they cannot be asked now."""


class Limiter:
    """Applies the limits; raises :class:`~bot.channels.errors.ApiError` 429 with Retry-After.

    This process's own buckets are asked first. They see no more than the shared ones, so what they refuse
    those would refuse too: a flood costs no call, and where the shared ones fall away nobody begins anew.

    Args:
        limits: the limits.
        monotonic: a clock in seconds.
        shared: the buckets of all fronts; None where there is one front.
    """

    def __init__(
        self,
        limits: RateLimits,
        monotonic: Callable[[], float] = time.monotonic,
        shared: SharedBuckets | None = None,
    ) -> None:
        self._rates = {
            "address": limits.address,
            "opening": limits.opening,
            "conversation": limits.conversation,
            "picture": limits.picture,
            "pictures": limits.pictures,
        }
        self._own = {kind: Buckets(rate, monotonic) for kind, rate in self._rates.items()}
        self._shared = shared

    async def request(self, address: str) -> None:
        """Count a request of a network address."""
        await self._take("address", address)

    async def opening(self, address: str) -> None:
        """Count a conversation opened from a network address."""
        await self._take("opening", address)

    async def message(self, conversation_id: str) -> None:
        """Count a message of a conversation."""
        await self._take("conversation", conversation_id)

    async def picture(self, conversation_id: str, address: str) -> None:
        """Count a picture of a conversation, and of the network address that it comes from."""
        await self._take("picture", conversation_id)
        await self._take("pictures", address)

    async def _take(self, kind: str, key: str) -> None:
        own, rate = self._own[kind], self._rates[kind]
        wait = own.take(key)
        if wait:
            raise too_many(wait)
        if self._shared is None:
            return
        wait = await self._shared.take(kind, key, rate.per_s, rate.burst) or 0.0
        if wait:
            own.give_back(key)
            raise too_many(wait)


class Addresses:
    """Finds a request's network address; X-Forwarded-For counts only from trusted proxies.

    Args:
        trusted: networks of the proxies, e.g. ``10.0.0.0/8``.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted = tuple(ipaddress.ip_network(network, strict=False) for network in trusted)

    def of(self, request: web.Request) -> str:
        """Return the address of the nearest hop that is no trusted proxy; IPv6 shortened to its /64.

        One customer of an IPv6 provider has a whole /64: single addresses would be no limit.
        """
        address = _parse(request.remote or "")
        if self._trusted and address is not None and self._is_trusted(address):
            forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
            for hop in reversed(forwarded.split(",")):
                found = _parse(hop.strip())
                if found is None:
                    break
                address = found
                if not self._is_trusted(found):
                    break
        if address is None:
            return "unknown"
        if address.version == 6:
            return str(ipaddress.ip_network((address, _PREFIX_V6), strict=False))
        return str(address)

    def trusts(self, request: web.Request) -> bool:
        """Return whether the request comes straight from a trusted proxy."""
        address = _parse(request.remote or "")
        return address is not None and self._is_trusted(address)

    def scheme(self, request: web.Request) -> str:
        """Return ``https`` or ``http`` as the browser used it.

        X-Forwarded-Proto counts only from a trusted proxy; of several the last, which the nearest one added.
        """
        address = _parse(request.remote or "")
        if address is not None and self._is_trusted(address):
            told = ",".join(request.headers.getall("X-Forwarded-Proto", ())).split(",")[-1].strip().lower()
            if told in {"http", "https"}:
                return told
        return request.scheme

    def _is_trusted(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
