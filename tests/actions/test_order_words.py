"""Amounts, superlatives, colours and sizes that point to an order, and those that say something else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from actions.order_choice import pick
from actions.order_words import amount_of, extreme, narrowed
from actions.shop.models import Order, OrderItem, OrderState
from tests.shop.orders import order_of
from tests.support.shop import NOW


def bought(number: str, total: str, name: str, label: str, days_ago: int) -> Order:
    item = OrderItem("p1", "s1", name, name, label, 1, Decimal(total), "pictures/p1.svg")
    return replace(
        order_of(OrderState.DELIVERED, delivered=NOW),
        order_number=number,
        items=(item,),
        total=Decimal(total),
        placed_at=NOW - timedelta(days=days_ago),
    )


ORDERS = [
    bought("shoes", "369.00", "逐野 缓震跑步鞋", "黑银 / 42", 9),  # 11 November
    bought("white", "369.00", "逐野 缓震跑步鞋", "白红 / 39", 40),
    bought("pan", "89.90", "平底锅", "28 厘米", 1),
    bought("coat", "1299.00", "栖川羽绒服", "雾黑 / XL", 9),
    bought("tea", "320.50", "山云龙井", "一级", 155),  # 18 June
]


def numbers(orders: list[Order] | None) -> list[str] | None:
    return None if orders is None else [order.order_number for order in orders]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("那个89块的", ["pan"]),
        ("89块那单", ["pan"]),
        ("89.9的那单到哪了", ["pan"]),
        ("一千二百九十九的那件", ["coat"]),
        ("一千多那单", ["coat"]),
        ("1200多块的订单", ["coat"]),
        ("三百多那单", ["shoes", "white", "tea"]),
        ("三百二的那个", ["tea"]),
        ("370左右那单", ["shoes", "white"]),
        ("花了320块的那单", ["tea"]),
        ("退369的那双", ["shoes", "white"]),
        ("黑色那双", ["shoes"]),
        ("白的那双", ["white"]),
        ("42码那双", ["shoes"]),
        ("XL的那件", ["coat"]),
        ("369块黑色那双", ["shoes"]),
        ("5000块的那单", []),
        # what says nothing of an order
        ("降了50块", None),
        ("降了369块的那个差价", None),
        ("3天了还没到", None),
        ("3天前那单", None),
        ("满300减50的那个券", None),
        ("差价89元怎么退", None),
        ("退我89块钱", None),
        ("第2个", None),
        ("2个那单", None),
        ("尾号1234的那单", None),
        ("便宜了89块的那款", None),
        ("我要两个", None),
        ("100分的快递", None),
        ("24小时了", None),
        ("L码有吗", None),
        ("黑色有货吗", None),
    ],
)
def test_what_points_to_an_order(text: str, wanted: list[str] | None) -> None:
    assert numbers(narrowed(text, ORDERS)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("最贵的那个", ["coat"]),
        ("最便宜的那单", ["pan"]),
        ("金额最大的订单", ["coat"]),
        ("花得最多的那单", ["coat"]),
        ("有没有便宜的", []),
        ("你们家最贵", []),
    ],
)
def test_superlatives(text: str, wanted: list[str]) -> None:
    assert numbers(extreme(text, ORDERS)) == wanted
    assert extreme(text, ORDERS[:1]) == []  # one is neither


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("双十一买的那双鞋", ["shoes"]),
        ("双11那单羽绒服", ["coat"]),
        ("双十一买的", ["shoes", "coat"]),
        ("双十一最贵的那单", ["coat"]),
        ("双十一那单369的那双", ["shoes"]),
        ("618的订单", ["tea"]),
        ("11.11那天买的那双黑色的", ["shoes"]),
        ("昨天买的89的那个", ["pan"]),
        ("那双跑步鞋", ["shoes", "white"]),
        ("那双黑色的跑步鞋", ["shoes", "white"]),
        ("最便宜的那双跑步鞋", ["shoes", "white"]),
        ("1299块那单", ["coat"]),
    ],
)
def test_together(text: str, wanted: list[str]) -> None:
    assert numbers(pick(text, ORDERS, (), NOW)) == wanted


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("89.9", "89.9"),
        ("三百", "300"),
        ("一千二", "1200"),
        ("两百五十", "250"),
        ("一百零五", "105"),
        ("一万二", "12000"),
        ("十五", "15"),
        ("零", None),
    ],
)
def test_amounts(words: str, value: str | None) -> None:
    assert amount_of(words) == (value and Decimal(value))
