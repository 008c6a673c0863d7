"""By when people answer, in and out of their hours, with the clock given."""

from __future__ import annotations

from datetime import datetime

import pytest

from actions.service_time import answer_time
from actions.shop.columns import SHANGHAI
from actions.shop.models import ServiceHours

DAY = ServiceHours(opens="09:00", closes="22:00", answer_minutes=10)
NIGHT = ServiceHours(opens="18:00", closes="02:00", answer_minutes=10)
ALWAYS = ServiceHours(opens="00:00", closes="00:00", answer_minutes=10)


def at(day: int, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("hours", "asked", "answered", "open_now"),
    [
        (DAY, at(20, "14:30"), at(20, "14:40"), True),
        (DAY, at(20, "09:00"), at(20, "09:10"), True),
        (DAY, at(20, "08:59"), at(20, "09:10"), False),
        (DAY, at(20, "21:50"), at(20, "22:00"), True),
        (DAY, at(20, "21:51"), at(21, "09:10"), False),  # the wait would pass closing time
        (DAY, at(20, "22:00"), at(21, "09:10"), False),
        (DAY, at(30, "23:59"), datetime(2026, 12, 1, 9, 10, tzinfo=SHANGHAI), False),
        (NIGHT, at(20, "01:00"), at(20, "01:10"), True),
        (NIGHT, at(20, "23:30"), at(20, "23:40"), True),
        (NIGHT, at(20, "03:00"), at(20, "18:10"), False),
        (ALWAYS, at(20, "03:00"), at(20, "03:10"), True),
    ],
)
def test_answers_follow_within_the_hours(
    hours: ServiceHours, asked: datetime, answered: datetime, open_now: bool
) -> None:
    when = answer_time(hours, asked)
    assert (when.answer_by, when.open_now) == (answered, open_now)
    assert ("opens" in when.facts()) is not open_now
