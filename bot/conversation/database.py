"""Runs transactions of the record off the event loop.

SQLite: one writer thread owns one connection and commits what has queued up meanwhile in one go (each job
under its own savepoint); readers have a small named pool. A commit survives the death of the process at once,
and a power cut after :meth:`Database.flush`, which a message's acknowledgement waits for while its turn is
already running. The reason: an fsync takes 0.3 ms on an idle disk and 4 ms on a busy one, and
``synchronous=FULL`` puts two of them into the way of every turn (measured on a busy disk, p50: accept 3.8 ms
and answer 4.2 ms, against 1.2 and 1.6 ms).
What somebody outside waits for (:meth:`Database.secure`) goes before all other jobs: the batch that runs is
committed after the job that it is at. It waits for one turn's transaction at most, and not for the thirty
that queue up where messages come faster than they can be answered.
PostgreSQL: a pool of connections, one thread each, some of them for what goes first; its own commit is
durable. See :mod:`bot.conversation.postgres` for what happens where a connection breaks.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.pool import QueuePool

from bot.conversation import postgres
from bot.conversation.postgres import ServerLimits
from bot.conversation.write_queue import Job, Jobs, Outcome

logger = logging.getLogger(__name__)

T = TypeVar("T")

_READERS = 2
_LARGEST_BATCH = 32
#: Of a server's connections, the share that is kept for what goes first: one in so many, at least one.
_ONE_IN = 3
_BUSY_MS = 10_000


def make_engine(url: str, *, begins: bool = True, limits: ServerLimits = postgres.UNLIMITED) -> Engine:
    """Return an engine with a named pool and, for SQLite, the pragmas that the record relies on.

    Args:
        url: SQLAlchemy URL.
        begins: begin SQLite transactions by an event of the engine, immediate ones where the connection has
            the execution option ``writes``. The event makes each statement dearer by a sixth, so that
            :class:`Database` begins its own.
        limits: connections and time of a server.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return postgres.open_server(parsed, limits)
    if parsed.database in (None, "", ":memory:"):
        raise ValueError("the record needs a file: an SQLite database in memory would lose accepted messages")
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    # SQLAlchemy 1.4 gives SQLite files a NullPool unless a pool is named: 15 ms instead of 1.8 ms a message.
    engine = create_engine(
        parsed,
        poolclass=QueuePool,
        pool_size=_READERS + 1,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000},
    )

    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")  # see Database.flush
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        cursor.close()

    def _begin(connection: Connection) -> None:
        # A deferred transaction that reads and then writes fails at once when another process wrote in
        # between; an immediate one waits for its turn.
        immediate = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    event.listen(engine, "connect", _pragmas)
    if begins:
        event.listen(engine, "begin", _begin)
    return engine


class Database:
    """Transactions of the record, awaited.

    Args:
        url: SQLAlchemy URL; an SQLite file or PostgreSQL.
        limits: connections and time of a server; an SQLite file needs none.
    """

    def __init__(self, url: str, limits: ServerLimits | None = None) -> None:
        limits = limits or ServerLimits()
        self.engine = make_engine(url, begins=False, limits=limits)
        self._sqlite = self.engine.dialect.name == "sqlite"
        kept = 0 if self._sqlite or limits.connections < _ONE_IN else limits.connections // _ONE_IN
        threads = _READERS if self._sqlite else limits.connections - kept
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="record")
        self._first = ThreadPoolExecutor(kept, thread_name_prefix="record-first") if kept else self._pool
        self._jobs = Jobs()
        self._writer: threading.Thread | None = None
        self._flushes: queue.SimpleQueue[Sequence[Outcome] | None] = queue.SimpleQueue()
        self._flusher: threading.Thread | None = None
        self._log: int | None = None  # descriptor of the write-ahead log

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction; it is committed when this returns, rolled back when it raises."""
        loop = asyncio.get_running_loop()
        if not self._sqlite:
            return await loop.run_in_executor(self._pool, self._transaction, work)
        self._start_writer()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(Job(work, future, loop))
        return await future

    async def secure(self, work: Callable[[Connection], T]) -> T:
        """Run `work` like :meth:`write`, before all that waits; it is on the disk when this returns.

        For what is short and waited for outside. What waits together is committed and flushed together; what
        raises is undone alone.

        Raises:
            OSError: the disk failed. It may be stored nevertheless.
        """
        loop = asyncio.get_running_loop()
        if not self._sqlite:
            return await loop.run_in_executor(self._first, self._transaction, work)
        self._start_writer()
        self._start_flusher()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(Job(work, future, loop, first=True))
        return await future

    def _start_writer(self) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="record-writer", daemon=True)
            self._writer.start()

    def _start_flusher(self) -> None:
        if self._flusher is None:
            self._flusher = threading.Thread(target=self._flush_forever, name="record-flush", daemon=True)
            self._flusher.start()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads, against one consistent snapshot (SQLite) or committed data."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._transaction, work)

    def flush(self) -> asyncio.Future[None]:
        """Return a future that is done when everything committed before this call is on the disk.

        It raises OSError where the disk failed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._sqlite:
            future.set_result(None)
            return future
        self._start_flusher()
        self._flushes.put((Outcome(future, loop),))
        return future

    def _flush_forever(self) -> None:
        """Serve all who wait with one call to the disk at a time."""
        waiting: list[Outcome] = []
        stopping = False
        while not stopping:
            outcomes = self._flushes.get()
            while outcomes is not None:
                waiting += outcomes
                try:
                    outcomes = self._flushes.get_nowait()
                except queue.Empty:
                    break
            stopping = outcomes is None
            try:
                self._flush()
            except OSError as exc:
                waiting = [one if one.error is not None else replace(one, error=exc) for one in waiting]
            _settle(waiting)
            waiting = []

    def _flush(self) -> None:
        # SQLite holds its locks on other files, so a descriptor of our own on the log disturbs none of them.
        if self._log is None or os.fstat(self._log).st_nlink == 0:
            if self._log is not None:
                os.close(self._log)
                self._log = None
            try:
                self._log = os.open(f"{self.engine.url.database}-wal", os.O_RDONLY)
            except FileNotFoundError:
                return  # nothing was written since the last checkpoint, which flushes by itself
        os.fdatasync(self._log) if hasattr(os, "fdatasync") else os.fsync(self._log)

    async def ping(self) -> None:
        """Raise whatever the driver raises where the database does not answer."""
        await self.read(lambda connection: connection.execute(text("SELECT 1")).scalar())

    async def close(self) -> None:
        """Finish what is queued and release all connections."""
        loop = asyncio.get_running_loop()
        if self._writer is not None:
            self._jobs.end()
            await loop.run_in_executor(None, self._writer.join)
            self._writer = None
        self._pool.shutdown(wait=True)
        self._first.shutdown(wait=True)
        if self._flusher is not None:
            self._flushes.put(None)
            await loop.run_in_executor(None, self._flusher.join)
            self._flusher = None
        if self._log is not None:
            os.close(self._log)
            self._log = None
        self.engine.dispose()

    def _transaction(self, work: Callable[[Connection], T]) -> T:
        if not self._sqlite:
            return postgres.transaction(self.engine, work)
        with self.engine.begin() as connection:
            _begin_now(connection, "BEGIN")
            return work(connection)

    def _write(self) -> None:
        connection: Connection | None = None
        while batch := self._jobs.next(_LARGEST_BATCH):
            try:
                if connection is None:
                    connection = self.engine.connect()
                outcomes = _run(connection, batch, self._jobs.hurry)
            except BaseException as exc:
                logger.exception("the record could not be written")
                outcomes = [job.failed(exc) for job in batch]
                if connection is not None:
                    connection.invalidate()
                    connection.close()
                    connection = None
            self._jobs.give_back(batch[len(outcomes) :])
            if batch[0].first:
                self._flushes.put(outcomes)
            else:
                _settle(outcomes)
        if connection is not None:
            connection.close()


def _begin_now(connection: Connection, statement: str) -> None:
    """Begin on the driver's connection: SQLAlchemy leaves that to whoever has taken it from the driver."""
    connection.connection.cursor().execute(statement)


def _run(connection: Connection, batch: Sequence[Job], hurry: Callable[[], bool]) -> list[Outcome]:
    """Run a batch in one transaction, as far as nothing comes that goes first; return what was run.

    A job that raises is undone alone.
    """
    outcomes: list[Outcome] = []
    with connection.begin() as transaction:
        _begin_now(connection, "BEGIN IMMEDIATE")
        if len(batch) == 1:
            try:
                outcomes.append(batch[0].run(connection))
            except Exception as exc:
                transaction.rollback()
                return [batch[0].failed(exc)]
            return outcomes
        for job in batch:
            connection.exec_driver_sql("SAVEPOINT job")
            try:
                outcomes.append(job.run(connection))
            except Exception as exc:
                connection.exec_driver_sql("ROLLBACK TO job")
                outcomes.append(job.failed(exc))
            connection.exec_driver_sql("RELEASE job")
            if not job.first and hurry():
                break
    return outcomes


def _settle(outcomes: list[Outcome]) -> None:
    """Hand the results to the loops that wait for them, with one wake-up for each loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.loop, []).append(outcome)
    for loop, own in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, own)
        except RuntimeError:  # the loop is closed: nobody waits any more
            logger.debug("a transaction ended after its loop")


def _resolve(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        future = outcome.future
        if future.done():
            continue
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.result)
