"""Erasing a customer from the embedded shop, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from actions.shop.columns import Sealed
from actions.shop.errors import NotFoundError
from actions.shop.models import OrderState
from actions.shop.schema import AddressRow, AfterSaleRow, BrowseRow, ReviewRow, UrgeRow
from actions.shop.service_models import InvoiceKind, InvoiceTitle
from actions.shop.service_schema import StockWatchRow
from actions.shop.sql import SqlShop
from actions.shop.tables import Base
from tests.shop.helpers import order_with

COMPANY = InvoiceTitle("云汀纺织有限公司", "91330106MA2CABCD1X", "books@yunting.example")


async def test_what_is_personal_goes_and_what_was_bought_stays(shop: SqlShop) -> None:
    order = await order_with(shop, "u1005", "p205")
    number = order.order_number
    await shop.request_invoice(number, InvoiceKind.ELECTRONIC, COMPANY, customer_id="u1005", key="i")
    await shop.request_repair(number, "p205", "请打 13800138000", customer_id="u1005", key="r")
    others = await shop.orders("u1006")
    neighbour = await shop.customer("u1006")
    engraved = await shop.orders("u1008", limit=100)
    assert any(item.engraving for one in engraved for item in one.items)

    assert await shop.erase_customer("u1005")
    assert await shop.erase_customer("u1008")

    customer = await shop.customer("u1005")
    assert (customer.name, customer.phone, customer.birthday, customer.addresses) == ("", "", None, ())
    kept = await shop.order(number, customer_id="u1005")
    assert (kept.state, kept.total, kept.items) == (OrderState.DELIVERED, order.total, order.items)
    parts = kept.address
    assert {parts.consignee, parts.phone, parts.province, parts.city, parts.district, parts.street} == {""}
    assert not await shop.verify_order(number, order.address.phone[-4:], source="n")
    assert await shop.verify_owner(number, order.address.phone, source="n") is None
    invoice = (await shop.invoice_terms(number, customer_id="u1005")).current
    assert invoice is not None
    assert (invoice.title, invoice.amount) == (InvoiceTitle(""), order.total)
    with shop.engine.connect() as connection:
        for table in (AddressRow, BrowseRow, ReviewRow, UrgeRow, StockWatchRow):
            rows = connection.execute(select(table.customer_id).where(table.customer_id == "u1005")).all()
            assert rows == [], table
        statement = select(AfterSaleRow.description).where(AfterSaleRow.customer_id == "u1005")
        assert set(connection.execute(statement).scalars()) == {None}
    assert not any(i.engraving for one in await shop.orders("u1008", limit=100) for i in one.items)
    assert await shop.orders("u1006") == others
    assert await shop.customer("u1006") == neighbour
    assert (await shop.history("u1006")).browses


@pytest.mark.parametrize("unknown", ["nobody", "", "\0", "孙"])
async def test_whom_the_shop_does_not_know(shop: SqlShop, unknown: str) -> None:
    assert not await shop.erase_customer(unknown)
    with pytest.raises(NotFoundError):
        await shop.customer(unknown)


#: Sealed columns, and that each is emptied by the erasure (see the test above) or is another table's copy.
ERASED = {
    "customers.name", "customers.phone", "customers.birthday", "addresses.consignee", "addresses.phone",
    "addresses.province", "addresses.city", "addresses.district", "addresses.street", "orders.consignee",
    "orders.phone", "orders.province", "orders.city", "orders.district", "orders.street", "orders.note",
    "order_items.engraving", "after_sales.description", "invoices.name", "invoices.tax_number",
    "invoices.email",
}  # fmt: skip


def test_every_sealed_column_is_one_that_is_erased() -> None:
    sealed = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Sealed)
    }
    assert sealed == ERASED
