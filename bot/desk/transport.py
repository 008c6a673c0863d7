"""How a request reached us: its origin as the browser sees it, and whether cookies may be Secure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from aiohttp import web


class SecureCookies(str, Enum):
    """Whether cookies of the desk travel over TLS only."""

    AUTO = "auto"  # yes, but for a demo that listens on this machine alone
    ON = "on"
    OFF = "off"


@dataclass(frozen=True)
class Transport:
    """What the desk knows about the way to it.

    Attributes:
        scheme: returns ``https`` or ``http`` as the browser used it (a proxy's word counts only where the
            proxy is trusted).
        cookies: the setting.
        loopback_demo: a demo that listens on this machine alone.
        origins: the desk's own origins where a proxy changes the host, e.g. ``https://desk.shop.example``.
    """

    scheme: Callable[[web.Request], str]
    cookies: SecureCookies = SecureCookies.AUTO
    loopback_demo: bool = False
    origins: frozenset[str] = frozenset()

    def secure(self, request: web.Request) -> bool:
        """Say whether cookies of this request are Secure."""
        if self.cookies is not SecureCookies.AUTO:
            return self.cookies is SecureCookies.ON
        return not self.loopback_demo or self.scheme(request) == "https"

    def usable(self, request: web.Request) -> bool:
        """Say whether the browser would keep our cookies: Secure ones need TLS or this very machine."""
        if not self.secure(request) or self.scheme(request) == "https":
            return True
        if "Sec-Fetch-Site" in request.headers:  # browsers say this over TLS alone: a proxy ended it untold
            return True
        try:
            host = urlsplit(f"//{request.host}").hostname or ""
        except ValueError:  # e.g. a host of "["
            return False
        return host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")

    def is_own(self, request: web.Request, origin: str) -> bool:
        """Say whether a page of `origin` is a page of this desk."""
        origin, host = origin.rstrip("/").lower(), request.host.lower()
        if origin in self.origins or origin == f"{self.scheme(request)}://{host}":
            return True
        # A proxy that ends TLS and does not tell: cookies that are Secure came over TLS anyway.
        return self.secure(request) and origin == f"https://{host}"

    def is_from_own_page(self, request: web.Request) -> bool | None:
        """Say whether a page of ours sent the request; None where the browser does not tell."""
        origin = request.headers.get("Origin")
        if origin is not None:
            return self.is_own(request, origin)
        site = request.headers.get("Sec-Fetch-Site")
        return None if site is None else site == "same-origin"
