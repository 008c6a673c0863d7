"""When festivals were: 双十一, 618, 年货节. Pure functions over ``nlu_data/meanings/festivals.yml``.

A festival is meant the last time it was: in November 双十一 is this year's, in October last year's.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).resolve().parents[1] / "nlu_data" / "meanings" / "festivals.yml"


@dataclass(frozen=True)
class Festival:
    """A festival.

    Attributes:
        name: pattern of its names.
        windows: (the day itself, first day, last day) on which people buy at it, ascending.
    """

    name: re.Pattern[str]
    windows: tuple[tuple[date, date, date], ...]

    def last(self, today: date, years_back: int = 0) -> tuple[date, date, date] | None:
        """Return the newest window that has begun, or that of so many years before; None beyond the table."""
        if years_back:
            wanted = today.year - years_back
            return next((window for window in self.windows if window[0].year == wanted), None)
        place = bisect_right([first for _, first, _ in self.windows], today)
        return self.windows[place - 1] if place else None


_YEARS = range(2020, 2040)


@cache
def festivals() -> tuple[Festival, ...]:
    """Return all festivals."""
    data = yaml.safe_load(_FILE.read_text("utf-8"))
    fixed = [
        Festival(re.compile(row["name"]), tuple(_window(row, year) for year in _YEARS))
        for row in data["fixed"]
    ]
    moving = [
        Festival(
            re.compile(row["name"]),
            tuple(
                (day, day + timedelta(days=row["from"]), day + timedelta(days=row["to"]))
                for day in data["dates"][row["dates"]]
            ),
        )
        for row in data["moving"]
    ]
    return (*fixed, *moving)


@cache
def any_name() -> str:
    """Return a pattern (text) that finds any festival's name."""
    return "|".join(festival.name.pattern for festival in festivals())


def named(name: str) -> Festival:
    """Return the festival of a name that :func:`any_name` found."""
    return next(festival for festival in festivals() if festival.name.fullmatch(name))


def _window(row: dict[str, str], year: int) -> tuple[date, date, date]:
    day, first, last = (_day(year, row[key]) for key in ("day", "from", "to"))
    return day, first if first <= day else _day(year - 1, row["from"]), last


def _day(year: int, text: str) -> date:
    month, day = map(int, str(text).split("-"))
    return date(year, month, day)
