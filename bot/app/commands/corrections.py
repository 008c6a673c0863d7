"""``zhixin corrections``: what people have corrected, as data to measure and train with."""

from __future__ import annotations

from pathlib import Path

import typer

from bot.app.output import CommandError, complain, say
from bot.app.settings import Secrets, load

app = typer.Typer(help="Use people's corrections of the temperament.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Use people's corrections of the temperament."""


@app.command("export")
def export_command(
    json_file: str = typer.Option("-", "--json", help="File to write (JSON lines); - prints."),
    without_shop: bool = typer.Option(
        False, "--without-shop", help="Do not ask the embedded shop for names and places to take out."
    ),
) -> None:
    """Write corrected conversations as labelled data, personal data removed (see `evaluate temperament`)."""
    from bot.app import corrections

    try:
        settings = load(secrets=Secrets.READ, only=("data_keys",))
        found = corrections.export(settings, with_shop=not without_shop)
    except corrections.ShopAwayError as exc:
        raise CommandError(f"{exc}; --without-shop goes on without it") from exc
    if json_file == "-":
        for line in corrections.lines(found):
            say(line)
    else:
        try:
            Path(json_file).write_text("".join(f"{x}\n" for x in corrections.lines(found)), encoding="utf-8")
        except OSError as exc:
            raise CommandError(f"{json_file} cannot be written: {exc.strerror or exc}") from exc
    complain(f"{len(found)} corrected conversations")
