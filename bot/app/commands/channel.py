"""``zhixin channel``: which messaging channels there are, and what is wrong with a configuration."""

from __future__ import annotations

import typer

from bot.app.output import CommandError, say
from bot.app.settings import Secrets, load

app = typer.Typer(help="Look at messaging channels.", no_args_is_help=True)

_NAME = typer.Argument(..., metavar="NAME", help="Which one, e.g. wechat.")


@app.callback()
def _group() -> None:
    """Look at messaging channels."""


@app.command("list")
def list_command() -> None:
    """List channels: name, on or off, the variables that it needs."""
    from bot.app import channel_check

    for one in channel_check.listed(load(secrets=Secrets.SKIP)):
        say(f"{one.name:12}  {'on' if one.on else 'off':3}  {' '.join(one.variables)}")


@app.command()
def check(name: str = _NAME) -> None:
    """Check a channel: its settings, and what the platform says of them; 1 where something is wrong."""
    from bot.app import channel_check

    findings = channel_check.check(load(secrets=Secrets.SKIP), name)
    for one in findings:
        code = f" ({one.code})" if one.code else ""
        say(f"{'WRONG' if one.wrong else 'ok   '}  {one.text}{code}")
    wrong = sum(one.wrong for one in findings)
    if wrong:
        raise CommandError(f"channel {name}: {wrong} to be mended")
