"""A queue in a table of the record: what waits is taken under a lease, the first of each lane only.

Several fronts share it. What a killed process had taken is free again at once where it can be known that it
is dead, else when its lease has lapsed. Used for the shop's events and for the webhooks' outbox; the table
has the columns ``id, state, tries, due_at, lease_holder, lease_until, done_at, trouble``.
"""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, and_, func, select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.sql.schema import Table

from bot.conversation.database import Database
from bot.conversation.errors import LeaseLostError
from bot.conversation.events_schema import ASIDE, DONE, WAITING
from bot.conversation.lease import is_dead
from bot.conversation.waiting import happened

logger = logging.getLogger(__name__)

#: How long one piece of work may take, and how long it is held: who holds it gives up before others take it.
LONGEST_WORK_S = 40.0
HELD = timedelta(seconds=60)

#: Heads of lanes that one look considers.
_LOOK_AT = 200
_LONGEST_TROUBLE = 120


def free(row: Row, now: datetime, holder: str) -> bool:
    """Return whether nobody works on a row."""
    if row.lease_holder is None or row.lease_until is None or row.lease_until <= now:
        return True
    return row.lease_holder != holder and is_dead(row.lease_holder)


def seen_lease(table: Table, row: Row) -> Any:
    """Return the condition that the lease is still as it was seen."""
    lease = table.c.lease_holder, table.c.lease_until
    seen = row.lease_holder, row.lease_until
    return and_(*(c.is_(None) if value is None else c == value for c, value in zip(lease, seen, strict=True)))


class WaitingRows:
    """The queue of one table.

    Args:
        database: the record.
        table: with the columns above.
        lane: columns; of rows that share their values only the oldest is worked on.
        holder: this process's name as the holder of leases.
        clock: returns the present as an aware datetime.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        lane: Sequence[Column[Any]],
        *,
        holder: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.database = database
        self.table = table
        self.holder = holder
        self.clock = clock
        before = table.alias("before")
        earlier = (
            select(before.c.id)
            .where(
                before.c.state == WAITING,
                before.c.id < table.c.id,
                *(before.c[column.name] == column for column in lane),
            )
            .exists()
        )
        self._heads = (
            select(table)
            .where(table.c.state == WAITING, ~earlier)
            .order_by(table.c.due_at, table.c.id)
            .limit(_LOOK_AT)
        )
        self._oldest = select(func.min(table.c.id)).where(table.c.state == WAITING)

    async def claim(self, count: int) -> tuple[Row, ...]:
        """Take at most `count` rows that are due and that nobody works on, the longest due first."""

        def look(connection: Connection) -> list[Row]:
            now = self.clock()
            found = connection.execute(self._heads.where(self.table.c.due_at <= now)).all()
            return [row for row in found if free(row, now, self.holder)][:count]

        seen = await self.database.read(look)
        if not seen:
            return ()

        def take(connection: Connection) -> tuple[Row, ...]:
            until = self.clock() + HELD
            return tuple(
                row
                for row in seen
                if connection.execute(
                    self.table.update()
                    .where(
                        self.table.c.id == row.id,
                        self.table.c.state == WAITING,
                        seen_lease(self.table, row),
                    )
                    .values(lease_holder=self.holder, lease_until=until)
                ).rowcount
            )

        return await self.database.write(take)

    def check(self, connection: Connection, row_id: int) -> None:
        """Lock a row that this process has taken; LeaseLostError where another has it, or it is settled."""
        mine = select(self.table.c.id).where(*self._mine(row_id)).with_for_update()
        if connection.execute(mine).first() is None:
            raise LeaseLostError

    def done(self, connection: Connection, row_id: int) -> None:
        """Settle a row; LeaseLostError where another process has it now."""
        self._end(connection, row_id, state=DONE, trouble=None)

    async def again(self, row_id: int, due_at: datetime, *, trouble: str, **values: Any) -> None:
        """Let a row wait until a moment; nothing where another process has it now."""
        changes = {"due_at": due_at, "lease_holder": None, "lease_until": None, **values}
        changes["trouble"] = trouble[:_LONGEST_TROUBLE]
        await self._change(row_id, **changes)

    async def aside(self, row_id: int, *, trouble: str, **values: Any) -> None:
        """Give a row up: it stays, and blocks no other."""
        changes = {"state": ASIDE, "done_at": self.clock(), "lease_holder": None, "lease_until": None}
        await self._change(row_id, **changes, trouble=trouble[:_LONGEST_TROUBLE], **values)

    async def release(self) -> None:
        """Let go of all that this process has taken."""

        def work(connection: Connection) -> None:
            connection.execute(
                self.table.update()
                .where(self.table.c.state == WAITING, self.table.c.lease_holder == self.holder)
                .values(lease_holder=None, lease_until=None)
            )

        await self.database.write(work)

    async def oldest_waiting(self, moment: Column[Any]) -> datetime | None:
        """Return when the oldest row that waits came (column `moment`), None where nothing waits."""

        def work(connection: Connection) -> datetime | None:
            found: datetime | None = connection.execute(
                select(moment).where(self.table.c.id == self._oldest.scalar_subquery())
            ).scalar()
            return found

        return await self.database.read(work)

    def _mine(self, row_id: int) -> tuple[Any, ...]:
        c = self.table.c
        return c.id == row_id, c.state == WAITING, c.lease_holder == self.holder

    def _end(self, connection: Connection, row_id: int, **values: Any) -> None:
        changes = {"done_at": self.clock(), "lease_holder": None, "lease_until": None, **values}
        done = connection.execute(self.table.update().where(*self._mine(row_id)).values(**changes))
        if not done.rowcount:
            raise LeaseLostError

    async def _change(self, row_id: int, **values: Any) -> None:
        def work(connection: Connection) -> None:
            connection.execute(self.table.update().where(*self._mine(row_id)).values(**values))

        await self.database.write(work)


class Pump:
    """Takes what is due and has it worked on, a few at a time, until it is closed.

    Args:
        name: for the log.
        rows: the queue.
        work: works on one row; what it raises is logged, and the row is taken again when its lease lapses.
        at_once: pieces of work at the same time.
        poll_s: seconds between two looks at the record where nothing wakes it.
    """

    def __init__(
        self,
        name: str,
        rows: WaitingRows,
        work: Callable[[Row], Awaitable[None]],
        *,
        at_once: int = 6,
        poll_s: float = 1.0,
    ) -> None:
        self._name = name
        self._rows = rows
        self._work = work
        self._at_once = at_once
        self._poll_s = poll_s
        self._news: asyncio.Event | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._news = asyncio.Event()
        self._loop = asyncio.create_task(self._run(), name=self._name)

    def wake(self) -> None:
        """Look at once: something has come."""
        if self._news is not None:
            self._news.set()

    async def close(self, grace_s: float = 3.0) -> None:
        """Take nothing more, give what runs a moment to end, and let go of the rest."""
        if self._loop is None:
            return
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=grace_s)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        try:
            await self._rows.release()
        except Exception:
            logger.exception("%s: the leases could not be released; they lapse by themselves", self._name)
        self._loop = None

    async def _run(self) -> None:
        assert self._news is not None  # noqa: S101  # made by start
        while True:
            self._news.clear()
            taken: Sequence[Row] = ()
            room = self._at_once - len(self._running)
            try:
                taken = await self._rows.claim(room) if room else ()
            except Exception:
                logger.exception("%s: the record could not be asked", self._name)
            for row in taken:
                task = asyncio.create_task(self._one(row))
                self._running.add(task)
                task.add_done_callback(self._ended)
            if not taken:
                await happened(self._news, self._poll_s)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.wake()  # the next of its lane may be due

    async def _one(self, row: Row) -> None:
        try:
            await self._work(row)
        except Exception:
            logger.exception("%s: %d could not be worked on", self._name, row.id)


class Duties:
    """What one front at a time does from time to time, by a row for each.

    Args:
        database: the record.
        table: ``front_duties``.
        holder: this process's name.
        clock: returns the present as an aware datetime.
    """

    def __init__(
        self, database: Database, table: Table, *, holder: str, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._table = table
        self._holder = holder
        self._clock = clock

    async def take(self, name: str, every: timedelta) -> bool:
        """Return whether it is due and this front's to do now; it is due again after `every`.

        Who dies while doing it has not done it: another front takes over at once where it can be known, else
        after `every` (a minute at least).
        """
        t = self._table

        def work(connection: Connection) -> bool:
            now = self._clock()
            row = connection.execute(select(t).where(t.c.name == name).with_for_update()).first()
            until = now + max(every, timedelta(minutes=1))
            if row is None:
                insert_once(connection, t, {"name": name, "due_at": now}, keys=("name",))
                row = connection.execute(select(t).where(t.c.name == name).with_for_update()).one()
            held = row.lease_holder is not None
            if held and not free(row, now, self._holder):
                return False
            if not held and row.due_at > now:
                return False
            connection.execute(
                t.update()
                .where(t.c.name == name)
                .values(lease_holder=self._holder, lease_until=until, due_at=now + every)
            )
            return True

        return await self._database.write(work)

    async def finish(self, name: str) -> None:
        """Say that it is done."""
        t = self._table

        def work(connection: Connection) -> None:
            connection.execute(
                t.update()
                .where(t.c.name == name, t.c.lease_holder == self._holder)
                .values(lease_holder=None, lease_until=None)
            )

        await self._database.write(work)


def insert_once(connection: Connection, table: Table, values: dict[str, Any], *, keys: Sequence[str]) -> bool:
    """Insert a row unless its keys are there; return whether it was inserted.

    On PostgreSQL it waits for another transaction that inserts the same keys, and then finds them.
    """
    statement = _insert_once(connection.dialect.name, table, tuple(keys))
    return bool(connection.execute(statement, values).rowcount)


@functools.lru_cache(maxsize=64)
def _insert_once(dialect: str, table: Table, keys: tuple[str, ...]) -> Any:
    """Return the statement, which is made once."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    return insert(table).on_conflict_do_nothing(index_elements=list(keys))
