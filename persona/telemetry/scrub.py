"""Takes out of a log line what has no business there: personal data, secrets, values of SQL statements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from persona.privacy.anonymise import anonymise
from persona.privacy.masking import mask

_SECRET_NAMES = ("KEY", "KEYS", "SECRET", "TOKEN", "PASSWORD")
_PREFIX = "ZHIXIN_"
#: Shorter ones are no secrets, and would be found inside ordinary words.
_SHORTEST = 8
_MOST_KNOWN = 512
#: What is kept as known: a few words without figures, nobody's data.
_WORDS = re.compile(r"[A-Za-z_ .-]{1,40}", re.ASCII)
_INSTEAD = "[secret]"

_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_NAMED = re.compile(
    r"""\b((?:[\w-]*(?:secret|password|passwd|token|api[_-]?key|csrf)|authorization|cookie)["']?\s*[=:]\s*["']?)"""
    r"""(?!\[secret\])[^\s"',;&)}]{6,}""",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+@", re.IGNORECASE)
#: What SQLAlchemy and PostgreSQL add to an error: the values of the statement, and those of the row.
_PARAMETERS = re.compile(r"\[parameters: .*?\](?=\s*(?:\n|\(Background|$))", re.DOTALL)
_DETAIL = re.compile(r"^(\s*(?:DETAIL|CONTEXT|HINT):).*$", re.MULTILINE)
_FAILING_ROW = re.compile(r"(Failing row contains|Key) \(.*?\)(?:=\(.*?\))?(?=\.|\s|$)", re.DOTALL)


class Scrubber:
    """Cleans text for the logs.

    Args:
        secrets: values that this process knows and must never show.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        longest_first = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        # Nearly all lines are one of few: what happened, intents, operations, outcomes.
        self._known = lru_cache(_MOST_KNOWN)(self._clean)

    def line(self, text: str) -> str:
        """Return a message with secrets masked, and all that :func:`persona.privacy.masking.mask` masks."""
        return self._known(text) if _WORDS.fullmatch(text) else self._clean(text)

    def _clean(self, text: str) -> str:
        if self._secrets is not None:
            text = self._secrets.sub(_INSTEAD, text)
        text = _BEARER.sub(rf"\1 {_INSTEAD}", text)
        text = _NAMED.sub(rf"\1{_INSTEAD}", text)
        if "://" in text:
            text = _URL_PASSWORD.sub(rf"\1{_INSTEAD}@", text)
        if "[parameters: " in text:
            text = _PARAMETERS.sub("[parameters: not shown]", text)
        if "DETAIL:" in text or "Failing row" in text:
            text = _FAILING_ROW.sub(r"\1 (not shown)", _DETAIL.sub(r"\1 not shown", text))
        return mask(text)

    def trouble(self, text: str) -> str:
        """Return the text of an exception, also without names and long numbers: nobody knows who wrote it."""
        return "\n".join(anonymise(line) for line in self.line(text).split("\n"))


def secrets_of(environ: Mapping[str, str]) -> frozenset[str]:
    """Return the secrets among the settings: whole, their parts, and the passwords inside of addresses."""
    found: set[str] = set()
    for name, value in environ.items():
        if not name.startswith(_PREFIX) or not value:
            continue
        if name.endswith(_SECRET_NAMES):
            found.add(value)
            for part in value.split(","):
                found |= {part.strip(), part.partition("=")[2].strip()}
        elif "://" in value:
            try:
                password = urlsplit(value).password
            except ValueError:
                continue
            if password:
                found |= {password, unquote(password)}
    return frozenset(found)
