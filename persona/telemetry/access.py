"""Who may read a process's figures: callers of certain networks, and those who know its secret."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping

#: A proxy that adds one of these speaks for somebody else, whose address it is not.
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


#: This machine alone.
LOOPBACK = "127.0.0.0/8,::1/128"


class Readers:
    """Judges requests for figures.

    Args:
        networks: separated by commas, e.g. ``127.0.0.0/8,::1/128``; "" for nobody.
        secret: opens, too: as ``X-Zhixin-Secret`` or as bearer token; "" where there is none.

    Raises:
        ValueError: a network is malformed.
    """

    def __init__(self, networks: str, secret: str = "") -> None:
        parts = filter(None, (part.strip() for part in networks.split(",")))
        self._networks = tuple(ipaddress.ip_network(part, strict=False) for part in parts)
        self._secret = secret.encode()

    def may(self, remote: str | None, headers: Mapping[str, str]) -> bool:
        """Return whether a request is answered.

        Args:
            remote: address of the peer. One that speaks for somebody else (a proxy) is not asked by
                its own address: figures are read directly.
            headers: of the request, names in any case.
        """
        if self._secret and self._knows(headers):
            return True
        if any(name in headers for name in FORWARDED):
            return False
        try:
            address = ipaddress.ip_address(remote or "")
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._networks)

    def _knows(self, headers: Mapping[str, str]) -> bool:
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        told = headers.get("X-Zhixin-Secret", "") or (token.strip() if scheme.lower() == "bearer" else "")
        return hmac.compare_digest(told.encode(errors="replace"), self._secret)
