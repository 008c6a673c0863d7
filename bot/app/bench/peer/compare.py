"""Measures the peer, and lays its figures beside ours."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.app.bench import load as loading
from bot.app.bench.measure import Figures, Plan, first_message, measure
from bot.app.bench.peer.stack import Peer, driver, running
from bot.app.settings import Settings

#: Rows of the table: name, key of the medians, unit.
_ROWS = (
    ("one shopper, p50", "p50_ms", "ms"),
    ("one shopper, p95", "p95_ms", "ms"),
    ("one shopper", "messages_per_s_1", "messages/s"),
    ("eight shoppers", "messages_per_s_8", "messages/s"),
    ("eight shoppers, p95", "p95_ms_8", "ms"),
    ("CPU per message", "cpu_ms_per_message", "ms"),
    ("turn 20", "turn_20_ms", "ms"),
    ("turn 200", "turn_200_ms", "ms"),
    ("first message", "first_message_ms", "ms"),
    ("memory, PSS of all processes", "pss_mb", "MB"),
    ("memory, RSS of all processes", "rss_mb", "MB"),
    ("start", "start_s", "s"),
)


def measure_peer(
    settings: Settings, folder: Path, ports: tuple[int, int], plan: Plan, customers: list[str]
) -> Figures:
    """Run the peer over the shop of `settings` and measure it as our stack was measured.

    Args:
        settings: of a stack that has just been stopped.
        folder: its data folder; the peer keeps its tracker store and logs there.
        ports: free ones for Rasa and the actions.
        plan: what is sent.
        customers: who shops.
    """
    with running(settings, folder, ports) as peer:
        return replace(asyncio.run(_drive(settings, peer, plan, customers)), start_s=peer.start_s)


async def _drive(settings: Settings, peer: Peer, plan: Plan, customers: list[str]) -> Figures:
    async with loading.session() as session:
        talker = driver(session, peer, settings, customers)
        first_ms = await first_message(talker)
        return await measure(talker, peer.pids, plan, first_ms)


def table(ours: Mapping[str, Any], peer: Mapping[str, Any], late_turn: int = 200) -> Iterator[str]:
    """Yield the comparison as a table of Markdown; `late_turn` is the turn that the late figure is of."""
    yield "| what | ours | peer | unit |"
    yield "|---|---|---|---|"
    for name, key, unit in _ROWS:
        what = name.replace("200", str(late_turn))
        yield f"| {what} | {_shown(ours[key])} | {_shown(peer[key])} | {unit} |"


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        value = sum(value.values())
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
