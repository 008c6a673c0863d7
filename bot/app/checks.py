"""Checks of single settings. Each returns sentences about what is wrong; none shows a secret."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.conversation.alerts import GroupRobot
from persona.privacy.vault import Vault

MIN_SECRET_CHARACTERS = 32
_MIN_DISTINCT = 10
_PLACEHOLDER = re.compile(
    r"change[-_ ]?me|placeholder|example|default|password|passwd|secret|your[-_]|insert|replace"
    r"|12345678|abcdefgh",
    re.IGNORECASE,
)
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_PORTS = {"http": 80, "https": 443}
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def parse(key: str, value: Any, kind: type[Any]) -> Any:
    """Turn a raw value into `kind`.

    Raises:
        ValueError: says what is wanted instead.
    """
    text = str(value).strip()
    if issubclass(kind, Enum):
        return _choice(kind, text)
    if kind in (int, float):
        return _number(key, text, kind)
    if issubclass(kind, Path):
        return Path(text)
    for ending, check in _FORMS.items():
        if key.startswith(ending) or key.endswith(ending):
            return check(text)
    return text


def _log_level(text: str) -> str:
    if text.upper() not in _LOG_LEVELS:
        raise ValueError(f"one of {', '.join(_LOG_LEVELS)} is wanted, not {text!r}")
    return text.upper()


def _choice(kind: type[Enum], text: str) -> Enum:
    try:
        return kind(text.lower())
    except ValueError:
        raise ValueError(f"one of {', '.join(m.value for m in kind)} is wanted, not {text!r}") from None


def _number(key: str, text: str, kind: type[Any]) -> Any:
    try:
        number = kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ValueError(f"{wanted} is wanted, not {text!r}") from None
    if key.endswith("_port") and not 1 <= number <= 65535:
        raise ValueError(f"{text} is no port: 1 to 65535 are wanted")
    if not number > 0:
        raise ValueError(f"{text} is out of range: more than 0 is wanted")
    return number


def _url(text: str) -> str:
    if not re.match(r"^(sqlite|postgresql(\+psycopg2)?)://", text):
        raise ValueError("a database URL is wanted, sqlite:///… or postgresql://…")
    return text


def _shop_url(text: str) -> str:
    return text if re.match(r"^https?://", text) else _url(text)


def _redis(text: str) -> str:
    if not re.match(r"^(rediss?|unix)://", text):
        raise ValueError("a Redis URL is wanted, redis://…, rediss://… or unix://…")
    return text


def _rate(text: str) -> str:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)", text)
    if not found or not (0 < float(found[1]) < 1e6 and 1 <= float(found[2]) < 1e6):
        raise ValueError(
            f"a rate is wanted, like 4/240: how many a second, and how many at once; not {text!r}"
        )
    return text


def _networks(text: str) -> str:
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            ipaddress.ip_network(part, strict=False)
        except ValueError:
            raise ValueError(f"{part!r} is no network address, like 10.0.0.0/8") from None
    return text


def _origins(text: str) -> str:
    for part in filter(None, (part.strip() for part in text.split(","))):
        if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", part):
            raise ValueError(f"{part!r} is no origin, like https://desk.shop.example")
    return text


def split(text: str) -> tuple[str, ...]:
    """Return the parts of a list that is separated by commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def exact_origins(text: str) -> str:
    """Return origins as browsers write them: lower case, without the port that goes without saying.

    Browsers compare them as texts, so each must be exactly one: no path, no pattern.

    Raises:
        ValueError: names the one that is none, and why.
    """
    return ",".join(dict.fromkeys(_exact_origin(part) for part in split(text)))


def _exact_origin(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(f"{text!r} cannot be read; like https://shop.example") from None
    if "*" in text:
        raise ValueError(f"{text!r} stands for many origins: name each one")
    if parts.scheme not in _PORTS or not host or "@" in text:
        raise ValueError(f"{text!r} is no origin, like https://shop.example or http://localhost:3000")
    if text[len(f"{parts.scheme}://{parts.netloc}") :]:
        raise ValueError(f"{text!r} has more than an origin: https://shop.example, nothing behind it")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.\-]*[a-z0-9])?|[0-9a-f:.]+", host):
        raise ValueError(f"the host of {text!r} cannot be written so: other scripts go as xn--…")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def product_url(text: str) -> str:
    """Check the address of products' pages; it may be left out.

    Raises:
        ValueError: says what is wanted instead.
    """
    if not text:
        return text
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.scheme not in _PORTS or "@" in parts.netloc:
        raise ValueError(
            "the address of a product's page is wanted, like https://shop.example/p/{product_id}"
        )
    if "{product_id}" not in text.replace(parts.netloc, "", 1):
        raise ValueError("the address must say where the number of the product goes: {product_id}")
    if set("{}<>\"' ") & set(text.replace("{product_id}", "")):
        raise ValueError("the address holds characters that no address has; {product_id} is the only gap")
    return text


def _origin(text: str) -> str:
    if "," in text:
        raise ValueError("one origin is wanted, like http://rasa:5005")
    return _origins(text)


def _public_url(text: str) -> str:
    found = _web_addresses(text)
    if "," in found:
        raise ValueError("must be one address, like https://chat.shop.example")
    return found.rstrip("/")


def _web_addresses(text: str) -> str:
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            parts = urlsplit(part)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise ValueError("an address cannot be read") from None
        if not host or parts.scheme not in {"https", "http"} or parts.fragment or parts.username:
            raise ValueError("addresses are wanted, like https://shop.example/zhixin")
        if parts.scheme == "http" and host not in _LOOPBACK:
            raise ValueError(f"{host} needs https: what is sent there would travel in the clear")
    return text


def _groups(text: str) -> str:
    for part in split(text):
        GroupRobot.parse(part)
    return text


#: Beginning or end of a key -> what checks and completes its text.
_FORMS: dict[str, Callable[[str], str]] = {
    "log_level": _log_level,
    "redis_url": _redis,
    "shop_url": _shop_url,
    "shop_token_url": str.strip,
    "product_url": product_url,
    "public_url": _public_url,
    "bind_url": _public_url,
    "_url": _url,
    "webhook_urls": _web_addresses,
    "alert_urls": _groups,
    "rate_": _rate,
    "trusted_proxies": _networks,
    "_networks": _networks,
    "desk_origins": _origins,
    "embed_origins": exact_origins,
    "_origin": _origin,
}


def secret(name: str, value: str, *, forbidden: str = "") -> list[str]:
    """Check a secret for production: given, long enough, no placeholder, not the demo's."""
    if not value:
        return [f"{name} is missing: production mode has no default for it"]
    parts = [part.partition("=") for part in value.split(",")]
    for left, separator, right in parts:
        body = right if separator and "=" not in left and name.endswith("_KEYS") else left + separator + right
        if len(body) < MIN_SECRET_CHARACTERS:
            return [f"{name} is too short: at least {MIN_SECRET_CHARACTERS} characters are wanted"]
        if len(set(body)) < _MIN_DISTINCT or _PLACEHOLDER.search(body):
            return [f"{name} looks like a placeholder: make one with `openssl rand -base64 32`"]
    if forbidden and value == forbidden:
        return [f"{name} is the demo's secret: production mode needs one of its own"]
    return []


def distinct(secrets: Mapping[str, str]) -> list[str]:
    """Check that no two secrets are the same, for one that leaks must not open another door."""
    problems = []
    seen: dict[str, str] = {}
    for name, value in secrets.items():
        if value and value in seen:
            problems.append(f"{name} is the same as {seen[value]}: each secret must be its own")
        seen.setdefault(value, name)
    return problems


def formats(data_keys: str, token_keys: str) -> list[str]:
    """Check the two secrets that have a form."""
    problems = []
    if data_keys:
        try:
            Vault.from_text(data_keys)
        except ValueError:
            problems.append("ZHIXIN_DATA_KEYS must be id=<base64 of 32 bytes>, several separated by commas")
    for part in token_keys.split(",") if token_keys else ():
        kid, separator, key = part.strip().partition("=")
        if not (separator and kid and key):
            problems.append("ZHIXIN_TOKEN_KEYS must be kid=<secret>, several separated by commas")
            break
    return problems


def signed(event_keys: str, webhook_urls: str, webhook_key: str) -> list[str]:
    """Check the keys of events and webhooks: their form, and that nothing is sent unsigned."""
    problems = []
    kids: set[str] = set()
    for part in event_keys.split(",") if event_keys else ():
        kid, separator, key = part.strip().partition("=")
        if not (separator and kid and len(key) >= MIN_SECRET_CHARACTERS) or kid in kids:
            problems.append(
                "ZHIXIN_EVENT_KEYS must be kid=<secret>, several separated by commas, each kid once and each "
                f"secret of at least {MIN_SECRET_CHARACTERS} characters"
            )
            break
        kids.add(kid)
    if webhook_urls and len(webhook_key) < MIN_SECRET_CHARACTERS:
        problems.append(
            f"ZHIXIN_WEBHOOK_URLS needs a ZHIXIN_WEBHOOK_KEY of at least {MIN_SECRET_CHARACTERS} characters"
        )
    return problems


def ports(given: Mapping[str, int]) -> list[str]:
    """Check that the three processes have three ports."""
    problems = []
    seen: dict[int, str] = {}
    for name, port in given.items():
        if port in seen:
            problems.append(f"{name} is the same port as {seen[port]} ({port})")
        seen.setdefault(port, name)
    return problems
