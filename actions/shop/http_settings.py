"""What the environment says about a shop's backend over HTTP, checked in one place and in clear sentences.

Nothing here loads a library: the settings of the whole program are checked with it before anything starts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class HttpSettings:
    """The settings ``ZHIXIN_SHOP_*`` of the kind ``http``.

    Attributes:
        url: base address; the contract's paths follow it.
        key: API key, or "".
        token_url: OAuth2 token address, with `client_id`, `client_secret` and `scope`, or "".
        plain_http: unencrypted HTTP may leave this machine.
        open_door: a backend on this machine may ask for no credentials.
        timeout_s: budget of a whole call.
        call_timeout_s: one attempt of a read.
    """

    url: str
    key: str = field(default="", repr=False)
    token_url: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: str = ""
    plain_http: bool = False
    open_door: bool = False
    timeout_s: float = 9.0
    call_timeout_s: float = 4.0

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> HttpSettings:
        """Read the environment; unchecked, but for numbers.

        Raises:
            ValueError: a number is none.
        """

        def given(name: str, default: str = "") -> str:
            return env.get(f"ZHIXIN_SHOP_{name}") or default

        demo = env.get("ZHIXIN_MODE") == "demo"
        return cls(
            url=given("URL"),
            key=given("KEY"),
            token_url=given("TOKEN_URL"),
            client_id=given("CLIENT_ID"),
            client_secret=given("CLIENT_SECRET"),
            scope=given("SCOPE"),
            plain_http=demo or given("PLAIN_HTTP") == "allow",
            open_door=demo,
            timeout_s=float(given("TIMEOUT_S", "9.0")),
            call_timeout_s=float(given("CALL_TIMEOUT_S", "4.0")),
        )

    def problems(self) -> list[str]:
        """Return one sentence for each thing that is wrong; no secret is shown."""
        if not self.url:
            return [
                "ZHIXIN_SHOP_URL is missing: with ZHIXIN_SHOP_KIND=http it is the base address of the shop's "
                "backend, like https://shop.example/assistant"
            ]
        found = _address("ZHIXIN_SHOP_URL", self.url, plain_http=self.plain_http)
        if self.token_url:
            found += _address("ZHIXIN_SHOP_TOKEN_URL", self.token_url, plain_http=self.plain_http)
        if self.call_timeout_s > self.timeout_s:
            found.append("ZHIXIN_SHOP_CALL_TIMEOUT_S is longer than ZHIXIN_SHOP_TIMEOUT_S, the whole budget")
        return found + self._credentials()

    def _credentials(self) -> list[str]:
        client = {
            "ZHIXIN_SHOP_TOKEN_URL": self.token_url,
            "ZHIXIN_SHOP_CLIENT_ID": self.client_id,
            "ZHIXIN_SHOP_CLIENT_SECRET": self.client_secret,
        }
        lacking = [name for name, value in client.items() if not value]
        if self.key and len(lacking) < len(client):
            return ["ZHIXIN_SHOP_KEY and ZHIXIN_SHOP_TOKEN_URL with a client are both given: choose one"]
        if not self.key and len(lacking) == len(client):
            if self.open_door and loopback(self.url):
                return []
            return [
                "the shop's backend needs credentials: set ZHIXIN_SHOP_KEY, or ZHIXIN_SHOP_TOKEN_URL, "
                "ZHIXIN_SHOP_CLIENT_ID and ZHIXIN_SHOP_CLIENT_SECRET"
            ]
        if not self.key and lacking:
            return [f"{name} is missing: OAuth2 needs address, client and secret" for name in lacking]
        secrets = {"ZHIXIN_SHOP_KEY": self.key, "ZHIXIN_SHOP_CLIENT_SECRET": self.client_secret}
        return [
            f"{name} holds characters that no header can carry: printable ASCII without blanks is wanted"
            for name, value in secrets.items()
            if not value.isascii() or not value.isprintable() or " " in value
        ]


def loopback(url: str) -> bool:
    """Say whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(name: str, url: str, *, plain_http: bool) -> list[str]:
    try:
        parts = urlsplit(url)
        broken = not parts.hostname or parts.port == 0
    except ValueError:
        return [f"{name} is no address: https://host/path is wanted"]
    if parts.scheme not in ("http", "https") or broken or not url.isprintable() or " " in url:
        return [f"{name} is no address of a backend: https://host/path is wanted"]
    if "@" in parts.netloc or parts.query or parts.fragment:
        return [f"{name} holds a password, a query or a fragment: only https://host/path is wanted"]
    if parts.scheme == "http" and not plain_http and not loopback(url):
        return [
            f"{name} is plain http and leaves this machine: names and addresses would travel readably. "
            "Use https, or ZHIXIN_SHOP_PLAIN_HTTP=allow inside a network that you trust"
        ]
    return []
