"""``zhixin bench``: speed and memory of the running stack."""

from __future__ import annotations

import typer

from bot.app.output import CommandError


def bench(
    *,
    json_file: str = typer.Option("", "--json", help="Write the figures here too."),
    start: bool = typer.Option(
        False, "--start", help="Start a stack of its own on free ports, then stop it."
    ),
    repeats: int = typer.Option(3, min=1, help="Measurements of which the median counts."),
    quick: bool = typer.Option(False, "--quick", help="A tenth of the messages: to see whether it works."),
    desk: bool = typer.Option(
        False, "--desk", help="Measure the desk instead: 50 agents, 500 conversations. Needs --start."
    ),
    channels: bool = typer.Option(
        False,
        "--channels",
        help="Measure how fast a messaging channel acknowledges instead. Needs --start.",
    ),
    rate: float = typer.Option(100.0, min=0.1, help="With --channels: messages a second."),
    seconds: float = typer.Option(30.0, min=0.1, help="With --channels: how long they are sent."),
    peer: bool = typer.Option(
        False, "--peer", help="Measure a bot of the same topics on Rasa's stock parts too. Needs --start."
    ),
) -> None:
    """Measure latency, throughput, CPU and memory with a scripted mix of conversations."""
    if desk:
        from bot.app.bench import desk as desk_bench

        raise typer.Exit(desk_bench.run(json_file=json_file or None, start=start, quick=quick))
    if channels:
        from bot.app.bench import channels as channels_bench

        plan = channels_bench.Plan(rate=rate, seconds=seconds)
        raise typer.Exit(channels_bench.run(json_file=json_file or None, start=start, plan=plan))
    if peer and not start:
        raise CommandError("the peer is measured beside a stack of the bench's own: add --start")
    from bot.app.bench.command import run

    raise typer.Exit(run(json_file=json_file or None, start=start, repeats=repeats, quick=quick, peer=peer))
