"""How facts are written."""

from decimal import Decimal

import pytest

from persona.wording import filters
from persona.wording.facts import FactError, FactSpec, parse


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("money", "89.00", "89 元"),
        ("money", "89.5", "89.50 元"),
        ("money", Decimal("1299"), "1299 元"),
        ("money", "0", "0 元"),
        ("money", "-5.10", "-5.10 元"),
        ("day", "2026-11-24", "11月24日（周二）"),
        ("day", "2026-11-24T17:00:00+00:00", "11月25日（周三）"),
        ("full_day", "2027-01-03", "2027年1月3日"),
        ("clock", "2026-11-24T08:05:00+08:00", "08:05"),
        ("moment", "2026-11-24T18:00:00+08:00", "11月24日 18:00"),
        ("deadline", "2026-11-27T00:00:00+08:00", "11月26日 24:00"),
        ("deadline", "2026-11-26T23:59:59+08:00", "11月26日 24:00"),
        ("deadline", "2026-12-01T00:00:00+08:00", "11月30日 24:00"),
        ("deadline", "2026-11-26T18:00:00+08:00", "11月26日 18:00"),
        ("days", 3, "3 天"),
        ("months", 3, "3 个月"),
        ("shelf_life", 7, "7 天"),
        ("shelf_life", 30, "30 天"),
        ("shelf_life", 180, "6 个月"),
        ("shelf_life", 540, "18 个月"),
        ("shelf_life", 730, "24 个月"),
        ("workdays", (1, 3), "1–3 个工作日"),
        ("workdays", (2, 2), "2 个工作日"),
        (
            "period",
            ("2026-11-24T09:00:00+08:00", "2026-11-24T12:00:00+08:00"),
            "11月24日 09:00–12:00",
        ),
        (
            "period",
            ("2026-11-24T22:00:00+08:00", "2026-11-25T01:00:00+08:00"),
            "11月24日 22:00–11月25日 01:00",
        ),
        ("join_zh", ["甲", "乙", "丙"], "甲、乙、丙"),
        ("circled", 3, "③"),
        ("short", "一二三四五六七八九十十一十二十三", "一二三四五六七八九十十…"),
        ("tail", "202611200001", "0001"),
    ],
)
def test_a_value_is_written(name: str, value: object, written: str) -> None:
    assert filters.FILTERS[name](value) == written


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("money", 8.5),
        ("money", "abc"),
        ("money", "NaN"),
        ("money", True),
        ("int", True),
        ("int", "3"),
        ("flag", 1),
        ("text", None),
        ("datetime", "yesterday"),
        ("date", "2026-13-01"),
        ("list", "甲乙"),
        ("list", [1]),
        ("rows", ["甲"]),
    ],
)
def test_a_value_of_another_type_is_refused(kind: str, value: object) -> None:
    spec = FactSpec(name="x", type=kind, must=False, sample=None)
    with pytest.raises(FactError, match="fact x"):
        parse(spec, value)


def test_rows_have_typed_columns() -> None:
    spec = FactSpec.from_yaml(
        "rows",
        {"type": "rows", "sample": [{"a": "甲", "p": "1.50"}], "columns": {"p": "money", "q": "int"}},
        must=True,
    )
    assert parse(spec, [{"a": "乙", "p": "2"}]) == [{"a": "乙", "p": Decimal("2.00"), "q": None}]
