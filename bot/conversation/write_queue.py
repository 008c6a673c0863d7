"""What waits to be written by the record's one writer: transactions, some of which go first."""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection


@dataclass(frozen=True)
class Outcome:
    """What became of a job, for the loop that waits for it."""

    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Job:
    """One transaction.

    Attributes:
        work: what is done in it.
        future: gets its result.
        loop: the future's.
        first: whether it goes before those that do not.
    """

    work: Callable[[Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    first: bool = False

    def run(self, connection: Connection) -> Outcome:
        """Do it."""
        return Outcome(self.future, self.loop, self.work(connection))

    def failed(self, error: BaseException) -> Outcome:
        """Return that it failed."""
        return Outcome(self.future, self.loop, error=error)


class Jobs:
    """Jobs from any thread for one writer, which alone calls :meth:`next` and :meth:`give_back`.

    Those that go first are a batch of their own. After such a batch it is the others' turn, if only for one
    job: however many go first, the rest goes on.
    """

    def __init__(self) -> None:
        self._arriving: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._first: deque[Job] = deque()
        self._waiting: deque[Job] = deque()
        self._was_first = False
        self._over = False

    def put(self, job: Job) -> None:
        """Add a job."""
        if job.first:
            self._first.append(job)  # where `hurry` sees it at once
        self._arriving.put(job)

    def end(self) -> None:
        """Let the writer end when all that is here has been done."""
        self._arriving.put(None)

    def hurry(self) -> bool:
        """Return whether something waits that goes first."""
        return bool(self._first)

    def next(self, most: int) -> Sequence[Job]:
        """Wait for jobs and return at most so many of one kind, in their order; none when it is over."""
        while not (self._first or self._waiting or self._over):
            self._arrived(self._arriving.get())
        try:
            while True:
                self._arrived(self._arriving.get_nowait())
        except queue.Empty:
            pass
        self._was_first = bool(self._first) and not (self._was_first and self._waiting)
        line = self._first if self._was_first else self._waiting
        return [line.popleft() for _ in range(min(most, len(line)))]

    def give_back(self, jobs: Sequence[Job]) -> None:
        """Put back the end of a batch that was not come to."""
        self._waiting.extendleft(reversed(jobs))

    def _arrived(self, job: Job | None) -> None:
        if job is None:
            self._over = True
        elif not job.first:
            self._waiting.append(job)
