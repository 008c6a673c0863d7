"""Reads temperament and mood of what a shopper writes while no bot answers.

Rasa reads the messages that it answers. What is written to a person, or while one is waited for, is read
here, in the transaction that stores it, so that the belief goes on and can be handed back. The engine's data
take seconds and a hundred megabytes: they are loaded in the background, once something is to be read.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Line:
    """A line that came before, as context.

    Attributes:
        own: the shopper wrote it.
        at: seconds since the epoch.
    """

    own: bool
    text: str
    at: float


@dataclass(frozen=True)
class Heard:
    """What one message told.

    Attributes:
        reading: JSON form of the reading.
        belief: JSON form of the belief to carry on.
        style: what is served now: a type's code or ``neutral``.
        mood: the mood of the message.
        signals: names of its signals.
    """

    reading: Mapping[str, Any]
    belief: Mapping[str, Any]
    style: str
    mood: str
    signals: frozenset[str]


#: Reads one message: its text, the belief so far, the lines before it (oldest first), and when it came.
Read = Callable[[str, Mapping[str, Any] | None, Sequence[Line], float], Heard]


class NotReadyError(Exception):
    """The engine is still being loaded: undo the transaction, await :meth:`Listener.wait`, and try again."""


def load_engine() -> Read:
    """Load the temperament engine; takes seconds."""
    from persona.temperament.reader import Reader
    from persona.temperament.types import Belief, Turn

    reader = Reader.load()
    reader.warm()

    def read(text: str, belief: Mapping[str, Any] | None, before: Sequence[Line], at: float) -> Heard:
        context = [Turn(line.text, "shopper" if line.own else "agent", line.at) for line in before]
        known = None if belief is None else Belief.from_json(belief)
        reading = reader.read(text, belief=known, context=context, at=at)
        return Heard(
            reading=reading.to_json(),
            belief=reading.belief.to_json(),
            style=reading.temperament.value if reading.temperament else "neutral",
            mood=reading.mood.value,
            signals=frozenset(signal.name for signal in reading.signals),
        )

    return read


class Listener:
    """Holds the engine of this process, loaded when it is first wanted. Thread-safe.

    Args:
        load: returns the function that reads; called once, in a thread of its own.
    """

    def __init__(self, load: Callable[[], Read] = load_engine) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        self._read: Read | None = None

    def prepare(self) -> None:
        """Begin to load where that has not begun; returns at once."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="temperament", daemon=True)
                self._thread.start()

    async def wait(self) -> None:
        """Return when :meth:`hear` can be used."""
        self.prepare()
        if not self._done.is_set():
            await asyncio.get_running_loop().run_in_executor(None, self._done.wait)

    def hear(
        self, text: str, belief: Mapping[str, Any] | None, before: Sequence[Line], at: float
    ) -> Heard | None:
        """Read one message; None where it cannot be read, which the log explains.

        Raises:
            NotReadyError: the engine is not loaded yet.
        """
        if not self._done.is_set():
            self.prepare()
            raise NotReadyError
        if self._read is None:
            return None
        try:
            return self._read(text, belief, before, at)
        except Exception:  # a message must be kept even where the engine fails
            logger.exception("a message could not be read")
            return None

    def _run(self) -> None:
        try:
            self._read = self._load()
        except Exception:
            logger.exception("the temperament engine cannot be loaded: messages to people are not read")
        self._done.set()
