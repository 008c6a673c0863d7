"""Wishes for a delivery time, read against the times that are offered."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from actions.shop.columns import SHANGHAI
from actions.shop.service_models import DeliverySlot
from actions.slot_words import fitting, names_day, names_hour

#: A Friday afternoon.
NOW = datetime(2026, 11, 20, 14, 30, tzinfo=SHANGHAI)


def offered() -> list[DeliverySlot]:
    """Three times a day from Saturday the 21st to Wednesday the 25th."""
    slots = []
    for day in range(21, 26):
        for begins, hours in ((9, 3), (14, 4), (18, 3)):
            starts = datetime(2026, 11, day, begins, tzinfo=SHANGHAI)
            ends = starts + timedelta(hours=hours)
            slots.append(DeliverySlot(f"{day}-{begins}", starts, ends, Decimal("0.00")))
    return slots


def found(text: str) -> set[str]:
    return {slot.slot_id for slot in fitting(offered(), NOW, text, text)}


def days(*wanted: int) -> set[str]:
    return {slot.slot_id for slot in offered() if slot.starts_at.day in wanted}


def hours(*wanted: int) -> set[str]:
    return {slot.slot_id for slot in offered() if slot.starts_at.hour in wanted}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("周六", days(21)),
        ("星期天送可以吗", days(22)),
        ("礼拜一", days(23)),
        ("周末", days(21, 22)),
        ("周六日都行", days(21, 22)),
        ("双休日", days(21, 22)),
        ("不上班的时候送", days(21, 22)),
        ("工作日送", days(23, 24, 25)),
        ("工作日别送", days(21, 22)),
        ("不要工作日", days(21, 22)),
        ("工作日没人在家", days(21, 22)),
        ("除了周六都可以", days(22, 23, 24, 25)),
        ("我周六不在", days(22, 23, 24, 25)),
        ("周一到周三", days(23, 24, 25)),
        ("明天", days(21)),
        ("后天", days(22)),
        ("大后天", days(23)),
        ("这周日", days(22)),
        ("下周一", days(23)),
        ("下周六", set()),
        ("11月23日", days(23)),
        ("11-24", days(24)),
        ("24号", days(24)),
        ("二十四号", days(24)),
        ("24号以后", days(24, 25)),
        ("22号之前", days(21, 22)),
        ("12月1号", set()),
        ("今天", set()),
    ],
)
def test_days(text: str, wanted: set[str]) -> None:
    assert names_day(text)
    assert found(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("上午", hours(9)),
        ("早上吧", hours(9)),
        ("下午", hours(14)),
        ("晚上才有人", hours(18)),
        ("下班以后", hours(18)),
        ("上班时间没人", hours(18)),
        ("白天不在", hours(18)),
        ("上午别送", hours(14, 18)),
        ("别下午送", hours(9, 18)),
        ("下午三点", hours(14)),
        ("三点", hours(14)),
        ("15点", hours(14)),
        ("晚上七点以后", hours(18)),
        ("六点以后", hours(18)),
        ("三点以后", hours(14, 18)),
        ("十点之前", hours(9)),
        ("九点之前", set()),
        ("9点到12点", hours(9)),
        ("14:00-18:00", hours(14)),
        ("2点到5点", hours(14)),
    ],
)
def test_hours(text: str, wanted: set[str]) -> None:
    assert names_hour(text)
    assert found(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("周六下午", {"21-14"}),
        ("明晚", {"21-18"}),
        ("明天上午九点到十二点", {"21-9"}),
        ("周一到周五白天上班，晚上送", {"23-18", "24-18", "25-18"}),
        ("周六或者周日下午都行", {"21-14", "22-14"}),
        ("２４号下午", {"24-14"}),
    ],
)
def test_both(text: str, wanted: set[str]) -> None:
    assert found(text) == wanted


@pytest.mark.parametrize(
    "text", ["第二个", "13800001111", "快点送", "5号楼", "202611200001", "", "42码", "2月30号"]
)
def test_what_names_no_time(text: str) -> None:
    assert not names_day(text)
    assert not names_hour(text)
    assert len(found(text)) == len(offered())
