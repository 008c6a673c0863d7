"""Filters that texts may use. Each returns :class:`FactText`: what it prints is a fact, not prose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from persona.wording.clauses import Clauses
from persona.wording.facts import FactText, to_date, to_datetime, to_money

_MONTH = 30
_WEEKDAYS = "一二三四五六日"
#: Figures in circles, 1 to 20.
CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"


def money(value: Any) -> FactText:
    """Return an amount with its unit: 89 元, 89.50 元."""
    return FactText(f"{amount(value)} 元")


def amount(value: Any) -> FactText:
    """Return an amount without unit: 89, 89.50."""
    exact = to_money(value)
    return FactText(f"{exact:.0f}" if exact == exact.to_integral() else f"{exact:.2f}")


def day(value: Any) -> FactText:
    """Return a day with its weekday: 11月24日（周二）."""
    there = _day(value)
    return FactText(f"{there.month}月{there.day}日（周{_WEEKDAYS[there.weekday()]}）")


def short_day(value: Any) -> FactText:
    """Return a day: 11月24日."""
    there = _day(value)
    return FactText(f"{there.month}月{there.day}日")


def full_day(value: Any) -> FactText:
    """Return a day with its year: 2026年11月24日."""
    there = _day(value)
    return FactText(f"{there.year}年{there.month}月{there.day}日")


def clock(value: Any) -> FactText:
    """Return the time of day: 18:00."""
    return FactText(f"{to_datetime(value):%H:%M}")


def moment(value: Any) -> FactText:
    """Return day and time: 11月24日 18:00."""
    there = to_datetime(value)
    return FactText(f"{short_day(there)} {clock(there)}")


def deadline(value: Any) -> FactText:
    """Return a last moment as people say it: midnight and 23:59 are 24:00 of the day that ends."""
    there = to_datetime(value)
    if (there.hour, there.minute) == (0, 0):
        return FactText(f"{short_day(there - timedelta(days=1))} 24:00")
    if (there.hour, there.minute) == (23, 59):
        return FactText(f"{short_day(there)} 24:00")
    return moment(there)


def days(value: Any) -> FactText:
    """Return a number of days: 3 天."""
    return FactText(f"{int(value)} 天")


def months(value: Any) -> FactText:
    """Return a number of months: 3 个月."""
    return FactText(f"{int(value)} 个月")


def shelf_life(value: Any) -> FactText:
    """Return how long goods keep, from days: 18 个月 for 540, 12 个月 for 365, 45 天."""
    count = int(value)
    if count and count % 365 == 0:
        return months(count // 365 * 12)
    return months(count // 30) if count > _MONTH and count % _MONTH == 0 else days(count)


def workdays(value: Any) -> FactText:
    """Return a promise in working days from (least, most): 1–3 个工作日, 2 个工作日."""
    least, most = (int(number) for number in value)
    return FactText(f"{least}–{most} 个工作日" if least < most else f"{most} 个工作日")


def period(value: Any) -> FactText:
    """Return the time between two moments: 11月24日 09:00–12:00."""
    starts, ends = (to_datetime(one) for one in value)
    return FactText(f"{moment(starts)}–{clock(ends) if ends.date() == starts.date() else moment(ends)}")


def join_zh(values: Iterable[Any], last: str = "") -> FactText:
    """Join with 顿号; `last` ("和") stands before the last one instead, where given."""
    items = [str(v) for v in values]
    if last and len(items) > 1:
        return FactText("、".join(items[:-1]) + last + items[-1])
    return FactText("、".join(items))


def circled(value: Any) -> FactText:
    """Return ①, ②, … for 1, 2, …; plain figures beyond 20."""
    number = int(value)
    return FactText(CIRCLED[number - 1] if 1 <= number <= len(CIRCLED) else f"{number}.")


def short(value: Any, chars: int = 12) -> FactText:
    """Return the text cut to `chars` characters, with … where something was cut."""
    text = str(value)
    return FactText(text if len(text) <= chars else text[: chars - 1] + "…")


def tail(value: Any, chars: int = 4) -> FactText:
    """Return the last characters, as for an order number or a phone."""
    return FactText(str(value)[-chars:])


def labelled(labels: Mapping[str, Mapping[str, str]]) -> Callable[[Any, str], FactText]:
    """Return the filter ``label``: ``{{ state | label("order_state") }}``; an unknown code is a KeyError."""

    def label(code: Any, group: str) -> FactText:
        return FactText(labels[group][str(code)])

    return label


#: Forms in which a moment or a day may show.
DAY_FORMS: tuple[Callable[[Any], FactText], ...] = (day, short_day, full_day)
TIME_FORMS: tuple[Callable[[Any], FactText], ...] = (clock, moment, deadline)

#: Filters by name, beside Jinja's own and ``label``.
FILTERS: Mapping[str, Callable[..., FactText]] = {
    f.__name__: f
    for f in (
        money, amount, day, short_day, full_day, clock, moment, deadline, days, months, shelf_life,
        workdays, period, join_zh, circled, short, tail,
    )
}  # fmt: skip


def shown(value: Any) -> FactText | None:
    """Return how a bare ``{{ fact }}`` prints, or None where it is no fact.

    Raises:
        TypeError: for a flag and for a fact that is absent, which only make sense in ``{% if %}``.
    """
    if value is None or isinstance(value, bool):
        what = "a fact that is absent" if value is None else "a flag"
        raise TypeError(f"{what} is printed: ask for it with {{% if %}}")
    for kind, write in _PLAIN:
        if isinstance(value, kind):
            return write(value)
    return None


#: How a fact without filter is written; a datetime is a date too, so it stands first.
_PLAIN: tuple[tuple[type | tuple[type, ...], Callable[[Any], FactText]], ...] = (
    (FactText, FactText),
    (Clauses, Clauses.laid_out),
    (Decimal, money),
    (datetime, moment),
    (date, short_day),
    (int, FactText),
    ((list, tuple), join_zh),
)


def forms(value: Any, labels: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Return every form in which a parsed scalar may show in a text; none for a flag."""
    if isinstance(value, bool):
        return set()
    if isinstance(value, datetime):
        return {str(f(value)) for f in (*TIME_FORMS, *DAY_FORMS)}
    if isinstance(value, date):
        return {str(f(value)) for f in DAY_FORMS}
    if isinstance(value, Decimal):
        return {str(money(value)), str(amount(value))}
    if isinstance(value, int):
        return {str(value), f"{value:,}"}
    return {str(value), *(group[value] for group in labels.values() if value in group)}


def _day(value: Any) -> date:
    if isinstance(value, datetime) or (isinstance(value, str) and "T" in value):
        return to_datetime(value).date()
    return to_date(value)
