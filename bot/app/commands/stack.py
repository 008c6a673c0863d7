"""``zhixin run`` and ``zhixin train``."""

from __future__ import annotations

import typer

from bot.app.output import say
from bot.app.settings import Secrets, load


def run(
    logs: bool = typer.Option(False, "--logs", help="Print the processes' logs too."),
    only: str = typer.Option(
        "", "--only", help="Become one process (actions, rasa or front), as containers and systemd run them."
    ),
) -> None:
    """Start Rasa, the action server and the front; Ctrl-C stops all three."""
    if only:
        from bot.app import alone

        alone.become(only)
    from bot.app import prepare
    from bot.app.supervisor import Supervisor

    raise typer.Exit(Supervisor(load(), say, prepare.everything, follow=logs).run())


def train(force: bool = typer.Option(False, "--force", help="Train although a model fits.")) -> None:
    """Train the model, unless one fits the training data of now."""
    from bot.app import prepare, training

    settings = load(secrets=Secrets.SKIP)
    found = None if force else training.current(settings)
    if found is not None:
        say(f"zhixin: the model fits already: {found}")
        return
    path = (
        training.run(settings, say, lambda: None)
        if force
        else prepare.ensure_model(settings, say, lambda: None)
    )
    say(f"zhixin: {path}")
