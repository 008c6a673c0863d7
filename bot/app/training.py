"""Finds the model that fits the training inputs of now, or trains one in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from bot.app import children
from bot.app.logs import LogFollower, tail
from bot.app.preflight import StartError
from bot.app.settings import Settings, variable

Say = Callable[[str], None]

_TELL_EVERY_S = 10.0
_STEP = "training:"
_TAIL_LINES = 25
_POLL_S = 0.2


def current(settings: Settings) -> Path | None:
    """Return the model trained on exactly the inputs of now, by content, or None."""
    from bot.components.training import current_model

    return current_model(settings.model_dir)


def run(settings: Settings, say: Say, check: Callable[[], None]) -> Path:
    """Train in a child process, which gives its memory back, and return the model.

    The trainer's own steps are shown as they come; all the rest of its output is in
    ``<model_dir>/training.log``.

    Raises:
        StartError: training failed; the last lines of its output were printed.
    """
    began = told = time.monotonic()
    say("zhixin: training the model (once for each change of the training data, about a minute) ...")
    settings.model_dir.mkdir(parents=True, exist_ok=True)
    log = settings.model_dir / "training.log"
    env = {**children.bare_environment(), variable("model_dir"): str(settings.model_dir)}
    with log.open("wb") as output:
        process, leash = children.spawn(["bot.components.training"], env, output=output)
    follower = LogFollower(log, "")
    try:
        while process.poll() is None:
            check()
            for line in follower.lines():
                if line.startswith(_STEP):
                    told = time.monotonic()
                    say(f"zhixin: {line} ...")
            if time.monotonic() - told > _TELL_EVERY_S:
                told = time.monotonic()
                say(f"zhixin: still training ({told - began:.0f} s) ...")
            time.sleep(_POLL_S)
    finally:
        os.close(leash)
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        for line in tail(log, _TAIL_LINES):
            say(f"  {line}")
        raise StartError(f"the training of the model failed; all of its output is in {log}")
    found = current(settings)
    if found is None:
        raise StartError("the training data changed while the model was trained on them: start again")
    say(f"zhixin: model trained in {time.monotonic() - began:.0f} s")
    return found
