"""A message as the intent model sees it: one normal form, and the pieces that are counted in it.

The normal form is half width, lower case and simplified Chinese, with long numbers as the word for their
kind. Pieces are n-grams of syllables without their tones, so that 退宽 counts as 退款: input methods offer
the wrong sign for the right sound, and shoppers do not look twice.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

#: Longest n-gram in characters.
LONGEST = 3
#: Only the head of a message is looked at: the cost stays bounded.
MAX_CHARS = 200

#: What kind a long number is decides what a bare one means; its digits mean nothing.
_NUMBERS = (
    (re.compile(r"(?<!\d)1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d)"), " mobile "),
    (re.compile(r"(?<!\d)20\d{10}(?!\d)"), " ordernumber "),
    (re.compile(r"\d{6,}"), " longnumber "),
    (re.compile(r"(?<![\d.])\d{4}(?![\d.]|[元块年])"), " fourdigits "),
)
_FIGURE = re.compile(r"\d+(?:\.\d+)?")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


def normal(text: str) -> str:
    """Return the form that the models see; other figures than long numbers are all alike.

    The normal form of a normal text is the text itself.
    """
    head = text[:MAX_CHARS].encode("utf-8", "replace").decode("utf-8")
    folded = unicodedata.normalize("NFKC", head).lower()
    for pattern, word in _NUMBERS:
        folded = pattern.sub(word, folded)
    folded = _FIGURE.sub("0", folded).strip()
    return _simplified(folded) if _CHINESE.search(folded) else folded


@cache
def _converter() -> Callable[[str], str]:
    import opencc

    convert: Callable[[str], str] = opencc.OpenCC("t2s").convert
    return convert


def _simplified(text: str) -> str:
    return _converter()(text)


@lru_cache(maxsize=16_384)
def _syllable(char: str) -> str:
    """Return the commonest reading of a Chinese character without its tone; another character itself."""
    if not _CHINESE.match(char):
        return char
    # The table of phrases (40 MB) tells 行 of 银行 from 行 of 可以; for a typo either reading will do.
    os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")
    from pypinyin import lazy_pinyin

    return str(lazy_pinyin(char)[0])


def grams(text: str) -> Counter[str]:
    """Return the character n-grams of a normal text, without those that begin or end with a blank."""
    return _runs(list(text), "")


def syllable_grams(text: str) -> Counter[str]:
    """Return the n-grams of a normal text's syllables, each in dots: ``·tui·kuan``."""
    return _runs([_syllable(char) for char in text], "·")


def _runs(pieces: Sequence[str], joint: str) -> Counter[str]:
    return Counter(
        joint + joint.join(pieces[start : start + size])
        for size in range(1, LONGEST + 1)
        for start in range(len(pieces) - size + 1)
        if not pieces[start].isspace() and not pieces[start + size - 1].isspace()
    )
