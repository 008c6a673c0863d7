"""Cuts a text to what a platform takes: at sentence ends, else at commas, never inside a number.

The pieces together are the text, character for character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from bot.channels.base import Unit

_SENTENCE = frozenset("。！？!?…\n")
_CLAUSE = frozenset("，；、,;：")
_CLOSING = frozenset("”’」』）》】〉〕)]}\"'")
_OPENING = frozenset("“‘「『（《【〈〔([{")
#: What no piece should begin with.
_FOLLOWS = _SENTENCE | _CLAUSE | _CLOSING | frozenset(":%～~·")

#: What stays in one piece: addresses, days with their time, numbers with their unit, words of Latin letters.
_WHOLE = re.compile(
    r"https?://[^\s\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]+"
    r"|(?:\d{4}年)?\d{1,2}月\d{1,2}日(?:（周.）)?(?: ?\d{1,2}:\d{2}(?:[–-]\d{1,2}:\d{2})?)?"
    r"|[¥￥]?[0-9A-Za-z]+(?:[.,:/_@&#=?~+'’–-]+[0-9A-Za-z]+)*%?(?: ?(?<=[0-9 ])[\u4e00-\u9fff])?"
)
#: So far beyond the last place where a cut may be, a token that goes over it is still recognised.
_BEYOND = 64
#: The joiner of emoji, and the range of regional indicators, whose pairs are flags.
_JOINER = "\u200d"
_FLAG_FIRST, _FLAG_LAST = "\U0001f1e6", "\U0001f1ff"
#: A sentence end before this share of a piece is left for a comma behind it.
_EARLY = 0.3
_RANKS = 6


def size(text: str, unit: Unit) -> int:
    """Return the length of a text as a platform counts it."""
    return len(text) if unit is Unit.CHARACTERS else len(text.encode("utf-8", "surrogatepass"))


def cut(text: str, most: int, unit: Unit) -> tuple[str, ...]:
    """Return the pieces of a text, each of at most `most`; none of an empty text.

    Raises:
        ValueError: `most` has no room for a character.
    """
    return tuple(_pieces(text, most, unit))


def _pieces(text: str, most: int, unit: Unit) -> Iterator[str]:
    while text:
        at = first_piece(text, most, unit)
        yield text[:at]
        text = text[at:]


def first_piece(text: str, most: int, unit: Unit) -> int:
    """Return where the first piece of a text ends.

    Raises:
        ValueError: `most` has no room for a character.
    """
    fits = _fitting(text, most, unit)
    if fits == len(text):
        return fits
    if not fits:
        raise ValueError(f"no character fits into {most} {unit.value}")
    inside = _inside_of_wholes(text[: fits + _BEYOND])
    found: list[int] = [0] * _RANKS  # rank -> the last place of that rank, 0 for none
    late: list[int] = [0] * 2
    for at in range(fits, 0, -1):
        rank = _rank(text, at, at in inside)
        if not found[rank]:
            found[rank] = at
            if rank < len(late) and at >= fits * _EARLY:
                late[rank] = at
        if rank == 0:
            break
    return next(at for at in (*late, *found) if at)


def _rank(text: str, at: int, inside: bool) -> int:
    """Return how bad a cut before this place is, 0 to 5."""
    before, after = text[at - 1], text[at]
    if _joined(text, at):
        return 5
    if inside:
        return 4
    if after in _FOLLOWS and after != "\n":
        return 3
    if before in _CLOSING:
        start = at - 1
        while start > 0 and text[start - 1] in _CLOSING:
            start -= 1
        before = text[start - 1] if start and text[start - 1] in _SENTENCE else before
    if before in _SENTENCE:
        return 0
    if before in _CLAUSE:
        return 1
    return 3 if before in _OPENING else 2


def _joined(text: str, at: int) -> bool:
    """Return whether the characters on both sides are shown as one."""
    before, after = text[at - 1], text[at]
    if before < "\u0300" and after < "\u0300":
        return before == "\r" and after == "\n"
    if _JOINER in (before, after) or _extends(after):
        return True
    if _is_flag(before) and _is_flag(after):
        start = at
        while start and _is_flag(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 1
    return False


def _extends(char: str) -> bool:
    """Return whether a character is shown with the one before it."""
    return (
        unicodedata.category(char).startswith("M")
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # colours of skin
        or "\U000e0020" <= char <= "\U000e007f"  # tags of flags
        or "\u1160" <= char <= "\u11ff"  # later parts of a Hangul syllable
        or "\udc00" <= char <= "\udfff"  # the second half of a pair that came as two
    )


def _is_flag(char: str) -> bool:
    return _FLAG_FIRST <= char <= _FLAG_LAST


def _fitting(text: str, most: int, unit: Unit) -> int:
    """Return how many characters from the beginning fit."""
    if unit is Unit.CHARACTERS:
        return min(len(text), max(most, 0))
    taken = 0
    for at, char in enumerate(text):
        taken += size(char, unit)
        if taken > most:
            return at
    return len(text)


def _inside_of_wholes(text: str) -> frozenset[int]:
    """Return the places that lie inside of what stays in one piece."""
    return frozenset(
        place for match in _WHOLE.finditer(text) for place in range(match.start() + 1, match.end())
    )
