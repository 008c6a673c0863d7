"""What the shop tells changes its own tables, once and in any order of arrival; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from actions.shop.errors import EventDataError, KeyReusedError, NotFoundError
from actions.shop.models import AfterSaleKind, AfterSaleState, MemberLevel, Order, OrderState
from actions.shop.service_models import (
    EventKind,
    InvoiceKind,
    InvoiceState,
    InvoiceTitle,
    PaymentOutcome,
    ShopEvent,
)
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_with
from tests.support.shop import NOW

PARCEL = {"carrier": "迅达快递", "tracking_number": "ZX900"}


def event_of(
    kind: EventKind,
    order: Order | None = None,
    *,
    at: datetime = NOW,
    product: str | None = None,
    more: Mapping[str, str] | None = None,
    **data: str,
) -> ShopEvent:
    number = order.order_number if order else None
    return ShopEvent(
        event_id=f"{kind.value}:{number}:{at:%m%d%H%M%S}",
        kind=kind,
        at=at,
        customer_id=order.customer_id if order else None,
        order_number=number,
        product_id=product,
        data=tuple({**data, **(more or {})}.items()),
    )


async def test_an_order_goes_its_way(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.UNPAID)

    async def now() -> Order:
        return await shop.order(order.order_number, customer_id=None)

    assert await shop.take(event_of(EventKind.PAID, order, method="支付宝", amount=str(order.total)))
    paid = await now()
    assert (paid.state, paid.paid_at, paid.payment_method) == (OrderState.PAID, NOW, "支付宝")
    assert paid.ship_by is not None
    newest = (await shop.payment(order.order_number, customer_id=None)).attempts[0]
    assert (newest.outcome, newest.amount) == (PaymentOutcome.SUCCEEDED, order.total)

    promised, expected = NOW + timedelta(days=3), NOW + timedelta(days=2)
    told = {"promised_by": promised.isoformat(), "expected_by": expected.isoformat()}
    at = NOW + timedelta(hours=2)
    assert await shop.take(event_of(EventKind.SHIPPED, order, at=at, more=PARCEL | told))
    shipped = await now()
    assert shipped.state is OrderState.SHIPPED
    parcel = shipped.shipment
    assert parcel is not None
    assert (parcel.carrier, parcel.tracking_number, parcel.shipped_at) == ("迅达快递", "ZX900", at)
    assert (parcel.promised_by, parcel.expected_by) == (promised, expected)

    later = NOW + timedelta(days=5)
    at = NOW + timedelta(hours=9)
    told = {"expected_by": later.isoformat(), "cause": "大雪封路"}
    assert await shop.take(event_of(EventKind.DELAYED, order, at=at, more=told))
    stuck = await now()
    assert stuck.state is OrderState.EXCEPTION
    assert stuck.shipment is not None
    assert (stuck.shipment.expected_by, stuck.shipment.exception) == (later, "大雪封路")
    assert stuck.shipment.promised_by == promised

    at = NOW + timedelta(days=5)
    assert await shop.take(event_of(EventKind.DELIVERED, order, at=at))
    done = await now()
    assert done.state is OrderState.DELIVERED
    assert done.shipment is not None
    assert (done.shipment.delivered_at, done.shipment.exception) == (at, None)
    assert [step.at for step in done.shipment.trace] == sorted(step.at for step in done.shipment.trace)
    assert len(done.shipment.trace) == 3
    assert "大雪封路" in done.shipment.trace[1].text


ORDERS = list(permutations(range(4)))


@pytest.mark.parametrize("arrival", ORDERS, ids=lambda arrival: "".join(map(str, arrival)))
async def test_the_end_is_the_same_whatever_comes_first(arrival: tuple[int, ...], shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.UNPAID)
    promised = NOW + timedelta(days=3)
    events = [
        event_of(EventKind.PAID, order, method="支付宝"),
        event_of(
            EventKind.SHIPPED,
            order,
            at=NOW + timedelta(hours=1),
            more=PARCEL,
            promised_by=promised.isoformat(),
        ),
        event_of(EventKind.DELAYED, order, at=NOW + timedelta(hours=2), cause="分拨中心积压"),
        event_of(EventKind.DELIVERED, order, at=NOW + timedelta(hours=3)),
    ]
    for index in arrival:
        assert await shop.take(events[index])
    found = await shop.order(order.order_number, customer_id=None)
    assert (found.state, found.paid_at) == (OrderState.DELIVERED, NOW)
    assert found.shipment is not None
    parcel = replace(found.shipment, trace=())
    assert (parcel.carrier, parcel.tracking_number) == ("迅达快递", "ZX900")
    assert (parcel.shipped_at, parcel.promised_by) == (NOW + timedelta(hours=1), promised)
    assert parcel.delivered_at == parcel.expected_by == NOW + timedelta(hours=3)
    assert parcel.exception is None
    for event in events:
        assert not await shop.take(event)
    assert await shop.order(order.order_number, customer_id=None) == found


async def test_an_older_delay_does_not_undo_a_newer_one(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    newer, older = NOW + timedelta(days=4), NOW + timedelta(days=9)
    at = NOW + timedelta(hours=5)
    await shop.take(event_of(EventKind.DELAYED, order, at=at, expected_by=newer.isoformat()))
    await shop.take(event_of(EventKind.DELAYED, order, at=NOW, expected_by=older.isoformat(), cause="积压"))
    found = await shop.order(order.order_number, customer_id=None)
    assert found.state is OrderState.SHIPPED
    assert found.shipment is not None
    assert (found.shipment.expected_by, found.shipment.exception) == (newer, None)


async def test_a_stuck_parcel_moves_again(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.EXCEPTION)
    assert order.shipment is not None
    expected = (NOW + timedelta(days=1)).isoformat()
    told = {"carrier": order.shipment.carrier, "tracking_number": order.shipment.tracking_number}
    await shop.take(event_of(EventKind.SHIPPED, order, more=told, expected_by=expected))
    found = await shop.order(order.order_number, customer_id=None)
    assert found.state is OrderState.SHIPPED
    assert found.shipment is not None
    assert (found.shipment.exception, found.shipment.promised_by) == (None, order.shipment.promised_by)


@pytest.mark.parametrize(
    "state", [OrderState.REFUNDING, OrderState.REFUNDED, OrderState.CANCELLED, OrderState.DELIVERED]
)
async def test_what_is_over_stays_over(shop: SqlShop, state: OrderState) -> None:
    order = await order_in(shop, state)
    for kind, data in (
        (EventKind.PAID, {}),
        (EventKind.SHIPPED, PARCEL),
        (EventKind.DELAYED, {"cause": "积压"}),
    ):
        await shop.take(event_of(kind, order, at=NOW - timedelta(days=300), more=data))
    assert (await shop.order(order.order_number, customer_id=None)).state is state


async def test_a_return_ends_its_request_and_reverses_the_invoice(shop: SqlShop) -> None:
    order = await order_with(shop, "u1007", "p106")
    number = order.order_number
    assert order.state is OrderState.REFUNDING
    await shop.take(event_of(EventKind.RETURNED, order, state="received"))
    request = await shop.after_sale_of_order(number, customer_id=None)
    assert request is not None
    assert (request.state, request.steps[-1].at) == (AfterSaleState.RECEIVED, NOW)
    assert request.refund_by is not None
    at = NOW + timedelta(days=1)
    await shop.take(event_of(EventKind.RETURNED, order, at=at, amount="2000.00", state="done"))
    done = await shop.after_sale_of_order(number, customer_id=None)
    assert done is not None
    assert (done.request_number, done.state) == (request.request_number, AfterSaleState.DONE)
    assert (done.refund_amount, done.refund_by) == (Decimal("2000.00"), at)
    assert (await shop.order(number, customer_id=None)).state is OrderState.REFUNDED
    await shop.take(event_of(EventKind.RETURNED, order, at=NOW + timedelta(hours=1), state="received"))
    assert await shop.after_sale_of_order(number, customer_id=None) == done  # a late word changes nothing


async def test_a_return_that_nobody_asked_for_can_be_followed(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.DELIVERED, "u1016")
    number = order.order_number
    title = InvoiceTitle("唐果")
    await shop.request_invoice(number, InvoiceKind.ELECTRONIC, title, customer_id=None, key="i")
    await shop.take(event_of(EventKind.RETURNED, order, amount="300"))
    request = await shop.after_sale_of_order(number, customer_id="u1016")
    assert request is not None
    assert (request.kind, request.state) == (AfterSaleKind.RETURN, AfterSaleState.DONE)
    assert request.refund_amount == Decimal("300.00")
    assert (await shop.order(number, customer_id=None)).state is OrderState.REFUNDED
    invoice = (await shop.invoice_terms(number, customer_id=None)).current
    assert invoice is not None
    assert invoice.state is InvoiceState.REVERSED


async def test_an_exchange_gives_no_money_back(shop: SqlShop) -> None:
    order = await order_with(shop, "u1009", "p109")
    await shop.take(event_of(EventKind.RETURNED, order, state="done"))
    request = await shop.after_sale_of_order(order.order_number, customer_id=None)
    assert request is not None
    assert (request.kind, request.state) == (AfterSaleKind.EXCHANGE, AfterSaleState.DONE)
    assert (await shop.order(order.order_number, customer_id=None)).state is OrderState.DELIVERED


async def test_a_review_is_written_replaced_and_counted(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.DELIVERED, "u1016")
    product = order.items[0].product_id
    before = await shop.product(product)
    told = {"stars": "5", "text": "很喜欢", "pictures": "2"}
    assert await shop.take(event_of(EventKind.REVIEWED, order, product=product, more=told))
    [review] = [r for r in (await shop.history("u1016")).reviews if r.order_number == order.order_number]
    assert (review.stars, review.text, review.pictures, review.written_at) == (5, "很喜欢", 2, NOW)
    assert (await shop.product(product)).review_count == before.review_count + 1
    for hours, stars in ((2, "1"), (1, "3")):  # the older one comes later
        at = NOW + timedelta(hours=hours)
        await shop.take(event_of(EventKind.REVIEWED, order, at=at, product=product, stars=stars))
    [review] = [r for r in (await shop.history("u1016")).reviews if r.order_number == order.order_number]
    assert (review.stars, review.text) == (1, "")
    assert (await shop.product(product)).review_count == before.review_count + 1


async def test_visits(shop: SqlShop) -> None:
    seen = replace(
        event_of(EventKind.BROWSED, product="p102", seconds="95", compared="true"), customer_id="u1021"
    )
    assert await shop.take(seen)
    assert await shop.take(replace(seen, event_id="other"))
    assert not await shop.take(seen)
    browses = (await shop.history("u1021")).browses
    assert [(b.product_id, b.seconds, b.compared, b.detail_opened) for b in browses] == [
        ("p102", 95, True, False)
    ] * 2


async def test_the_newest_profile_counts(shop: SqlShop) -> None:
    old = await shop.customer("u1021")
    newest = replace(
        event_of(EventKind.PROFILE_CHANGED, level="gold", points="900", phone="13911112222"),
        customer_id="u1021",
    )
    older = replace(newest, event_id="older", at=NOW - timedelta(hours=1), data=(("level", "silver"),))
    assert await shop.take(newest)
    assert await shop.take(older)
    found = await shop.customer("u1021")
    assert (found.level, found.points, found.phone) == (MemberLevel.GOLD, 900, "13911112222")
    assert found.name == old.name


async def test_a_restock_wakes_the_watchers(shop: SqlShop) -> None:
    blue = next(sku for sku in (await shop.product("p101")).skus if sku.stock == 0)
    others = [sku for sku in (await shop.product("p101")).skus if sku.stock > 0]
    assert await shop.take(event_of(EventKind.RESTOCKED, product="p101", stock="12"))
    after = {sku.sku_id: sku.stock for sku in (await shop.product("p101")).skus}
    assert after == {blue.sku_id: 12} | {sku.sku_id: sku.stock for sku in others}
    assert list(await shop.stock_watchers("p101")) == ["u1005"]
    old = event_of(
        EventKind.RESTOCKED, product="p101", at=NOW - timedelta(days=1), stock="0", sku_id=blue.sku_id
    )
    assert await shop.take(old)
    assert {sku.sku_id: sku.stock for sku in (await shop.product("p101")).skus} == after


async def test_an_id_is_good_for_one_event(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    event = event_of(EventKind.DELIVERED, order)
    results = await asyncio.gather(*(shop.take(event) for _ in range(5)))
    assert sorted(results) == [False] * 4 + [True]
    with pytest.raises(KeyReusedError):
        await shop.take(replace(event, at=NOW + timedelta(hours=1)))


async def test_unknown_things_leave_nothing_and_may_come_again(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    good = event_of(EventKind.DELIVERED, order)
    for bad in (
        replace(good, order_number="202611200000"),
        replace(good, customer_id="u1099"),
        replace(good, order_number="\0"),
        replace(event_of(EventKind.BROWSED, product="p999", seconds="3"), customer_id="u1001"),
        replace(event_of(EventKind.BROWSED, product="p101", seconds="3"), customer_id="nobody"),
        event_of(EventKind.RESTOCKED, product="p999", stock="3"),
        event_of(EventKind.RESTOCKED, product="p101", stock="3", sku_id="p102-01"),
        event_of(EventKind.REVIEWED, order, product="p610", stars="5"),
    ):
        with pytest.raises(NotFoundError):
            await shop.take(replace(bad, event_id=good.event_id))
    assert (await shop.order(order.order_number, customer_id=None)) == order
    assert await shop.take(good)


@pytest.mark.parametrize(
    ("kind", "data", "key"),
    [
        (EventKind.PAID, {"amount": "viel"}, "amount"),
        (EventKind.PAID, {"amount": "NaN"}, "amount"),
        (EventKind.PAID, {"amount": "-1"}, "amount"),
        (EventKind.PAID, {"amount": "1.234"}, "amount"),
        (EventKind.PAID, {"amount": "1e30"}, "amount"),
        (EventKind.SHIPPED, {"carrier": "迅达"}, "tracking_number"),
        (EventKind.SHIPPED, {**PARCEL, "promised_by": "morgen"}, "promised_by"),
        (EventKind.SHIPPED, {**PARCEL, "promised_by": "2026-11-20T10:00:00"}, "promised_by"),
        (EventKind.SHIPPED, {**PARCEL, "promised_by": "0001-01-01T00:00:00+14:00"}, "promised_by"),
        (EventKind.RETURNED, {"state": "submitted"}, "state"),
        (EventKind.REVIEWED, {"stars": "6"}, "stars"),
        (EventKind.REVIEWED, {"stars": "五"}, "stars"),
        (EventKind.REVIEWED, {}, "stars"),
        (EventKind.REVIEWED, {"stars": "5", "pictures": "²"}, "pictures"),
        (EventKind.BROWSED, {}, "seconds"),
        (EventKind.BROWSED, {"seconds": "3", "compared": "yes"}, "compared"),
        (EventKind.PROFILE_CHANGED, {"level": "king"}, "level"),
        (EventKind.PROFILE_CHANGED, {"points": "-3"}, "points"),
        (EventKind.RESTOCKED, {}, "stock"),
        (EventKind.RESTOCKED, {"stock": "9" * 400}, "stock"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_its_key(
    shop: SqlShop, kind: EventKind, data: dict[str, str], key: str
) -> None:
    state = OrderState.UNPAID if kind is EventKind.PAID else OrderState.DELIVERED
    order = await order_in(shop, state, None if kind is EventKind.PAID else "u1016")
    event = event_of(kind, order, product=order.items[0].product_id, more=data)
    with pytest.raises(EventDataError) as refused:
        await shop.take(event)
    assert str(refused.value) == key
    assert await shop.order(order.order_number, customer_id=None) == order


async def test_what_every_event_needs(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    good = event_of(EventKind.DELIVERED, order)
    for bad, key in (
        (replace(good, event_id=""), "event_id"),
        (replace(good, event_id="x" * 200), "event_id"),
        (replace(good, customer_id=None), "customer_id"),
        (replace(good, order_number=None), "order_number"),
        (event_of(EventKind.RESTOCKED, stock="3"), "product_id"),
    ):
        with pytest.raises(EventDataError, match=f"^{key}$"):
            await shop.take(bad)
