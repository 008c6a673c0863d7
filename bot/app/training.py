"""Finds the model that fits the training inputs of now, or trains one in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from bot.app import children
from bot.app.preflight import StartError
from bot.app.settings import Settings, variable

Say = Callable[[str], None]

_TELL_EVERY_S = 10.0
_POLL_S = 0.2


def current(settings: Settings) -> Path | None:
    """Return the model trained on exactly the inputs of now, by content, or None."""
    from bot.components.training import current_model

    return current_model(settings.model_dir)


def run(settings: Settings, say: Say, check: Callable[[], None]) -> Path:
    """Train in a child process, which gives its memory back, and return the model.

    Raises:
        StartError: training failed; its output was printed.
    """
    began = time.monotonic()
    say("zhixin: training the model (needed once for each change of the training data) ...")
    env = {**children.bare_environment(), variable("model_dir"): str(settings.model_dir)}
    process, leash = children.spawn(["bot.components.training"], env, output=None)
    told = began
    try:
        while process.poll() is None:
            check()
            if time.monotonic() - told > _TELL_EVERY_S:
                told = time.monotonic()
                say(f"zhixin: still training ({told - began:.0f} s) ...")
            time.sleep(_POLL_S)
    finally:
        os.close(leash)
        if process.poll() is None:
            process.kill()
            process.wait()
    found = current(settings) if process.returncode == 0 else None
    if found is None:
        raise StartError("the training of the model failed: the lines above say why")
    say(f"zhixin: model trained in {time.monotonic() - began:.0f} s")
    return found
