"""Puts a backup back: checked wholly first, one transaction for each database, committed at the very end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.app import schemas
from bot.app.backup_file import Archive, DamagedError, DatabaseEntry, Manifest
from bot.app.backup_tables import Shape, shapes
from bot.app.schemas import BY_NAME, Schema, SchemaError
from bot.app.settings import Settings

#: Sessions of a stack, which must not be there while its data are replaced.
_STACK = ("zhixin-record", "zhixin-tracker")


class NotEmptyError(Exception):
    """A database holds rows and may not be replaced; the text names it."""


@dataclass(frozen=True)
class Restored:
    """What was put back, and the databases that were left alone because backup or settings lack them."""

    manifest: Manifest
    left_alone: tuple[str, ...]


def unfinished(data_dir: Path) -> Path:
    """Return the file that is there while databases are committed one after the other."""
    return data_dir / "restore.unfinished"


def restore(settings: Settings, path: Path, *, replace: bool) -> Restored:
    """Put a backup into the databases of the settings. The stack must be stopped.

    A failure at any point before the end leaves what was there. Only the commits themselves come one after
    the other: should the machine die between two of them, :func:`unfinished` stays, no stack starts, and the
    same restore finishes the work.

    Args:
        settings: name the databases and the data keys.
        path: the backup.
        replace: whether databases that hold rows are replaced.

    Raises:
        DamagedError: the file is no whole backup.
        KeysError: the settings lack a key.
        SchemaError: a revision is newer than this version, or a stack is still connected.
        NotEmptyError: a database holds rows, and `replace` is False.
    """
    archive = Archive(path, settings.data_keys)
    archive.manifest.keys.check(settings.data_keys)
    for entry in archive.manifest.databases:
        _check_known(entry)
    for _, _, lines in archive.tables():  # to the end, before anything is written
        for _ in lines:
            pass
    used = {schema.name for schema in schemas.in_use(settings)}
    there = {entry.name for entry in archive.manifest.databases}
    mark = unfinished(settings.data_dir)
    with ExitStack() as open_ones:
        by_url: dict[str, Connection] = {}
        targets: dict[str, Connection] = {}
        # The last one entered is committed first: what comes first in SCHEMAS is the heart, and goes last.
        for schema in schemas.in_use(settings):
            if schema.name not in there:
                continue
            url = schemas.url_of(schema, settings)
            if url not in by_url:
                by_url[url] = open_ones.enter_context(schemas.changing(url))
                _check_alone(by_url[url], url)
            targets[schema.name] = by_url[url]
            if not (replace or mark.exists()):
                _check_empty(schema, by_url[url], url)
        load(archive, targets)
        mark.write_text(f"{path}\n", encoding="utf-8")
        # A failure above never comes here; one in the commits below leaves the mark.
    mark.unlink()
    return Restored(archive.manifest, tuple(sorted(used ^ there)))


def load(archive: Archive, targets: Mapping[str, Connection]) -> None:
    """Replace what the targets hold, inside their transactions.

    Args:
        archive: the backup.
        targets: connection of :func:`bot.app.schemas.changing` of each database that is wanted.

    Raises:
        DamagedError: a row does not fit.
    """
    for entry in archive.manifest.databases:
        if entry.name in targets:
            schema, connection = BY_NAME[entry.name], targets[entry.name]
            _clear(schema, connection)
            schemas.migrate(schema, connection, "upgrade", entry.revision)
            for shape in shapes(schema, entry.revision):  # migrations may have put rows of their own
                connection.execute(sa.text(f'DELETE FROM "{shape.name}"'))  # noqa: S608  # a name of ours
    for entry, table, lines in archive.tables():
        if entry.name not in targets:
            continue
        shape = _shape(entry, table.name, table.columns)
        try:
            shape.load(targets[entry.name], lines)
        except (ValueError, TypeError) as exc:
            raise DamagedError(f"a row of {entry.name}.{table.name} does not fit: {exc}") from exc
    for entry in archive.manifest.databases:
        if entry.name in targets:
            schemas.migrate(BY_NAME[entry.name], targets[entry.name], "upgrade", "head")
            schemas.check_keys(targets[entry.name])


def _check_known(entry: DatabaseEntry) -> None:
    schema = BY_NAME.get(entry.name)
    if schema is None:
        raise SchemaError(f"this version knows no database {entry.name!r}")
    if entry.revision not in schemas.revisions(schema):
        raise SchemaError(
            f"the backup's {entry.name} has revision {entry.revision}, which this version does not know: "
            "restore it with the version that wrote it, or a newer one"
        )
    known = {shape.name: shape.columns for shape in shapes(schema, entry.revision)}
    if known != {table.name: table.columns for table in entry.tables}:
        raise SchemaError(f"the backup's {entry.name} has other tables than revision {entry.revision}")


def _check_alone(connection: Connection, url: str) -> None:
    """Raise where a stack is connected: other machines' are not seen by the lock of the data folder."""
    if connection.dialect.name != "postgresql":
        return
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = ANY(:names)"
    )
    others = connection.execute(query, {"names": list(_STACK)}).scalar_one()
    if others:
        raise SchemaError(f"a stack is connected to {schemas.shown(url)} ({others} times): stop it")


def _check_empty(schema: Schema, connection: Connection, url: str) -> None:
    for name in _tables(schema, connection):
        query = sa.text(f'SELECT 1 FROM "{name}" LIMIT 1')  # noqa: S608  # a name of ours
        if name != schema.version_table and connection.execute(query).first() is not None:
            raise NotEmptyError(
                f"the {schema.name} at {schemas.shown(url)} holds rows ({name}): --yes replaces all of it"
            )


def _clear(schema: Schema, connection: Connection) -> None:
    """Drop the schema's tables; others in the same database stay."""
    for name in reversed(_tables(schema, connection)):
        connection.execute(sa.text(f'DROP TABLE "{name}"'))


def _tables(schema: Schema, connection: Connection) -> list[str]:
    """Return the tables of the schema that are there, each after those that its foreign keys point to."""
    revision = schemas.revision_of(schema, connection)
    known = schemas.revisions(schema)
    if revision is not None and revision not in known:
        raise SchemaError(f"the {schema.name} has revision {revision}, which this version does not know")
    ours = [shape.name for shape in shapes(schema, revision or known[-1])] + [schema.version_table]
    there = set(sa.inspect(connection).get_table_names())
    return [name for name in ours if name in there]


def _shape(entry: DatabaseEntry, name: str, columns: tuple[tuple[str, str], ...]) -> Shape:
    (shape,) = (s for s in shapes(BY_NAME[entry.name], entry.revision) if s.name == name)
    if shape.columns != columns:
        raise DamagedError(f"{entry.name}.{name} has other columns than its revision")
    return shape
