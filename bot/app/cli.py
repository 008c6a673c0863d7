"""The command line, ``zhixin``. Nothing heavy is imported before a subcommand runs.

Exit codes: 0 done; 1 it failed, one sentence says why; 2 wrong arguments or settings; 130 interrupted.
"""

from __future__ import annotations

import os
import sys

import click
import typer

from bot.app.commands import (
    agent,
    backup,
    bench,
    channel,
    chat,
    corrections,
    customer,
    db,
    demo,
    evaluate,
    offline,
    policies,
    shop,
    stack,
    token,
    webhooks,
)
from bot.app.output import CommandError, complain
from bot.app.preflight import StartError
from bot.app.settings import SettingsError

app = typer.Typer(
    name="zhixin",
    help="知心: a customer-service assistant that answers in the shopper's style.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(stack.run)
app.command("train")(stack.train)
app.command("chat")(chat.chat)
app.command("token")(token.token)
app.command("assess")(offline.assess)
app.command("parse")(offline.parse)
app.command("bench")(bench.bench)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.add_typer(agent.app, name="agent")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(db.app, name="db")
app.add_typer(demo.app, name="demo")
app.add_typer(customer.app, name="customer")
app.add_typer(shop.app, name="shop")
app.add_typer(policies.app, name="policies")
app.add_typer(corrections.app, name="corrections")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(channel.app, name="channel")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit the process."""
    try:
        code = app(args=arguments, standalone_mode=False)
        _leave(int(code) if isinstance(code, int) else 0)
    except click.exceptions.Exit as exc:
        _leave(exc.exit_code)
    except click.ClickException as exc:
        exc.show()
        _leave(exc.exit_code)
    except SettingsError as exc:
        complain(str(exc))
        _leave(2)
    except (CommandError, StartError) as exc:
        complain(str(exc))
        _leave(1)
    except (KeyboardInterrupt, click.Abort):
        _leave(130)
    except BrokenPipeError:
        # The reader (head, less) went away: that is its right. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _leave(0)


def _leave(code: int) -> None:
    sys.exit(code)


if __name__ == "__main__":
    main()
