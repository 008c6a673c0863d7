"""The three databases as migrations, backup and restore see them: where each is and at which revision.

Nothing of the rooms' own code is needed beyond their folders of migrations, so that all three are moved,
copied and compared in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url

from bot.app.settings import PROJECT_ROOT, Settings


class SchemaError(Exception):
    """A database cannot be used as asked; the text is one sentence for the operator."""


@dataclass(frozen=True)
class Schema:
    """One database's schema.

    Attributes:
        name: ``record``, ``tracker`` or ``shop``.
        folder: its migrations.
        version_table: where a database keeps its revision.
    """

    name: str
    folder: Path
    version_table: str

    @property
    def url_key(self) -> str:
        """Return the setting of its address."""
        return f"{self.name}_url"


#: In the order in which snapshots are taken: what a later one knows may be missing in an earlier one, never
#: the other way round. An answer in the record whose turn the trackers lack would be forgotten by the bot; a
#: turn whose answer the record lacks is only asked for again, under its message id, and runs nothing twice.
SCHEMAS = (
    Schema("record", PROJECT_ROOT / "bot/conversation/migrations", "record_version"),
    Schema("tracker", PROJECT_ROOT / "bot/components/tracker_migrations", "tracker_version"),
    Schema("shop", PROJECT_ROOT / "actions/shop/migrations", "alembic_version"),
)
BY_NAME = {schema.name: schema for schema in SCHEMAS}


def in_use(settings: Settings) -> tuple[Schema, ...]:
    """Return the schemas of the databases that these settings use: a shop behind HTTP has none of ours."""
    return tuple(s for s in SCHEMAS if s.name != "shop" or settings.own_shop)


def url_of(schema: Schema, settings: Settings) -> str:
    """Return the address of a schema's database."""
    return str(getattr(settings, schema.url_key))


def shown(url: str) -> str:
    """Return an address without its password."""
    return str(make_url(url).render_as_string(hide_password=True))


def exists(url: str) -> bool:
    """Say whether there can be a database: an SQLite file that is missing would be made by looking at it."""
    parsed = make_url(url)
    return parsed.get_backend_name() != "sqlite" or Path(parsed.database or "").exists()


def open_engine(url: str) -> Engine:
    """Return an engine without limits of time, whose sessions tell what they are."""
    from bot.conversation import postgres
    from bot.conversation.database import make_engine

    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return make_engine(url)
    return postgres.open_server(parsed, postgres.UNLIMITED, "zhixin-command")


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """Give a connection in a transaction that sees one moment, whatever is written meanwhile."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                if engine.dialect.name == "postgresql":
                    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
                    connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
                else:  # a write-ahead log keeps the moment of the first look
                    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master")
                yield connection
    finally:
        engine.dispose()


@contextmanager
def changing(url: str) -> Iterator[Connection]:
    """Give a connection in a transaction that may change everything; all of it happens, or nothing."""
    engine = open_engine(url)
    try:
        with engine.connect().execution_options(writes=True) as connection:
            if engine.dialect.name == "sqlite":
                # Tables are dropped and copied: foreign keys are looked at as a whole before the commit.
                # The pragma is without effect inside a transaction.
                connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
            with connection.begin():
                if engine.dialect.name == "postgresql":
                    connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
                    connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
                yield connection
                check_keys(connection)
    finally:
        engine.dispose()


def check_keys(connection: Connection) -> None:
    """Raise SchemaError where a foreign key of :func:`changing` points nowhere (PostgreSQL looks itself)."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise SchemaError(f"a row of {broken[0]} would point to a missing row of {broken[2]}")


def revision_of(schema: Schema, connection: Connection) -> str | None:
    """Return the revision of a database; None where it has none."""
    if not sa.inspect(connection).has_table(schema.version_table):
        return None
    query = f"SELECT version_num FROM {schema.version_table}"  # noqa: S608  # a name of ours
    return connection.execute(sa.text(query)).scalar()


@lru_cache
def revisions(schema: Schema) -> tuple[str, ...]:
    """Return the revisions that this program knows, oldest first."""
    scripts = _scripts(schema)
    return tuple(script.revision for script in scripts.walk_revisions())[::-1]


def undone(schema: Schema, present: str, target: str) -> list[str]:
    """Return what each step down from `present` to `target` says of itself, in order.

    Raises:
        SchemaError: `target` is no earlier revision.
    """
    known = revisions(schema)
    if present not in known:
        raise SchemaError(f"the {schema.name} has revision {present}, which this version does not know")
    below = known[: known.index(present)]
    if target != "base" and target not in below:
        possible = ", ".join(["base", *below])
        raise SchemaError(f"the {schema.name} cannot go down to {target} from {present}, only to {possible}")
    keep = 0 if target == "base" else known.index(target) + 1
    scripts = _scripts(schema)
    steps = [scripts.get_revision(name) for name in reversed(known[keep : known.index(present) + 1])]
    return [f"{step.revision} {' '.join((step.longdoc or '').split())}" for step in steps]


def migrate(schema: Schema, connection: Connection, direction: str, revision: str) -> None:
    """Run migrations inside the caller's transaction.

    Args:
        schema: which ones.
        connection: of :func:`changing`.
        direction: ``upgrade`` or ``downgrade``.
        revision: where to; ``head`` and ``base`` are the ends.
    """
    from alembic import command

    config = _config(schema)
    config.attributes["connection"] = connection
    getattr(command, direction)(config, revision)


def _config(schema: Schema) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(schema.folder))
    return config


def _scripts(schema: Schema) -> Any:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config(schema))
