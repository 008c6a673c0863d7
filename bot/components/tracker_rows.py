"""The table of Rasa's trackers: one sealed row per conversation, guarded by a version.

Nothing of Rasa is imported here, so that export and erasure can use it in a light process.
"""

from __future__ import annotations

import base64
import logging
import os
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import QueuePool

from bot.components.tracker_migrate import upgrade_engine
from persona.privacy.vault import Vault

logger = logging.getLogger(__name__)

T = TypeVar("T")

METADATA = sa.MetaData()
_TRACKER = sa.Table(
    "tracker",
    METADATA,
    sa.Column("conversation_id", sa.String(200), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
)


#: Connections of one Rasa to a server where nothing else is said.
CONNECTIONS = 4

#: Waits before a step is tried again after its connection to the server broke, in seconds.
_PAUSES_S = (0.05, 0.25, 0.7)


class TrackerConflictError(RuntimeError):
    """Another process has saved this conversation since it was read."""


@dataclass(frozen=True)
class Row:
    """One stored tracker.

    Attributes:
        version: counts the saves, from 1.
        text: the stored text, or None where the caller knows this version already.
    """

    version: int
    text: str | None


def tracker_url(environ: Mapping[str, str] = os.environ) -> str:
    """Return the SQLAlchemy URL of the trackers as the environment says."""
    data = environ.get("ZHIXIN_DATA_DIR") or "var"
    return environ.get("ZHIXIN_TRACKER_URL") or f"sqlite:///{Path(data) / 'tracker.db'}"


class TrackerRows:
    """Reads and writes the rows. Blocking; safe for several threads.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL; the table is made if it is missing.
        vault: seals the rows under the conversation's id, so that a row cannot pass for another's.
        connections: the most connections to a PostgreSQL server.
        statement_s: the most seconds of one statement there; 0: no limit.
    """

    def __init__(
        self, url: str, vault: Vault, *, connections: int = CONNECTIONS, statement_s: float = 0
    ) -> None:
        self._vault = vault
        self._engine = _engine(url, connections, statement_s)
        upgrade_engine(self._engine)

    def load(self, conversation_id: str, known: int = 0) -> Row | None:
        """Return the row, without its text where its version is `known`; None if there is none."""
        table = _TRACKER.c
        body: Any = sa.case((table.version == sa.bindparam("known"), None), else_=table.body)
        query = sa.select(table.version, body).where(table.conversation_id == sa.bindparam("id"))
        values = {"id": conversation_id, "known": known}
        found = self._run(lambda connection: connection.execute(query, values).first())
        if found is None:
            return None
        version, sealed = found
        return Row(version, None if sealed is None else self._open(conversation_id, sealed))

    def save(self, conversation_id: str, version: int, text: str) -> int:
        """Store `text` over `version` (0: nothing is stored yet) and return the new version.

        Raises:
            TrackerConflictError: the stored version is another one.
        """
        values = {
            "version": version + 1,
            "updated_at": datetime.now(timezone.utc),
            "body": self._seal(conversation_id, text),
        }

        def write(connection: Connection) -> int:
            if version == 0:
                connection.execute(_TRACKER.insert().values(conversation_id=conversation_id, **values))
                return 1
            done = connection.execute(
                _TRACKER.update()
                .where(_TRACKER.c.conversation_id == conversation_id, _TRACKER.c.version == version)
                .values(**values)
            )
            return int(done.rowcount)

        # No two sealed texts are the same: it tells whether a commit whose answer was lost went through.
        ours = sa.select(sa.func.count()).where(
            _TRACKER.c.conversation_id == conversation_id, _TRACKER.c.body == values["body"]
        )
        try:
            written = self._run(write, happened=lambda connection: connection.execute(ours).scalar_one())
        except IntegrityError as exc:
            raise TrackerConflictError("this conversation has been stored by another process") from exc
        if written != 1:
            raise TrackerConflictError("this conversation has been changed by another process")
        return version + 1

    def delete(self, conversation_ids: Iterable[str]) -> int:
        """Erase the trackers of these conversations; return how many there were."""
        ids = list(conversation_ids)
        if not ids:
            return 0
        erase = _TRACKER.delete().where(_TRACKER.c.conversation_id.in_(ids))
        return self._run(lambda connection: int(connection.execute(erase).rowcount))

    def delete_before(self, moment: datetime) -> int:
        """Erase the trackers that were last changed before `moment` (aware); return how many."""
        erase = _TRACKER.delete().where(_TRACKER.c.updated_at < moment)
        return self._run(lambda connection: int(connection.execute(erase).rowcount))

    def ids(self) -> list[str]:
        """Return the ids of all stored conversations."""
        query = sa.select(_TRACKER.c.conversation_id)
        return self._run(lambda connection: [row[0] for row in connection.execute(query)])

    def ping(self) -> None:
        """Raise what the driver raises where the database does not answer."""
        self._run(lambda connection: connection.execute(sa.select(1)))

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def _run(self, work: Callable[[Connection], T], happened: Callable[[Connection], T] | None = None) -> T:
        """Run `work` in a transaction, again where the connection broke.

        Args:
            work: what is done; without `happened` doing it twice is doing it once.
            happened: returns what `work` did where it did it, else something false.
        """
        pauses = iter(_PAUSES_S)
        while True:
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except DBAPIError as exc:
                pause = next(pauses, None) if _passes(exc) else None
                if pause is None:
                    raise
                logger.warning("the trackers' connection broke: %s", str(exc.orig).strip().splitlines()[:1])
            time.sleep(pause)
            if happened is not None:
                done = self._run(happened)
                if done:
                    return done

    def _seal(self, conversation_id: str, text: str) -> str:
        packed = base64.b64encode(zlib.compress(text.encode(), 1)).decode()
        return self._vault.seal(packed, f"tracker.body:{conversation_id}")

    def _open(self, conversation_id: str, sealed: str) -> str:
        packed = self._vault.open(sealed, f"tracker.body:{conversation_id}")
        return zlib.decompress(base64.b64decode(packed)).decode()


def _engine(text: str, connections: int, statement_s: float) -> Engine:
    url = make_url(text)
    if not url.drivername.startswith("sqlite"):
        return _server(url, connections, statement_s)
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    # SQLAlchemy 1.4 opens a SQLite file anew for each use unless a pool is named: five times as slow.
    engine = sa.create_engine(
        url, poolclass=QueuePool, pool_size=2, connect_args={"check_same_thread": False, "timeout": 10}
    )

    def prepare(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        # Under WAL this loses nothing when the process dies, only (whole) last saves when the machine does.
        connection.execute("PRAGMA synchronous=NORMAL")

    sa.event.listen(engine, "connect", prepare)
    return engine


def _server(url: URL, connections: int, statement_s: float) -> Engine:
    """Return an engine that notices dead connections and never waits for ever."""
    options = [f"-c statement_timeout={int(statement_s * 1000)}", *filter(None, [url.query.get("options")])]
    wanted = {
        "application_name": "zhixin-tracker",
        "connect_timeout": 5,
        "keepalives_idle": 20,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    own = {key: value for key, value in wanted.items() if key not in url.query}
    return sa.create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={**own, "options": " ".join(map(str, options))},
    )


def _passes(error: DBAPIError) -> bool:
    """Say whether the connection broke, or none could be had."""
    return error.connection_invalidated or (error.statement is None and error.orig is not None)
