"""``zhixin db``: the databases' schemas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from bot.app.output import CommandError, complain, say
from bot.app.settings import Secrets, Settings, load

app = typer.Typer(help="The databases' schemas.", no_args_is_help=True)
_NAME = typer.Argument(..., metavar="DATABASE", help="record, tracker or shop.")
_REVISION = typer.Argument(..., metavar="REVISION", help="An earlier revision; base removes all tables.")


@app.callback()
def _group() -> None:
    """The databases' schemas."""


@app.command()
def upgrade() -> None:
    """Bring all databases to the newest schema, creating them where they are missing."""
    from bot.app import prepare

    settings = load(only=("data_keys",))
    with _held(settings, shared=True):  # fronts of a version that can go on meanwhile may run by themselves
        prepare.upgrade_databases(settings)
    say("zhixin: the databases are up to date")


@app.command()
def status() -> None:
    """Say at which revision each database is; exit code 1 where one is not the newest."""
    from sqlalchemy.exc import SQLAlchemyError

    from bot.app import schemas

    settings = load(secrets=Secrets.SKIP)
    current = True
    for schema in schemas.in_use(settings):
        url, newest = schemas.url_of(schema, settings), schemas.revisions(schema)[-1]
        try:
            if not schemas.exists(url):
                words, fits = "not there yet", False
            else:
                with schemas.reading(url) as connection:
                    revision = schemas.revision_of(schema, connection)
                fits = revision == newest
                words = _words(revision, newest, schemas.revisions(schema))
        except SQLAlchemyError as exc:
            cause = (str(getattr(exc, "orig", None) or exc).strip().splitlines() or ["?"])[0]
            words, fits = f"does not answer: {cause}", False
        current = current and fits
        say(f"{schema.name}: {words}  ({schemas.shown(url)})")
    if not current:
        raise typer.Exit(1)


@app.command()
def downgrade(
    database: str = _NAME,
    revision: str = _REVISION,
    yes: bool = typer.Option(False, "--yes", help="Do it: what only the newer schema holds is lost."),
) -> None:
    """Take one database back to an earlier revision, for the program of that time. Make a backup first."""
    from sqlalchemy.exc import SQLAlchemyError

    from bot.app import schemas

    settings = load(secrets=Secrets.SKIP)
    schema = schemas.BY_NAME.get(database)
    if schema is None:
        raise CommandError(f"there is no database {database!r}: record, tracker and shop are")
    if schema not in schemas.in_use(settings):
        raise CommandError("the shop is behind HTTP: it has no database here")
    url = schemas.url_of(schema, settings)
    if not schemas.exists(url):
        raise CommandError(f"there is no {schema.name} at {schemas.shown(url)}")
    with _held(settings, shared=False):
        try:
            with schemas.changing(url) as connection:
                present = schemas.revision_of(schema, connection)
                if present is None:
                    raise CommandError(f"the {schema.name} has no tables")
                steps = schemas.undone(schema, present, revision)
                for step in steps:
                    complain(f"undoes {step}")
                if not yes:
                    raise CommandError("rows may be lost: add --yes to do it; nothing was changed")
                schemas.migrate(schema, connection, "downgrade", revision)
        except schemas.SchemaError as exc:
            raise CommandError(str(exc)) from exc
        except SQLAlchemyError as exc:
            cause = (str(getattr(exc, "orig", None) or exc).strip().splitlines() or ["?"])[0]
            raise CommandError(f"nothing was changed: {cause}") from exc
    say(f"zhixin: the {schema.name} is at {revision}; the next start of this version brings it up again")


@contextmanager
def _held(settings: Settings, *, shared: bool) -> Iterator[None]:
    """Hold the data folder, so that no stack runs or starts on it meanwhile; alone, unless `shared`."""
    from bot.app import preflight
    from bot.app.locking import DataLock, LockedError

    preflight.data_dir(settings.data_dir)
    lock = DataLock(settings.data_dir)
    try:
        lock.take(say, shared=shared)
    except LockedError as exc:
        raise CommandError(f"{exc}; nothing was changed") from exc
    try:
        yield
    finally:
        lock.release()


def _words(revision: str | None, newest: str, known: tuple[str, ...]) -> str:
    if revision is None:
        return "empty"
    if revision == newest:
        return f"{revision}, the newest"
    return f"{revision}, behind {newest}" if revision in known else f"{revision}, newer than this version"
