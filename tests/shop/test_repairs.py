"""Warranty and repair in the embedded shop, on both databases."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from actions.shop.errors import KeyReusedError, NotFoundError, RuleError
from actions.shop.models import AfterSaleKind, AfterSaleState, Fault, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_with
from tests.support.shop import NOW, demo_shop


@pytest.mark.parametrize(
    ("product", "rule", "covered", "paid_repair"),
    [
        ("p204", "expired", False, True),  # a kettle, 12 months, bought 14 months ago
        ("p205", "covered", True, False),  # a vacuum cleaner, 24 months
        ("p309", "covered", True, False),
        ("p306", "no_warranty", False, False),
    ],
)
async def test_the_demo_has_a_case_of_each(
    read_shop: SqlShop, product: str, rule: str, covered: bool, paid_repair: bool
) -> None:
    order = await order_with(read_shop, "u1028", product)
    found = await read_shop.warranties(order.order_number, customer_id="u1028")
    assert [w.product_id for w in found] == [item.product_id for item in order.items]
    [warranty] = [w for w in found if w.product_id == product]
    assert (warranty.rule, warranty.covered, warranty.paid_repair) == (rule, covered, paid_repair)
    assert warranty.terms or warranty.months == 0
    if rule in ("covered", "expired"):
        assert warranty.until is not None
        assert (warranty.until >= NOW) == covered


async def test_a_repair_is_opened_once_and_seen(shop: SqlShop) -> None:
    order = await order_with(shop, "u1028", "p205")
    number = order.order_number
    result = await shop.request_repair(number, "p205", " 开机后不吸 \0", customer_id="u1028", key="k")
    request = result.request
    assert (request.kind, request.state) == (AfterSaleKind.REPAIR, AfterSaleState.SUBMITTED)
    assert (request.reason, request.fault, request.refund_amount) == ("broken", Fault.SHOP, Decimal(0))
    assert [step.at for step in request.steps] == [NOW, NOW]
    assert (await shop.after_sales("u1028"))[0] == request
    assert (await shop.order(number, customer_id="u1028")).state is OrderState.DELIVERED
    again = await shop.request_repair(number, "p205", "开机后不吸", customer_id="u1028", key="k")
    assert (again.repeated, again.request) == (True, request)
    with pytest.raises(KeyReusedError):
        await shop.request_repair(number, "p205", "另一个问题", customer_id="u1028", key="k")
    with pytest.raises(RuleError, match="already_open"):
        await shop.request_repair(number, "p205", "开机后不吸", customer_id="u1028", key="k2")
    assert (await shop.return_terms(number, customer_id="u1028")).rule == "already_open"


async def test_out_of_warranty_it_is_a_repair_for_money(shop: SqlShop) -> None:
    number = (await order_with(shop, "u1028", "p204")).order_number
    request = (await shop.request_repair(number, "p204", "漏水", customer_id="u1028", key="k")).request
    assert (request.reason, request.fault) == ("worn", Fault.SHOPPER)


async def test_what_is_not_repaired(shop: SqlShop) -> None:
    bag = (await order_with(shop, "u1028", "p309")).order_number
    shipped = await order_in(shop, OrderState.SHIPPED)
    for number, product, rule in (
        (bag, "p306", "no_repair"),
        (shipped.order_number, shipped.items[0].product_id, "not_delivered"),
    ):
        with pytest.raises(RuleError) as refused:
            await shop.request_repair(number, product, "坏了", customer_id=None, key="k")
        assert refused.value.rule == rule
    for product in ("p205", "p999", "", "\0"):
        with pytest.raises(NotFoundError):
            await shop.request_repair(bag, product, "坏了", customer_id=None, key="k")
    with pytest.raises(NotFoundError):
        await shop.request_repair(bag, "p309", "坏了", customer_id="u1001", key="k")
    with pytest.raises(NotFoundError):
        await shop.warranties(bag, customer_id="u1001")
    assert await shop.after_sales("u1028") == []


async def test_the_terms_of_a_return_never_offer_a_repair(shop: SqlShop) -> None:
    number = (await order_with(shop, "u1005", "p205")).order_number
    with pytest.raises(RuleError, match="kind_not_offered"):
        await shop.request_after_sale(number, AfterSaleKind.REPAIR, "quality", customer_id=None, key="k")


async def test_twins_open_one_repair(shop: SqlShop) -> None:
    number = (await order_with(shop, "u1028", "p205")).order_number
    calls = [shop.request_repair(number, "p205", "不吸", customer_id=None, key="k") for _ in range(5)]
    results = await asyncio.gather(*calls)
    assert sorted(result.repeated for result in results) == [False] + [True] * 4
    assert len(await shop.after_sales("u1028")) == 1


def raw_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("*/shop.db*"))


async def test_what_a_shopper_says_of_the_fault_is_sealed(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    number = (await order_with(shop, "u1028", "p205")).order_number
    await shop.request_repair(number, "p205", "打我电话13800138000再上门", customer_id=None, key="k")
    raw = raw_files(tmp_path)
    await shop.close()
    assert b"13800138000" not in raw
