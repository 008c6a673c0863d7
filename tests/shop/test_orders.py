"""Reading orders: whose they are, what they say, how many queries they cost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event

from actions.shop.errors import NotFoundError
from actions.shop.models import AfterSaleKind, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.shop import NOW, Clock


async def test_a_customer_sees_her_orders_newest_first(read_shop: SqlShop) -> None:
    orders = await read_shop.orders("u1003")
    assert len(orders) > 5
    assert {order.customer_id for order in orders} == {"u1003"}
    assert [o.placed_at for o in orders] == sorted((o.placed_at for o in orders), reverse=True)
    assert len(await read_shop.orders("u1003", limit=2)) == 2


async def test_a_list_of_orders_costs_no_more_queries_than_one(shop: SqlShop) -> None:
    seen: list[str] = []
    event.listen(shop.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    many = await shop.orders("u1003", limit=100)
    for_many = len(seen)
    seen.clear()
    await shop.order(many[-1].order_number, customer_id="u1003")
    assert len(many) > 5
    assert for_many <= len(seen) <= 5


async def test_an_order_of_somebody_else_does_not_exist(shop: SqlShop) -> None:
    order = (await shop.orders("u1001"))[0]
    number = order.order_number
    assert (await shop.order(number, customer_id="u1001")) == order
    assert (await shop.order(number, customer_id=None)) == order
    calls = [
        lambda who: shop.order(number, customer_id=who),
        lambda who: shop.return_terms(number, customer_id=who),
        lambda who: shop.after_sale_of_order(number, customer_id=who),
        lambda who: shop.cancel_order(number, customer_id=who, key="k"),
        lambda who: shop.urge(number, customer_id=who, key="k"),
        lambda who: shop.change_address(number, order.address, customer_id=who, key="k"),
        lambda who: shop.request_after_sale(number, AfterSaleKind.REFUND, "late", customer_id=who, key="k"),
    ]
    for call in calls:
        for stranger in ("u1002", "", "nobody", "u1001\0", "孙"):
            with pytest.raises(NotFoundError):
                await call(stranger)
    assert (await shop.order(number, customer_id="u1001")) == order


@pytest.mark.parametrize(
    "number", ["", "1", "202611200000", "\0", "' OR 1=1 --", "1" * 500, "二〇二六", "\ud800"]
)
async def test_what_is_no_order_number_is_not_found(shop: SqlShop, number: str) -> None:
    with pytest.raises(NotFoundError):
        await shop.order(number, customer_id=None)
    assert not await shop.verify_order(number, "1234", source="n")


async def test_an_unpaid_order_lapses_by_itself(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.UNPAID)
    assert order.pay_by is not None
    clock.now = order.pay_by + timedelta(minutes=1)
    lapsed = await shop.order(order.order_number, customer_id=None)
    assert (lapsed.state, lapsed.cancelled_at, lapsed.pay_by) == (OrderState.CANCELLED, order.pay_by, None)


async def test_moments_come_back_in_the_shops_time(read_shop: SqlShop) -> None:
    order = await order_in(read_shop, OrderState.SHIPPED)
    assert order.shipment is not None
    for moment in (order.placed_at, order.shipment.promised_by, order.shipment.trace[0].at):
        assert moment.utcoffset() == timedelta(hours=8)
    assert await read_shop.now() == NOW


async def test_customers(read_shop: SqlShop) -> None:
    customer = await read_shop.customer("u1006")
    assert (customer.name, customer.level.value, customer.points) == ("林静文", "gold", 8105)
    assert customer.addresses[0].is_default
    assert customer.addresses[0].consignee == "林静文"
    with pytest.raises(NotFoundError):
        await read_shop.customer("nobody")


async def test_history_of_a_new_customer_is_empty(read_shop: SqlShop) -> None:
    history = await read_shop.history("u1021")
    assert (history.orders, history.reviews, history.browses, history.urges) == ((), (), (), 0)
    with pytest.raises(NotFoundError):
        await read_shop.history("nobody")


async def test_history_holds_what_the_orders_say(read_shop: SqlShop) -> None:
    history = await read_shop.history("u1001")
    assert [o.order_number for o in history.orders] == [
        o.order_number for o in await read_shop.orders("u1001")
    ]
    assert history.urges >= 1
    assert history.browses[0].at > history.browses[-1].at


async def test_products_reviews_and_hours(read_shop: SqlShop) -> None:
    product = await read_shop.product("p101")
    assert product.category_label == "手机数码"
    assert product.price == min(sku.price for sku in product.skus)
    assert [sku.colour for sku in product.skus if sku.stock == 0] == ["雾蓝"]
    with pytest.raises(NotFoundError):
        await read_shop.product("p999")
    reviewed = {
        r.product_id for p in ("u1016", "u1006") for r in (await read_shop.history(p)).reviews if r.stars >= 4
    }
    reviews = await read_shop.reviews(sorted(reviewed)[0])
    assert reviews
    assert all(review.stars >= 4 and review.order_number == "" for review in reviews)
    hours = await read_shop.service_hours()
    assert (hours.opens, hours.closes, hours.answer_minutes) == ("09:00", "22:00", 5)


async def test_an_order_alone_is_the_same_as_in_the_list(read_shop: SqlShop) -> None:
    for order in await read_shop.orders("u1006"):
        assert await read_shop.order(order.order_number, customer_id=None) == order


async def test_the_terms_of_many_orders_are_those_of_each(read_shop: SqlShop) -> None:
    own = [order.order_number for order in await read_shop.orders("u1006", limit=50)]
    foreign = (await read_shop.orders("u1001"))[0].order_number
    asked = [*own, foreign, own[0], "202611200000", "\0"]
    terms = await read_shop.return_terms_of(asked, customer_id="u1006")
    assert list(terms) == own
    for number in own:
        assert terms[number] == await read_shop.return_terms(number, customer_id="u1006")
    assert foreign in await read_shop.return_terms_of(asked, customer_id=None)
    assert await read_shop.return_terms_of([], customer_id="u1006") == {}
    with pytest.raises(ValueError, match="50"):
        await read_shop.return_terms_of(["1"] * 51, customer_id="u1006")


async def test_many_terms_cost_no_more_queries_than_one(shop: SqlShop) -> None:
    numbers = [order.order_number for order in await shop.orders("u1003", limit=50)]
    seen: list[str] = []
    event.listen(shop.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    await shop.return_terms_of(numbers, customer_id="u1003")
    assert len(numbers) > 5
    assert len(seen) <= 7
