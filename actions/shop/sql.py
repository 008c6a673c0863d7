"""The embedded shop: :class:`~actions.shop.gateway.ShopGateway` on SQLite or PostgreSQL.

Here are customers, orders, after-sales and products; the services around an order are in
:mod:`actions.shop.sql_services`, how a call reaches the database in :mod:`actions.shop.sql_base`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from actions.shop import writing
from actions.shop.behaviour import load_history, recommended_ids
from actions.shop.erasing import erase
from actions.shop.errors import NotFoundError
from actions.shop.loading import (
    known_form,
    load_after_sales,
    load_customer,
    load_order,
    load_orders,
    load_orders_numbered,
    load_products,
    to_review,
)
from actions.shop.models import (
    Address,
    AfterSale,
    AfterSaleKind,
    AfterSaleResult,
    ChangeResult,
    Customer,
    CustomerHistory,
    Order,
    Product,
    ProductMatch,
    ReturnTerms,
    Review,
    ServiceHours,
)
from actions.shop.schema import ReviewRow, SettingRow
from actions.shop.search import SearchIndex
from actions.shop.sql_base import shanghai_now
from actions.shop.sql_policies import PolicyMethods
from actions.shop.sql_services import ServiceMethods
from actions.shop.transaction import Write
from actions.shop.verification import verify, verify_owner
from actions.shop.withdrawing import order_of_request, withdraw
from persona.privacy.vault import Vault

__all__ = ["SqlShop", "shanghai_now"]

_GOOD_STARS = 4
_MOST_TERMS = 50
_SEARCH_AGE = timedelta(minutes=1)
_DEFAULT_HOURS = ServiceHours(opens="09:00", closes="22:00", answer_minutes=5)


class SqlShop(ServiceMethods, PolicyMethods):
    """The shop in a database of our own schema (see :func:`actions.shop.database.upgrade`).

    Args:
        url: SQLAlchemy URL, SQLite or PostgreSQL.
        vault: opens and seals personal data.
        clock: returns the shop's time, aware.
    """

    def __init__(self, url: str, vault: Vault, clock: Callable[[], datetime] = shanghai_now) -> None:
        super().__init__(url, vault, clock)
        self._search: tuple[datetime, SearchIndex] | None = None

    async def customer(self, customer_id: str) -> Customer:
        """See the protocol."""
        return await self._read(lambda session: load_customer(session, customer_id))

    async def history(self, customer_id: str) -> CustomerHistory:
        """See the protocol."""
        return await self._read(lambda session: load_history(session, self._clock(), customer_id))

    async def orders(self, customer_id: str, *, limit: int = 20) -> Sequence[Order]:
        """See the protocol. An unknown customer has no orders."""
        if not known_form(customer_id):
            return ()
        return await self._read(
            lambda session: load_orders(session, self._clock(), customer_id, limit=max(limit, 0))
        )

    async def order(self, order_number: str, *, customer_id: str | None) -> Order:
        """See the protocol."""
        return await self._read(lambda session: load_order(session, self._clock(), order_number, customer_id))

    async def verify_order(self, order_number: str, phone_tail: str, *, source: str) -> bool:
        """See the protocol."""
        return await self._write(
            lambda session: verify(
                session,
                self._vault,
                self._clock(),
                order_number=order_number,
                phone_tail=phone_tail,
                source=source,
            )
        )

    async def verify_owner(self, order_number: str, phone: str, *, source: str) -> str | None:
        """See the protocol."""
        if not order_number and not phone:
            return None  # asks whether it can be asked at all
        return await self._write(
            lambda session: verify_owner(
                session, self._vault, self._clock(), order_number=order_number, phone=phone, source=source
            )
        )

    async def cancel_order(self, order_number: str, *, customer_id: str | None, key: str) -> ChangeResult:
        """See the protocol."""
        return await self._change(order_number, customer_id, key, writing.cancel)

    async def change_address(
        self, order_number: str, address: Address, *, customer_id: str | None, key: str
    ) -> ChangeResult:
        """See the protocol."""
        return await self._change(
            order_number, customer_id, key, lambda write: writing.change_address(write, address)
        )

    async def urge(self, order_number: str, *, customer_id: str | None, key: str) -> ChangeResult:
        """See the protocol."""
        return await self._change(order_number, customer_id, key, writing.urge)

    async def note_order(
        self, order_number: str, note: str, *, customer_id: str | None, key: str
    ) -> ChangeResult:
        """See the protocol."""
        return await self._change(order_number, customer_id, key, lambda write: writing.note(write, note))

    async def return_terms(self, order_number: str, *, customer_id: str | None) -> ReturnTerms:
        """See the protocol."""

        def read(session: Session) -> ReturnTerms:
            now = self._clock()
            order = load_order(session, now, order_number, customer_id)
            return writing.judge_terms(session, now, [order])[order_number]

        return await self._read(read)

    async def return_terms_of(
        self, order_numbers: Sequence[str], *, customer_id: str | None
    ) -> Mapping[str, ReturnTerms]:
        """See the protocol. ValueError for more than 50."""
        if len(order_numbers) > _MOST_TERMS:
            raise ValueError(f"the terms of at most {_MOST_TERMS} orders can be asked for in one call")

        def read(session: Session) -> dict[str, ReturnTerms]:
            now = self._clock()
            orders = load_orders_numbered(session, now, order_numbers, customer_id)
            return writing.judge_terms(session, now, orders)

        return await self._read(read)

    async def request_after_sale(
        self, order_number: str, kind: AfterSaleKind, reason: str, *, customer_id: str | None, key: str
    ) -> AfterSaleResult:
        """See the protocol."""
        return await self._change(
            order_number, customer_id, key, lambda write: writing.request_after_sale(write, kind, reason)
        )

    async def withdraw_after_sale(
        self, request_number: str, *, customer_id: str | None, key: str
    ) -> AfterSaleResult:
        """See the protocol."""

        def change(session: Session) -> AfterSaleResult:
            number = order_of_request(session, request_number)
            write = Write(session, self._vault, self._clock(), key, number, customer_id)
            return withdraw(write, request_number)

        return await self._write(change)

    async def after_sales(self, customer_id: str) -> Sequence[AfterSale]:
        """See the protocol. An unknown customer has no requests."""
        if not known_form(customer_id):
            return ()
        return await self._read(lambda session: load_after_sales(session, "customer_id", customer_id))

    async def after_sale_of_order(self, order_number: str, *, customer_id: str | None) -> AfterSale | None:
        """See the protocol."""

        def read(session: Session) -> AfterSale | None:
            load_order(session, self._clock(), order_number, customer_id)
            found = load_after_sales(session, "order_number", order_number)
            return found[0] if found else None

        return await self._read(read)

    async def product(self, product_id: str) -> Product:
        """See the protocol."""
        if not known_form(product_id):
            raise NotFoundError("no such product")
        found = await self._read(lambda session: load_products(session, [product_id]))
        if not found:
            raise NotFoundError("no such product")
        return found[0]

    async def find_products(self, words: str, *, limit: int = 5) -> Sequence[ProductMatch]:
        """See the protocol."""

        def read(session: Session) -> list[ProductMatch]:
            index = self._index(session)
            query = index.understand(words)
            scores = dict(index.look(query, limit))
            found = load_products(session, list(scores))
            return [ProductMatch(p, scores[p.product_id], query.read_as, query.missing) for p in found]

        return await self._read(read)

    async def recommend(
        self, *, customer_id: str | None, words: str = "", limit: int = 5
    ) -> Sequence[tuple[Product, str]]:
        """See the protocol."""

        def read(session: Session) -> list[tuple[Product, str]]:
            asked = [pid for pid, _ in self._index(session).find(words, limit * 2)] if words else []
            reasons = dict(recommended_ids(session, self._clock(), customer_id, asked, limit))
            return [(p, reasons[p.product_id]) for p in load_products(session, list(reasons))]

        return await self._read(read)

    async def reviews(self, product_id: str, *, limit: int = 3) -> Sequence[Review]:
        """See the protocol. Good means four stars or more."""
        if not known_form(product_id):
            return ()
        statement = (
            select(ReviewRow.__table__)
            .where(ReviewRow.product_id == product_id, ReviewRow.stars >= _GOOD_STARS)
            .order_by(ReviewRow.written_at.desc())
            .limit(max(limit, 0))
        )
        return await self._read(
            lambda session: [to_review(r, anonymous=True) for r in session.execute(statement)]
        )

    async def service_hours(self) -> ServiceHours:
        """See the protocol."""

        def read(session: Session) -> ServiceHours:
            row = session.get(SettingRow, "service_hours")
            return ServiceHours(**row.value) if row is not None else _DEFAULT_HOURS

        return await self._read(read)

    async def erase_customer(self, customer_id: str) -> bool:
        """See the protocol."""
        return await self._write(lambda session: erase(session, customer_id))

    def _index(self, session: Session) -> SearchIndex:
        """Return the search index; the catalogue's changes show within a minute."""
        now = self._clock()
        if self._search is None or now - self._search[0] > _SEARCH_AGE:
            self._search = (now, SearchIndex.read(session, self._search and self._search[1]))
        return self._search[1]
