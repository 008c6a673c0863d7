"""Runs the bench: against the running stack, or against one of its own."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bot.app.bench import load as loading
from bot.app.bench import script
from bot.app.bench.measure import Figures, Plan, first_message, measure, medians, messages_of
from bot.app.locking import read_state
from bot.app.logs import tail
from bot.app.output import CommandError, say
from bot.app.settings import PROJECT_ROOT, Secrets, Settings, load, variable
from bot.app.tokens import sign

#: What the bench's own stack allows from one address; the report says so.
_RATE = "100000/900000"
_SHOPPERS = 16
#: Of each process of a stack that did not start.
_LAST_LINES = 5


def run(*, json_file: str | None, start: bool, repeats: int, quick: bool, peer: bool = False) -> int:
    """Measure `repeats` times, print the medians, write them as JSON where asked; return the exit code.

    With `peer` each repeat measures our stack and then, with the same script, the peer over the same shop.
    """
    plan = Plan.quick() if quick else Plan()
    figures, peers = [], []
    for number in range(1, repeats + 1):
        say(f"bench: repeat {number} of {repeats}, {messages_of(plan)} messages ...")
        if not start:
            figures.append(_running_stack(plan))
            continue
        ours, theirs = _own_stack(plan, peer=peer)
        figures.append(ours)
        if theirs is not None:
            peers.append(theirs)
    report = _report(figures, plan, own=start)
    for line in _lines(report):
        say(line)
    if peers:
        from bot.app.bench.peer.compare import table

        report["peer"] = {"medians": medians(peers), "repeats": [asdict(f) for f in peers]}
        for line in table(report["medians"], report["peer"]["medians"], plan.turns - 2):
            say(line)
    if json_file:
        Path(json_file).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _running_stack(plan: Plan) -> Figures:
    settings = load(secrets=Secrets.READ)
    state = read_state(settings.data_dir)
    if state is None:
        raise CommandError("no stack runs on this data folder: start it with `zhixin run`, or use --start")
    return asyncio.run(_drive(settings, state[0], state[1], plan, fresh=False))


def _own_stack(plan: Plan, *, peer: bool) -> tuple[Figures, Figures | None]:
    with tempfile.TemporaryDirectory(prefix="zhixin-bench-") as folder:
        began = time.monotonic()
        with own_stack(Path(folder)) as settings:
            start_s = time.monotonic() - began
            state = read_state(settings.data_dir)
            if state is None:
                raise CommandError("the bench's own stack ended before it was measured")
            ours = asyncio.run(_drive(settings, state[0], state[1], plan, fresh=True))
        ours = replace(ours, start_s=start_s)
        if not peer:
            return ours, None
        from bot.app.bench.peer import compare

        rasa, action = free_ports(2)
        return ours, compare.measure_peer(settings, Path(folder), (rasa, action), plan, _customers(settings))


def _customers(settings: Settings) -> list[str]:
    from bot.app import databases

    shoppers = databases.customer_ids(settings, _SHOPPERS)
    if not shoppers:
        raise CommandError("the shop has no customers to shop as")
    return shoppers


async def _drive(settings: Settings, url: str, pids: dict[str, int], plan: Plan, *, fresh: bool) -> Figures:
    async with loading.session() as session:
        driver = loading.Driver(session, url, [sign(settings, shopper) for shopper in _customers(settings)])
        first_ms = await first_message(driver) if fresh else None
        return await measure(driver, pids, plan, first_ms)


@contextmanager
def own_stack(data_dir: Path, more: Mapping[str, str] | None = None) -> Iterator[Settings]:
    """Run a stack on free ports and a data folder of its own, with today's settings otherwise.

    Args:
        data_dir: its folder.
        more: further variables of its environment.
    """
    base = load()
    front, rasa, action = free_ports(3)
    own = {
        "data_dir": str(data_dir),
        "model_dir": str(base.model_dir),
        "front_port": str(front),
        "rasa_port": str(rasa),
        "action_port": str(action),
        **{f"rate_{of}": _RATE for of in ("address", "opening", "conversation")},
    }
    env = {**os.environ, **{variable(key): value for key, value in own.items()}, "ZHIXIN_MODE": "demo"}
    env |= more or {}
    for key in ("record_url", "tracker_url", "shop_url", "shop_kind"):
        env.pop(variable(key), None)
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.app.cli", "run"],
        cwd=PROJECT_ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101 (a pipe was asked for)
        for line in process.stdout:
            if line.startswith("zhixin ready"):
                break
            say(f"  {line.rstrip()}")
        else:
            raise CommandError(_why_not(process.wait(), data_dir))
        settings = load(env, PROJECT_ROOT, secrets=Secrets.READ)
        yield replace(settings, data_dir=data_dir)
    finally:
        process.terminate()
        process.communicate()


def _why_not(code: int, data_dir: Path) -> str:
    """Return what is known of a stack that ended before it was ready; its folder is about to go."""
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    last = [
        f"  {path.stem}: {line}"
        for path in sorted((data_dir / "logs").glob("*.log"))
        for line in tail(path, _LAST_LINES)
    ]
    return "\n".join([f"the bench's own stack {how} before it was ready; its last lines:", *last])


def free_ports(count: int) -> list[int]:
    """Return ports of this machine that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _report(figures: list[Figures], plan: Plan, *, own: bool) -> dict[str, Any]:
    return {
        "medians": medians(figures),
        "repeats": [asdict(f) for f in figures],
        "conditions": {
            "action_share": round(script.action_share(), 2),
            "mean_characters": round(script.mean_length(), 1),
            "messages_per_repeat": messages_of(plan),
            "late_turn": plan.turns - 2,  # the middle of the last five; 200 unless --quick
            "long_conversations": plan.long,
            "own_stack": own,
            "rate_limit": f"raised to {_RATE}" if own else "as the running stack has it",
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "load_client": "included, same machine",
        },
    }


def _lines(report: dict[str, Any]) -> Iterator[str]:
    m, c = report["medians"], report["conditions"]

    def ms(name: str) -> str:
        return "not measured" if m[name] is None else f"{m[name]:.1f} ms"

    yield (
        f"{len(report['repeats'])} repeats of {c['messages_per_repeat']} messages, "
        f"{c['action_share']:.0%} of them with an action, {c['mean_characters']} characters on average; "
        f"{c['cores']} cores, load client included"
    )
    yield f"one shopper      p50 {ms('p50_ms')}   p95 {ms('p95_ms')}   {m['messages_per_s_1']:.0f} messages/s"
    yield f"eight shoppers   p95 {ms('p95_ms_8')}   {m['messages_per_s_8']:.0f} messages/s"
    yield f"CPU per message  {ms('cpu_ms_per_message')} (the three processes)"
    ratio = m["turn_200_ms"] / m["turn_20_ms"]
    yield f"turn 20 and {c['late_turn']:<3}  {ms('turn_20_ms')} and {ms('turn_200_ms')} (x{ratio:.2f})"
    hint = "" if m["first_message_ms"] is not None else " (needs a fresh stack: --start)"
    yield f"first message    {ms('first_message_ms')}{hint}"
    for kind in ("rss_mb", "pss_mb"):
        parts = "  ".join(f"{name} {size:.0f}" for name, size in m[kind].items())
        yield f"{kind[:3].upper()} in MB        {parts}  together {sum(m[kind].values()):.0f}"
