"""The demo data keep their promises: counts, states, totals, dates, the same for a seed and a day."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from actions.shop.columns import SHANGHAI
from actions.shop.database import upgrade
from actions.shop.models import AfterSaleState, Order, OrderState, Product
from actions.shop.seed.catalogue import catalogue_items, read_catalogue
from actions.shop.seed.demo import demo_customers, demo_rows, reset_demo, seed_demo
from actions.shop.seed.plans import read_people
from actions.shop.sql import SqlShop
from tests.support.shop import NOW, VAULT, Clock, demo_shop

OPEN = {OrderState.UNPAID, OrderState.PAID, OrderState.SHIPPED, OrderState.EXCEPTION}
PICTURES = Path(__file__).parents[2] / "bot" / "channels" / "static"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Order], list[Product]]:
    """All orders and products, read once for the tests below."""

    async def read() -> tuple[list[Order], list[Product]]:
        shop, _ = demo_shop(tmp_path_factory.mktemp("seed"))
        orders = [o for person in read_people() for o in await shop.orders(person.customer_id, limit=1000)]
        products = [await shop.product(product_id) for product_id in catalogue_items()]
        await shop.close()
        return orders, products

    return asyncio.run(read())


@pytest.fixture
def orders(demo: tuple[list[Order], list[Product]]) -> list[Order]:
    return demo[0]


@pytest.fixture
def products(demo: tuple[list[Order], list[Product]]) -> list[Product]:
    return demo[1]


def test_every_order_state_occurs(orders: list[Order]) -> None:
    assert {order.state for order in orders} == set(OrderState)


def test_customers_with_one_and_with_several_open_orders(orders: list[Order]) -> None:
    open_orders = Counter(order.customer_id for order in orders if order.state in OPEN)
    assert sum(count == 1 for count in open_orders.values()) >= 5
    assert sum(count > 1 for count in open_orders.values()) >= 4


def test_totals_add_up(orders: list[Order], products: list[Product]) -> None:
    by_id = {product.product_id: product for product in products}
    for order in orders:
        assert order.goods_total == sum((i.unit_price * i.quantity for i in order.items), Decimal(0))
        assert order.total == order.goods_total + order.freight - order.discount
        assert order.total > 0
        for item in order.items:
            product = by_id[item.product_id]
            assert (item.name, item.picture) == (product.name, product.picture)
            assert item.sku_id in {sku.sku_id for sku in product.skus}
            assert product.listed_on <= order.placed_at.date()


def test_dates_are_in_order_and_none_lies_ahead(orders: list[Order]) -> None:
    for order in orders:
        known = [order.placed_at, order.paid_at]
        if order.shipment is not None:
            trace = [event.at for event in order.shipment.trace]
            assert trace == sorted(trace)
            assert trace[0] == order.shipment.shipped_at
            known += [order.shipment.shipped_at, *trace, order.shipment.delivered_at]
            if order.shipment.delivered_at is not None:
                assert order.shipment.expected_by == trace[-1] == order.shipment.delivered_at
            else:
                assert order.shipment.expected_by > NOW
        moments = [moment for moment in known if moment is not None]
        assert moments == sorted(moments)
        assert moments[-1] < NOW
        if order.urged_at is not None:
            assert order.placed_at < order.urged_at < NOW
        assert order.order_number == f"{order.placed_at:%Y%m%d}{order.order_number[8:]}"
        assert len(order.order_number) == 12


def test_states_have_what_they_need(orders: list[Order]) -> None:
    for order in orders:
        shipment = order.shipment
        assert (order.paid_at is None) == (order.state in {OrderState.UNPAID, OrderState.CANCELLED})
        assert (order.pay_by is not None) == (order.state is OrderState.UNPAID)
        assert (order.ship_by is not None) == (order.state is OrderState.PAID)
        if order.state in {OrderState.SHIPPED, OrderState.EXCEPTION}:
            assert shipment is not None
            assert shipment.delivered_at is None
            assert (shipment.exception is not None) == (order.state is OrderState.EXCEPTION)
        if order.state is OrderState.DELIVERED:
            assert shipment is not None
            assert shipment.delivered_at is not None


def test_late_parcels_and_overdue_dispatch_occur(orders: list[Order]) -> None:
    moving = [o.shipment for o in orders if o.state is OrderState.SHIPPED and o.shipment]
    assert any(s.expected_by > s.promised_by for s in moving)
    assert any(s.expected_by <= s.promised_by for s in moving)
    assert any(o.ship_by and o.ship_by < NOW for o in orders)
    assert any(o.ship_by and o.ship_by > NOW for o in orders)


async def test_after_sales_in_every_state_fit_their_orders(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    states = set()
    for person in read_people():
        orders = {order.order_number: order for order in await shop.orders(person.customer_id, limit=100)}
        for request in await shop.after_sales(person.customer_id):
            states.add(request.state)
            order = orders[request.order_number]
            times = [step.at for step in request.steps]
            assert times == sorted(times)
            assert order.placed_at < request.created_at <= times[0] < NOW
            assert request.refund_amount <= order.total
            if order.shipment and order.shipment.delivered_at:
                assert order.shipment.delivered_at < request.created_at
            closed = {AfterSaleState.DONE, AfterSaleState.REJECTED, AfterSaleState.WITHDRAWN}
            if order.state is OrderState.REFUNDING:
                assert request.state not in closed
            if order.state is OrderState.REFUNDED:
                assert request.state is AfterSaleState.DONE
    await shop.close()
    assert states == set(AfterSaleState)


def test_the_catalogue_is_large_and_whole(products: list[Product]) -> None:
    assert len(products) >= 64
    per_category = Counter(product.category for product in products)
    assert set(per_category) == {"phone", "appliance", "clothing", "food", "beauty", "baby"}
    assert min(per_category.values()) >= 10
    assert len({product.name for product in products}) == len(products)
    for product in products:
        assert len(product.short_name) <= 12
        assert len(product.specs) >= 4
        assert product.aliases
        assert product.certificates
        assert product.price > 0
        sold_out = {"p112"}  # for whom one waits
        assert any(sku.stock > 0 for sku in product.skus) == (product.product_id not in sold_out)
        assert len({sku.label for sku in product.skus}) == len(product.skus)
        assert product.price_history[-1].price == product.price
        assert product.price_history[0].since >= product.listed_on
        widths = {len(line) for line in product.size_table}
        assert len(widths) <= 1
        if product.size_table:
            listed = {line[0] for line in product.size_table[1:]}
            assert {sku.size for sku in product.skus} <= listed
    assert any(sku.stock == 0 for product in products for sku in product.skus)
    assert any(product.returnable_days == 0 for product in products)
    assert sum((NOW.date() - product.listed_on).days <= 30 for product in products) >= 8


def test_names_for_selling_out_are_real_variants() -> None:
    for category in read_catalogue():
        for item in category.items:
            names = {name for v in item.variants for name in (v.label, v.colour, v.size)}
            assert set(item.data.get("sold_out", [])) <= names, item.product_id


async def test_habits_show_in_the_record(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    figures: dict[str, list[dict[str, float]]] = {}
    for person in read_people():
        history = await shop.history(person.customer_id)
        count = max(len(history.orders), 1)
        figures.setdefault(person.habit, []).append(
            {
                "express": sum(order.express for order in history.orders) / count,
                "urges": history.urges,
                "detail": sum(b.detail_opened for b in history.browses) / max(len(history.browses), 1),
                "chars": sum(len(r.text) for r in history.reviews) / max(len(history.reviews), 1),
                "pictures": sum(r.pictures for r in history.reviews) / max(len(history.reviews), 1),
                "brand": history.same_brand_orders / count,
                "new": history.new_arrival_orders / count,
                "coupons": sum(order.discount > 0 for order in history.orders) / count,
            }
        )
    await shop.close()
    assert {habit: len(people) >= 4 for habit, people in figures.items()} == dict.fromkeys(figures, True)
    for habit, name, least in [
        ("power", "express", 0.6),
        ("power", "urges", 1),
        ("perfect", "detail", 0.9),
        ("perfect", "chars", 80),
        ("peace", "brand", 0.5),
        ("lively", "new", 0.5),
        ("lively", "pictures", 1),
        ("lively", "coupons", 0.5),
    ]:
        assert min(person[name] for person in figures[habit]) >= least, (habit, name)
        others = [person[name] for other, people in figures.items() if other != habit for person in people]
        assert max(others) <= min(person[name] for person in figures[habit]) or sum(
            value < least for value in others
        ) >= 0.8 * len(others), (habit, name)


def test_the_same_seed_and_day_give_the_same_shop() -> None:
    morning = datetime(2026, 11, 20, 0, 0, 1, tzinfo=SHANGHAI)
    first, again = demo_rows(VAULT, NOW), demo_rows(VAULT, morning)
    assert dict(first) == dict(again)
    other = demo_rows(VAULT, NOW, seed=7)
    assert {o["order_number"] for o in other["orders"]} != {o["order_number"] for o in first["orders"]}
    next_day = demo_rows(VAULT, NOW + timedelta(days=1))
    assert next_day["orders"][0]["placed_at"] - first["orders"][0]["placed_at"] == timedelta(days=1)


def test_the_first_moment_of_a_year_works_too() -> None:
    rows = demo_rows(VAULT, datetime(2028, 3, 1, 0, 0, tzinfo=SHANGHAI))
    assert all(order["placed_at"].year >= 2026 for order in rows["orders"])


async def test_a_filled_shop_is_left_alone_until_reset(empty_url: str) -> None:
    clock = Clock()
    upgrade(empty_url)
    assert seed_demo(empty_url, VAULT, clock)
    assert not seed_demo(empty_url, VAULT, clock)
    shop = SqlShop(empty_url, VAULT, clock)
    before = await shop.orders("u1001")
    await shop.cancel_order(before[0].order_number, customer_id="u1001", key="k")
    assert not seed_demo(empty_url, VAULT, clock)
    assert (await shop.orders("u1001"))[0].state is OrderState.REFUNDING
    reset_demo(empty_url, VAULT, clock)
    assert await shop.orders("u1001") == before
    assert not (await shop.cancel_order(before[0].order_number, customer_id="u1001", key="k")).repeated
    await shop.close()


async def test_the_pickers_hints_are_true(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    for customer in demo_customers():
        orders = await shop.orders(customer.customer_id, limit=100)
        moving = sum(order.state in {OrderState.SHIPPED, OrderState.EXCEPTION} for order in orders)
        assert (f"{moving} 个在途订单" in customer.hint) == (moving > 0)
        assert ("还没有订单" in customer.hint) == (not orders)
        assert (await shop.customer(customer.customer_id)).name == customer.display_name
        assert not any(word in customer.hint for word in ("力量", "完美", "和平", "活泼", "型"))
    await shop.close()
    assert len(demo_customers()) >= 24


def test_product_pages_tell_what_is_in_the_box_and_how_long_it_keeps(products: list[Product]) -> None:
    for product in products:
        assert product.contents, product.product_id
        assert 2 <= len(product.usage) <= 4, product.product_id
        assert all(len(step) <= 40 for step in product.usage), product.product_id
        assert (product.shelf_life_days is None) == (product.produced_on is None), product.product_id
        if product.category == "food":
            assert product.shelf_life_days
        if product.produced_on and product.shelf_life_days:
            assert product.produced_on + timedelta(days=product.shelf_life_days) > NOW.date()
        assert product.gift_box == ("礼盒" in product.tags)
    assert {product.installation_fee for product in products} > {None, Decimal("0.00")}
    assert 1 <= sum(product.seller is not None for product in products) <= 10
    assert sum(product.cold_chain for product in products) >= 3
