"""``zhixin bench --desk``: agents and shoppers at one front, as many as a shop's busiest hour has."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.app.bench import load as loading
from bot.app.bench import meter
from bot.app.bench.command import own_stack
from bot.app.bench.desk_load import Desk, Job, Samples, Shopper, together, work
from bot.app.bench.measure import percentile
from bot.app.bench.workers import Workers
from bot.app.locking import read_state
from bot.app.output import CommandError, say
from bot.app.settings import Settings
from bot.app.tokens import sign

#: What issue and manual promise, in milliseconds at the 95th percentile.
GOALS = {"queue": 200.0, "conversation": 200.0, "screen": 1000.0}
#: Name of a sample -> what it is.
MEANINGS = {
    "queue": "page: a list",
    "conversation": "page: a conversation",
    "rows": "rows that changed",
    "side": "side panel: brief, advice, orders",
    "messages": "new messages of the open conversation",
    "draft": "a draft looked at",
    "reply": "an agent's reply",
    "shopper": "a shopper's message, stored",
    "screen": "a shopper's message on the agent's screen",
}
#: What every conversation begins with, so that pages have something to show.
_OPENING = ("我的快递到哪了", "我现在有多少积分")
_AT_ONCE = 8
_CUSTOMERS = 16


@dataclass(frozen=True)
class Plan:
    """How much is done.

    Attributes:
        agents: people at the desk.
        conversations: conversations, shared among them.
        seconds: how long it is measured.
        warm_s: how long everybody works before that: the first take-over loads the temperament engine.
        processes: of the load.
        shopper_s: mean seconds between two messages of one shopper.
        page_s: mean seconds between two conversations that an agent opens.
        reply_s: mean seconds between two replies of an agent.
        list_s: mean seconds between an agent's looks at a whole list.
    """

    agents: int = 50
    conversations: int = 500
    seconds: float = 60.0
    warm_s: float = 15.0
    processes: int = 2
    shopper_s: float = 20.0
    page_s: float = 10.0
    reply_s: float = 15.0
    list_s: float = 30.0

    @classmethod
    def quick(cls) -> Plan:
        """Return a plan that only shows whether it works."""
        return cls(
            agents=4,
            conversations=16,
            seconds=8.0,
            warm_s=5.0,
            shopper_s=4.0,
            page_s=1.0,
            reply_s=1.5,
            list_s=2.0,
        )


def run(*, json_file: str | None, start: bool, quick: bool) -> int:
    """Measure once, print the figures, write them as JSON where asked; return the exit code.

    Raises:
        CommandError: it runs in a stack of its own alone, or something did not work as it should.
    """
    if not start:
        raise CommandError("the desk's bench adds agents and conversations: it needs --start")
    plan = Plan.quick() if quick else Plan()
    with (
        tempfile.TemporaryDirectory(prefix="zhixin-bench-") as folder,
        own_stack(Path(folder)) as settings,
    ):
        state = read_state(settings.data_dir)
        if state is None:
            raise CommandError("the bench's own stack ended before it was measured")
        report = measure(settings, state[0], state[1], plan)
    for line in lines(report):
        say(line)
    if json_file:
        Path(json_file).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(settings: Settings, url: str, pids: dict[str, int], plan: Plan) -> dict[str, Any]:
    """Prepare agents and conversations, let them work, return the report."""
    say(f"bench: {plan.agents} agents and {plan.conversations} conversations are made ready ...")
    shoppers = asyncio.run(_open(settings, url, plan.conversations))
    desks = asyncio.run(_hire(settings, plan.agents, shoppers))
    with Workers(work, _jobs(url, desks, plan)) as workers:
        workers.wait_until("ready")
        workers.go()
        workers.wait_until("warm")
        say(f"bench: measuring for {plan.seconds:.0f} seconds ...")
        began, before = time.perf_counter(), {name: meter.cpu_ms(pid) for name, pid in pids.items()}
        samples: list[Samples] = workers.results()
        seconds = time.perf_counter() - began
        cpu = {name: _share(before[name], meter.cpu_ms(pid), seconds) for name, pid in pids.items()}
        memory = {name: meter.memory(pid) for name, pid in pids.items()}
    return {
        "times_ms": {name: _spread(times) for name, times in together(samples).items()},
        "goals_ms": GOALS,
        "messages": {
            "sent": sum(s.sent for s in samples),
            "on_screen": sum(s.seen for s in samples),
            "overtaken": sum(s.overtaken for s in samples),
        },
        "live_events": sum(s.events for s in samples),
        "cpu_share": cpu,
        "load_cpu_share": round(sum(s.client_cpu_s for s in samples) / seconds, 2),
        "pss_mb": {name: found.pss_mb for name, found in memory.items() if found},
        "faults": [fault for s in samples for fault in s.faults],
        "conditions": {**asdict(plan), "cores": os.cpu_count(), "machine": platform.machine()},
    }


async def _open(settings: Settings, url: str, count: int) -> list[Shopper]:
    """Open conversations and let the bot answer in each."""
    from bot.app import databases

    customers = databases.customer_ids(settings, _CUSTOMERS)
    tokens = [sign(settings, customer) for customer in customers]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(session: aiohttp.ClientSession, number: int) -> Shopper:
        async with gate:
            headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
            opened = await _post(session, f"{url}/api/v1/conversations", {}, headers)
            found = Shopper(str(opened["conversation_id"]), str(opened["secret"]))
            for n, text in enumerate(_OPENING):
                body = {"conversation_id": found.conversation_id, "message_id": f"open_{n}", "text": text}
                secret = {"X-Conversation-Secret": found.secret}
                await _post(session, f"{url}/api/v1/chat", body, secret)
            return found

    async with loading.session() as session:
        return list(await asyncio.gather(*(one(session, number) for number in range(count))))


async def _post(
    session: aiohttp.ClientSession, url: str, body: dict[str, str], headers: dict[str, str]
) -> dict[str, Any]:
    async with session.post(url, json=body, headers=headers) as response:
        if response.status >= 300:
            raise CommandError(f"the front answered {response.status}: {(await response.text())[:200]}")
        answer: dict[str, Any] = await response.json()
        return answer


async def _hire(settings: Settings, count: int, shoppers: Sequence[Shopper]) -> list[Desk]:
    """Add accounts and share the shoppers out."""
    from bot.app import accounts
    from bot.conversation.accounts import Accounts
    from bot.conversation.desk_types import Role

    password = secrets.token_urlsafe(16)

    async def add(to: Accounts) -> None:
        for number in range(count):
            await to.add(f"bench{number}", f"客服{number}", Role.AGENT, password)

    await accounts.use(settings, add)
    return [Desk(f"bench{number}", password, tuple(shoppers[number::count])) for number in range(count)]


def _jobs(url: str, desks: Sequence[Desk], plan: Plan) -> list[Job]:
    return [
        Job(
            url=url,
            desks=tuple(desks[number :: plan.processes]),
            seconds=plan.seconds,
            warm_s=plan.warm_s,
            shopper_s=plan.shopper_s,
            page_s=plan.page_s,
            reply_s=plan.reply_s,
            list_s=plan.list_s,
            seed=number,
        )
        for number in range(plan.processes)
    ]


def _share(before: float | None, after: float | None, seconds: float) -> float | None:
    """Return how much of one core a process used."""
    return None if before is None or after is None else round((after - before) / seconds / 1000, 2)


def _spread(times: list[float]) -> dict[str, float]:
    return {
        "count": len(times),
        "p50": round(percentile(times, 50), 1),
        "p95": round(percentile(times, 95), 1),
        "most": round(max(times), 1),
    }


def _verdict(p95: float, goal: float | None) -> str:
    return "" if goal is None else f"   goal p95 {goal:.0f} ms: {'met' if p95 <= goal else 'MISSED'}"


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Yield the report in sentences."""
    plan = report["conditions"]
    yield (
        f"{plan['agents']} agents, {plan['conversations']} conversations, each shopper writes every "
        f"{plan['shopper_s']:.0f} s, each agent opens a conversation every {plan['page_s']:.0f} s and "
        f"replies every {plan['reply_s']:.0f} s; {plan['seconds']:.0f} s measured; {plan['cores']} cores, "
        "load included"
    )
    for name, meaning in MEANINGS.items():
        found = report["times_ms"].get(name)
        if found is None:
            yield f"{meaning:<44} not measured"
            continue
        p50, p95, count = found["p50"], found["p95"], found["count"]
        verdict = _verdict(p95, report["goals_ms"].get(name))
        yield f"{meaning:<44} p50 {p50:>7.1f}   p95 {p95:>7.1f} ms   of {count}{verdict}"
    sent = report["messages"]
    events = report["live_events"]
    yield (
        f"messages sent {sent['sent']}, on a screen {sent['on_screen']}, overtaken by the next "
        f"{sent['overtaken']}; live events {events}"
    )
    shares = "  ".join(f"{name} {share}" for name, share in report["cpu_share"].items())
    yield f"cores used       {shares}  load {report['load_cpu_share']}"
    yield "PSS in MB        " + "  ".join(f"{name} {size:.0f}" for name, size in report["pss_mb"].items())
    for fault in sorted(set(report["faults"])):
        yield f"wrong: {fault} ({report['faults'].count(fault)} times)"
