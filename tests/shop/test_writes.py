"""Writes: they obey the rules, happen once, and leave nothing half done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from actions.shop import keys, transaction
from actions.shop.errors import KeyReusedError, RuleError
from actions.shop.models import AfterSaleKind, AfterSaleState, Fault, OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.shop import NOW, Clock


async def test_cancelling_a_paid_order_starts_the_refund(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID, customer_id="u1001")
    item = order.items[0]
    before = {s.sku_id: s.stock for s in (await shop.product(item.product_id)).skus}
    result = await shop.cancel_order(order.order_number, customer_id="u1001", key="c1")
    assert (result.order.state, result.order.cancelled_at) == (OrderState.REFUNDING, NOW)
    request = await shop.after_sale_of_order(order.order_number, customer_id="u1001")
    assert request is not None
    assert (request.kind, request.state) == (AfterSaleKind.REFUND, AfterSaleState.APPROVED)
    assert request.refund_amount == order.total
    assert request.refund_by is not None
    assert [step.at for step in request.steps] == [NOW, NOW]
    after = {s.sku_id: s.stock for s in (await shop.product(item.product_id)).skus}
    assert after[item.sku_id] == before[item.sku_id] + item.quantity


async def test_cancelling_gives_the_coupon_back(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID, customer_id="u1017")

    async def unused() -> int:
        return sum(not coupon.used for coupon in (await shop.history("u1017")).coupons)

    before = await unused()
    await shop.cancel_order(order.order_number, customer_id="u1017", key="c")
    assert order.discount > 0
    assert await unused() == before + 1


async def test_cancelling_an_unpaid_order_just_closes_it(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.UNPAID)
    result = await shop.cancel_order(order.order_number, customer_id=order.customer_id, key="c1")
    assert result.order.state is OrderState.CANCELLED
    assert await shop.after_sale_of_order(order.order_number, customer_id=None) is None


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (OrderState.SHIPPED, "already_shipped"),
        (OrderState.EXCEPTION, "already_shipped"),
        (OrderState.DELIVERED, "already_delivered"),
        (OrderState.REFUNDING, "already_refunding"),
        (OrderState.REFUNDED, "already_refunded"),
        (OrderState.CANCELLED, "already_cancelled"),
    ],
)
async def test_a_refused_write_changes_nothing_and_burns_no_key(
    shop: SqlShop, state: OrderState, rule: str
) -> None:
    order = await order_in(shop, state)
    with pytest.raises(RuleError) as refused:
        await shop.cancel_order(order.order_number, customer_id=None, key="k")
    assert refused.value.rule == rule
    assert await shop.order(order.order_number, customer_id=None) == order
    other = await order_in(shop, OrderState.PAID)
    assert not (await shop.cancel_order(other.order_number, customer_id=None, key="k")).repeated


async def test_the_same_key_writes_once(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    first = await shop.urge(order.order_number, customer_id=None, key="u")
    clock.forward(hours=5)
    again = await shop.urge(order.order_number, customer_id=None, key="u")
    assert (first.repeated, again.repeated) == (False, True)
    assert again.order == first.order
    assert again.order.urged_at == NOW
    urges = (await shop.history(order.customer_id)).urges
    later = await shop.urge(order.order_number, customer_id=None, key="another")
    assert later.order.urged_at == clock.now
    assert (await shop.history(order.customer_id)).urges == urges + 1


async def test_a_key_is_good_for_one_write_only(shop: SqlShop) -> None:
    shipped, paid = await order_in(shop, OrderState.SHIPPED), await order_in(shop, OrderState.PAID)
    await shop.urge(shipped.order_number, customer_id=None, key="k")
    with pytest.raises(KeyReusedError):
        await shop.urge(paid.order_number, customer_id=None, key="k")
    with pytest.raises(KeyReusedError):
        await shop.cancel_order(paid.order_number, customer_id=None, key="k")
    assert await shop.order(paid.order_number, customer_id=None) == paid
    for bad in ("", "x" * 201, "\0"):
        with pytest.raises(ValueError, match="key"):
            await shop.cancel_order(paid.order_number, customer_id=None, key=bad)


async def test_an_address_with_the_same_key_must_be_the_same(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    moved = replace(order.address, street="新桥路 1 号", phone="13900005678", consignee="林\ud800静")
    moved = replace(moved, consignee="林静")
    result = await shop.change_address(order.order_number, moved, customer_id=None, key="a")
    assert result.order.address == replace(moved, is_default=False)
    assert (await shop.change_address(order.order_number, moved, customer_id=None, key="a")).repeated
    with pytest.raises(KeyReusedError):
        await shop.change_address(order.order_number, order.address, customer_id=None, key="a")
    assert await shop.verify_order(order.order_number, "5678", source="n")
    assert not await shop.verify_order(order.order_number, order.address.phone[-4:], source="n")
    customer = await shop.customer(order.customer_id)
    assert customer.addresses[0].street == order.address.street


async def test_an_address_that_no_courier_finds_is_refused(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    with pytest.raises(RuleError) as refused:
        await shop.change_address(
            order.order_number, replace(order.address, street=" "), customer_id=None, key="a"
        )
    assert refused.value.rule == "address_incomplete"


WRITES: dict[str, Callable[[SqlShop, str], Awaitable[object]]] = {
    "cancel": lambda shop, number: shop.cancel_order(number, customer_id=None, key="k"),
    "urge": lambda shop, number: shop.urge(number, customer_id=None, key="k"),
    "refund": lambda shop, number: shop.request_after_sale(
        number, AfterSaleKind.REFUND, "changed_mind", customer_id=None, key="k"
    ),
}


@pytest.mark.parametrize("write", WRITES)
async def test_twins_at_the_same_time_change_once(shop: SqlShop, write: str) -> None:
    order = await order_in(shop, OrderState.PAID)
    results = await asyncio.gather(*(WRITES[write](shop, order.order_number) for _ in range(6)))
    assert sorted(result.repeated for result in results) == [False] + [True] * 5  # type: ignore[attr-defined]
    requests = [r for r in await shop.after_sales(order.customer_id) if r.order_number == order.order_number]
    assert len(requests) == (0 if write == "urge" else 1)


async def test_rivals_with_different_keys_change_once(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    results = await asyncio.gather(
        *(shop.cancel_order(order.order_number, customer_id=None, key=f"k{i}") for i in range(4)),
        return_exceptions=True,
    )
    refused = [r for r in results if isinstance(r, RuleError)]
    assert len(refused) == 3
    assert {r.rule for r in refused} == {"already_refunding"}


@pytest.mark.parametrize("moment", ["after the change", "after the key"])
async def test_a_crash_inside_a_write_leaves_nothing_and_the_retry_works(
    shop: SqlShop, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await order_in(shop, OrderState.PAID)

    class Killed(BaseException):
        pass

    once = keys.once

    def killed(session: object, key: str, digest: str, now: object, change: Callable[[], str]) -> object:
        if moment == "after the change":
            change()
        else:
            once(session, key, digest, now, change)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(transaction, "once", killed)
    with pytest.raises(Killed):
        await shop.cancel_order(order.order_number, customer_id=None, key="k")
    monkeypatch.undo()
    assert await shop.order(order.order_number, customer_id=None) == order
    assert await shop.after_sale_of_order(order.order_number, customer_id=None) is None
    result = await shop.cancel_order(order.order_number, customer_id=None, key="k")
    assert (result.repeated, result.order.state) == (False, OrderState.REFUNDING)


async def test_a_write_is_finished_although_its_caller_gave_up(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.PAID)
    call = asyncio.create_task(shop.cancel_order(order.order_number, customer_id=None, key="k"))
    await asyncio.sleep(0)
    call.cancel()
    result = await shop.cancel_order(order.order_number, customer_id=None, key="k")
    assert result.order.state is OrderState.REFUNDING
    assert (
        len([r for r in await shop.after_sales(order.customer_id) if r.order_number == order.order_number])
        == 1
    )


async def test_a_return_is_requested_and_seen(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.DELIVERED, customer_id="u1006")
    terms = await shop.return_terms(order.order_number, customer_id="u1006")
    assert (terms.allowed, terms.rule) == (True, "seven_days")
    result = await shop.request_after_sale(
        order.order_number, AfterSaleKind.RETURN, "no_reason", customer_id="u1006", key="r"
    )
    request = result.request
    assert (request.state, request.fault) == (AfterSaleState.SUBMITTED, Fault.SHOPPER)
    assert request.refund_amount == order.total - order.freight
    assert (await shop.order(order.order_number, customer_id="u1006")).state is OrderState.REFUNDING
    assert (await shop.after_sales("u1006"))[0] == request
    again = await shop.request_after_sale(
        order.order_number, AfterSaleKind.RETURN, "no_reason", customer_id="u1006", key="r"
    )
    assert (again.repeated, again.request) == (True, request)
    with pytest.raises(RuleError) as refused:
        await shop.request_after_sale(
            order.order_number, AfterSaleKind.RETURN, "quality", customer_id="u1006", key="r2"
        )
    assert refused.value.rule == "already_open"


async def test_old_keys_are_forgotten(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    await shop.urge(order.order_number, customer_id=None, key="old")
    await shop.verify_order(order.order_number, "0000", source="n")
    clock.forward(days=31)
    await shop.urge(order.order_number, customer_id=None, key="new")
    with shop.engine.connect() as connection:
        assert connection.execute(text("SELECT key FROM writes")).scalars().all() == ["new"]
        assert connection.execute(text("SELECT count(*) FROM attempts")).scalar_one() == 0
