"""Days that point to an order, and days that say something else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest

from actions.day_words import of_day
from actions.festivals import festivals, named
from actions.shop.columns import SHANGHAI
from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=SHANGHAI)  # a Friday


@pytest.fixture
async def orders(shop: SqlShop) -> list[Order]:
    """Orders placed on 20, 19, 18 and 12 November and 25 October; the last but one came on the 19th."""
    base = await order_in(shop, OrderState.DELIVERED)
    assert base.shipment is not None
    days = ((11, 20, None), (11, 19, None), (11, 18, None), (11, 12, 19), (10, 25, 27))
    return [
        replace(
            base,
            order_number=f"{month:02}{day:02}",
            placed_at=datetime(2026, month, day, 10, tzinfo=SHANGHAI),
            shipment=replace(
                base.shipment,
                delivered_at=datetime(2026, month, came, 10, tzinfo=SHANGHAI) if came else None,
            ),
        )
        for month, day, came in days
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("昨天那单", ["1119"]),
        ("昨天下的单", ["1119"]),
        ("我昨天付的钱怎么还是待发货", ["1119"]),
        ("昨天晚上拍的", ["1119"]),
        ("前天买的", ["1118"]),
        ("今天刚买的", ["1120"]),
        ("八天前买的", ["1112"]),
        ("上周买的", ["1112"]),
        ("上周四下的单", ["1112"]),
        ("上个月买的", ["1025"]),
        ("18号那个", ["1118"]),
        ("10月25日的订单", ["1025"]),
        ("昨天收到的那个", ["1112"]),
        ("昨天到的", ["1112"]),
        ("大前天买的", []),
        # A day that says nothing of an order.
        ("物流从昨天起没动", []),
        ("昨天就显示到我们市了怎么今天还没送", []),
        ("今天到吗", []),
        ("不是说昨天发货吗", []),
        ("周末再送", []),
        ("25号以后再送", []),
    ],
)
def test_the_order_of_a_day(orders: list[Order], text: str, wanted: list[str]) -> None:
    assert [order.order_number for order in of_day(text, orders, NOW)] == wanted


@pytest.fixture
async def year(shop: SqlShop) -> list[Order]:
    """Orders of days all over two years."""
    base = await order_in(shop, OrderState.PAID)
    days = ["2026-11-15", "2026-11-11", "2026-11-03", "2026-10-21", "2026-10-02", "2026-09-24", "2026-06-18"]
    days += ["2026-02-20", "2026-01-25", "2025-12-12", "2025-11-11", "2025-06-10"]
    return [
        replace(base, order_number=day, placed_at=datetime.fromisoformat(f"{day}T10:00:00+08:00"))
        for day in days
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("双十一买的", ["2026-11-11", "2026-11-03", "2026-10-21"]),
        ("双11那天买的", ["2026-11-11"]),
        ("11.11那天买的", ["2026-11-11"]),
        ("去年双十一买的那个", ["2025-11-11"]),
        ("双十二下的单", ["2025-12-12"]),
        ("618买的", ["2026-06-18"]),
        ("去年618那单", ["2025-06-10"]),
        ("国庆买的", ["2026-10-02"]),
        ("国庆期间下的单", ["2026-10-02"]),
        ("中秋节的时候买的", ["2026-09-24"]),
        ("过年买的", ["2026-02-20"]),
        ("年货节买的那箱", ["2026-01-25"]),
        ("上周末买的", ["2026-11-15"]),
        ("周末下的单", ["2026-11-15"]),
        ("月初买的", ["2026-11-03"]),
        ("上个月底那单", ["2026-10-21"]),
        ("上个月初买的", ["2026-10-02"]),
        ("半个月前买的", ["2026-11-11", "2026-11-03"]),
        ("一个月前下的单", ["2026-10-21"]),
        ("十月份买的", ["2026-10-21", "2026-10-02"]),
        ("前几天买的", ["2026-11-15"]),
        ("去年买的", ["2025-12-12", "2025-11-11", "2025-06-10"]),
        # said of something else
        ("双十一有活动吗", []),
        ("双十一之前能到吗", []),
        ("618会降价吗", []),
        ("周末能送吗", []),
        ("月底发工资", []),
        ("去年的款式吗", []),
        ("半个月了还没到", []),
        ("这价格1.5倍了", []),
        ("国庆放假吗", []),
        ("过年发货吗", []),
    ],
)
def test_festivals_and_spans(year: list[Order], text: str, wanted: list[str]) -> None:
    assert [order.order_number for order in of_day(text, year, NOW)] == wanted


def test_a_festival_is_the_last_one_that_has_begun() -> None:
    eleven = named("双十一")
    assert eleven.last(date(2026, 10, 25))[0] == date(2026, 11, 11)  # type: ignore[index]
    assert eleven.last(date(2026, 10, 1))[0] == date(2025, 11, 11)  # type: ignore[index]
    new_year = named("元旦")
    assert new_year.last(date(2026, 12, 30))[0] == date(2027, 1, 1)  # type: ignore[index]
    assert named("春节").last(date(2019, 1, 1)) is None


def test_every_moving_festival_is_known_for_years_to_come() -> None:
    for festival in festivals():
        assert festival.windows[-1][0].year >= 2030
        assert [w[1] for w in festival.windows] == sorted(w[1] for w in festival.windows)
        assert all(first <= last for _, first, last in festival.windows)
