"""Writes a backup of the databases while the stack runs, and rehearses its restoring.

Each database is read in one snapshot. The snapshots are taken one after the other, in the order of
:data:`bot.app.schemas.SCHEMAS`, which is why: see there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path

from sqlalchemy.engine import Connection

from bot.app import schemas
from bot.app.backup_file import Archive, DatabaseEntry, Manifest, Writer
from bot.app.backup_keys import Keys, Seals
from bot.app.backup_restore import load
from bot.app.backup_tables import Shape, differences, shapes
from bot.app.schemas import Schema, SchemaError
from bot.app.settings import Settings


@dataclass(frozen=True)
class Written:
    """A backup that was written, and what its keys are: `lacking` are not among the settings' any more."""

    path: Path
    manifest: Manifest
    lacking: tuple[str, ...]


def write(settings: Settings, folder: Path, now: datetime) -> Written:
    """Write a backup into `folder`; whole, or not at all.

    Args:
        settings: name the databases and the data keys.
        folder: where it comes to.
        now: the present, aware; names the file.

    Raises:
        SchemaError: a database has no tables yet, or is not what its revision says.
    """
    seals = Seals()
    with ExitStack() as open_ones, Writer(folder, now) as writer:
        sources = []
        for schema in schemas.in_use(settings):
            url = schemas.url_of(schema, settings)
            if not schemas.exists(url):
                raise SchemaError(f"there is no {schema.name} at {schemas.shown(url)}")
            connection = open_ones.enter_context(schemas.reading(url))
            sources.append((schema, connection, _revision(schema, connection)))
        entries = tuple(
            DatabaseEntry(
                schema.name,
                revision,
                tuple(
                    writer.table(
                        schema.name, shape.name, shape.columns, _lines(shape, connection, seals, schema.name)
                    )
                    for shape in shapes(schema, revision)
                ),
            )
            for schema, connection, revision in sources
        )
        keys = Keys.of(settings.data_keys, seals.key_ids)
        manifest = Manifest(
            f"zhixin {metadata.version('zhixin')}", now.isoformat(timespec="seconds"), entries, keys
        )
        path = writer.finish(manifest, settings.data_keys)
    return Written(path, manifest, tuple(sorted(set(keys.needed) - set(keys.probes))))


def rehearse(path: Path, data_keys: str) -> Manifest:
    """Check a backup wholly: every checksum, the keys, and a restore into databases that are thrown away.

    Raises:
        DamagedError: the file is no whole backup.
        KeysError: the settings lack a key.
        SchemaError: this version cannot restore it.
    """
    archive = Archive(path, data_keys)
    archive.manifest.keys.check(data_keys)
    with tempfile.TemporaryDirectory(prefix="zhixin-rehearsal-") as scratch, ExitStack() as open_ones:
        targets = {
            entry.name: open_ones.enter_context(
                schemas.changing(f"sqlite:///{Path(scratch) / entry.name}.db")
            )
            for entry in archive.manifest.databases
        }
        load(archive, targets)
    return archive.manifest


def _revision(schema: Schema, connection: Connection) -> str:
    revision = schemas.revision_of(schema, connection)
    if revision is None:
        raise SchemaError(f"the {schema.name} has no tables yet: bring it up with `zhixin db upgrade`")
    if revision not in schemas.revisions(schema):
        raise SchemaError(f"the {schema.name} has revision {revision}, which this version does not know")
    problems = differences(connection, shapes(schema, revision))
    if problems:
        raise SchemaError(f"the {schema.name} is not what its revision {revision} says: {problems[0]}")
    return revision


def _lines(shape: Shape, connection: Connection, seals: Seals, database: str) -> Iterator[str]:
    for values, line in shape.rows(connection):
        seals.note(f"{database}.{shape.name}", shape.columns, values)
        yield line
