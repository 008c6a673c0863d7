"""Finds the days and times that a Chinese sentence names, seen from a present moment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_DAYS = {"今天": 0, "今日": 0, "今晚": 0, "明天": 1, "明日": 1, "明早": 1, "后天": 2, "大后天": 3}
_WEEK = "一二三四五六日天"
_FOUND = re.compile(
    r"(?P<month>\d{1,2})\s*月\s*(?P<day>\d{1,2})\s*[日号]"
    r"|(?P<word>大后天|今天|今日|今晚|明天|明日|明早|后天)"
    r"|(?<![（(])(?P<next>下)?(?:周|星期|礼拜)(?P<week>[一二三四五六日天])"
    r"|(?<![\d月年.])(?P<only>\d{1,2})\s*[日号](?![\d楼线店门])"
)
_TIME = re.compile(
    r"^(?:（周[一二三四五六日]）)?\s*(?P<part>上午|早上|中午|下午|晚上|凌晨)?\s*(?P<hour>\d{1,2})(?:[:：](?P<minute>\d{2})|\s*点(?P<half>半)?)"
)


@dataclass(frozen=True)
class Named:
    """A day that a text names.

    Attributes:
        start, end: where, in code points.
        day: the day that is meant.
        at: the time of day, None where only the day is named.
    """

    start: int
    end: int
    day: date
    at: time | None

    def before(self, moment: datetime) -> bool:
        """Say whether what is named lies before `moment`; a day without time counts as a whole."""
        if self.day != moment.date():
            return self.day < moment.date()
        return self.at is not None and self.at < moment.timetz().replace(tzinfo=None)


def named_moments(text: str, now: datetime) -> Iterator[Named]:
    """Yield the days named in `text`, in order; impossible ones (2月31日) are left out."""
    for match in _FOUND.finditer(text):
        day = _day(match, now.date())
        if day is None:
            continue
        at, end = None, match.end()
        after = _TIME.match(text[end:])
        if after and (at := _time(after, match["word"])) is not None:
            end += after.end()
        yield Named(match.start(), end, day, at)


def _day(match: re.Match[str], today: date) -> date | None:
    if match["word"]:
        return today + timedelta(days=_DAYS[match["word"]])
    if match["week"]:
        wanted = min(_WEEK.index(match["week"]), 6)
        monday = today - timedelta(days=today.weekday())
        return monday + timedelta(days=wanted + (7 if match["next"] else 0))
    try:
        if match["month"]:
            return _nearest(int(match["month"]), int(match["day"]), today)
        return _coming(int(match["only"]), today)
    except ValueError:
        return None


def _nearest(month: int, day: int, today: date) -> date:
    """Return the day of the year that lies nearest: in December, 1月3日 is next year's."""
    found = []
    for year in (today.year - 1, today.year, today.year + 1):
        try:
            found.append(date(year, month, day))
        except ValueError:
            continue
    if not found:
        raise ValueError("no such day")
    return min(found, key=lambda d: abs((d - today).days))


def _coming(day: int, today: date) -> date:
    """Return 26日 of this month, or of the next where it lies more than half a month back."""
    this = date(today.year, today.month, day)
    if (today - this).days <= 15:
        return this
    year, month = divmod(today.year * 12 + today.month, 12)
    return date(year, month + 1, day)


def _time(match: re.Match[str], word: str | None) -> time | None:
    hour = int(match["hour"])
    minute = int(match["minute"] or (30 if match["half"] else 0))
    late = match["part"] in ("下午", "晚上") or (word == "今晚" and not match["part"])
    if late and hour < 12:
        hour += 12
    if hour == 24 and minute == 0:
        return time(23, 59, 59)
    return time(hour, minute) if hour < 24 and minute < 60 else None
