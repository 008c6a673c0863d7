"""``zhixin bench --channels``: how fast messages are acknowledged at a rate beyond what the bot can answer.

Acknowledged is what is on the disk; it is answered later, and this says how much later, and whether each
message was answered exactly once.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.app.bench import meter
from bot.app.bench.channels_load import Job, Samples, work
from bot.app.bench.channels_receiver import Receiver
from bot.app.bench.channels_record import Left, Record
from bot.app.bench.command import own_stack
from bot.app.bench.measure import percentile
from bot.app.bench.workers import Workers
from bot.app.locking import read_state
from bot.app.output import CommandError, say
from bot.app.settings import Settings, variable

CHANNEL = "signed"
#: What is promised, in milliseconds: of 99 in 100 acknowledgements, and of every one.
GOAL_P99_MS, GOAL_MOST_MS = 300.0, 1000.0
_LOOK_S = 0.5
#: Seconds without anything done after which the rest is given up.
_STUCK_S = 90.0
#: Who warms the stack up: first messages load what is loaded once.
_WARM_SHOPPERS, _WARM_RATE, _WARM_S = 8, 8.0, 4.0


@dataclass(frozen=True)
class Plan:
    """How much is sent.

    Attributes:
        rate: messages a second.
        seconds: how long.
        shoppers: how many write them, in turn.
    """

    rate: float = 100.0
    seconds: float = 30.0
    shoppers: int = 200


def run(*, json_file: str | None, start: bool, plan: Plan) -> int:
    """Measure once, print the figures, write them as JSON where asked; return the exit code.

    Raises:
        CommandError: it runs in a stack of its own alone, or something did not work as it should.
    """
    if not start:
        raise CommandError("the channels' bench needs a channel and a receiver of its own: add --start")
    key = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="zhixin-bench-") as folder, Receiver(key) as receiver:
        channel = {
            variable("channels"): CHANNEL,
            variable(f"{CHANNEL}_keys"): key,
            variable(f"{CHANNEL}_url"): receiver.url,
        }
        with own_stack(Path(folder), channel) as settings:
            report = measure(settings, plan, key, receiver)
    for line in lines(report):
        say(line)
    if json_file:
        Path(json_file).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(settings: Settings, plan: Plan, key: str, receiver: Receiver) -> dict[str, Any]:
    """Warm the stack up, send, wait until all is answered and delivered, return the report."""
    state = read_state(settings.data_dir)
    if state is None:
        raise CommandError("the bench's own stack ended before it was measured")
    address, pids = f"{state[0]}/channels/{CHANNEL}", state[1]
    record = Record(settings.record_url, CHANNEL)
    try:
        _send(Job(address, key, _WARM_SHOPPERS, _WARM_RATE, _WARM_S, "warm"))
        if not _settled(record).nothing:
            raise CommandError("the first messages were not answered: the measurement means nothing")
        before, warmed = record.stored(), sum(receiver.taken.values())
        loads = [os.getloadavg()[0]]
        say(f"bench: {plan.rate:g} messages/s of {plan.shoppers} shoppers for {plan.seconds:g} seconds ...")
        cpu, began = {name: meter.cpu_ms(pid) for name, pid in pids.items()}, time.perf_counter()
        samples = _send(Job(address, key, plan.shoppers, plan.rate, plan.seconds))
        sent_at = time.perf_counter()
        shares = {name: share(cpu[name], meter.cpu_ms(pid), sent_at - began) for name, pid in pids.items()}
        loads.append(os.getloadavg()[0])
        behind = record.left()
        memory = {"sent": _pss(pids)}
        left = _settled(record)
        memory["settled"] = _pss(pids)
        stored = record.stored()
    finally:
        record.close()
    answers = {name: count - getattr(before, name) for name, count in asdict(stored).items()}
    return {
        "acknowledged_ms": spread(samples.acknowledged),
        "served_ms": spread(samples.served),
        "late_ms": spread(samples.late),
        "goals_ms": {"p99": GOAL_P99_MS, "most": GOAL_MOST_MS},
        "sent": len(samples.late),
        "accepted": len(samples.accepted),
        "errors": dict(samples.errors),
        "behind": asdict(behind),
        "settled_after_s": round(max(0.0, receiver.last_at - sent_at), 1) if left.nothing else None,
        "left": asdict(left),
        "answers": answers,
        "delivered": len(receiver.taken) - warmed,
        "delivered_twice": sum(times > 1 for times in receiver.taken.values()),
        "pss_mb": memory,
        "cpu_share": shares,
        "load_cpu_share": round(samples.client_cpu_s / (sent_at - began), 2),
        "load_average": {"before": round(loads[0], 2), "after": round(loads[1], 2)},
        "conditions": {**asdict(plan), "cores": os.cpu_count(), "machine": platform.machine()},
    }


def _send(job: Job) -> Samples:
    with Workers(work, [job]) as workers:
        workers.wait_until("ready")
        workers.go()
        samples: Samples = workers.results()[0]
    if not samples.acknowledged:
        raise CommandError(f"no message was acknowledged: {dict(samples.errors)}")
    return samples


def _settled(record: Record) -> Left:
    """Wait until nothing is left to do, or nothing is done any more; return what is left."""
    left, changed_at = record.left(), time.perf_counter()
    while not left.nothing and time.perf_counter() - changed_at < _STUCK_S:
        time.sleep(_LOOK_S)
        now = record.left()
        if now != left:
            left, changed_at = now, time.perf_counter()
    return left


def _pss(pids: Mapping[str, int]) -> dict[str, float]:
    found = {name: meter.memory(pid) for name, pid in pids.items()}
    return {name: memory.pss_mb for name, memory in found.items() if memory}


def share(before: float | None, after: float | None, seconds: float) -> float | None:
    """Return how much of one core a process used, from its CPU time in milliseconds."""
    return None if before is None or after is None else round((after - before) / seconds / 1000, 2)


def spread(times: Sequence[float]) -> dict[str, float]:
    """Return how at least one time is spread."""
    found = {f"p{percent}": percentile(list(times), percent) for percent in (50, 95, 99)}
    return {"count": len(times), **{name: round(ms, 1) for name, ms in {**found, "most": max(times)}.items()}}


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the report in sentences."""
    plan, goals, load = report["conditions"], report["goals_ms"], report["load_average"]
    yield (
        f"{plan['rate']:g} messages/s of {plan['shoppers']} shoppers for {plan['seconds']:g} s, each counted "
        f"from the moment it was due; {plan['cores']} cores, load and receiver included; load average "
        f"{load['before']} before, {load['after']} after"
    )
    acknowledged = report["acknowledged_ms"]
    met = acknowledged["p99"] <= goals["p99"] and acknowledged["most"] <= goals["most"]
    verdict = f"goal p99 {goals['p99']:.0f}, most {goals['most']:.0f} ms: {'met' if met else 'MISSED'}"
    yield f"acknowledged     {_times(acknowledged)}   {verdict}"
    yield f"from being sent  {_times(report['served_ms'])}"
    yield f"the load was late {_times(report['late_ms'])} (its own doing, and counted above)"
    errors = ", ".join(f"{name} ({count} times)" for name, count in report["errors"].items()) or "none"
    yield f"sent {report['sent']}, acknowledged {report['accepted']}, errors: {errors}"
    behind, left, answers = report["behind"], report["left"], report["answers"]
    yield (
        f"when the last was sent {behind['inbox']} waited to be taken and {behind['unanswered']} to be "
        f"answered, {behind['undelivered']} shoppers for what was answered"
    )
    if report["settled_after_s"] is None:
        yield f"NOT all was done: {left}"
    else:
        yield f"all was answered and delivered {report['settled_after_s']} s later"
    yield (
        f"answered once {answers['once']}, never {answers['never']}, more than once {answers['twice']}; "
        f"{answers['replies']} replies ({answers['notices']} notices), {report['delivered']} deliveries, "
        f"{report['delivered_twice']} of them twice; {answers['handed_over']} conversations handed over"
    )
    shares = "  ".join(f"{name} {used}" for name, used in report["cpu_share"].items())
    yield f"cores used       {shares}  load {report['load_cpu_share']}"
    for name, sizes in report["pss_mb"].items():
        yield f"PSS in MB {name:<7}" + "  ".join(f"{part} {size:.0f}" for part, size in sizes.items())


def _times(found: Mapping[str, float]) -> str:
    return "   ".join(f"{name} {found[name]:>7.1f}" for name in ("p50", "p95", "p99", "most")) + " ms"
