"""Makes ready what the processes need: schemas, the demo shop's data, a model."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.app.preflight import StartError
from bot.app.settings import Mode, Settings

Say = Callable[[str], None]


def everything(settings: Settings, say: Say, check: Callable[[], None]) -> None:
    """Bring the databases up to date, fill the demo shop once, train if no model fits.

    Args:
        settings: the checked settings.
        say: prints one line for the developer.
        check: called between the steps; raises when the developer pressed Ctrl-C.

    Raises:
        StartError: a database cannot be opened, or training failed.
    """
    refuse_half_restored(settings)
    upgrade_databases(settings)
    check()
    if settings.mode is Mode.DEMO:
        seed_demo(settings, say)
        check()
    tell_how_to_add_agents(settings, say)
    ensure_model(settings, say, check)


def refuse_half_restored(settings: Settings) -> None:
    """Raise StartError where a restore was cut off between two databases: they do not fit together."""
    from bot.app.backup_restore import unfinished

    if unfinished(settings.data_dir).exists():
        raise StartError(
            "a restore was cut off between two databases, which do not fit together now: "
            f"restore the same file again ({unfinished(settings.data_dir).read_text().strip()})"
        )


def upgrade_databases(settings: Settings) -> None:
    """Bring the schemas of the databases to their newest revision, creating them where they are missing.

    Raises:
        StartError: one of them cannot be opened.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from bot.app import databases

    for key, upgrade in databases.UPGRADES.items():
        try:
            upgrade(settings)
        except (SQLAlchemyError, OSError, ValueError) as exc:
            cause = str(getattr(exc, "orig", None) or exc).strip().splitlines()[0]
            raise StartError(f"the database of ZHIXIN_{key.upper()} cannot be made ready: {cause}") from exc


def seed_demo(settings: Settings, say: Say) -> None:
    """Fill the demo shop, unless it has customers already."""
    from bot.app import databases

    began = time.monotonic()
    if databases.seed_demo(settings):
        say(f"zhixin: demo shop filled ({time.monotonic() - began:.0f} s)")


def tell_how_to_add_agents(settings: Settings, say: Say) -> None:
    """Say how to make the first account of the desk, where there is none: none has a default password."""
    from bot.app import accounts

    if not accounts.any_account(settings):
        say(
            f"zhixin: nobody can log in at the desk ({settings.front_url}/desk/) yet: "
            "zhixin agent add LOGIN --name NAME --role admin"
        )


def ensure_model(settings: Settings, say: Say, check: Callable[[], None]) -> Path:
    """Return the model that fits the training inputs of now; train one, visibly, if there is none.

    Raises:
        StartError: training failed.
    """
    from bot.app import training

    found = training.current(settings)
    if found is not None:
        return found
    settings.model_dir.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(settings.model_dir / ".training.lock", say, check):
        found = training.current(settings)  # another start may have trained it meanwhile
        if found is not None:
            return found
        return training.run(settings, say, check)


@contextmanager
def _one_at_a_time(path: Path, say: Say, check: Callable[[], None]) -> Iterator[None]:
    with path.open("a") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    say("zhixin: waiting for a training that runs already ...")
                    told = True
                check()
                time.sleep(0.5)
        yield
