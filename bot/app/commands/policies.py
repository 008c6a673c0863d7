"""``zhixin policies``: what the shop allows, as a file; for shops with many policies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bot.app.output import CommandError, say
from bot.app.settings import Secrets, load

if TYPE_CHECKING:
    from actions.shop.policy_models import Policy

app = typer.Typer(help="The shop's policies as a file of YAML.", no_args_is_help=True)
_FILE = typer.Argument(..., metavar="FILE", help="Policies as export writes them.")


@app.callback()
def _group() -> None:
    """The shop's policies as a file of YAML."""


@app.command("export")
def export_command(
    output: str = typer.Option("-", "--output", "-o", help="File to write; - prints."),
) -> None:
    """Write all policies that the shop has."""
    from bot.app import policies

    text = policies.export(load(secrets=Secrets.READ, only=("data_keys",)))
    if output == "-":
        say(text.rstrip("\n"))
    else:
        Path(output).write_text(text, encoding="utf-8")


@app.command()
def check(file: Path = _FILE) -> None:
    """Say what is wrong with a file, by topic and clause. Exit 1 if anything is."""
    found = _read(file)
    say(f"zhixin: {len(found)} policies, nothing is wrong")


@app.command("import")
def import_command(
    file: Path = _FILE,
    *,
    by: str = typer.Option(..., "--by", metavar="LOGIN", help="Who changes them, for the history."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be changed."),
) -> None:
    """Change the policies that differ from a file's; what stands in no file stays as it is."""
    from actions.shop.policy_book import LOGIN
    from bot.app import policies

    if not LOGIN.fullmatch(by):
        raise CommandError("--by is a login of 1 to 64 ASCII characters without blanks")
    found = _read(file)
    done = policies.bring_in(load(secrets=Secrets.READ, only=("data_keys",)), found, by=by, write=not dry_run)
    if done.unknown:
        raise CommandError(f"the shop has no such topics, nothing was changed: {', '.join(done.unknown)}")
    for topic in done.changed:
        say(f"zhixin: {topic} {'would be changed' if dry_run else 'changed'}")
    say(f"zhixin: {len(done.changed)} {'to change' if dry_run else 'changed'}, {len(done.same)} the same")
    if done.refused:
        raise CommandError(f"the shop did not take {'; '.join(done.refused)}: look at them and run it again")


def _read(file: Path) -> tuple[Policy, ...]:
    from actions.shop.policy_file import PolicyFileError, read_text

    try:
        return read_text(file.read_text(encoding="utf-8"), file.name)
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is no UTF-8"
        raise CommandError(f"{file} cannot be read: {reason}") from exc
    except PolicyFileError as exc:
        for problem in exc.problems:
            say(problem)
        raise CommandError(f"{len(exc.problems)} things are wrong in {file}, nothing was done") from exc
