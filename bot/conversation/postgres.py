"""The record on a PostgreSQL server: what each connection asks for, and which failures mean "once more"."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.engine.url import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: Waits before a transaction that surely did not happen is begun again, in seconds. Short: what lasts longer
#: is left to the callers, who have their own patience.
_PAUSES_S = (0.05, 0.25, 0.7)
#: Two transactions stood in each other's way (serialisation failure, deadlock): the server has undone one.
_IN_THE_WAY = frozenset({"40001", "40P01"})
_CONNECT_S = 5
#: A client that holds a transaction and says nothing for so long is cut off: its locks would stop others.
_SILENT_MS = 60_000


@dataclass(frozen=True)
class ServerLimits:
    """How the record uses a server.

    Attributes:
        connections: the most connections of one process; as many transactions run at the same time.
        statement_s: the most seconds of one statement, waiting for locks included; 0: no limit.
    """

    connections: int = 6
    statement_s: float = 15.0


#: For commands that read or change everything at once: one connection, no limit.
UNLIMITED = ServerLimits(connections=2, statement_s=0)


def open_server(url: URL, limits: ServerLimits, name: str = "zhixin-record") -> Engine:
    """Return an engine that notices dead connections and never waits for ever.

    Args:
        url: the server's; options in its query win over what is set here.
        limits: connections and time.
        name: what the server's list of sessions shows (``application_name``).
    """
    options = [f"-c statement_timeout={int(limits.statement_s * 1000)}"]
    if limits.statement_s:
        options.append(f"-c idle_in_transaction_session_timeout={_SILENT_MS}")
    given = url.query.get("options")
    if given:
        options.append(given if isinstance(given, str) else " ".join(given))
    wanted: dict[str, Any] = {
        "application_name": name,
        "connect_timeout": _CONNECT_S,
        # A server that vanished without a word (power, network) is noticed within half a minute.
        "keepalives_idle": 20,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    own = {key: value for key, value in wanted.items() if key not in url.query}
    return create_engine(
        url,
        poolclass=QueuePool,
        pool_size=limits.connections,
        max_overflow=0,
        pool_pre_ping=True,
        # Rows are locked where it matters (FOR UPDATE); a server's other default would be another program.
        isolation_level="READ COMMITTED",
        connect_args={**own, "options": " ".join(options)},
    )


def transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Run `work` in one transaction, and again where it surely did not happen.

    That is: no connection could be had, the connection broke before the commit was sent, or two transactions
    stood in each other's way. A connection that breaks during the commit leaves open whether it happened:
    the error goes to the caller, whose message id or key makes a repetition harmless.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it failed for good.
    """
    pauses = iter(_PAUSES_S)
    while True:
        committing = False
        try:
            with engine.connect() as connection, connection.begin():
                result = work(connection)
                committing = True
            return result
        except DBAPIError as exc:
            pause = None if committing or not _did_not_happen(exc) else next(pauses, None)
            if pause is None:
                raise
            logger.warning("a transaction of the record is begun again: %s", _cause(exc))
        time.sleep(pause)


def one_at_a_time(connection: Connection, name: str) -> None:
    """Wait until no other transaction does what `name` (hex) stands for. SQLite's writers are alone."""
    if connection.dialect.name == "postgresql":
        lock = int(name[:15], 16)
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})


def _did_not_happen(error: DBAPIError) -> bool:
    """Say whether a transaction that had not been told to commit failed for a reason that passes."""
    code = getattr(error.orig, "pgcode", None)
    # Without a statement it was the connecting that failed: refused, starting up, too many connections.
    return error.connection_invalidated or code in _IN_THE_WAY or error.statement is None


def _cause(error: DBAPIError) -> str:
    """Return the server's own sentence: the statement's values stay out of the log."""
    return (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0][:200]
