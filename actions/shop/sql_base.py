"""How a call reaches the shop's database: threads, transactions, retries, errors.

SQLAlchemy runs in a small pool of threads, so that no call blocks the event loop. A call whose caller gave
up is finished; its key makes the repetition harmless.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from actions.shop.columns import SHANGHAI
from actions.shop.database import WRITES, open_engine
from actions.shop.errors import ShopUnavailableError
from actions.shop.keys import forget_old_keys
from actions.shop.loading import load_order
from actions.shop.models import Order
from actions.shop.transaction import CustomerWrite, Write
from actions.shop.verification import forget_old_attempts
from persona.privacy.vault import Vault

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PRUNE_EVERY = timedelta(minutes=10)


def shanghai_now() -> datetime:
    """Return the time in the shop's zone."""
    return datetime.now(SHANGHAI)


class SqlBase:
    """An open database of the shop with its clock.

    Args:
        url: SQLAlchemy URL, SQLite or PostgreSQL.
        vault: opens and seals personal data.
        clock: returns the shop's time, aware.
    """

    def __init__(self, url: str, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._vault = vault
        self._clock = clock
        self.engine = open_engine(url, vault)
        self._reader = self.engine
        self._writer = self.engine.execution_options(**{WRITES: True})
        # SQLite has one writer anyway, and its calls are short: one thread spares the waiting for locks
        threads = 1 if self.engine.dialect.name == "sqlite" else 4
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="shop")
        self._pruned_at: datetime | None = None

    async def now(self) -> datetime:
        """See the protocol."""
        return self._clock()

    async def close(self) -> None:
        """See the protocol."""
        await asyncio.get_running_loop().run_in_executor(None, self._pool.shutdown)
        self.engine.dispose()

    async def _read(self, work: Callable[[Session], T]) -> T:
        def run() -> T:
            with Session(self._reader, future=True) as session:
                return work(session)

        return await self._in_thread(run)

    async def _of_order(
        self,
        order_number: str,
        customer_id: str | None,
        work: Callable[[Session, datetime, Order], T],
    ) -> T:
        """Read something about one order; NotFoundError if it does not exist or is somebody else's."""

        def read(session: Session) -> T:
            now = self._clock()
            return work(session, now, load_order(session, now, order_number, customer_id))

        return await self._read(read)

    async def _write(self, work: Callable[[Session], T]) -> T:
        def run() -> T:
            with Session(self._writer, future=True) as session, session.begin():
                self._prune(session)
                return work(session)

        def run_twice() -> T:
            try:
                return run()
            except IntegrityError:
                # two writes under one key met on different rows: now the first is visible
                return run()

        return await self._in_thread(run_twice)

    async def _change(
        self, order_number: str, customer_id: str | None, key: str, change: Callable[[Write], T]
    ) -> T:
        return await self._write(
            lambda session: change(Write(session, self._vault, self._clock(), key, order_number, customer_id))
        )

    async def _change_for(self, customer_id: str, key: str, change: Callable[[CustomerWrite], T]) -> T:
        return await self._write(
            lambda session: change(CustomerWrite(session, self._vault, self._clock(), key, customer_id))
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
