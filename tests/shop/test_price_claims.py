"""Price protection in the embedded shop, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from actions.shop.errors import KeyReusedError, NotFoundError, RuleError
from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_with
from tests.support.shop import NOW


def set_price(shop: SqlShop, sku_id: str, price: str) -> None:
    with shop.engine.begin() as connection:
        fen = int(Decimal(price) * 100)
        connection.execute(
            text("UPDATE skus SET price = :fen WHERE sku_id = :sku"), {"fen": fen, "sku": sku_id}
        )


@pytest.mark.parametrize(
    ("customer", "product", "rule", "amount", "claimed"),
    [
        ("u1026", "p301", "price_dropped", "50.00", "0.00"),  # 549, now 499
        ("u1026", "p210", "too_late", "0.00", "0.00"),  # an appliance: seven days
        ("u1027", "p606", "claimed", "0.00", "20.00"),
        ("u1027", "p401", "price_dropped", "20.00", "0.00"),  # the scarf beside the fruit
        ("u1019", "p102", "no_drop", "0.00", "0.00"),
        ("u1017", "p411", "not_covered", "0.00", "0.00"),  # a fresh cake
    ],
)
async def test_the_demo_has_a_case_of_each(
    read_shop: SqlShop, customer: str, product: str, rule: str, amount: str, claimed: str
) -> None:
    order = await order_with(read_shop, customer, product)
    found = await read_shop.price_protection(order.order_number, customer_id=customer)
    assert (found.rule, found.amount, found.claimed) == (rule, Decimal(amount), Decimal(claimed))
    assert found.allowed == (rule == "price_dropped")
    if rule == "too_late":
        assert found.deadline is not None
        assert found.deadline < NOW


async def test_the_difference_is_given_back_once(shop: SqlShop) -> None:
    order = await order_with(shop, "u1026", "p301")
    number = order.order_number
    result = await shop.claim_price_protection(number, customer_id="u1026", key="k")
    assert (result.amount, result.repeated) == (Decimal("50.00"), False)
    assert result.refund_by.date() == NOW.date() + timedelta(days=3)
    again = await shop.claim_price_protection(number, customer_id="u1026", key="k")
    assert (again.repeated, again.amount, again.refund_by) == (True, result.amount, result.refund_by)
    after = await shop.price_protection(number, customer_id="u1026")
    assert (after.rule, after.claimed, after.drops) == ("claimed", Decimal("50.00"), ())
    with pytest.raises(RuleError, match="claimed"):
        await shop.claim_price_protection(number, customer_id="u1026", key="k2")
    other = await order_with(shop, "u1027", "p311")
    with pytest.raises(KeyReusedError):
        await shop.claim_price_protection(other.order_number, customer_id="u1027", key="k")


async def test_a_second_fall_counts_from_the_first(shop: SqlShop) -> None:
    order = await order_with(shop, "u1026", "p301")
    number, sku = order.order_number, order.items[0].sku_id
    await shop.claim_price_protection(number, customer_id="u1026", key="k1")
    set_price(shop, sku, "520.00")  # risen: nothing is taken back
    assert (await shop.price_protection(number, customer_id="u1026")).rule == "claimed"
    set_price(shop, sku, "479.00")
    found = await shop.price_protection(number, customer_id="u1026")
    assert (found.amount, found.drops[0].paid) == (Decimal("20.00"), Decimal("499.00"))
    result = await shop.claim_price_protection(number, customer_id="u1026", key="k2")
    assert result.amount == Decimal("20.00")
    assert (await shop.price_protection(number, customer_id="u1026")).claimed == Decimal("70.00")
    assert (await shop.claim_price_protection(number, customer_id="u1026", key="k1")).amount == Decimal(
        "50.00"
    )


async def test_rivals_are_paid_once(shop: SqlShop) -> None:
    number = (await order_with(shop, "u1026", "p301")).order_number
    calls = [shop.claim_price_protection(number, customer_id=None, key=f"k{i % 2}") for i in range(6)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    paid = [r for r in results if not isinstance(r, BaseException)]
    assert sorted(r.repeated for r in paid) == [False, True, True]
    assert {r.rule for r in results if isinstance(r, RuleError)} == {"claimed"}
    assert (await shop.price_protection(number, customer_id=None)).claimed == Decimal("50.00")


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (OrderState.UNPAID, "not_paid"),
        (OrderState.CANCELLED, "order_closed"),
        (OrderState.REFUNDED, "order_closed"),
    ],
)
async def test_refused_by_state(shop: SqlShop, state: OrderState, rule: str) -> None:
    number = (await order_in(shop, state)).order_number
    with pytest.raises(RuleError) as refused:
        await shop.claim_price_protection(number, customer_id=None, key="k")
    assert refused.value.rule == rule


async def test_an_order_of_somebody_else(shop: SqlShop) -> None:
    number = (await order_with(shop, "u1026", "p301")).order_number
    with pytest.raises(NotFoundError):
        await shop.price_protection(number, customer_id="u1001")
    with pytest.raises(NotFoundError):
        await shop.claim_price_protection(number, customer_id="u1001", key="k")
    assert (await shop.price_protection(number, customer_id="u1026")).claimed == 0
