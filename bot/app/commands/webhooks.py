"""``zhixin webhooks``: what waits to be sent to other systems, and what was given up."""

from __future__ import annotations

from enum import Enum

import typer

from bot.app.output import CommandError, say
from bot.app.settings import Secrets, load

app = typer.Typer(help="Look after what is sent to other systems.", no_args_is_help=True)


class Shown(str, Enum):
    """Which deliveries are listed."""

    OPEN = "open"  # not sent yet, or dead
    WAITING = "waiting"
    DEAD = "dead"
    SENT = "sent"


_STATES = {Shown.OPEN: None, Shown.WAITING: "waiting", Shown.DEAD: "aside", Shown.SENT: "done"}
_NAMES = {"waiting": "waiting", "aside": "dead", "done": "sent"}


_STATE = typer.Option(Shown.OPEN, "--state", help="Which ones.")
_IDS = typer.Argument(None, metavar="[ID]...", help="Which ones.")


@app.callback()
def _group() -> None:
    """Look after what is sent to other systems."""


@app.command("list")
def list_command(
    state: Shown = _STATE,
    limit: int = typer.Option(50, "--limit", min=1, max=10_000, help="At most so many, the newest."),
) -> None:
    """List deliveries: id, state, kind, address, tries, next try, last trouble, conversation."""
    from bot.app import webhooks

    for one in webhooks.listed(load(secrets=Secrets.SKIP), _STATES[state], limit):
        when = (
            f"next {one.due_at:%m-%d %H:%M:%S}"
            if one.state == "waiting"
            else f"of {one.created_at:%m-%d %H:%M}"
        )
        say(
            f"{one.delivery_id}  {_NAMES[one.state]:7}  {one.kind:11}  address {one.address}  "
            f"{one.tries} tries  {when}  {one.trouble or '-'}  {one.conversation_id}"
        )


@app.command()
def retry(
    delivery_ids: list[str] = _IDS,
    everything: bool = typer.Option(False, "--all", help="All that are dead."),
) -> None:
    """Send again what is dead, or at once what waits; it is tried for three days more."""
    from bot.app import webhooks

    if bool(delivery_ids) == everything:
        raise CommandError("name deliveries, or say --all for all that are dead")
    count = webhooks.retry(load(secrets=Secrets.SKIP), None if everything else delivery_ids)
    if not count and not everything:
        raise CommandError("no such delivery waits or is dead")
    say(f"zhixin: {count} deliveries are tried again")
