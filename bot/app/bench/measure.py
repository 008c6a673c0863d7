"""One repeat of the bench, and the medians of several."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import Any

from bot.app.bench import meter
from bot.app.bench.load import Talker, several
from bot.app.bench.script import VISIT, conversation

#: Around turn 20 and turn 200 the median of this many turns counts: one turn alone is noise.
_WINDOW = 5


@dataclass(frozen=True)
class Plan:
    """How much is sent.

    Attributes:
        alone: conversations of one shopper at a time.
        crowd: shoppers at once, and conversations of each.
        long: conversations of 200 turns.
        warm: conversations before anything is counted.
    """

    alone: int = 12
    crowd: tuple[int, int] = (8, 6)
    long: int = 5
    warm: int = 2
    turns: int = 202

    @classmethod
    def quick(cls) -> Plan:
        """Return a plan that only shows whether it works."""
        return cls(alone=2, crowd=(8, 1), long=1, warm=1, turns=40)


@dataclass(frozen=True)
class Figures:
    """What one repeat measured; milliseconds, messages per second and megabytes. None: not measurable."""

    p50_ms: float
    p95_ms: float
    cpu_ms_per_message: float | None
    messages_per_s_1: float
    messages_per_s_8: float
    p95_ms_8: float
    turn_20_ms: float
    turn_200_ms: float
    first_message_ms: float | None
    rss_mb: dict[str, float]
    pss_mb: dict[str, float]
    start_s: float | None = None  # seconds until the stack served


async def first_message(driver: Talker) -> float:
    """Return the milliseconds of the first message that a fresh stack gets."""
    return (await driver.converse(list(conversation(1, 1))))[0]


async def measure(driver: Talker, pids: dict[str, int], plan: Plan, first_ms: float | None) -> Figures:
    """Run the plan once."""
    await several(driver, 1, plan.warm)
    before = _cpu(pids)
    alone, alone_s = await several(driver, 1, plan.alone)
    after = _cpu(pids)
    crowd, crowd_s = await several(driver, *plan.crowd)
    early, late = [], []
    for number in range(plan.long):
        times = await driver.converse(conversation(number, plan.turns))
        early.append(statistics.median(times[19 - _WINDOW // 2 : 20 + _WINDOW // 2]))
        late.append(statistics.median(times[-_WINDOW:]))
    memory = {name: meter.memory(pid) for name, pid in pids.items()}
    cpu = None if before is None or after is None else (after - before) / len(alone)
    return Figures(
        p50_ms=percentile(alone, 50),
        p95_ms=percentile(alone, 95),
        cpu_ms_per_message=cpu,
        messages_per_s_1=len(alone) / alone_s,
        messages_per_s_8=len(crowd) / crowd_s,
        p95_ms_8=percentile(crowd, 95),
        turn_20_ms=statistics.median(early),
        turn_200_ms=statistics.median(late),
        first_message_ms=first_ms,
        rss_mb={name: m.rss_mb for name, m in memory.items() if m},
        pss_mb={name: m.pss_mb for name, m in memory.items() if m},
    )


def _cpu(pids: dict[str, int]) -> float | None:
    times = [meter.cpu_ms(pid) for pid in pids.values()]
    return None if any(t is None for t in times) else sum(t for t in times if t is not None)


def percentile(values: list[float], percent: int) -> float:
    """Return a percentile (nearest rank) of at least one value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, -(-len(ordered) * percent // 100) - 1)]


def medians(repeats: list[Figures]) -> dict[str, Any]:
    """Return the median of each figure over the repeats."""
    first, *_ = (asdict(r) for r in repeats)
    result: dict[str, Any] = {}
    for name, value in first.items():
        given = [getattr(r, name) for r in repeats]
        if isinstance(value, dict):
            result[name] = {part: statistics.median(g[part] for g in given) for part in value}
        else:
            numbers = [g for g in given if g is not None]
            result[name] = round(statistics.median(numbers), 2) if numbers else None
    return result


def messages_of(plan: Plan) -> int:
    """Return how many messages one repeat sends."""
    visits = plan.warm + plan.alone + plan.crowd[0] * plan.crowd[1]
    return visits * len(VISIT) + plan.long * plan.turns
