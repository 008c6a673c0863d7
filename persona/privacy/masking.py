"""Masks personal data in text that leaves the record: logs, exports, errors."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

#: What people write between the groups of a number.
_GAP = r"[ \u00a0\u3000.\-\u2010-\u2015\uff0d]?"
_PHONE = re.compile(
    r"(?:(?<!\d)|(?<=(?<!\d)86)|(?<=(?<!\d)0086))"
    rf"([1１][3-9３-９]\d){_GAP}\d{{4}}{_GAP}(\d{{4}})(?!\d)"
)
_ID_CARD = re.compile(r"(?<!\d)(\d{4})\d{10}(\d{3}[\dXxＸｘ])(?!\d)")
_BANK_CARD = re.compile(r"(?<!\d)(\d{4})\d{8,11}(\d{4})(?!\d)")
_MAIL = re.compile(r"\b([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})")
# Bounded, so that a message made for it cannot make it try every start with every end.
_ADDRESS = re.compile(
    r"[\u4e00-\u9fff]{2,12}(?:省|市|区|县|镇|乡)[\u4e00-\u9fffA-Za-z0-9 -]{0,30}?"
    r"(?:路|街|巷|弄|村|苑|小区|花园|大厦|广场)[\u4e00-\u9fffA-Za-z0-9#-]{0,20}"
)
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


#: In the order in which they are looked for: what one has found is no longer there for those after it.
_KINDS = (
    ("token", _TOKEN, "[token]"),
    ("phone", _PHONE, r"\1****\2"),
    ("id_card", _ID_CARD, r"\1**********\2"),
    ("bank_card", _BANK_CARD, r"\1********\2"),
    ("mail", _MAIL, r"\1***@\2"),
    ("address", _ADDRESS, "[地址]"),
)


@dataclass(frozen=True)
class Masked:
    """One place of a text that is masked.

    Attributes:
        start: offset in code points.
        end: end offset, exclusive.
        kind: ``phone``, ``id_card``, ``bank_card``, ``mail``, ``address`` or ``token``.
        shown: what stands there instead.
    """

    start: int
    end: int
    kind: str
    shown: str


def masked_places(text: str) -> tuple[Masked, ...]:
    """Return the places of `text` that :func:`mask` masks, in order, without overlaps."""
    found: list[Masked] = []
    for kind, pattern, shown in _KINDS:
        for match in pattern.finditer(text):
            if all(match.end() <= other.start or match.start() >= other.end for other in found):
                found.append(Masked(match.start(), match.end(), kind, match.expand(shown)))
    return tuple(sorted(found, key=lambda place: place.start))


def mask(text: str) -> str:
    """Return `text` with phones, identity and bank numbers, mail, street addresses and tokens masked."""
    whole, at = [], 0
    for place in masked_places(text):
        whole += [text[at : place.start], place.shown]
        at = place.end
    return "".join([*whole, text[at:]])


def mask_phone(phone: str) -> str:
    """Return a phone as it may be shown: 138****1234."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 7 else "****"


def mask_name(name: str) -> str:
    """Return a name as it may be shown: 林*, 欧阳**."""
    return name[:1] + "*" * max(1, len(name) - 1) if name else ""


class MaskingFilter(logging.Filter):
    """A logging filter that masks personal data in the finished message and its exception text."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask in place; never drops a record."""
        record.msg = mask(record.getMessage())
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = mask(record.exc_text)
        return True
