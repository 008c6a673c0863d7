"""Days and times as people write them, seen from a Friday afternoon."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.assist.moments import named_moments
from persona.wording.filters import day, deadline, moment
from tests.support.shop import NOW


@pytest.mark.parametrize(
    ("text", "expected", "at"),
    [
        ("11月24日 18:00 前", date(2026, 11, 24), time(18)),
        ("11月24日（周二）前", date(2026, 11, 24), None),
        ("1月3日到", date(2027, 1, 3), None),
        ("12月31号", date(2026, 12, 31), None),
        ("今天下午3点半", date(2026, 11, 20), time(15, 30)),
        ("今晚 8 点", date(2026, 11, 20), time(20)),
        ("明天", date(2026, 11, 21), None),
        ("大后天上午", date(2026, 11, 23), None),
        ("周日", date(2026, 11, 22), None),
        ("下周一", date(2026, 11, 23), None),
        ("24日 24:00 前", date(2026, 11, 24), time(23, 59, 59)),
        ("2号", date(2026, 12, 2), None),
    ],
)
def test_what_a_text_names(text: str, expected: date, at: time | None) -> None:
    [named] = named_moments(text, NOW)
    assert (named.day, named.at) == (expected, at)
    assert 0 <= named.start < named.end <= len(text)


@pytest.mark.parametrize("text", ["2月31日", "32号", "3号楼", "订单 202611200001", "三五天", ""])
def test_what_names_no_day(text: str) -> None:
    assert list(named_moments(text, NOW)) == []


@given(st.integers(-80 * 24 * 60, 100 * 24 * 60))
def test_what_the_bot_writes_is_read_back(minutes: int) -> None:
    there = NOW + timedelta(minutes=minutes)
    for written in (moment(there), day(there), deadline(there)):
        [named] = named_moments(f"{written} 前送到", NOW)
        shown = there - timedelta(days=1) if "24:00" in written and there.hour == 0 else there
        assert named.day == shown.date()
        assert not named.before(shown - timedelta(minutes=1)) or named.at is None


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    list(named_moments(text, NOW))
