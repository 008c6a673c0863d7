"""``zhixin customer``: a customer's right to a copy of the data and to have them erased."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from bot.app.output import CommandError, say
from bot.app.settings import Secrets, load

app = typer.Typer(help="Export or erase one customer's data.", no_args_is_help=True)
_ID = typer.Argument(..., metavar="ID", help="The shop's id of the customer.")


@app.callback()
def _group() -> None:
    """Export or erase one customer's data."""


@app.command("export")
def export_command(
    customer_id: str = _ID,
    output: str = typer.Option("-", "--output", "-o", help="File to write; - prints."),
) -> None:
    """Write all that is held of a customer as JSON: master data, conversations, readings, belief."""
    from bot.app import customers

    data = customers.export(load(secrets=Secrets.READ, only=("data_keys",)), customer_id)
    if data is None:
        raise CommandError(f"nothing is held of a customer {customer_id!r}")
    text = json.dumps(data, ensure_ascii=False, indent=2)
    if output == "-":
        say(text)
    else:
        Path(output).write_text(text + "\n", encoding="utf-8")


@app.command()
def erase(
    customer_id: str = _ID,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
) -> None:
    """Delete conversations, trackers, belief and profile of a customer, for good."""
    from bot.app import customers

    settings = load(secrets=Secrets.READ, only=("data_keys",))
    if not yes:
        typer.confirm(f"Delete all that is held of {customer_id}, for good?", abort=True)
    done = customers.erase(settings, customer_id)
    if done.shop_keeps:
        say("zhixin: the shop's backend keeps data of its own: erase this customer there too")
    if not done.found:
        raise CommandError(f"nothing is held of a customer {customer_id!r}")
    say(f"zhixin: erased {', '.join(done.found)}")
