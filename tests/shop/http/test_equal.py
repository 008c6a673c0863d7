"""Through HTTP the shop says what it says itself, dataclass by dataclass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from actions.shop.errors import (
    KeyReusedError,
    NotFoundError,
    NotOfferedError,
    RuleError,
    ShopUnavailableError,
)
from actions.shop.gateway import ShopGateway
from actions.shop.http import HttpShop
from actions.shop.models import AfterSaleKind, OrderState, PreferenceKind
from actions.shop.seed.demo import demo_customers
from actions.shop.service_models import EventKind, InvoiceKind, InvoiceTitle, PromotionKind, ShopEvent
from tests.shop.helpers import order_in, order_numbers
from tests.shop.http.conftest import Stage
from tests.support.shop import NOW

Write = Callable[[ShopGateway, str], Awaitable[object]]


def gateway_of(shop: HttpShop) -> ShopGateway:
    """mypy's proof that the protocol is implemented."""
    return shop


async def test_every_demo_customer_reads_the_same(stage: Stage) -> None:
    customers = [customer.customer_id for customer in demo_customers()]
    assert len(customers) > 15
    for customer_id in customers:
        assert await stage.shop.customer(customer_id) == await stage.sql.customer(customer_id)
        assert await stage.shop.history(customer_id) == await stage.sql.history(customer_id)
        assert list(await stage.shop.orders(customer_id)) == list(await stage.sql.orders(customer_id))
        assert list(await stage.shop.after_sales(customer_id)) == list(
            await stage.sql.after_sales(customer_id)
        )
        mine = await stage.sql.orders(customer_id, limit=50)
        numbers = [order.order_number for order in mine]
        assert await stage.shop.return_terms_of(numbers, customer_id=customer_id) == (
            await stage.sql.return_terms_of(numbers, customer_id=customer_id)
        )
    assert stage.reference.calls["return_terms_of"] <= len(customers)


async def test_orders_of_the_demo_read_the_same(stage: Stage) -> None:
    for number in order_numbers(stage.sql)[::3]:
        order = await stage.sql.order(number, customer_id=None)
        assert await stage.shop.order(number, customer_id=order.customer_id) == order
        assert await stage.shop.return_terms(number, customer_id=None) == (
            await stage.sql.return_terms(number, customer_id=None)
        )
        assert await stage.shop.after_sale_of_order(number, customer_id=None) == (
            await stage.sql.after_sale_of_order(number, customer_id=None)
        )


async def test_products_and_the_shop_read_the_same(stage: Stage) -> None:
    matches = await stage.sql.find_products("手机", limit=50)
    assert matches
    assert list(await stage.shop.find_products("手机", limit=50)) == matches
    for match in matches:
        product_id = match.product.product_id
        assert await stage.shop.product(product_id) == match.product
        assert list(await stage.shop.reviews(product_id)) == list(await stage.sql.reviews(product_id))
    for customer_id in ("u1006", None):
        assert await stage.shop.recommend(customer_id=customer_id, limit=7) == (
            await stage.sql.recommend(customer_id=customer_id, limit=7)
        )
    assert await stage.shop.service_hours() == await stage.sql.service_hours()
    assert await stage.shop.now() == NOW


@pytest.mark.parametrize("stranger", ["u1002", "", "nobody", "u1001\0", "孙", "..", "a/b", "\ud800"])
async def test_an_order_of_somebody_else_does_not_exist(stage: Stage, stranger: str) -> None:
    order = (await stage.sql.orders("u1001"))[0]
    number = order.order_number
    shop = stage.shop
    calls = [
        lambda: shop.order(number, customer_id=stranger),
        lambda: shop.return_terms(number, customer_id=stranger),
        lambda: shop.after_sale_of_order(number, customer_id=stranger),
        lambda: shop.cancel_order(number, customer_id=stranger, key="k"),
        lambda: shop.urge(number, customer_id=stranger, key="k"),
        lambda: shop.change_address(number, order.address, customer_id=stranger, key="k"),
        lambda: shop.request_after_sale(number, AfterSaleKind.REFUND, "late", customer_id=stranger, key="k"),
    ]
    for call in calls:
        with pytest.raises(NotFoundError):
            await call()
    assert await shop.return_terms_of([number], customer_id=stranger) == {}
    assert await stage.sql.order(number, customer_id="u1001") == order


@pytest.mark.parametrize(
    "number", ["", "1", "202611200000", "\0", "' OR 1=1 --", "1" * 500, "二〇二六", "\ud800", "..", "a/b?c#d"]
)
async def test_what_is_no_identifier_is_not_found(stage: Stage, number: str) -> None:
    with pytest.raises(NotFoundError):
        await stage.shop.order(number, customer_id=None)
    with pytest.raises(NotFoundError):
        await stage.shop.product(number)
    with pytest.raises(NotFoundError):
        await stage.shop.customer(number)
    assert not await stage.shop.verify_order(number, "1234", source="n")
    assert await stage.shop.verify_owner(number, "13800001234", source="n") is None
    assert list(await stage.shop.orders(number)) == []


async def test_verification_counts_with_the_shop(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    tail = order.address.phone[-4:]
    assert await stage.shop.verify_order(order.order_number, tail, source="mine")
    wrong = f"{(int(tail) + 1) % 10_000:04d}"
    for at in range(5):
        assert not await stage.shop.verify_order(order.order_number, wrong, source=f"n{at}")
    assert not await stage.shop.verify_order(order.order_number, tail, source="mine")
    stage.clock.forward(minutes=61)
    assert await stage.shop.verify_order(order.order_number, tail, source="mine")


async def test_the_owner_is_told_by_the_shop(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.SHIPPED)
    number, phone = order.order_number, (await stage.sql.customer(order.customer_id)).phone
    for _ in range(6):  # whether it can be asked at all counts nothing
        assert await stage.shop.verify_owner("", "", source="mine") is None
    assert await stage.shop.verify_owner(number, phone, source="mine") == order.customer_id
    for at in range(5):
        assert await stage.shop.verify_owner(number, phone[:-4], source=f"n{at}") is None
    assert await stage.shop.verify_owner(number, phone, source="mine") is None
    assert await stage.shop.verify_owner(number, phone * 50, source="long") is None


async def test_writes_obey_rules_and_keys(stage: Stage) -> None:
    shipped, paid = await order_in(stage.sql, OrderState.SHIPPED), await order_in(stage.sql, OrderState.PAID)
    with pytest.raises(RuleError) as refused:
        await stage.shop.cancel_order(shipped.order_number, customer_id=None, key="c")
    assert refused.value.rule == "already_shipped"
    first = await stage.shop.urge(shipped.order_number, customer_id=None, key="u")
    again = await stage.shop.urge(shipped.order_number, customer_id=None, key="u")
    assert (first.repeated, again.repeated) == (False, True)
    assert again.order == first.order
    with pytest.raises(KeyReusedError):
        await stage.shop.cancel_order(paid.order_number, customer_id=None, key="u")
    moved = replace(paid.address, street="新桥路 1 号", consignee="林静")
    result = await stage.shop.change_address(paid.order_number, moved, customer_id=None, key="a")
    assert result.order.address == replace(moved, is_default=False)
    cancelled = await stage.shop.cancel_order(
        paid.order_number, customer_id=paid.customer_id, key="c_1:m_2:cancel_form"
    )
    assert cancelled.order == await stage.sql.order(paid.order_number, customer_id=None)
    assert cancelled.order.state is OrderState.REFUNDING


async def test_an_after_sales_request_comes_back_as_it_was_opened(stage: Stage) -> None:
    order = await order_in(stage.sql, OrderState.DELIVERED, customer_id="u1006")
    result = await stage.shop.request_after_sale(
        order.order_number, AfterSaleKind.RETURN, "no_reason", customer_id="u1006", key="r"
    )
    assert [result.request] == [
        request
        for request in await stage.sql.after_sales("u1006")
        if request.order_number == order.order_number
    ]


@pytest.mark.parametrize("key", ["", "x" * 201, "\0", "a\r\nX-Evil: 1", "孙"])
async def test_a_key_that_is_none_is_refused_before_anything_is_sent(stage: Stage, key: str) -> None:
    order = await order_in(stage.sql, OrderState.PAID)
    with pytest.raises(ValueError, match="key"):
        await stage.shop.cancel_order(order.order_number, customer_id=None, key=key)
    assert not stage.reference.calls


async def test_the_clock_is_the_shops(stage: Stage) -> None:
    stage.faults("skew=3600,only=now")
    assert await stage.shop.now() == NOW + timedelta(hours=1)
    stage.seconds.now += 120
    assert await stage.shop.now() == NOW + timedelta(hours=1, minutes=2)
    assert stage.reference.calls["now"] == 1
    stage.seconds.now += 200
    stage.faults("")
    assert await stage.shop.now() == NOW  # asked again
    stage.seconds.now += 301
    stage.faults("status=400")
    assert await stage.shop.now() == NOW + timedelta(seconds=301)  # the last answer counts on


async def test_a_look_sees_at_once_that_the_shop_is_away(stage: Stage) -> None:
    assert await stage.shop.now() == NOW
    await stage.shop.look()
    stage.faults("down")
    assert await stage.shop.now() == NOW
    with pytest.raises(ShopUnavailableError):
        await stage.shop.look()


async def test_the_services_around_an_order_read_the_same(stage: Stage) -> None:
    for number in order_numbers(stage.sql)[::9]:
        for read in ("invoice_terms", "price_protection", "warranties", "delivery_slots", "payment"):
            over_http = await getattr(stage.shop, read)(number, customer_id=None)
            direct = await getattr(stage.sql, read)(number, customer_id=None)
            assert plain(over_http) == plain(direct), (read, number)


async def test_offers_and_late_parcels_read_the_same(stage: Stage) -> None:
    running = await stage.sql.promotions()
    assert running
    assert plain(await stage.shop.promotions()) == plain(running)
    assert plain(await stage.shop.promotions(product_id="p101")) == (
        plain(await stage.sql.promotions(product_id="p101"))
    )
    with pytest.raises(NotFoundError):
        await stage.shop.promotions(product_id="p999")
    for customer in demo_customers():
        assert plain(await stage.shop.coupons(customer.customer_id)) == (
            plain(await stage.sql.coupons(customer.customer_id))
        )
    late = await stage.sql.late_orders()
    assert plain(await stage.shop.late_orders()) == plain(late)


def plain(found: object) -> object:
    """Return lists as lists, whatever sequence they came in."""
    return list(found) if isinstance(found, list | tuple) else found


async def outcome(call: Awaitable[object]) -> object:
    """Return what a call answers, or the rule that it names."""
    try:
        return await call
    except (RuleError, NotFoundError) as exc:
        return repr(exc)


def service_writes(number: str, product_id: str, slot: str) -> dict[str, Write]:
    """Return what can be asked for around an order, each as a call of a shop under a key."""
    title = InvoiceTitle("林静文", email="lin@example.com")
    kind = InvoiceKind.ELECTRONIC
    return {
        "invoice": lambda s, key: s.request_invoice(number, kind, title, customer_id=None, key=key),
        "claim": lambda s, key: s.claim_price_protection(number, customer_id=None, key=key),
        "slot": lambda s, key: s.choose_slot(number, slot, customer_id=None, key=key),
        "repair": lambda s, key: s.request_repair(number, product_id, "屏幕不亮", customer_id=None, key=key),
    }


async def test_the_services_writes_come_back_as_they_were_done(stage: Stage) -> None:
    """Each write is done over HTTP first; under the same key the shop itself then tells the same outcome."""
    done = 0
    for number in order_numbers(stage.sql)[::9]:
        order = await stage.sql.order(number, customer_id=None)
        offer = await stage.sql.delivery_slots(number, customer_id=None)
        slot = offer.slots[0].slot_id if offer.slots else "none"
        for name, write in service_writes(number, order.items[0].product_id, slot).items():
            key = f"{name}:{number}"
            over_http = await outcome(write(stage.shop, key))
            direct = await outcome(write(stage.sql, key))
            if isinstance(over_http, str):
                assert over_http == direct, (name, number)
                continue
            done += 1
            assert not over_http.repeated  # type: ignore[attr-defined]
            assert replace(over_http, repeated=True) == direct, (name, number)  # type: ignore[type-var]
    assert done >= 3


async def test_a_coupon_is_claimed_once_and_stock_is_watched(stage: Stage) -> None:
    promotion = next(p for p in await stage.sql.promotions() if p.kind is PromotionKind.COUPON)
    first = await outcome(stage.shop.claim_coupon(promotion.promotion_id, customer_id="u1003", key="c1"))
    direct = await outcome(stage.sql.claim_coupon(promotion.promotion_id, customer_id="u1003", key="c1"))
    assert first == direct or replace(first, repeated=True) == direct  # type: ignore[type-var]
    sold_out = [
        (match.product.product_id, sku.sku_id)
        for match in await stage.sql.find_products("手机", limit=50)
        for sku in match.product.skus
        if sku.stock == 0
    ]
    product_id, sku_id = sold_out[0]
    watch = await stage.shop.watch_stock(product_id, sku_id=sku_id, customer_id="u1003", key="w1")
    again = await stage.shop.watch_stock(product_id, sku_id=sku_id, customer_id="u1003", key="w1")
    assert (watch.repeated, again.repeated) == (False, True)
    assert list(await stage.shop.stock_watchers(product_id)) == (
        list(await stage.sql.stock_watchers(product_id))
    )
    await stage.shop.told_stock(product_id, "u1003", key="t1")
    assert stage.reference.calls["told_stock"] == 1


async def test_what_she_does_not_want_to_be_shown_reaches_the_shop(stage: Stage) -> None:
    (shown, _), *_ = await stage.shop.recommend(customer_id="u1003", limit=3)
    noted = await stage.shop.note_preference("u1003", shown.product_id, PreferenceKind.DISLIKED, key="n1")
    again = await stage.shop.note_preference("u1003", shown.product_id, PreferenceKind.DISLIKED, key="n1")
    assert (noted.repeated, again.repeated) == (False, True)
    assert (await stage.shop.history("u1003")).preferences == (noted.preference,)
    after = [product.product_id for product, _ in await stage.shop.recommend(customer_id="u1003", limit=50)]
    assert shown.product_id not in after
    with pytest.raises(NotFoundError):
        await stage.shop.note_preference("u1003", "p999", PreferenceKind.OWNED, key="n2")


async def test_what_the_shop_keeps_itself_is_left_to_it(stage: Stage) -> None:
    event = ShopEvent("e1", EventKind.PAID, NOW, "u1001", None, None)
    assert not await stage.shop.take(event)
    with pytest.raises(NotOfferedError):
        await stage.shop.erase_customer("u1001")
    assert not stage.reference.calls
