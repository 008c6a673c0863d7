"""``zhixin backup`` and ``zhixin restore``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import typer

from bot.app.output import CommandError, complain, say
from bot.app.settings import Secrets, Settings, load

_TO = typer.Option(Path("backups"), "--to", metavar="DIR", help="Folder the file is written to.")
_CHECK = typer.Option(None, "--check", metavar="FILE", help="Write none: rehearse the restore of this one.")
_FILE = typer.Argument(..., metavar="FILE", help="A file of `zhixin backup`.")
_SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def backup(
    to: Path = _TO,
    verify: bool = typer.Option(False, "--verify", help="Then rehearse its restore, in scratch databases."),
    check: Path = _CHECK,
) -> None:
    """Write all databases to one file while the stack runs. It holds neither keys nor model."""
    from bot.app import backup as backups

    settings = _settings()
    with _named():
        if check is not None:
            manifest = backups.rehearse(check, settings.data_keys)
            say(f"zhixin: {check} is whole and can be restored: {_summary(manifest)}")
            return
        written = backups.write(settings, to, datetime.now(_SHANGHAI))
        if verify:
            backups.rehearse(written.path, settings.data_keys)
    if written.lacking:
        complain(f"keys that rows are sealed under are not in ZHIXIN_DATA_KEYS: {', '.join(written.lacking)}")
    rehearsed = ", restored once as a rehearsal" if verify else ""
    say(f"zhixin: {written.path} ({_summary(written.manifest)}{rehearsed})")
    needed = ", ".join(written.manifest.keys.needed) or "none"
    say(f"zhixin: without the data keys nobody can read it (needed: {needed}): keep them elsewhere")


def restore(
    file: Path = _FILE,
    yes: bool = typer.Option(False, "--yes", help="Replace what the databases hold."),
) -> None:
    """Put a backup back into the databases of the settings. The stack must be stopped."""
    from bot.app import preflight
    from bot.app.backup_restore import NotEmptyError
    from bot.app.backup_restore import restore as put_back
    from bot.app.locking import DataLock, LockedError

    settings = _settings()
    preflight.data_dir(settings.data_dir)
    lock = DataLock(settings.data_dir)
    try:
        lock.take(say)
    except LockedError as exc:
        raise CommandError(f"{exc}; nothing was changed") from exc
    try:
        with _named():
            try:
                done = put_back(settings, file, replace=yes)
            except NotEmptyError as exc:
                raise CommandError(f"{exc}; nothing was changed") from exc
    finally:
        lock.release()
    for name in done.left_alone:
        complain(f"the {name} was left alone: it is missing in the backup or in the settings")
    say(f"zhixin: restored {_summary(done.manifest)} of {done.manifest.made_at}")


def _settings() -> Settings:
    """Return the settings with the data keys: the only secret that is needed here."""
    given = load(secrets=Secrets.SKIP)
    return given if given.data_keys else load(secrets=Secrets.READ, only=("data_keys",))


@contextmanager
def _named() -> Iterator[None]:
    """Turn what can go wrong into one sentence."""
    from sqlalchemy.exc import SQLAlchemyError

    from bot.app.backup_file import DamagedError
    from bot.app.backup_keys import KeysError
    from bot.app.schemas import SchemaError

    try:
        yield
    except (DamagedError, KeysError, SchemaError) as exc:
        raise CommandError(str(exc)) from exc
    except SQLAlchemyError as exc:
        cause = (str(getattr(exc, "orig", None) or exc).strip().splitlines() or [type(exc).__name__])[0]
        raise CommandError(f"a database failed: {cause}") from exc
    except OSError as exc:
        raise CommandError(f"{exc.filename or 'a file'}: {exc.strerror or exc}") from exc


def _summary(manifest: object) -> str:
    from bot.app.backup_file import Manifest

    assert isinstance(manifest, Manifest)  # noqa: S101
    return ", ".join(f"{entry.name} {entry.revision} with {entry.rows} rows" for entry in manifest.databases)
