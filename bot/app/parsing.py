"""One line of `zhixin parse`: a text in, what the trained model understands out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from bot.app import training
from bot.app.output import CommandError
from bot.app.settings import Secrets, load

_RANKING = 3
#: Entities that stand for the reading of style, not for words of the text.
_NOT_IN_TEXT = {"temperament"}


class Parser:
    """Parses texts with the trained model, in this process."""

    def __init__(self, agent: Any) -> None:
        """Keep Rasa's agent; use :meth:`load`."""
        self._agent = agent
        self._loop = asyncio.new_event_loop()

    @classmethod
    def load(cls) -> Parser:
        """Load the model that fits the training data of now.

        Raises:
            CommandError: there is none.
        """
        settings = load(secrets=Secrets.SKIP)
        path = training.current(settings)
        if path is None:
            raise CommandError("no model fits the training data of now: train one with `zhixin train`")
        return cls(_agent(path))

    def parse(self, line: dict[str, Any]) -> dict[str, Any]:
        """Return text, intent, the three likeliest intents and the entities.

        Raises:
            KeyError, TypeError, ValueError: the line has no text.
        """
        text = line["text"]
        if not isinstance(text, str):
            raise TypeError("text must be a string")
        if not text.strip():
            raise ValueError("text is empty")
        # As in chat, nothing that is typed is a command.
        typed = f"／{text.lstrip()[1:]}" if text.lstrip().startswith("/") else text
        with _results_alone():
            found = self._loop.run_until_complete(self._agent.parse_message(typed))
        return {
            "text": text,
            "intent": _named(found["intent"]),
            "intent_ranking": [_named(i) for i in found.get("intent_ranking", ())][:_RANKING],
            "entities": [e for e in found.get("entities", ()) if e.get("entity") not in _NOT_IN_TEXT],
        }


def _named(intent: dict[str, Any]) -> dict[str, Any]:
    return {"name": intent.get("name"), "confidence": float(intent.get("confidence") or 0.0)}


def _agent(path: Path) -> Any:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from bot.components import tuning
    from bot.components.logs import configure_logging

    configure_logging("ERROR")
    with _results_alone():
        tuning.load_rasa_without_tensorflow()
        from rasa.core.agent import Agent

        configure_logging("ERROR")  # Rasa's import has set up its own
        return Agent.load(str(path))


def _results_alone() -> contextlib.redirect_stdout[TextIO]:
    """Keep stdout for results: whatever Rasa prints goes to stderr."""
    return contextlib.redirect_stdout(sys.stderr)
