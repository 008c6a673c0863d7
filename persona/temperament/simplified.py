"""Typed Traditional characters as Simplified ones, sign for sign, so that positions stay what they were."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_HALF = re.compile(r"[\ud800-\udfff]")


@cache
def _converter() -> Callable[[str], str]:
    import opencc

    convert: Callable[[str], str] = opencc.OpenCC("t2s").convert
    return convert


@lru_cache(maxsize=1024)
def simplified(text: str) -> str:
    """Return `text` in Simplified characters; of the same length, whatever the text is."""
    if not _CHINESE.search(text):
        return text
    clean = _HALF.sub("\ufffd", text)
    found = _converter()(clean)
    if len(found) != len(text):  # a phrase changed its length: one by one
        found = "".join((_converter()(sign) or sign)[:1] for sign in clean)
    # what OpenCC cannot take stays as it was
    return "".join(old if new == "\ufffd" else new for old, new in zip(text, found, strict=True))
