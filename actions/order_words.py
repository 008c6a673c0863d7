"""Finds the order that an amount, a superlative, a colour or a size points to. No Rasa, no shop.

那个89块的, 三百多那单, 最贵的那个, 黑色那双. An amount alone says nothing of an order
(降了50块, 3天了还没到): it has to be said of the order itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from actions.parsing import normalise
from actions.shop.models import Order

_COUNTERS = "[个单笔件双款份台瓶条只套箱盒]"
_POINTED = rf"(?:的?[那这][一几]?{_COUNTERS}|的(?:订单|单子?(?![买卖独])|快递|包裹|东西|商品))"
_NUMBER = r"(?:\d{1,6}(?:\.\d{1,2})?|[一二两三四五六七八九十百千万零]{1,9})"
_AMOUNT = re.compile(
    rf"(?<![\d.])(?P<amount>{_NUMBER})(?P<unit>块钱?|元|塊|圆)?(?P<about>多|来|出头|左右|上下)?(?P<unit2>块钱?|元|塊|圆)?"
    rf"(?P<pointed>{_POINTED})"
    rf"|[那这][一]?{_COUNTERS}(?P<amount3>{_NUMBER})(?P<about3>多|来|出头|左右)?(?:块钱?|元|塊|圆)多?(?:的|$)"
)
#: What stands before a figure that is no order's amount: it fell, it is a coupon's, it is missing.
_NO_AMOUNT = re.compile(
    r"(?:降|便宜|减|满|差|优惠|涨|补|扣|赔|返|省|券|减免|少|多收|第|近|前|后|过|号|四位)[了我给的]*$"
)
_MOST = re.compile(
    rf"(?:最贵|最(?:多|大|高)金额|金额最[大高多]|花[钱得]?最多|钱最多)(?:的?[那一这]?{_COUNTERS}|的?订单|的$)"
)
_LEAST = re.compile(rf"(?:最便宜|金额最[小低少]|花[钱得]?最少|钱最少)(?:的?[那一这]?{_COUNTERS}|的?订单|的$)")
_COLOUR = re.compile(
    rf"(?:([黑白红蓝绿黄灰粉紫金银棕橙青米])色|(?<![\u4e00-\u9fff])([黑白红蓝绿黄灰粉紫金银棕橙青])(?=的))的?[那这]一?{_COUNTERS}"
)
_SIZE = re.compile(
    rf"(?<![0-9A-Za-z.])(\d{{2,3}}|[2-5]?X{{0,3}}[SML])(?P<unit>码|号)?的?[那这]一?{_COUNTERS}", re.IGNORECASE
)
_UNITS = {"十": 10, "百": 100, "千": 1_000, "万": 10_000}
_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"两": 2}
#: 左右 looks so far to both sides.
_AROUND = Decimal("0.1")
#: Without a unit smaller figures count things, and larger ones are numbers of orders and phones.
_LEAST_BARE, _NO_PRICE = 10, 100_000
#: Goods that are counted with a word of their own: 那双 is no coat.
_COUNTED = {
    "双": re.compile("鞋|靴|袜|手套|筷"),
    "台": re.compile("机|器|电|扇|锅|仪|煲|车"),
    "瓶": re.compile("瓶|油|水|露|精华|毫升"),
}
_THAT = re.compile(r"[那这]一?([双台瓶])")


def narrowed(text: str, orders: Sequence[Order]) -> list[Order] | None:
    """Return the orders of the amount, colour or size that the words point to; None where they say none."""
    text = normalise(text)
    said = [found for reader in _READERS if (found := reader(text, orders)) is not None]
    if not said:
        return None
    kept = [order for order in orders if all(order in found for found in said)]
    return kept or next((found for found in said if found), [])


def extreme(text: str, orders: Sequence[Order]) -> list[Order]:
    """Return the dearest or the cheapest of at least two orders, where the words point to it."""
    text = normalise(text)
    if len(orders) > 1:
        for pattern, choose in ((_MOST, max), (_LEAST, min)):
            if pattern.search(text):
                wanted = choose(order.total for order in orders)
                return [order for order in orders if order.total == wanted]
    return []


def _of_amount(text: str, orders: Sequence[Order]) -> list[Order] | None:
    for match in _AMOUNT.finditer(text):
        words = match["amount"] or match["amount3"]
        unit = match["unit"] or match["unit2"] or match["amount3"]
        about = match["about"] or match["about3"]
        value = amount_of(words)
        if value is None or _NO_AMOUNT.search(text[: match.start()]):
            continue
        if (
            not unit
            and not about
            and (not _LEAST_BARE <= value < _NO_PRICE or not match["pointed"].startswith("的"))
        ):
            continue
        low, high = _range(words, value, about)
        return _costing(orders, low, high)
    return None


def _range(words: str, value: Decimal, about: str | None) -> tuple[Decimal, Decimal]:
    if about in ("左右", "上下"):
        return value * (1 - _AROUND), value * (1 + _AROUND)
    if about in ("多", "来", "出头"):
        step = Decimal(1)
        while value % (step * 10) == 0:
            step *= 10
        return value, value + step - Decimal("0.01")
    if "." in words:
        return value, value
    return value, value + Decimal("0.99")  # 89 is 89.90 too


def _costing(orders: Sequence[Order], low: Decimal, high: Decimal) -> list[Order]:
    """Return the orders that cost as much; else those with a line that does."""
    paid = [order for order in orders if low <= order.total <= high]
    return paid or [
        order
        for order in orders
        if any(
            low <= item.unit_price <= high or low <= item.unit_price * item.quantity <= high
            for item in order.items
        )
    ]


def amount_of(words: str) -> Decimal | None:
    """Return the value of an amount in digits or Chinese: 89.9, 三百, 一千二; None if it is none."""
    if words[0].isdigit():
        return Decimal(words)
    total = digit = 0
    unit = 0
    for sign in words:
        if sign in _DIGITS:
            digit = _DIGITS[sign]
            continue
        if sign == "万":
            total, digit = (total + digit) * _UNITS[sign], 0
        else:
            total, digit = total + (digit or 1) * _UNITS[sign], 0
        unit = _UNITS[sign]
    if digit and unit >= 100 and words[-2] in _UNITS:
        digit *= unit // 10  # 一千二 is 1200
    value = total + digit
    return Decimal(value) if value else None


def _of_colour(text: str, orders: Sequence[Order]) -> list[Order] | None:
    match = _COLOUR.search(text)
    if match is None:
        return None
    return [
        order for order in orders if any((match[1] or match[2]) in item.sku_label for item in order.items)
    ]


def _of_size(text: str, orders: Sequence[Order]) -> list[Order] | None:
    match = _SIZE.search(text)
    if match is None:
        return None
    size = match[1].upper()
    found = [
        order
        for order in orders
        if any(size in re.split(r"[\s/]+", item.sku_label.upper()) for item in order.items)
    ]
    # a figure without its unit may be an amount just as well
    return found if found or match["unit"] else None


def _of_counter(text: str, orders: Sequence[Order]) -> list[Order] | None:
    match = _THAT.search(text)
    if match is None:
        return None
    goods = _COUNTED[match[1]]
    return [order for order in orders if any(goods.search(item.name) for item in order.items)] or None


_READERS: tuple[Callable[[str, Sequence[Order]], list[Order] | None], ...] = (
    _of_amount,
    _of_colour,
    _of_size,
    _of_counter,
)
