"""One soak: ``python -m tests.soak.run --minutes 30 --seed 7`` (`make soak`). A seed draws its troubles.

With ``--http`` the shop is a backend of its own over HTTP, which fails, stalls and dies as well.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from actions.shop.seed.demo import demo_customers
from bot.app.bench import meter
from tests.soak import verdict
from tests.soak.backend import SoakBackend
from tests.soak.chaos import Chaos
from tests.soak.shoppers import SoakShopper, http_session
from tests.stack.harness import SPECS, Stack

#: The soak's shoppers come from one address, faster than any shopper types.
RATES = {f"rate_{of}": "100000/900000" for of in ("address", "opening", "conversation")}

#: Memory counts as flat where the calm end of a long soak adds no more than this to a process.
MOST_GROWTH_MB = 25.0


@dataclass(frozen=True)
class Plan:
    """How much is asked for.

    Attributes:
        seed: of all that is drawn.
        shoppers: how many talk at once; one in five is anonymous.
        messages: of each shopper while there is trouble, at least: she talks on until the troubles are over.
        minutes: an end to the trouble, whatever was said by then; None: when all is said.
        pause_s: peace between two troubles.
        troubles: at most so many; None: as many as fit.
        calm: messages of each shopper afterwards, at least three: memory is compared between the second
            and the last third of them.
        growth_mb: what a process may grow between these thirds. A process that was killed fills its caches
            over some forty rounds (560 MB of Rasa, seen over sixty), so few rounds only show a gross leak.
    """

    seed: int = 7
    shoppers: int = 50
    messages: int = 8
    minutes: float | None = None
    pause_s: float = 3.0
    troubles: int | None = None
    calm: int = 12
    growth_mb: float = MOST_GROWTH_MB


@dataclass
class Report:
    """What a soak found.

    Attributes:
        wrong: broken promises, in words.
        memory_mb: process -> resident memory before and after the calm end.
        slowest_s: the longest time that a message took while there was trouble.
    """

    wrong: list[str] = field(default_factory=list)
    accepted: int = 0
    requests: int = 0
    writes: int = 0
    troubles: dict[str, int] = field(default_factory=dict)
    memory_mb: dict[str, tuple[float, float]] = field(default_factory=dict)
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """Return the report as a manager of the stack reads it."""
        memory = "  ".join(f"{name} {a:.0f} → {b:.0f}" for name, (a, b) in self.memory_mb.items())
        return [
            f"{self.accepted} messages accepted in {self.seconds:.0f} s, {self.requests} requests for them; "
            f"{self.writes} writes in the shop",
            "troubles: " + ", ".join(f"{name} {count}" for name, count in sorted(self.troubles.items())),
            f"memory in MB, calm end: {memory}",
            *(f"WRONG: {line}" for line in self.wrong),
            f"{len(self.wrong)} broken promises",
        ]


def soak(
    stack: Stack, plan: Plan, say: Callable[[str], None] = print, backend: SoakBackend | None = None
) -> Report:
    """Let shoppers talk through troubles, then audit the books.

    Args:
        stack: a running stack on SQLite of its own; it is whole again afterwards.
        plan: how much.
        say: hears what happens.
        backend: the shop's, where the stack asks one; else the shop is the stack's own.
    """
    report = Report()
    shop = backend.database if backend else stack.settings.data_dir / "shop.db"
    before = set(verdict.done_twice(shop))
    written = verdict.writes_done(shop)
    began = time.monotonic()
    crowd = _Crowd(stack, plan)
    over = threading.Event()
    thread = threading.Thread(target=crowd.talk, args=(over,), daemon=True)
    chaos = Chaos(stack, random.Random(plan.seed), say, backend)
    thread.start()
    # The processes die with the thread that starts them, so the trouble is made in this one.
    limit = threading.Timer((plan.minutes or 1e6) * 60, crowd.stop)
    limit.daemon = True
    limit.start()
    chaos.run(over, pause_s=plan.pause_s, most=plan.troubles)
    crowd.at_peace()
    thread.join()
    limit.cancel()
    report.troubles = dict(chaos.done)
    say("soak: calm end")
    asked = backend.calls() if backend else 0
    histories = crowd.calm(report)
    if backend and backend.calls() <= asked:
        report.wrong.append("the backend was never asked again after the troubles")
    report.seconds = time.monotonic() - began
    whose = verdict.Ownership.read(shop)
    report.wrong += crowd.failures
    record = stack.settings.data_dir / "record.db"
    for shopper, history in histories:
        sorry = verdict.apologies(record, shopper.conversation_id)
        report.wrong += verdict.unanswered_or_twice(shopper, history, sorry)
        report.wrong += verdict.leaks(shopper, history, whose)
        report.accepted += sum(sent.accepted for sent in shopper.sent)
        report.requests += sum(sent.tries for sent in shopper.sent)
    report.wrong += sorted(set(verdict.done_twice(shop)) - before)
    report.wrong += verdict.left_open(record)
    report.writes = verdict.writes_done(shop) - written
    for name, (first, last) in report.memory_mb.items():
        if last - first > plan.growth_mb:
            report.wrong.append(f"memory of {name} grew from {first:.0f} to {last:.0f} MB at the calm end")
    return report


class _Crowd:
    """The shoppers, in an event loop of a thread of their own."""

    def __init__(self, stack: Stack, plan: Plan) -> None:
        self._stack = stack
        self._plan = plan
        self.shoppers: list[SoakShopper] = []
        self.failures: list[str] = []
        self._stop: asyncio.Event | None = None
        self._peace: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def talk(self, over: threading.Event) -> None:
        """Let all talk until each has said what she had to; sets `over` at the end."""
        try:
            asyncio.run(self._talk())
        finally:
            over.set()

    def stop(self) -> None:
        """End the talk after the messages that are under way."""
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)

    def at_peace(self) -> None:
        """Let all end who have said what they had to: no more trouble comes."""
        if self._loop is not None and self._peace is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._peace.set)

    async def _talk(self) -> None:
        self._loop, self._stop, self._peace = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        if self._plan.troubles is None:
            self._peace.set()
        customers = [customer.customer_id for customer in demo_customers()]
        async with http_session() as session:
            for number in range(self._plan.shoppers):
                customer = None if number % 5 == 4 else customers[number % len(customers)]
                self.shoppers.append(
                    SoakShopper(
                        url=self._stack.url,
                        session=session,
                        random=random.Random(f"{self._plan.seed}/{number}"),
                        customer_id=customer,
                        token=None if customer is None else self._stack.token(customer, minutes=600),
                        name=f"{self._plan.seed}-{number}-{int(time.time())}",
                    )
                )
            ends = await asyncio.gather(
                *(shopper.live(self._plan.messages, self._stop, self._peace) for shopper in self.shoppers),
                return_exceptions=True,
            )
        self.failures += [f"a shopper gave up: {end!r}" for end in ends if isinstance(end, BaseException)]

    def calm(self, report: Report) -> list[tuple[SoakShopper, list[dict[str, object]]]]:
        """Let all talk on without trouble, watch memory, and return each conversation as the front has it."""
        return asyncio.run(self._calm(report))

    async def _calm(self, report: Report) -> list[tuple[SoakShopper, list[dict[str, object]]]]:
        never, peace = asyncio.Event(), asyncio.Event()
        peace.set()
        spoken = [shopper for shopper in self.shoppers if shopper.conversation_id]
        async with http_session() as session:
            for shopper in spoken:
                shopper.session = session
            rounds: list[dict[str, float]] = []
            for _ in range(self._plan.calm):
                await asyncio.gather(*(s.live(len(s.sent) + 1, never, peace) for s in spoken))
                rounds.append(self._memory())
            third = len(rounds) // 3  # the first third fills what a restart left empty
            report.memory_mb = {
                name: (
                    statistics.median(r[name] for r in rounds[third:-third]),
                    statistics.median(r[name] for r in rounds[-third:]),
                )
                for name in SPECS
            }
            return [(shopper, await shopper.history()) for shopper in spoken]

    def _memory(self) -> dict[str, float]:
        found = {name: meter.memory(self._stack.pid(name)) for name in SPECS}
        return {name: memory.rss_mb if memory else 0.0 for name, memory in found.items()}


def main() -> int:
    """Run a whole soak; return 1 where a promise was broken."""
    parser = argparse.ArgumentParser(description="Kill, pause and starve the stack while shoppers talk.")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--shoppers", type=int, default=50)
    parser.add_argument("--pause", type=float, default=4.0, help="seconds between two troubles")
    parser.add_argument("--http", action="store_true", help="the shop is a backend of its own over HTTP")
    given = parser.parse_args()
    plan = Plan(
        seed=given.seed,
        shoppers=given.shoppers,
        messages=10**9,
        minutes=given.minutes,
        pause_s=given.pause,
        calm=45,
    )
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="zhixin-soak-")))
        backend = ends.enter_context(SoakBackend(folder / "backend")) if given.http else None
        asked = backend.settings if backend else {}
        stack = ends.enter_context(Stack(folder / "data", **RATES, **asked))
        report = soak(stack, plan, backend=backend)
    for line in report.lines():
        print(line)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
