"""``zhixin db``: the databases' schemas."""

from __future__ import annotations

import typer

from bot.app.output import say
from bot.app.settings import load

app = typer.Typer(help="The databases' schemas.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The databases' schemas."""


@app.command()
def upgrade() -> None:
    """Bring all databases to the newest schema, creating them where they are missing."""
    from bot.app import preflight, prepare

    settings = load()
    preflight.data_dir(settings.data_dir)
    prepare.upgrade_databases(settings)
    say("zhixin: the databases are up to date")
