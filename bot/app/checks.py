"""Checks of single settings. Each returns sentences about what is wrong; none shows a secret."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from persona.privacy.vault import Vault

MIN_SECRET_CHARACTERS = 32
_MIN_DISTINCT = 10
_PLACEHOLDER = re.compile(
    r"change[-_ ]?me|placeholder|example|default|password|passwd|secret|your[-_]|insert|replace"
    r"|12345678|abcdefgh",
    re.IGNORECASE,
)
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


#: Beginning or end of a key -> what checks and completes its text.
_FORMS: dict[str, Callable[[str], str]] = {
    "log_level": _log_level,
    "_url": _url,
    "rate_": _rate,
    "trusted_proxies": _networks,
    "desk_origins": _origins,
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


def ports(given: Mapping[str, int]) -> list[str]:
    """Check that the three processes have three ports."""
    problems = []
    seen: dict[int, str] = {}
    for name, port in given.items():
        if port in seen:
            problems.append(f"{name} is the same port as {seen[port]} ({port})")
        seen.setdefault(port, name)
    return problems
