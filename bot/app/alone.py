"""``zhixin run --only NAME``: checks the settings of one process and becomes it.

For containers and systemd, which watch the processes themselves. Databases and model are made ready before,
by ``zhixin db upgrade`` and ``zhixin train``.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from bot.app import children, preflight, prepare
from bot.app.children import ACTIONS, FRONT, RASA
from bot.app.locking import DataLock, LockedError
from bot.app.output import CommandError, complain
from bot.app.settings import PROJECT_ROOT, load

_SPECS = {spec.name: spec for spec in (ACTIONS, RASA, FRONT)}


def become(name: str) -> NoReturn:
    """Replace this process by the named one, with exactly the settings that it needs.

    Raises:
        CommandError: there is no such process, or a whole stack runs on the data folder.
        SettingsError: a setting of it is wrong or missing; other processes' secrets are not asked for.
        StartError: the data folder cannot be written, or a restore on it was cut off.
    """
    spec = _SPECS.get(name)
    if spec is None:
        raise CommandError(f"there is no process {name!r}: one of {', '.join(_SPECS)} is wanted")
    settings = load(only=children.keys_of(spec))
    preflight.data_dir(settings.data_dir)
    prepare.refuse_half_restored(settings)
    try:  # held for as long as the process lives: nothing replaces its data meanwhile
        os.set_inheritable(DataLock(settings.data_dir).take(complain, shared=True), True)
    except LockedError as exc:
        raise CommandError(str(exc)) from exc
    environment = children.environment(spec, settings)
    os.chdir(PROJECT_ROOT)
    os.execve(sys.executable, [sys.executable, "-m", spec.module, *spec.arguments], environment)  # noqa: S606
