"""Which words in a text of the bot are the shopper's own: her name, her address, her note.

Whoever changes texts on their way out, as into Traditional characters, leaves these as she wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: Fact -> the responses in which it is hers; elsewhere ``place`` is a parcel's and ``title`` a coupon's.
_HERS = {
    "name": "utter_welcome",
    "consignee": "utter_address_",
    "place": "utter_address_",
    "addresses": "utter_my_addresses",
    "note": "utter_note_",
    "title": "utter_invoice_",
}
#: In rows of a fact, what is hers.
_COLUMNS = ("place", "consignee")
#: Shorter ones are also parts of other words.
_SHORTEST = 2


class Spoken(str):
    """A text with words that are the shopper's own.

    Attributes:
        hers: these words.
    """

    hers: tuple[str, ...]


def spoken(text: str, told: Mapping[str, Any] | None) -> str:
    """Return a text that knows which of its words are hers, by what it was made of."""
    found = {word for word in _words(told or {}) if len(word) >= _SHORTEST and word in text}
    if not found:
        return text
    knowing = Spoken(text)
    knowing.hers = tuple(sorted(found, key=len, reverse=True))
    return knowing


def _words(told: Mapping[str, Any]) -> Iterator[str]:
    response, facts = str(told.get("response")), told.get("facts")
    if not isinstance(facts, Mapping):
        return
    for name, begins in _HERS.items():
        value = facts.get(name)
        if not response.startswith(begins):
            continue
        if isinstance(value, str):
            yield value
        for row in value if isinstance(value, list) else ():
            if isinstance(row, Mapping):
                yield from (row[column] for column in _COLUMNS if isinstance(row.get(column), str))
