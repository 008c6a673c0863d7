"""``zhixin evaluate``: how good the engine is."""

from __future__ import annotations

import typer

app = typer.Typer(help="Measure how good the reading is.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Measure how good the reading is."""


@app.command()
def temperament(
    data: str = typer.Option(
        "", "--data", help="Labelled conversations (JSON lines); default: our own, held back."
    ),
    json_file: str = typer.Option("", "--json", help="Write the figures here too."),
    html_file: str = typer.Option("", "--html", help="Where the page goes; default: build/temperament.html."),
) -> None:
    """Measure the temperament engine and write an HTML page with plots."""
    from importlib.util import find_spec

    from bot.app.output import CommandError

    if find_spec("persona.temperament.evaluate") is None:
        raise CommandError("the measuring of the temperament engine is not part of this version")
    from importlib import import_module

    code = import_module("persona.temperament.evaluate").main(
        data or None, json_file or None, html_file or None
    )
    raise typer.Exit(int(code or 0))
