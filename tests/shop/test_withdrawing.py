"""Taking a request back: while nothing is done that cannot be undone; and why orders were cancelled."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from actions.shop.errors import NotFoundError, RuleError
from actions.shop.models import CANCEL_CAUSES, AfterSale, AfterSaleKind, AfterSaleState, Order, OrderState
from actions.shop.schema import AfterSaleRow
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_numbers
from tests.support.shop import Clock


async def asked(
    shop: SqlShop, kind: AfterSaleKind, state: OrderState, reason: str
) -> tuple[Order, AfterSale]:
    """Return an order, and the request just opened for it."""
    for number in reversed(order_numbers(shop)):
        order = await shop.order(number, customer_id=None)
        terms = await shop.return_terms(number, customer_id=None)
        if order.state is state and kind in terms.kinds and reason in terms.reasons:
            opened = await shop.request_after_sale(
                number, kind, reason, customer_id=None, key=f"ask:{number}"
            )
            return order, opened.request
    raise AssertionError("the demo has no such order")


@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        (AfterSaleKind.RETURN, OrderState.DELIVERED, "quality"),
        (AfterSaleKind.EXCHANGE, OrderState.DELIVERED, "quality"),
        (AfterSaleKind.REFUND, OrderState.SHIPPED, "changed_mind"),
        (AfterSaleKind.REFUND, OrderState.EXCEPTION, "changed_mind"),
    ],
)
async def test_a_withdrawn_request_leaves_the_order_as_it_was(
    shop: SqlShop, clock: Clock, kind: AfterSaleKind, state: OrderState, reason: str
) -> None:
    order, request = await asked(shop, kind, state, reason)
    terms = await shop.return_terms(order.order_number, customer_id=None)
    clock.forward(minutes=5)
    result = await shop.withdraw_after_sale(request.request_number, customer_id=order.customer_id, key="w")
    assert (result.request.state, result.repeated) == (AfterSaleState.WITHDRAWN, False)
    assert result.request.steps[:-1] == request.steps
    assert result.request.steps[-1].at == clock.now
    assert await shop.order(order.order_number, customer_id=None) == order
    # asked anew by the terms that were announced while it was open
    free = await shop.return_terms(order.order_number, customer_id=None)
    assert terms.rule == "already_open"
    assert not terms.allowed
    assert (terms.deadline, terms.reasons) == (free.deadline, free.reasons)
    assert free.allowed
    again = await shop.withdraw_after_sale(request.request_number, customer_id=order.customer_id, key="w")
    assert (again.repeated, again.request) == (True, result.request)
    await shop.request_after_sale(order.order_number, kind, reason, customer_id=None, key="anew")


async def test_what_is_announced_of_asking_anew_ends_with_the_deadline(shop: SqlShop, clock: Clock) -> None:
    order, _ = await asked(shop, AfterSaleKind.RETURN, OrderState.DELIVERED, "quality")
    clock.now += timedelta(days=4000)
    terms = await shop.return_terms(order.order_number, customer_id=None)
    assert terms.rule == "already_open"
    assert terms.deadline is not None
    assert terms.deadline < clock.now
    assert terms.reasons == ()


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (AfterSaleState.RECEIVED, "already_received"),
        (AfterSaleState.DONE, "already_done"),
        (AfterSaleState.REJECTED, "already_closed"),
        (AfterSaleState.WITHDRAWN, "already_closed"),
    ],
)
async def test_what_has_gone_on_stays(shop: SqlShop, state: AfterSaleState, rule: str) -> None:
    order, request = await asked(shop, AfterSaleKind.RETURN, OrderState.DELIVERED, "quality")
    with shop.engine.begin() as connection:
        connection.execute(
            update(AfterSaleRow)
            .where(AfterSaleRow.request_number == request.request_number)
            .values(state=state.value)
        )
    before = await shop.order(order.order_number, customer_id=None)
    with pytest.raises(RuleError) as refused:
        await shop.withdraw_after_sale(request.request_number, customer_id=None, key="w")
    assert refused.value.rule == rule
    assert await shop.order(order.order_number, customer_id=None) == before


async def test_an_approved_return_that_was_not_sent_yet_is_withdrawn(shop: SqlShop) -> None:
    order, request = await asked(shop, AfterSaleKind.RETURN, OrderState.DELIVERED, "quality")
    with shop.engine.begin() as connection:
        connection.execute(
            update(AfterSaleRow)
            .where(AfterSaleRow.request_number == request.request_number)
            .values(state=AfterSaleState.APPROVED.value)
        )
    await shop.withdraw_after_sale(request.request_number, customer_id=None, key="w")
    assert (await shop.order(order.order_number, customer_id=None)).state is OrderState.DELIVERED


async def test_a_cancellation_is_not_undone_by_withdrawing_its_refund(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    await shop.cancel_order(order.order_number, customer_id=None, key="c")
    request = await shop.after_sale_of_order(order.order_number, customer_id=None)
    assert request is not None
    with pytest.raises(RuleError) as refused:
        await shop.withdraw_after_sale(request.request_number, customer_id=None, key="w")
    assert refused.value.rule == "refund_started"
    assert (await shop.order(order.order_number, customer_id=None)).state is OrderState.REFUNDING


@pytest.mark.parametrize("number", ["", "AS000000000000", "\0", "孙", "x" * 500])
async def test_no_request_and_somebody_elses_are_the_same(shop: SqlShop, number: str) -> None:
    order, request = await asked(shop, AfterSaleKind.RETURN, OrderState.DELIVERED, "quality")
    stranger = "u1002" if order.customer_id != "u1002" else "u1001"
    with pytest.raises(NotFoundError):
        await shop.withdraw_after_sale(number, customer_id=order.customer_id, key="w")
    with pytest.raises(NotFoundError):
        await shop.withdraw_after_sale(request.request_number, customer_id=stranger, key="w")


# --- why an order was cancelled ----------------------------------------------------------------------------


async def test_an_order_tells_why_it_was_cancelled(shop: SqlShop, clock: Clock) -> None:
    paid, unpaid = await order_in(shop, OrderState.PAID), await order_in(shop, OrderState.UNPAID)
    assert paid.cancel_cause is None
    cancelled = await shop.cancel_order(paid.order_number, customer_id=None, key="c")
    assert cancelled.order.cancel_cause == "shopper"
    clock.now += timedelta(days=30)
    lapsed = await shop.order(unpaid.order_number, customer_id=None)
    assert (lapsed.state, lapsed.cancel_cause) == (OrderState.CANCELLED, "unpaid")


async def test_the_demo_has_orders_that_were_cancelled_for_known_causes(shop: SqlShop) -> None:
    orders = [await shop.order(number, customer_id=None) for number in order_numbers(shop)]
    causes = {order.cancel_cause for order in orders} - {None}
    assert len(causes) >= 2
    assert causes <= set(CANCEL_CAUSES)
    assert all(order.cancel_cause for order in orders if order.state is OrderState.CANCELLED)
    assert all(order.cancelled_at for order in orders if order.cancel_cause)
