"""Reads a wish for a delivery time from typed text and finds the offered times that fit it.

Pure functions, no Rasa, no shop. The clock is given; days are those of the shop's time zone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from actions.parsing import normalise, number_of
from actions.shop.service_models import DeliverySlot

Days = Callable[[date], bool]
Hours = Callable[[int, int], bool]  # (begins, ends): whole hours of one slot

_SATURDAY = 5
_WEEKDAYS = {sign: day for day, sign in enumerate("一二三四五六日")} | {"天": 6, "1": 0, "2": 1, "3": 2}
_WEEKDAYS |= {"4": 3, "5": 4, "6": 5, "7": 6}

_NUMERAL = r"(?:\d{1,2}|[一二两三四五六七八九十]{1,3})"
_WEEK = re.compile(
    r"(?P<which>这个?|本|下下?个?)?(?:周|星期|礼拜)(?P<day>[一二三四五六日天末1-7])"
    r"(?:(?P<and>[日天])|[到至\-~](?:周|星期|礼拜)?(?P<to>[一二三四五六日天1-7]))?"
)
_WEEKEND = re.compile(r"双休日?|休息(?:日|天|的时候)|放假|非工作日|不上班的?(?:日子|时候|那?天|时间)?")
_WORKDAY = re.compile(r"(?<!非)工作日|平时|平日|上班的?(?:日子|那?天)")
_RELATIVE = re.compile(r"大后[天日]|后[天日]|[今明][天日儿早晚晨]|明后天")
_DATE = re.compile(
    rf"(?:20\d\d[-./年])?(?P<month>{_NUMERAL})(?:月|[-./](?=\d))(?P<day>{_NUMERAL})(?:日|号)?(?![点时:\d])"
    rf"|(?P<alone>{_NUMERAL})[号日](?!楼|院|门)"
)
_RELATIVE_DAYS = {"大后": 3, "后": 2, "明": 1, "今": 0}

_PERIODS: tuple[tuple[re.Pattern[str], int, int], ...] = (
    (re.compile(r"凌晨|半夜|深夜|午夜"), 0, 6),
    (re.compile(r"上午|早上|早晨|一早|清早|大早|[明今]早|早间"), 0, 12),
    (re.compile(r"中午|午间|午休"), 11, 15),
    (re.compile(r"下午|午后"), 12, 18),
    (re.compile(r"傍晚|黄昏"), 17, 20),
    (
        re.compile(r"晚上|夜里|夜间|晚间|[今明]晚|下了?班(?:之?以?后|再|了|回)|晚一?点儿?|晚饭后"),
        18,
        24,
    ),
    (re.compile(r"白天|(?<!不)上班的?时[候间]"), 0, 18),
)
_RANGE = re.compile(rf"(?P<a>{_NUMERAL})(?:点钟?|时|:\d\d)?(?:到|至|-|–|—|~)(?P<b>{_NUMERAL})(?:点|时|:\d\d)")
_CLOCK = re.compile(
    rf"(?P<when>上午|早上|早|凌晨|半夜|中午|下午|傍晚|晚上|晚|夜里)?(?P<hour>{_NUMERAL})(?:点钟?|时|:\d\d)半?"
    r"(?P<side>之后|以后|过后|后|之前|以前|前)?"
)
_NOT_BEFORE = re.compile(r"(?:不要?|别|甭|除了?|避开|不想|不能|不是)在?(?:给我)?(?:送)?(?:我)?$")
_NOT_AFTER = re.compile(
    r"^[都我们家里的都是时候]{0,5}(?:别|不(?:行|在|方便|要|可以|可|能|成|想|收)|没(?:人|空|时间)|除外|以外|有事|上班|要?出差)"
)
_FROM = re.compile(r"^(?:之|以|往)?后|^开始|^起")
_UNTIL = re.compile(r"^(?:之|以)?前|^为止")

_NOON_TO_EVENING = range(1, 8)  # 三点 is the afternoon's


@dataclass(frozen=True)
class _Said:
    """One expression of a text: what it means, and whether it was denied."""

    holds: Callable[..., bool]
    denied: bool


def names_day(text: str) -> bool:
    """Whether the text names a day or a kind of days."""
    return bool(_days(normalise(text), date(2000, 1, 1)))


def names_hour(text: str) -> bool:
    """Whether the text names a time of day."""
    return bool(_hours(normalise(text)))


def fitting(
    slots: Sequence[DeliverySlot], now: datetime, day_words: str = "", hour_words: str = ""
) -> list[DeliverySlot]:
    """Return the offered times that fit what was said of the day and of the hour; "" says nothing.

    Args:
        slots: the times offered.
        now: the shop's time; 明天 and 周六 are counted from it.
        day_words: a text that names days: 周六, 25号以后, 除了工作日.
        hour_words: a text that names hours: 下午, 晚上七点以后.
    """
    zone = now.tzinfo
    days = _days(normalise(day_words), now.date())
    hours = _hours(normalise(hour_words))
    found = []
    for slot in slots:
        begins, ends = slot.starts_at.astimezone(zone), slot.ends_at.astimezone(zone)
        last = ends.hour + (ends.minute > 0) if ends.date() == begins.date() else 24
        if _holds(days, begins.date()) and _holds(hours, begins.hour, last):
            found.append(slot)
    return found


def _holds(said: Iterable[_Said], *about: object) -> bool:
    wanted = [s for s in said if not s.denied]
    if any(s.holds(*about) for s in said if s.denied):
        return False
    return not wanted or any(s.holds(*about) for s in wanted)


def _denied(text: str, match: re.Match[str]) -> bool:
    before, after = text[: match.start()], text[match.end() :]
    return bool(_NOT_BEFORE.search(before) or _NOT_AFTER.search(after))


def _days(text: str, today: date) -> list[_Said]:
    found: list[_Said] = []
    for match in _WEEK.finditer(text):
        found.append(_Said(_of_week(match, today), _denied(text, match)))
    for pattern, weekend in ((_WEEKEND, True), (_WORKDAY, False)):
        for match in pattern.finditer(text):
            found.append(_Said(_weekend_or_not(weekend), _denied(text, match)))
    for match in _RELATIVE.finditer(text):
        found.append(_Said(_near(match[0], today), _denied(text, match)))
    for match in _DATE.finditer(text):
        day = _date(match, today)
        if day is not None:
            found.append(_Said(_from_until(day, text[match.end() :]), _denied(text, match)))
    return found


def _of_week(match: re.Match[str], today: date) -> Days:
    sign, which = match["day"], match["which"] or ""
    wanted = {_SATURDAY, _SATURDAY + 1} if sign == "末" else {_WEEKDAYS[sign]}
    if match["and"]:  # 周六日
        wanted |= {_SATURDAY + 1}
    if match["to"] and sign != "末":
        wanted = set(range(_WEEKDAYS[sign], _WEEKDAYS[match["to"]] + 1))
    monday = today - timedelta(days=today.weekday())
    weeks = 2 if which.startswith("下下") else 1 if which.startswith("下") else 0
    if not which:
        return lambda day: day.weekday() in wanted
    return lambda day: day.weekday() in wanted and (day - monday).days // 7 == weeks


def _weekend_or_not(weekend: bool) -> Days:
    return lambda day: (day.weekday() >= _SATURDAY) == weekend


def _near(words: str, today: date) -> Days:
    if words == "明后天":
        return lambda day: 1 <= (day - today).days <= 2
    ahead = next(days for sign, days in _RELATIVE_DAYS.items() if words.startswith(sign))
    return lambda day: (day - today).days == ahead


def _date(match: re.Match[str], today: date) -> date | None:
    """Return the next such day; None where there is none, as of 13月 or 35号."""
    number = number_of(match["alone"] or match["day"])
    month = number_of(match["month"]) if match["month"] else None
    for ahead in range(0, 62 if month is None else 366):
        day = today + timedelta(days=ahead)
        if day.day == number and month in (None, day.month):
            return day
    return None


def _from_until(day: date, rest: str) -> Days:
    if _FROM.match(rest):
        return lambda other: other >= day
    if _UNTIL.match(rest):
        return lambda other: other <= day
    return lambda other: other == day


def _hours(text: str) -> list[_Said]:
    found: list[_Said] = []
    ranges = list(_RANGE.finditer(text))
    for match in ranges:
        a, b = _hour(match["a"], text[: match.start()]), _hour(match["b"], text[: match.start()])
        if a is not None and b is not None and a < b:
            found.append(_Said(_overlaps(a, b), _denied(text, match)))
    for match in _CLOCK.finditer(text):
        if any(r.start() <= match.start("hour") < r.end() for r in ranges):
            continue
        hour = _hour(match["hour"], match["when"] or "")
        if hour is not None:
            found.append(_Said(_around(hour, match["side"] or ""), _denied(text, match)))
    if found:  # 下午三点 is one hour, not the afternoon
        return found
    for pattern, begins, ends in _PERIODS:
        for match in pattern.finditer(text):
            found.append(_Said(_within(begins, ends), _denied(text, match)))
    return found


def _hour(numeral: str, when: str) -> int | None:
    hour = number_of(numeral)
    if hour is None and numeral in ("0", "00"):
        hour = 0
    if hour is None or hour > 24:
        return None
    late = re.search(r"下午|傍晚|晚|夜", when) is not None
    early = re.search(r"上午|早|凌晨|半夜", when) is not None
    if hour < 12 and (late or (not early and hour in _NOON_TO_EVENING)):
        return hour + 12
    return hour


def _overlaps(a: int, b: int) -> Hours:
    return lambda begins, ends: begins < b and ends > a


def _around(hour: int, side: str) -> Hours:
    if side.endswith("后"):
        return lambda begins, ends: ends > hour
    if side.endswith("前"):
        return lambda begins, ends: begins < hour
    return lambda begins, ends: begins <= hour < ends


def _within(first: int, last: int) -> Hours:
    return lambda begins, ends: begins >= first and begins < last
