"""Brings the trackers' database to a revision of its schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

MIGRATIONS = Path(__file__).parent / "tracker_migrations"
VERSION_TABLE = "tracker_version"

#: The newest revision; a test holds it against the folder. Known here, a start need not import Alembic.
HEAD = "0001"

_ADVISORY_LOCK = 0x5A48_5802


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database; None where it has none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608


def upgrade_engine(engine: Engine) -> bool:
    """Create or upgrade the table; return whether anything was to do. Several processes may call it."""
    with engine.connect() as connection:
        if revision_of(connection) == HEAD:
            return False
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        migrate(connection, "upgrade", "head")
    return True


def migrate(connection: Connection, direction: str, revision: str) -> None:
    """Run migrations inside the caller's transaction.

    Args:
        connection: in a transaction that writes.
        direction: ``upgrade`` or ``downgrade``.
        revision: where to; ``head`` and ``base`` are the ends.
    """
    from alembic import command
    from alembic.config import Config

    # One process migrates, the others wait and find nothing to do.
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    run: Any = getattr(command, direction)
    run(config, revision)
