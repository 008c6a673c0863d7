"""Invoices of the embedded shop, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from actions.shop.errors import KeyReusedError, NotFoundError, RuleError
from actions.shop.models import AfterSaleKind, OrderState
from actions.shop.service_models import InvoiceKind, InvoiceState, InvoiceTitle
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in, order_with
from tests.support.shop import NOW, Clock, demo_shop

COMPANY = InvoiceTitle("云汀纺织有限公司", "91330106MA2CABCD1X", "books@yunting.example")
PERSON = InvoiceTitle("唐果")


async def test_the_demo_has_invoices_in_every_state(read_shop: SqlShop) -> None:
    seen = set()
    for customer, product, rule in (
        ("u1026", "p301", "can_change"),
        ("u1019", "p102", "can_change"),
        ("u1006", "p111", "order_closed"),
    ):
        order = await order_with(read_shop, customer, product)
        terms = await read_shop.invoice_terms(order.order_number, customer_id=customer)
        assert (terms.rule, terms.issue_hours) == (rule, 24)
        assert terms.current is not None
        assert terms.current.amount == order.total
        assert (terms.current.invoice_number is None) == (terms.current.state is InvoiceState.REQUESTED)
        seen.add(terms.current.state)
    assert seen == set(InvoiceState)


async def test_an_invoice_is_asked_for_once_and_changed(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.DELIVERED, "u1016")
    number = order.order_number
    terms = await shop.invoice_terms(number, customer_id="u1016")
    assert (terms.rule, terms.current, terms.amount) == ("can_request", None, order.total)
    assert InvoiceKind.SPECIAL not in terms.kinds  # a dress

    async def ask(title: InvoiceTitle, key: str) -> object:
        return await shop.request_invoice(number, InvoiceKind.ELECTRONIC, title, customer_id="u1016", key=key)

    first = await shop.request_invoice(number, InvoiceKind.ELECTRONIC, PERSON, customer_id="u1016", key="k1")
    assert (first.repeated, first.invoice.state, first.invoice.title) == (
        False,
        InvoiceState.REQUESTED,
        PERSON,
    )
    assert first.invoice.issue_by == NOW + timedelta(hours=24)
    clock.forward(hours=1)
    same = await shop.request_invoice(number, InvoiceKind.ELECTRONIC, PERSON, customer_id="u1016", key="k2")
    assert same.invoice == first.invoice  # what there is already is not made anew
    changed = await shop.request_invoice(
        number, InvoiceKind.ELECTRONIC, COMPANY, customer_id="u1016", key="k3"
    )
    assert changed.invoice.title == COMPANY
    current = (await shop.invoice_terms(number, customer_id="u1016")).current
    assert current == changed.invoice
    repeated = await shop.request_invoice(
        number, InvoiceKind.ELECTRONIC, PERSON, customer_id="u1016", key="k1"
    )
    assert (repeated.repeated, repeated.invoice.title) == (True, PERSON)
    assert repeated.invoice.state is InvoiceState.REVERSED
    assert (await shop.invoice_terms(number, customer_id="u1016")).current == changed.invoice
    with pytest.raises(KeyReusedError):
        await ask(COMPANY, "k1")


@pytest.mark.parametrize(
    ("state", "rule"),
    [
        (OrderState.UNPAID, "not_paid"),
        (OrderState.CANCELLED, "order_closed"),
        (OrderState.REFUNDED, "order_closed"),
        (OrderState.REFUNDING, "order_closed"),
    ],
)
async def test_refused_by_the_terms(shop: SqlShop, state: OrderState, rule: str) -> None:
    number = (await order_in(shop, state)).order_number
    terms = await shop.invoice_terms(number, customer_id=None)
    assert (terms.allowed, terms.rule) == (False, rule)
    with pytest.raises(RuleError) as refused:
        await shop.request_invoice(number, InvoiceKind.ELECTRONIC, PERSON, customer_id=None, key="k")
    assert refused.value.rule == rule
    assert (await shop.invoice_terms(number, customer_id=None)) == terms


async def test_special_invoices_by_goods(shop: SqlShop) -> None:
    headphones = await order_with(shop, "u1005", "p205")
    done = await shop.request_invoice(
        headphones.order_number, InvoiceKind.SPECIAL, COMPANY, customer_id="u1005", key="k"
    )
    assert done.invoice.issue_by == NOW + timedelta(hours=72)
    with pytest.raises(RuleError, match="title_incomplete"):
        await shop.request_invoice(
            headphones.order_number, InvoiceKind.SPECIAL, PERSON, customer_id="u1005", key="k2"
        )
    jumper = await order_with(shop, "u1006", "p302")
    with pytest.raises(RuleError, match="kind_not_offered"):
        await shop.request_invoice(
            jumper.order_number, InvoiceKind.SPECIAL, COMPANY, customer_id="u1006", key="k3"
        )


async def test_an_invoice_of_a_cancelled_order_is_reversed(shop: SqlShop) -> None:
    for write in ("cancel", "refund"):
        order = await order_in(shop, OrderState.PAID, "u1001" if write == "cancel" else "u1015")
        number, owner = order.order_number, order.customer_id
        await shop.request_invoice(number, InvoiceKind.ELECTRONIC, PERSON, customer_id=owner, key=f"i{write}")
        if write == "cancel":
            await shop.cancel_order(number, customer_id=owner, key="c")
        else:
            await shop.request_after_sale(
                number, AfterSaleKind.REFUND, "changed_mind", customer_id=owner, key="r"
            )
        current = (await shop.invoice_terms(number, customer_id=owner)).current
        assert current is not None
        assert current.state is InvoiceState.REVERSED


async def test_price_protection_lowers_the_invoice(shop: SqlShop) -> None:
    order = await order_with(shop, "u1026", "p301")
    back = await shop.claim_price_protection(order.order_number, customer_id="u1026", key="p")
    terms = await shop.invoice_terms(order.order_number, customer_id="u1026")
    assert terms.amount == order.total - back.amount


async def test_twins_make_one_invoice(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.DELIVERED, "u1016")
    calls = [
        shop.request_invoice(order.order_number, InvoiceKind.ELECTRONIC, COMPANY, customer_id=None, key="k")
        for _ in range(5)
    ]
    results = await asyncio.gather(*calls)
    assert sorted(result.repeated for result in results) == [False] + [True] * 4
    with shop.engine.connect() as connection:
        statement = text("SELECT count(*) FROM invoices WHERE order_number = :number")
        assert connection.execute(statement, {"number": order.order_number}).scalar_one() == 1


async def test_invoices_of_others_do_not_exist(shop: SqlShop) -> None:
    number = (await order_with(shop, "u1026", "p301")).order_number
    for stranger in ("u1001", "", "\0"):
        with pytest.raises(NotFoundError):
            await shop.invoice_terms(number, customer_id=stranger)
        with pytest.raises(NotFoundError):
            await shop.request_invoice(number, InvoiceKind.ELECTRONIC, PERSON, customer_id=stranger, key="k")


def raw_files(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("*/shop.db*"))


async def test_titles_are_sealed_in_the_file(tmp_path: Path) -> None:
    shop, _ = demo_shop(tmp_path)
    order = await order_with(shop, "u1026", "p301")
    await shop.request_invoice(
        order.order_number, InvoiceKind.ELECTRONIC, COMPANY, customer_id="u1026", key="k"
    )
    raw = raw_files(tmp_path)
    await shop.close()
    for secret in (COMPANY.name, "91330106MA2CABCD1X", "books@yunting.example", "fapiao@yunting.example"):
        assert secret.encode() not in raw
