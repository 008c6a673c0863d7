"""Finds the order that a day points to: 昨天下的那单, 上周末买的, 双十一那单. No Rasa, no shop.

A day alone says nothing about an order (物流从昨天起没动): it has to be said of an order or of buying.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import cache

from actions.festivals import any_name, named
from actions.parsing import normalise, number_of
from actions.shop.models import Order

Days = Callable[[date], bool]

_NUMERAL = r"(?:\d{1,2}|[一二两三四五六七八九十]{1,3})"
_DAY = (
    r"(?P<near>大前天|前天|昨天|昨晚|昨日|今天|今早|今日|刚才|刚刚)"
    r"|(?P<few>前[几两些]天|这几天|这两天)"
    rf"|(?P<ago>{_NUMERAL})天(?:之?前|以前)"
    rf"|(?:(?P<half>半)|(?P<spans>{_NUMERAL}))个?(?P<span>月|周|星期|礼拜)(?:之?前|以前)"
    r"|(?P<weekend>上+个?周末|这个?周末|周末)"
    r"|(?P<week>上上?个?(?:周|星期|礼拜)|这个?(?:周|星期|礼拜)|本周)(?P<weekday>[一二三四五六日天])?"
    r"|(?:(?P<third_of>上个?|这个?|本)月?)?(?P<third>月[初中底末])"
    r"|(?P<month>上个?月|这个?月|本月)"
    r"|(?P<festival_year>去年|前年|今年)?的?(?P<festival>{festivals})(?P<exact>那天|当天)?(?:活动|大促)?(?:的?时候|期间|前后)?"
    rf"|(?P<dot_m>\d{{1,2}})[./](?P<dot_d>\d{{1,2}})(?:那天|当天|号|日)?"
    rf"|(?:(?P<m>{_NUMERAL})月)?(?P<d>{_NUMERAL})[号日]"
    rf"|(?P<whole_m>{_NUMERAL})月份?"
    r"|(?P<year>去年|前年|今年)"
)
_BOUGHT = (
    r"(?:我|刚|才|在?你们?(?:家|这里|店)?|新|一起)*"
    r"(?:(?P<did>[买拍订付]|下(?![午周次个月]))[的了过]?|(?P<got>签收|收到?|到)的)"
)
_POINTED = r"的?[那这][一几两]?[个单笔件双款份台瓶条]|的(?:订单|单子?|快递|包裹)"
_NEAR = {"大前": 3, "前": 2, "昨": 1, "今": 0, "刚": 0}
_MONTHS = 12
_YEARS_BACK = {"今年": 0, "去年": 1, "前年": 2}
_FEW_DAYS = 6
#: 半个月前 is about then: so many days around it for each unit.
_SPANS = {"月": (30, 6), "周": (7, 2), "星期": (7, 2), "礼拜": (7, 2)}
_THIRDS = {"初": (1, 10), "中": (11, 20), "底": (21, 31), "末": (21, 31)}


@cache
def _of_order() -> re.Pattern[str]:
    day = _DAY.replace("{festivals}", any_name())
    return re.compile(rf"(?<!\d)(?:{day})(?:[上中下]午|[早晚]上|夜里)?(?:{_BOUGHT}|{_POINTED})")


def of_day(text: str, orders: Sequence[Order], now: datetime) -> list[Order]:
    """Return the orders of the day that the words point to; [] where they point to none.

    Args:
        text: what she typed.
        orders: her orders.
        now: the shop's time; 昨天 is counted from it.
    """
    match = _of_order().search(normalise(text))
    if match is None:
        return []
    fits = _days(match, now.date())
    return [order for order in orders if _on(order, fits, now.tzinfo, received=bool(match["got"]))]


def without_day(text: str) -> str:
    """Return the text without the day that points to an order: its figures are no amounts."""
    return _of_order().sub(" ", normalise(text))


def _on(order: Order, fits: Days, zone: tzinfo | None, *, received: bool) -> bool:
    if not received:
        return fits(order.placed_at.astimezone(zone).date())
    delivered = order.shipment.delivered_at if order.shipment else None
    return delivered is not None and fits(delivered.astimezone(zone).date())


def _days(match: re.Match[str], today: date) -> Days:
    for name, read in _READERS.items():
        if match[name]:
            return read(match, today)
    wanted_day, month = number_of(match["d"]), number_of(match["m"]) if match["m"] else None
    return lambda day: day.day == wanted_day and _newest_month(day, month, today)


def _near(match: re.Match[str], today: date) -> Days:
    back = next(days for sign, days in _NEAR.items() if match["near"].startswith(sign))
    return lambda day: day == today - timedelta(days=back)


def _few(match: re.Match[str], today: date) -> Days:
    return _within(today - timedelta(days=_FEW_DAYS), today)


def _ago(match: re.Match[str], today: date) -> Days:
    return lambda day: day == today - timedelta(days=number_of(match["ago"]) or 0)


def _span(match: re.Match[str], today: date) -> Days:
    length, around = _SPANS[match["span"]]
    back = length // 2 if match["half"] else length * (number_of(match["spans"]) or 1)
    middle = today - timedelta(days=back)
    return _within(middle - timedelta(days=around), middle + timedelta(days=around))


def _weekend(match: re.Match[str], today: date) -> Days:
    monday = today - timedelta(days=today.weekday())
    weeks = match["weekend"].count("上")
    # a bare 周末 is the one that has come already
    if not weeks and not match["weekend"].startswith("这") and today.weekday() < 5:
        weeks = 1
    saturday = monday + timedelta(days=5) - timedelta(weeks=weeks)
    return _within(saturday, saturday + timedelta(days=1))


def _week(match: re.Match[str], today: date) -> Days:
    monday = today - timedelta(days=today.weekday())
    weeks = 0 if match["week"][0] in "这本" else 2 if match["week"].startswith("上上") else 1
    first = monday - timedelta(weeks=weeks)
    if match["weekday"]:
        wanted = first + timedelta(days="一二三四五六日".find(match["weekday"].replace("天", "日")))
        return lambda day: day == wanted
    return _within(first, first + timedelta(days=6))


def _third(match: re.Match[str], today: date) -> Days:
    first, last = next(days for sign, days in _THIRDS.items() if sign in match["third"])
    of = match["third_of"]
    month = today.replace(day=1)
    # of the month that is meant, else of this one, or of the last where this one has not come so far
    if (of and of.startswith("上")) or (not of and today.day < first):
        month = (month - timedelta(days=1)).replace(day=1)
    return lambda day: (day.year, day.month) == (month.year, month.month) and first <= day.day <= last


def _month(match: re.Match[str], today: date) -> Days:
    last = today.replace(day=1) - timedelta(days=1) if match["month"].startswith("上") else today
    return lambda day: (day.year, day.month) == (last.year, last.month)


def _festival(match: re.Match[str], today: date) -> Days:
    years = _YEARS_BACK.get(match["festival_year"] or "", 0)
    window = named(match["festival"]).last(today, years)
    if window is None:
        return lambda day: False
    day_itself, first, last = window
    if match["exact"]:
        return lambda day: day == day_itself
    return _within(first, last)


def _dotted(match: re.Match[str], today: date) -> Days:
    month, wanted = int(match["dot_m"]), int(match["dot_d"])
    return lambda day: day.day == wanted and _newest_month(day, month, today)


def _whole_month(match: re.Match[str], today: date) -> Days:
    month = number_of(match["whole_m"])
    return lambda day: _newest_month(day, month, today)


def _year(match: re.Match[str], today: date) -> Days:
    return lambda day: day.year == today.year - _YEARS_BACK[match["year"]]


_READERS: dict[str, Callable[[re.Match[str], date], Days]] = {
    "near": _near,
    "few": _few,
    "ago": _ago,
    "span": _span,
    "weekend": _weekend,
    "week": _week,
    "third": _third,
    "month": _month,
    "festival": _festival,
    "dot_m": _dotted,
    "whole_m": _whole_month,
    "year": _year,
}


def _within(first: date, last: date) -> Days:
    return lambda day: first <= day <= last


def _newest_month(day: date, month: int | None, today: date) -> bool:
    """Whether `day` lies in the last such month; without one, within the last month."""
    if month is None:
        return timedelta(0) <= today - day < timedelta(days=31)
    months_ago = (today.year - day.year) * _MONTHS + today.month - day.month
    return day.month == month and 0 <= months_ago < _MONTHS
