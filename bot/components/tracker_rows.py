"""The table of Rasa's trackers: one sealed row per conversation, guarded by a version.

Nothing of Rasa is imported here, so that export and erasure can use it in a light process.
"""

from __future__ import annotations

import base64
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import QueuePool

from persona.privacy.vault import Vault

_METADATA = sa.MetaData()
_TRACKER = sa.Table(
    "tracker",
    _METADATA,
    sa.Column("conversation_id", sa.String(200), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
)


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
    """

    def __init__(self, url: str, vault: Vault) -> None:
        self._vault = vault
        self._engine = _engine(url)
        _METADATA.create_all(self._engine)

    def load(self, conversation_id: str, known: int = 0) -> Row | None:
        """Return the row, without its text where its version is `known`; None if there is none."""
        table = _TRACKER.c
        body: Any = sa.case((table.version == sa.bindparam("known"), None), else_=table.body)
        query = sa.select(table.version, body).where(table.conversation_id == sa.bindparam("id"))
        with self._engine.connect() as connection:
            found = connection.execute(query, {"id": conversation_id, "known": known}).first()
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
        try:
            with self._engine.begin() as connection:
                if version == 0:
                    connection.execute(_TRACKER.insert().values(conversation_id=conversation_id, **values))
                    return 1
                done = connection.execute(
                    _TRACKER.update()
                    .where(_TRACKER.c.conversation_id == conversation_id, _TRACKER.c.version == version)
                    .values(**values)
                )
        except IntegrityError as exc:
            raise TrackerConflictError("this conversation has been stored by another process") from exc
        if done.rowcount != 1:
            raise TrackerConflictError("this conversation has been changed by another process")
        return version + 1

    def delete(self, conversation_ids: Iterable[str]) -> int:
        """Erase the trackers of these conversations; return how many there were."""
        ids = list(conversation_ids)
        if not ids:
            return 0
        with self._engine.begin() as connection:
            done = connection.execute(_TRACKER.delete().where(_TRACKER.c.conversation_id.in_(ids)))
        return int(done.rowcount)

    def delete_before(self, moment: datetime) -> int:
        """Erase the trackers that were last changed before `moment` (aware); return how many."""
        with self._engine.begin() as connection:
            done = connection.execute(_TRACKER.delete().where(_TRACKER.c.updated_at < moment))
        return int(done.rowcount)

    def ids(self) -> list[str]:
        """Return the ids of all stored conversations."""
        with self._engine.connect() as connection:
            return [row[0] for row in connection.execute(sa.select(_TRACKER.c.conversation_id))]

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    def _seal(self, conversation_id: str, text: str) -> str:
        packed = base64.b64encode(zlib.compress(text.encode(), 1)).decode()
        return self._vault.seal(packed, f"tracker.body:{conversation_id}")

    def _open(self, conversation_id: str, sealed: str) -> str:
        packed = self._vault.open(sealed, f"tracker.body:{conversation_id}")
        return zlib.decompress(base64.b64decode(packed)).decode()


def _engine(text: str) -> Engine:
    url = make_url(text)
    if not url.drivername.startswith("sqlite"):
        return sa.create_engine(url, pool_size=4, pool_pre_ping=True)
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
