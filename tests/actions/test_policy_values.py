"""Values and flags that policies are read with: from the demo shop's own answers, ready to read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from actions import policy_values
from actions.shop.models import AfterSaleState, Order, OrderState, ServiceHours
from actions.shop.service_models import InvoiceState, PaymentOutcome
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.shop import NOW


async def known(shop: SqlShop, state: OrderState) -> tuple[Order, policy_values.Known]:
    order = await order_in(shop, state)
    return order, policy_values.of_order(order, NOW)


async def test_of_an_order_on_its_way(shop: SqlShop) -> None:
    order, found = await known(shop, OrderState.SHIPPED)
    values, parcel = found.values, order.shipment
    assert parcel is not None
    assert values["product"] == order.items[0].short_name
    assert values["order_tail"] == order.order_number[-4:]
    assert values["state"] == "已发货"
    assert values["carrier"] == parcel.carrier
    assert values["last_place"] == parcel.trace[-1].place
    assert values["total"].endswith(" 元")
    assert not {"delivered_at", "pay_by", "cancelled_at", "slot", "note"} & set(values)
    assert not any(char in values["expected_by"] for char in "+T")


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        (lambda o: replace(o, note="放门口"), {"has_note"}),
        (lambda o: replace(o, urged_at=NOW), {"urged"}),
        (lambda o: replace(o, express=True), {"express"}),
        (lambda o: replace(o, slot_starts_at=NOW, slot_ends_at=NOW + timedelta(hours=3)), {"has_slot"}),
        (lambda o: replace(o, items=(replace(o.items[0], engraving="平安"),)), {"engraved"}),
        (
            lambda o: replace(o, items=(o.items[0], replace(o.items[0], product_id="p0"))),
            {"several_items"},
        ),
        (lambda o: replace(o, cancel_cause="shopper"), {"cancelled_by_shopper"}),
        (lambda o: replace(o, cancel_cause="unpaid"), {"cancelled_unpaid"}),
        (lambda o: replace(o, cancel_cause="out_of_stock"), {"cancelled_by_shop"}),
        (lambda o: replace(o, ship_by=NOW - timedelta(hours=1)), {"late"}),
        (lambda o: replace(o, state=OrderState.EXCEPTION), {"troubled"}),
    ],
)
async def test_each_flag_of_an_order_has_its_cause(
    shop: SqlShop, change: Callable[[Order], Order], flags: set[str]
) -> None:
    order = await order_in(shop, OrderState.PAID)
    plain = replace(
        order, express=False, note=None, urged_at=None, slot_starts_at=None, items=order.items[:1]
    )
    assert not policy_values.of_order(plain, NOW).flags
    assert policy_values.of_order(change(plain), NOW).flags == flags


async def test_a_parcel_is_late_once_its_promise_cannot_be_kept(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    assert order.shipment is not None
    promise = order.shipment.promised_by

    def late(**change: datetime) -> bool:
        assert order.shipment is not None
        parcel = replace(order.shipment, **{"expected_by": promise, **change})  # type: ignore[arg-type]
        return policy_values.is_late(replace(order, shipment=parcel), promise - timedelta(hours=1))

    assert not late()
    assert late(expected_by=promise + timedelta(minutes=1))
    assert late(delivered_at=promise + timedelta(days=1))
    assert not late(delivered_at=promise - timedelta(days=1))


async def test_a_slot_and_a_note_read_as_one_line(shop: SqlShop) -> None:
    order = replace(
        await order_in(shop, OrderState.PAID),
        note="放门口\n\n别敲门",
        slot_starts_at=datetime.fromisoformat("2026-11-24T09:00:00+08:00"),
        slot_ends_at=datetime.fromisoformat("2026-11-24T12:00:00+08:00"),
    )
    values = policy_values.of_order(order, NOW).values
    assert values["slot"] == "11月24日 09:00–12:00"
    assert values["note"] == "放门口 别敲门"


async def test_of_a_product(shop: SqlShop) -> None:
    product = (await shop.find_products("跑鞋"))[0].product
    plain = replace(
        product,
        seller=None,
        installation_fee=None,
        tags=(),
        gift_box=False,
        cold_chain=False,
        shelf_life_days=None,
    )
    found = policy_values.of_product(plain)
    assert found.values["seller"] == "本店自营"
    assert found.flags == {"own", "in_stock"}
    other = policy_values.of_product(
        replace(
            plain,
            seller="山野户外",
            skus=(),
            installation_fee=Decimal("80.00"),
            tags=("可刻字", "礼盒"),
            shelf_life_days=365,
            contents=("跑鞋", "鞋带"),
            usage=("先走半小时。", "阴干。"),
        )
    )
    assert other.flags == {"third_party", "sold_out", "installs", "engravable", "gift_box"}
    assert other.values["installation_fee"] == "80 元"
    assert other.values["shelf_life"] == "12 个月"
    assert other.values["contents"] == "跑鞋、鞋带"
    assert other.values["usage"] == "先走半小时；阴干"
    free = policy_values.of_product(replace(plain, installation_fee=Decimal("0.00")))
    assert free.flags >= {"installs", "installs_free"}
    assert "installation_fee" not in free.values
    fresh = policy_values.of_product(replace(plain, category="food", returnable_days=0, cold_chain=True))
    assert fresh.flags >= {"perishable", "cold_chain"}


async def test_of_a_price_protection(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    found = await shop.price_protection(order.order_number, customer_id=order.customer_id)
    open_one = replace(
        found, rule="price_dropped", days=7, deadline=NOW + timedelta(hours=30), amount=Decimal("20.00")
    )
    values = policy_values.of_price(open_one, NOW).values
    assert (values["price_days"], values["price_days_left"]) == ("7 天", "2 天")
    assert values["price_difference"] == "20 元"
    last_day = replace(open_one, deadline=NOW + timedelta(minutes=1))
    assert policy_values.of_price(last_day, NOW).values["price_days_left"] == "1 天"
    over = policy_values.of_price(replace(open_one, rule="too_late", deadline=NOW - timedelta(days=1)), NOW)
    assert over.flags == {"price_over"}
    assert "price_days_left" not in over.values


async def test_of_an_invoice_its_title_is_never_told(shop: SqlShop) -> None:
    for customer in [f"u{number}" for number in range(1001, 1031)]:
        for order in await shop.orders(customer):
            terms = await shop.invoice_terms(order.order_number, customer_id=customer)
            if terms.current is None:
                continue
            found = policy_values.of_invoice(terms)
            assert terms.current.title.name not in str(found.values)
            gone = replace(terms, current=replace(terms.current, state=InvoiceState.REVERSED))
            assert not policy_values.of_invoice(gone).flags & {"invoice_issued", "invoice_requested"}
            return
    pytest.fail("the demo shop has no invoice")


async def test_of_a_payment(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.UNPAID)
    payment = await shop.payment(order.order_number, customer_id=order.customer_id)
    attempt = payment.attempts[0]
    for outcome, flag in (
        (PaymentOutcome.PENDING, "payment_pending"),
        (PaymentOutcome.FAILED, "payment_failed"),
    ):
        now = replace(payment, attempts=(replace(attempt, outcome=outcome),))
        assert policy_values.of_payment(now, order).flags == {flag}
        assert policy_values.of_payment(now, replace(order, paid_at=NOW)).flags == {"paid"}
    assert policy_values.of_payment(payment, order).values["due"] == f"{order.total.normalize():f} 元"


async def test_the_request_that_is_meant(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.REFUNDING)
    request = await shop.after_sale_of_order(order.order_number, customer_id=order.customer_id)
    assert request is not None
    found = policy_values.of_request(request, request.created_at)
    assert {"has_request", f"is_{request.kind.value}", f"request_{request.state.value}"} == found.flags
    assert found.values["request_number"] == request.request_number
    assert policy_values.newest_request([request, request]) is None  # two go on: which one is meant?
    assert policy_values.newest_request([request]) is request
    assert policy_values.of_request(None, NOW) == policy_values.Known()


async def test_a_review_that_is_overdue_promises_no_time(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.REFUNDING)
    found = await shop.after_sale_of_order(order.order_number, customer_id=order.customer_id)
    assert found is not None
    waiting = replace(found, state=AfterSaleState.SUBMITTED)
    in_time = policy_values.of_request(waiting, waiting.review_by - timedelta(minutes=1))
    late = policy_values.of_request(waiting, waiting.review_by + timedelta(minutes=1))
    assert "review_by" in in_time.values and "review_late" not in in_time.flags
    assert "review_by" not in late.values and "review_late" in late.flags
    done = replace(found, state=AfterSaleState.DONE)
    assert "review_late" not in policy_values.of_request(done, waiting.review_by + timedelta(days=9)).flags


def test_hours_read_well_around_the_clock_too() -> None:
    day = policy_values.of_hours(ServiceHours(opens="09:00", closes="22:00", answer_minutes=5))
    always = policy_values.of_hours(ServiceHours(opens="00:00", closes="00:00", answer_minutes=5))
    assert day.values["hours"] == "每天 09:00–22:00" and not day.flags
    assert always.values == {"hours": "全天 24 小时", "answer_minutes": "5"}
    assert always.flags == {"all_day"}
