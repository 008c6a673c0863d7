"""Promotions and coupons of the embedded shop, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from actions.shop.errors import KeyReusedError, NotFoundError, RuleError
from actions.shop.service_models import PromotionKind
from actions.shop.sql import SqlShop
from tests.support.shop import NOW, Clock


async def test_what_runs_and_what_begins_within_a_week(read_shop: SqlShop) -> None:
    found = await read_shop.promotions()
    assert {promotion.kind for promotion in found} == set(PromotionKind)
    assert all(p.ends_at > NOW and p.starts_at <= NOW + timedelta(days=7) for p in found)
    assert [p.ends_at for p in found] == sorted(p.ends_at for p in found)
    running = [p for p in found if p.starts_at <= NOW]
    assert {p.kind for p in running} == set(PromotionKind)
    assert len(running) < len(found)
    assert not {"m10", "m11", "m12", "m13"} & {p.promotion_id for p in found}


async def test_promotions_of_one_product(read_shop: SqlShop) -> None:
    jacket = {p.promotion_id for p in await read_shop.promotions(product_id="p304")}
    jumper = {p.promotion_id for p in await read_shop.promotions(product_id="p302")}
    assert jacket - jumper == {"m02"}
    assert jumper <= jacket
    for unknown in ("p999", "", "\0", "大衣"):
        with pytest.raises(NotFoundError):
            await read_shop.promotions(product_id=unknown)


async def test_coupons_that_count_have_names_and_lapse_in_order(read_shop: SqlShop) -> None:
    history = await read_shop.history("u1016")
    coupons = await read_shop.coupons("u1016")
    assert {c.coupon_id for c in coupons} == {
        c.coupon_id for c in history.coupons if not c.used and c.valid_until >= NOW
    }
    assert len(coupons) < len(history.coupons)
    assert [c.valid_until for c in coupons] == sorted(c.valid_until for c in coupons)
    assert all(coupon.name for coupon in history.coupons)
    assert await read_shop.coupons("nobody") == []
    assert await read_shop.coupons("\0") == ()


async def test_a_coupon_is_claimed_once(shop: SqlShop, clock: Clock) -> None:
    before = await shop.coupons("u1021")
    result = await shop.claim_coupon("m04", customer_id="u1021", key="k")
    coupon = result.coupon
    assert (result.repeated, coupon.amount, coupon.minimum, coupon.used) == (
        False,
        Decimal(30),
        Decimal(199),
        False,
    )
    assert coupon.valid_until.date() == NOW.date() + timedelta(days=15)
    assert {c.coupon_id for c in await shop.coupons("u1021")} - {c.coupon_id for c in before} == {
        coupon.coupon_id
    }
    again = await shop.claim_coupon("m04", customer_id="u1021", key="k")
    assert (again.repeated, again.coupon) == (True, coupon)
    with pytest.raises(RuleError, match="claimed"):
        await shop.claim_coupon("m04", customer_id="u1021", key="k2")
    with pytest.raises(KeyReusedError):
        await shop.claim_coupon("m05", customer_id="u1021", key="k")
    clock.forward(days=16)
    assert coupon.coupon_id not in {c.coupon_id for c in await shop.coupons("u1021")}


@pytest.mark.parametrize(
    ("promotion", "customer", "rule"),
    [("m05", "u1021", "level_too_low"), ("m09", "u1001", "not_running"), ("m12", "u1021", "not_running")],
)
async def test_refused_claims_leave_nothing(shop: SqlShop, promotion: str, customer: str, rule: str) -> None:
    before = await shop.coupons(customer)
    with pytest.raises(RuleError) as refused:
        await shop.claim_coupon(promotion, customer_id=customer, key="k")
    assert refused.value.rule == rule
    assert await shop.coupons(customer) == before
    assert not (await shop.claim_coupon("m04", customer_id=customer, key="k")).repeated


async def test_a_gold_coupon_lasts_as_long_as_its_promotion(shop: SqlShop) -> None:
    coupon = (await shop.claim_coupon("m05", customer_id="u1001", key="k")).coupon
    [promotion] = [p for p in await shop.promotions() if p.promotion_id == "m05"]
    assert coupon.valid_until == promotion.ends_at - timedelta(seconds=1)
    assert coupon.name == promotion.title


@pytest.mark.parametrize(
    ("promotion", "customer"),
    [("m99", "u1001"), ("", "u1001"), ("\0", "u1001"), ("m01", "u1001"), ("m04", "nobody"), ("m04", "\0")],
)
async def test_claims_of_nothing_and_by_nobody(shop: SqlShop, promotion: str, customer: str) -> None:
    with pytest.raises(NotFoundError):
        await shop.claim_coupon(promotion, customer_id=customer, key="k")


async def test_rivals_claim_one_coupon(shop: SqlShop) -> None:
    calls = [shop.claim_coupon("m04", customer_id="u1021", key=f"k{i % 3}") for i in range(6)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    refused = [r for r in results if isinstance(r, RuleError)]
    given = [r for r in results if not isinstance(r, BaseException)]
    assert (len(given), len(refused)) == (2, 4)
    assert sorted(r.repeated for r in given) == [False, True]
    assert sum(c.amount == Decimal(30) for c in await shop.coupons("u1021")) == 1
