"""Traditional characters for who asks for them: made as the words go out, the record stays as it was.

What the bot and the system say is turned word by word and character by character (OpenCC); what a shopper or
an agent wrote is never touched, not her name or address in a sentence of the bot either, nor is what is no
words: links, ids, numbers, codes, paths of pictures.
English and other languages are answered in the words there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from aiohttp import web

from bot.conversation.spoken import Spoken

_KEPT = frozenset({"bot", "system"})
#: Fields that hold no words; so does each that ends in ``_id`` or ``number``.
_NO_WORDS = frozenset(
    {"id", "url", "picture", "link", "code", "type", "card", "author", "agent", "conversation", "in_reply_to"}
)
#: Links, and what OpenCC does not take: it ends at NUL, and halves of characters are none.
_STAYS = re.compile(
    r"((?:https?://|www\.)[^\s，。；！？、（）【】《》“”\"'<>]+|[\0\ud800-\udfff]+)", re.IGNORECASE
)

#: Long texts hold numbers and dates and hardly come again; short ones are titles, labels, names of goods.
_SHORT = 64
_MOST_KEPT = 4096

#: By script or region of a Chinese language tag: the variants differ in characters such as 裡/裏, 著/着.
_TABLES = {"hant": "s2tw", "tw": "s2tw", "hk": "s2hk", "mo": "s2hk"}
_SIMPLIFIED = frozenset({"hans", "cn", "sg", "my"})
_LONGEST_HEADER = 1000


class Tongue:
    """The characters that somebody reads.

    Args:
        table: name of OpenCC's configuration; None leaves all as it is.
    """

    def __init__(self, table: str | None) -> None:
        self._table = table
        self._short = lru_cache(_MOST_KEPT)(self._turned)

    @property
    def turns(self) -> bool:
        """Whether anything is turned at all."""
        return self._table is not None

    def text(self, text: str) -> str:
        """Return words as they are read; links in them stay."""
        if self._table is None or text.isascii():
            return text
        return self._short(text) if len(text) <= _SHORT else self._turned(text)

    def words(self, value: Any) -> Any:
        """Return JSON with all its words as they are read; ids, codes and addresses stay."""
        if self._table is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {name: item if _is_code(name) else self.words(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.words(item) for item in value]
        return value

    def message(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a message as clients see it; only what bot and system say is turned.

        A button that she tapped has the bot's words.
        """
        if self._table is None:
            return message
        if message["author"] in _KEPT:
            turned: dict[str, Any] = self.words(message)
            if isinstance(said := message.get("text"), Spoken):
                turned["text"] = self._around(said)
            return turned
        if "button" in message:
            return {**message, "text": self.text(message["text"])}
        return message

    def _around(self, text: Spoken) -> str:
        """Return words as they are read, without those that are the shopper's own."""
        parts = re.split(f"({'|'.join(map(re.escape, text.hers))})", text)
        return "".join(part if n % 2 else self.text(part) for n, part in enumerate(parts))

    def _turned(self, text: str) -> str:
        assert self._table is not None  # noqa: S101  # asked before
        convert = _converter(self._table)
        parts = _STAYS.split(text)  # every second one stays
        return "".join(part if n % 2 else convert(part) for n, part in enumerate(parts))


#: All as it is.
AS_IS = Tongue(None)

_TONGUES = {table: Tongue(table) for table in sorted(set(_TABLES.values()))}


def asked(languages: str) -> Tongue:
    """Return what is read by who sends this ``Accept-Language``, or a single language tag.

    The Chinese tag that is liked best decides, whatever else is liked: there is nothing but Chinese to give.
    """
    return _asked(languages[:_LONGEST_HEADER])


def tongue_of(request: web.Request) -> Tongue:
    """Return what is read by who sends this request."""
    return asked(request.headers.get("Accept-Language", ""))


@lru_cache(512)
def _asked(languages: str) -> Tongue:
    best, found = 0.0, AS_IS
    for part in languages.split(","):
        tag, _, weight = part.partition(";")
        pieces = re.split("[-_]", tag.strip().lower())
        liked = _weight(weight)
        if pieces[0] != "zh" or liked <= best:
            continue
        best, found = liked, _tongue(pieces[1:])
    return found


def _tongue(pieces: list[str]) -> Tongue:
    if not _SIMPLIFIED.isdisjoint(pieces[:1]):  # zh-Hans-HK is Simplified
        return AS_IS
    # The region is nearer than the script: zh-Hant-HK.
    tables = [_TABLES[piece] for piece in pieces if piece in _TABLES]
    return _TONGUES[tables[-1]] if tables else AS_IS


def _weight(parameter: str) -> float:
    text = parameter.strip()
    if not text:
        return 1.0
    found = re.fullmatch(r"q\s*=\s*([01](?:\.\d{0,3})?)", text, re.ASCII)
    return float(found[1]) if found else 0.0


def _is_code(name: str) -> bool:
    return name in _NO_WORDS or name.endswith(("_id", "number"))


@lru_cache(None)
def _converter(table: str) -> Callable[[str], str]:
    import opencc

    convert: Callable[[str], str] = opencc.OpenCC(table).convert
    return convert
