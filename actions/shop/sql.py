"""The embedded shop: :class:`~actions.shop.gateway.ShopGateway` on SQLite or PostgreSQL.

SQLAlchemy runs in a small pool of threads, so that no call blocks the event loop. A call whose caller gave
up is finished; its key makes the repetition harmless.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from actions.shop import writing
from actions.shop.behaviour import load_history, recommended_ids
from actions.shop.columns import SHANGHAI
from actions.shop.database import WRITES, open_engine
from actions.shop.errors import NotFoundError, ShopUnavailableError
from actions.shop.keys import forget_old_keys
from actions.shop.loading import (
    known_form,
    load_after_sales,
    load_customer,
    load_order,
    load_orders,
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
from actions.shop.verification import forget_old_attempts, verify
from persona.privacy.vault import Vault

logger = logging.getLogger(__name__)

T = TypeVar("T")

_GOOD_STARS = 4
_SEARCH_AGE = timedelta(minutes=1)
_PRUNE_EVERY = timedelta(minutes=10)
_DEFAULT_HOURS = ServiceHours(opens="09:00", closes="22:00", answer_minutes=5)


def shanghai_now() -> datetime:
    """Return the time in the shop's zone."""
    return datetime.now(SHANGHAI)


class SqlShop:
    """The shop in a database of our own schema (see :func:`actions.shop.database.upgrade`).

    Args:
        url: SQLAlchemy URL, SQLite or PostgreSQL.
        vault: opens and seals personal data.
        clock: returns the shop's time, aware.
    """

    def __init__(self, url: str, vault: Vault, clock: Callable[[], datetime] = shanghai_now) -> None:
        self._vault = vault
        self._clock = clock
        self.engine = open_engine(url, vault)
        self._reader = self.engine
        self._writer = self.engine.execution_options(**{WRITES: True})
        # SQLite has one writer anyway, and its calls are short: one thread spares the waiting for locks
        threads = 1 if self.engine.dialect.name == "sqlite" else 4
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="shop")
        self._search: tuple[datetime, SearchIndex] | None = None
        self._pruned_at: datetime | None = None

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

    async def return_terms(self, order_number: str, *, customer_id: str | None) -> ReturnTerms:
        """See the protocol."""

        def read(session: Session) -> ReturnTerms:
            now = self._clock()
            return writing.judge_terms(session, now, load_order(session, now, order_number, customer_id))

        return await self._read(read)

    async def request_after_sale(
        self, order_number: str, kind: AfterSaleKind, reason: str, *, customer_id: str | None, key: str
    ) -> AfterSaleResult:
        """See the protocol."""
        return await self._change(
            order_number, customer_id, key, lambda write: writing.request_after_sale(write, kind, reason)
        )

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
            scores = dict(self._index(session).find(words, limit))
            return [ProductMatch(p, scores[p.product_id]) for p in load_products(session, list(scores))]

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

    async def now(self) -> datetime:
        """See the protocol."""
        return self._clock()

    async def close(self) -> None:
        """See the protocol."""
        await asyncio.get_running_loop().run_in_executor(None, self._pool.shutdown)
        self.engine.dispose()

    def _index(self, session: Session) -> SearchIndex:
        """Return the search index; the catalogue's changes show within a minute."""
        now = self._clock()
        if self._search is None or now - self._search[0] > _SEARCH_AGE:
            self._search = (now, SearchIndex.read(session))
        return self._search[1]

    async def _read(self, work: Callable[[Session], T]) -> T:
        def run() -> T:
            with Session(self._reader, future=True) as session:
                return work(session)

        return await self._in_thread(run)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def run() -> T:
            with Session(self._writer, future=True) as session, session.begin():
                self._prune(session)
                return work(session)

        def run_twice() -> T:
            try:
                return run()
            except IntegrityError:
                # two writes under one key met on different orders: now the first is visible
                return run()

        return await self._in_thread(run_twice)

    async def _change(
        self, order_number: str, customer_id: str | None, key: str, change: Callable[[writing.Write], T]
    ) -> T:
        return await self._write(
            lambda session: change(
                writing.Write(session, self._vault, self._clock(), order_number, customer_id, key)
            )
        )

    def _prune(self, session: Session) -> None:
        now = self._clock()
        if self._pruned_at is None or now - self._pruned_at > _PRUNE_EVERY:
            forget_old_keys(session, now)
            forget_old_attempts(session, now)
            self._pruned_at = now

    async def _in_thread(self, run: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, run)
        except (DBAPIError, PoolTimeoutError) as exc:
            # the statement's parameters may be personal data: log the kind of error alone
            logger.error("the shop's database failed: %s", type(getattr(exc, "orig", None) or exc).__name__)
            raise ShopUnavailableError("the shop's database failed") from None
