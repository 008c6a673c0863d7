"""The figures of the hand-over as tables: what the page plots and prints, and what the file holds.

No web in here. Each plot of the page is drawn from its table, so whoever cannot see the one reads the other.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from bot.conversation.figures import MOST_DAYS, AgentFigures, Figures, Spread
from bot.conversation.rating_rows import RatingFigures
from bot.conversation.schema import SHANGHAI
from bot.desk.assist.labels import label
from bot.desk.words import word

_DAY = timedelta(days=1)
#: What a spreadsheet may take for the beginning of a formula, full-width forms included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class PeriodError(ValueError):
    """The days that were asked for cannot be shown; `code` names the sentence that says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Choice(str, Enum):
    """The periods that are offered."""

    TODAY = "today"
    WEEK = "7"
    MONTH = "30"
    CUSTOM = "custom"


_DAYS = {Choice.TODAY: 1, Choice.WEEK: 7, Choice.MONTH: 30}


@dataclass(frozen=True)
class Period:
    """Some whole days of the shop, both included."""

    choice: Choice
    first: date
    last: date

    @classmethod
    def of(cls, choice: str, first: str, last: str, today: date) -> Period:
        """Return the period that was asked for.

        Args:
            choice: one of :class:`Choice`; "" for the last seven days.
            first: the first day (``2026-11-22``) of a custom period.
            last: the last day of a custom period.
            today: the present day in the shop's time zone.

        Raises:
            PeriodError: no such choice, a day that is none, the wrong order, or too many days.
        """
        try:
            chosen = Choice(choice or Choice.WEEK)
        except ValueError:
            raise PeriodError("no_period") from None
        if chosen is not Choice.CUSTOM:
            return cls(chosen, today - (_DAYS[chosen] - 1) * _DAY, today)
        try:
            days = date.fromisoformat(first), date.fromisoformat(last)
        except ValueError:
            raise PeriodError("no_day") from None
        if days[1] < days[0]:
            raise PeriodError("wrong_order")
        if days[0] > today:
            raise PeriodError("not_yet")
        if (days[1] - days[0]).days >= MOST_DAYS:
            raise PeriodError("too_long")
        return cls(chosen, *days)

    @property
    def start(self) -> datetime:
        """The first moment."""
        return _midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after."""
        return _midnight(self.last + _DAY)

    @property
    def query(self) -> Mapping[str, str]:
        """What the address says."""
        days = {"from": self.first.isoformat(), "to": self.last.isoformat()}
        return {"period": self.choice.value, **(days if self.choice is Choice.CUSTOM else {})}


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)


@dataclass(frozen=True)
class Cell:
    """One value: as it is read, and as it is plotted and counted with (None: nothing was measured)."""

    text: str
    value: float | None


@dataclass(frozen=True)
class Line:
    """One row of a table; `code` is what the row stands for, e.g. ``anger`` or ``2026-11-22``."""

    code: str
    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A table, and how it is plotted: ``days`` (columns), ``lengths`` (lines) or ``shares`` (bars)."""

    key: str
    plot: str
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """What it shows."""
        return word("figures", self.key)

    @property
    def hint(self) -> str:
        """How it is counted."""
        return word("figures", f"{self.key}_hint")

    @property
    def head(self) -> tuple[str, ...]:
        """Names of the columns."""
        first = "day" if self.plot in {"days", "lengths"} else f"{self.key}_of"
        names = {"days": ("count",), "lengths": ("median", "p90"), "shares": ("count", "share")}
        return tuple(word("figures", name) for name in (first, *names[self.plot]))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to see."""
        return not any(cell.value for line in self.lines for cell in line.cells)


def tables(figures: Figures) -> tuple[Table, ...]:
    """Return all that is plotted, in the order of the page."""
    return (
        Table("by_day", "days", tuple(_counts(figures.by_day, _day))),
        Table("first_response", "lengths", tuple(_lengths(figures.response_by_day))),
        Table("handling", "lengths", tuple(_lengths(figures.handling_by_day))),
        _shares("by_reason", figures.by_reason, "reason"),
        _shares("by_style", figures.by_style, "style"),
        _shares("by_channel", figures.by_channel, "channel"),
        _shares("by_outcome", figures.by_outcome, "outcome"),
    )


def _counts(counts: Mapping[str, int], name: Callable[[str], str]) -> Iterator[Line]:
    for code, count in counts.items():
        yield Line(code, name(code), (Cell(str(count), count),))


def _lengths(spreads: Mapping[str, Spread]) -> Iterator[Line]:
    for day, spread in spreads.items():
        cells = (Cell(duration(seconds), seconds) for seconds in (spread.median, spread.p90))
        yield Line(day, _day(day), tuple(cells))


def _shares(key: str, counts: Mapping[str, int], group: str) -> Table:
    total = sum(counts.values())
    lines = (
        Line(code, label(group, code), (Cell(str(n), n), Cell(f"{n / total:.0%}", round(n / total, 4))))
        for code, n in counts.items()
    )
    return Table(key, "shares", tuple(lines))


def _day(iso: str) -> str:
    day = date.fromisoformat(iso)
    weekday = word("figures", "weekdays")[day.weekday()]
    return word("figures", "day_label", month=day.month, day=day.day, weekday=weekday)


def duration(seconds: float | None) -> str:
    """Return a length as people say it: 45 秒, 3 分 20 秒, 1 小时 5 分; a dash where nothing was measured."""
    if seconds is None:
        return word("figures", "none")
    whole = max(0, round(seconds))
    if whole < 60:
        return word("figures", "seconds", s=whole)
    if whole < 3600:
        return word("figures", "minutes", m=whole // 60, s=whole % 60)
    minutes = round(whole / 60)
    return word("figures", "hours", h=minutes // 60, m=minutes % 60)


# -- the file -------------------------------------------------------------------------------------------


def to_csv(period: Period, figures: Figures, agents: Sequence[AgentFigures]) -> bytes:
    """Return everything as a file for spreadsheets: UTF-8 with its mark, one value a line.

    Lengths are seconds. A text that a spreadsheet would run as a formula begins with an apostrophe.

    Args:
        period: the days.
        figures: what is known of them.
        agents: the agents whom the reader may see.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(word("figures", f"csv_{name}") for name in ("part", "item", "measure", "value"))
    for row in _records(period, figures, agents):
        writer.writerow(_plain(value) for value in row)
    return out.getvalue().encode("utf-8-sig")


def _records(
    period: Period, figures: Figures, agents: Sequence[AgentFigures]
) -> Iterator[tuple[object, ...]]:
    def named(key: str) -> str:
        return word("figures", key)

    days = (("from", period.first.isoformat()), ("to", period.last.isoformat()))
    for name, day in days:
        yield named("period"), "", named(name), day
    for name in ("open", "waiting", "conversations", "escalations"):
        yield named("overview"), "", named(name), getattr(figures, name)
    for name in ("first_response", "handling"):
        for measure, value in _spread(getattr(figures, name)):
            yield named("overview"), named(name), measure, value
    yield from _ratings(figures.ratings)
    for table in tables(figures):
        for line in table.lines:
            item = line.code if table.plot in {"days", "lengths"} else line.label
            for measure, cell in zip(table.head[1:], line.cells, strict=True):
                yield table.title, item, measure, cell.value
    for agent in agents:
        for name in ("held", "taken", "ended"):
            yield named("agents"), agent.name, named(name), getattr(agent, name)
        for name in ("first_response", "handling"):
            for measure, value in _spread(getattr(agent, name)):
                yield named("agents"), agent.name, f"{named(name)} {measure}", value


def _ratings(rated: RatingFigures) -> Iterator[tuple[object, ...]]:
    part, item = word("figures", "overview"), word("figures", "csat")
    yield part, item, word("figures", "csat_rated"), rated.count
    yield part, item, word("figures", "csat_satisfied"), rated.satisfied
    yield part, item, word("figures", "csat_share"), rated.share
    yield part, item, word("figures", "csat_mean"), rated.mean
    for code, mean in rated.dimensions.items():
        yield part, label("dimension", code), word("figures", "csat_mean"), mean


def _spread(spread: Spread) -> Iterable[tuple[str, float | None]]:
    return ((word("figures", "median"), spread.median), (word("figures", "p90"), spread.p90))


def _plain(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
