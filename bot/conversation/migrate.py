"""Brings the record's database to the newest schema."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection, Engine

from bot.conversation.database import make_engine

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "record_version"

#: The newest revision; a test holds it against the folder. Known here, a start need not import Alembic.
HEAD = "0009"

_ADVISORY_LOCK = 0x5A48_5801


def upgrade(url: str) -> bool:
    """Create or upgrade the tables; return whether anything was to do. Several processes may call it."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            if _revision(connection) == HEAD:
                return False
        _run(engine)
        return True
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608


def _run(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        # One process migrates, the others wait and find nothing to do.
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
