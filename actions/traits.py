"""Reads figures of specifications, so that products can be compared by them: 248 克, 60 小时, 低于 26 dB.

Pure functions, no Rasa, no shop. Which entries are compared says ``nlu_data/meanings/traits.yml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).resolve().parents[1] / "nlu_data" / "meanings" / "traits.yml"
_FIGURE = re.compile(r"(\d+(?:\.\d+)?)\s*(万)?\s*([A-Za-zμ℃%]+|[\u4e00-\u9fff]{1,3}?(?=[\s，、（/(]|$))?")
_LOOSE = re.compile(r"低于|高于|小于|大于|最[低高大小多长]|约|典型|以[上下内]")
#: Units of one measure, in their smallest.
_MEASURES: dict[str, dict[str, float]] = {
    "克": {"克": 1, "g": 1, "千克": 1_000, "公斤": 1_000, "kg": 1_000},
    "分钟": {"分钟": 1, "小时": 60, "天": 1_440, "个月": 43_200, "年": 525_600},
    "毫升": {"毫升": 1, "升": 1_000},
    "毫米": {"毫米": 1, "厘米": 10, "米": 1_000},
}
_UNITS = {unit: (least, factor) for least, units in _MEASURES.items() for unit, factor in units.items()}


@dataclass(frozen=True)
class Trait:
    """One entry of specifications that is compared.

    Attributes:
        name: the entry's name, 重量.
        want: what is wanted of it, 轻便.
        more: whether more is better.
        asked: by which words it is asked for.
    """

    name: str
    want: str
    more: bool
    asked: re.Pattern[str]


@cache
def traits() -> Mapping[str, Trait]:
    """Return the entries that are compared, by name."""
    table = yaml.safe_load(_FILE.read_text("utf-8"))
    return {
        name: Trait(name, row["want"], row["better"] == "more", re.compile(row["asked"]))
        for name, row in table.items()
    }


def figure(text: str) -> tuple[float, str] | None:
    """Return the first figure of an entry with its unit, both in the smallest unit of their measure."""
    match = _FIGURE.search(text)
    if match is None:
        return None
    unit, factor = _UNITS.get(match[3] or "", ((match[3] or "").lower(), 1.0))
    return float(match[1]) * (10_000 if match[2] else 1) * factor, unit


def best(trait: Trait, values: Sequence[str | None]) -> int | None:
    """Return the index of the one best value; None where two are as good, or they cannot be compared."""
    figures = [figure(value) if value else None for value in values]
    known = [one for one in figures if one is not None]
    if len(known) != len(values) or len({unit for _, unit in known}) != 1:
        return None
    if len({tuple(_LOOSE.findall(value or "")) for value in values}) != 1:
        return None  # below 30 dB and at best 26 dB are no answer to which is quieter
    amounts = [amount for amount, _ in known]
    top = max(amounts) if trait.more else min(amounts)
    return amounts.index(top) if amounts.count(top) == 1 else None
