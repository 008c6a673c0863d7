"""``zhixin channel``: which messaging channels there are, what is wrong with them, what stands still."""

from __future__ import annotations

import typer

from bot.app.output import CommandError, complain, say
from bot.app.settings import Secrets, load

app = typer.Typer(help="Look after messaging channels.", no_args_is_help=True)

_CHANNEL = typer.Option(None, "--channel", metavar="NAME", help="Only this one.")
_NAME = typer.Argument(..., metavar="NAME", help="Which one, e.g. wechat.")


@app.callback()
def _group() -> None:
    """Look after messaging channels."""


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

    findings = channel_check.check(load(secrets=Secrets.SKIP), _known(name))
    for one in findings:
        code = f" ({one.code})" if one.code else ""
        say(f"{'WRONG' if one.wrong else 'ok   '}  {one.text}{code}")
    wrong = sum(one.wrong for one in findings)
    if wrong:
        raise CommandError(f"channel {name}: {wrong} to be mended")


@app.command()
def inbox(
    channel: str = _CHANNEL,
    limit: int = typer.Option(50, "--limit", min=1, max=10_000, help="At most so many of each, the newest."),
) -> None:
    """List what stands still: what came and could not be taken, whom nothing can be brought to, who rests."""
    from bot.app import channel_inbox
    from bot.conversation.schema import SHANGHAI

    found = channel_inbox.look(load(secrets=Secrets.SKIP), channel and _known(channel), limit)
    for kind, stuck in (("in", found.heard), ("out", found.brought)):
        for one in stuck:
            due = one.due_at
            when = "set aside" if due is None else f"next {due.astimezone(SHANGHAI):%m-%d %H:%M:%S}"
            since = f"{one.since.astimezone(SHANGHAI):%m-%d %H:%M:%S}"
            say(
                f"{kind:3}  {one.channel:12}  row {one.number}  since {since}  {one.tries} tries  {when}  "
                f"{one.trouble or '-'}"
            )
    for (name, state), number in found.resting.items():
        say(f"{'':3}  {name:12}  {number} shoppers rest until they write: {_RESTS.get(state, state)}")
    if not (found.heard or found.brought or found.resting):
        complain("nothing stands still")


@app.command()
def retry(channel: str = _CHANNEL) -> None:
    """Have what stands still worked on again, at once; the fronts that run do it."""
    from bot.app import channel_inbox

    done = channel_inbox.retry(load(secrets=Secrets.SKIP), channel and _known(channel))
    say(f"zhixin: {done.heard} that came and answers of {done.brought} shoppers are tried again")


#: What the states of a link that rests mean.
_RESTS = {"blocked": "they have left", "closed": "the platform's time to answer them is over"}


def _known(channel: str) -> str:
    """Return a channel's name; it ends with code 2 where there is none of that name."""
    from bot.channels import channel_settings

    if channel not in channel_settings.known():
        known = ", ".join(channel_settings.known())
        raise typer.BadParameter(f"there is no channel {channel!r}; there are {known}")
    return channel
