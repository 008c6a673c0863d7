"""``zhixin demo``: the demo's data."""

from __future__ import annotations

import typer

from bot.app.output import CommandError, say
from bot.app.settings import Mode, load

app = typer.Typer(help="The demo's data.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The demo's data."""


@app.command()
def reset(yes: bool = typer.Option(False, "--yes", help="Do not ask.")) -> None:
    """Forget all conversations and fill the demo shop anew. The stack must be stopped."""
    from bot.app import databases, preflight, prepare
    from bot.app.locking import DataLock, LockedError

    settings = load()
    if settings.mode is not Mode.DEMO:
        raise CommandError("demo reset works in demo mode only: nothing was changed")
    if not yes:
        typer.confirm(f"Delete every conversation and the shop's data in {settings.data_dir}?", abort=True)
    preflight.data_dir(settings.data_dir)
    lock = DataLock(settings.data_dir)
    try:
        lock.take(say)
    except LockedError as exc:
        raise CommandError(str(exc)) from exc
    try:
        prepare.upgrade_databases(settings)
        databases.reset_demo(settings)
    finally:
        lock.release()
    say("zhixin: the demo starts anew")
