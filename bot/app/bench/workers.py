"""The processes of a bench's load: apart from what is measured, started and heard together."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from bot.app.output import CommandError

_READY_WITHIN_S = 300.0


class Workers:
    """Some processes, each with its job.

    Args:
        work: what each runs, a function of a module: it gets its job and a door, says ``ready`` through it,
            waits for an answer and sends what it has measured, or a RuntimeError.
        jobs: one for each process.
    """

    def __init__(self, work: Callable[[Any, Connection], None], jobs: Sequence[Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self._doors: list[Connection] = []
        self._processes = []
        for job in jobs:
            ours, theirs = context.Pipe()
            self._doors.append(ours)
            self._processes.append(context.Process(target=work, args=(job, theirs), daemon=True))

    def __enter__(self) -> Workers:
        """Start them."""
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        for process in self._processes:
            process.terminate()
            process.join()

    def wait_until(self, state: str) -> None:
        """Wait until all say that they have come so far."""
        for door in self._doors:
            if not door.poll(_READY_WITHIN_S):
                raise CommandError(f"the bench's load was not {state} in time")
            self._received(door)

    def go(self) -> None:
        """Let them work."""
        for door in self._doors:
            door.send("go")

    def results(self) -> list[Any]:
        """Return what they measured."""
        return [self._received(door) for door in self._doors]

    @staticmethod
    def _received(door: Connection) -> Any:
        try:
            found = door.recv()
        except EOFError:
            raise CommandError("a process of the bench's load died") from None
        if isinstance(found, Exception):
            raise CommandError(f"the bench's load did not work: {found}") from found
        return found
