"""Opens the embedded shop's database and brings its schema up to date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.future import Connection, Engine, create_engine
from sqlalchemy.pool import QueuePool, StaticPool

from actions.shop.columns import give_vault
from persona.privacy.vault import Vault

#: Execution option: this transaction writes, so SQLite takes its write lock at the beginning.
WRITES = "zhixin_writes"

_BUSY_MS = 3000  # below the 9 s that one turn has for the shop
_STATEMENT_MS = 6000
_MIGRATIONS = Path(__file__).parent / "migrations"


def open_engine(url: str, vault: Vault | None) -> Engine:
    """Open an engine for the shop.

    Args:
        url: SQLAlchemy URL, SQLite or PostgreSQL.
        vault: opens the sealed columns; None for work that reads none (migrations).

    Raises:
        ValueError: another kind of database.
    """
    backend = make_url(url).get_backend_name()
    if backend == "sqlite":
        engine = _open_sqlite(url)
    elif backend == "postgresql":
        engine = create_engine(
            url,
            pool_size=4,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 3, "options": f"-c statement_timeout={_STATEMENT_MS}"},
        )
    else:
        raise ValueError(f"the embedded shop runs on SQLite or PostgreSQL, not on {backend}")
    if vault is not None:
        give_vault(engine.dialect, vault)
    return engine


def _open_sqlite(url: str) -> Engine:
    path = make_url(url).database
    in_memory = path in (None, "", ":memory:")
    if not in_memory:
        Path(str(path)).parent.mkdir(parents=True, exist_ok=True)
    pool: dict[str, Any] = (
        {"poolclass": StaticPool}
        if in_memory  # one connection, or each thread would see its own empty database
        # SQLAlchemy 1.4 gives SQLite files a NullPool: it would open the file anew for every call
        else {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 1}
    )
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000}, **pool)

    @event.listens_for(engine, "connect")  # type: ignore[untyped-decorator]
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, see below
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        if not in_memory:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @event.listens_for(engine, "begin")  # type: ignore[untyped-decorator]
    def _begin(connection: Any) -> None:
        # A writer that begins as a reader can fail later with "database is locked" whatever the timeout.
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the schema of the database at `url` to `revision`, creating it where there is none."""
    _alembic("upgrade", url, revision)


def downgrade(url: str, revision: str) -> None:
    """Take the schema back to `revision` (``base`` removes it)."""
    _alembic("downgrade", url, revision)


def upgrade_engine(engine: Engine, revision: str = "head") -> None:
    """Like :func:`upgrade` on an open engine; the only way for a database in memory."""
    from alembic import command

    with engine.connect() as connection:
        _migrate(connection, command.upgrade, revision)


def _alembic(direction: str, url: str, revision: str) -> None:
    from alembic import command

    engine = open_engine(url, None)
    try:
        with engine.connect() as connection:
            _migrate(connection, getattr(command, direction), revision)
    finally:
        engine.dispose()


def _migrate(connection: Connection, direction: Callable[[Any, str], None], revision: str) -> None:
    """Run migrations in one transaction: all of it, or nothing.

    SQLite changes a constraint by copying the table; while the old one is dropped its foreign keys must
    not be looked at (https://www.sqlite.org/lang_altertable.html#otheralter). They are before the commit.
    """
    config = _config()
    config.attributes["connection"] = connection
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # a big shop's tables take their time
        direction(config, revision)
        connection.commit()
        return
    raw = connection.connection.cursor()
    raw.execute("PRAGMA foreign_keys=OFF")  # without effect inside a transaction, so before it
    try:
        direction(config, revision)
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise RuntimeError(f"the migration would leave rows of {broken[0]} without {broken[2]}")
        connection.commit()
    finally:
        connection.rollback()
        raw.execute("PRAGMA foreign_keys=ON")
        raw.close()


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config
