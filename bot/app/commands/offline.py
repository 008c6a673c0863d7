"""``zhixin assess`` and ``zhixin parse``: batch work over JSON lines, without a running stack."""

from __future__ import annotations

import typer

_SOURCE = typer.Argument(..., metavar="FILE|-", help="JSON lines; - reads from standard input.")


def assess(source: str = _SOURCE) -> None:
    """Read the temperament of conversations: after each shopper turn, with probabilities and evidence.

    In: {"id", "turns": [{"text", "who"?: "shopper"|"agent", "at"?}], "history"?: {...}}.
    Exit code 1 if any line was bad.
    """
    from bot.app import jsonl
    from bot.app.assessing import assess as assess_line
    from persona.temperament.reader import Reader

    reader = Reader.load()
    raise typer.Exit(1 if jsonl.run(source, lambda line: assess_line(reader, line)) else 0)


def parse(source: str = _SOURCE) -> None:
    """Show intent and entities of texts, as the trained model understands them.

    In: {"text"}. Exit code 1 if any line was bad.
    """
    from bot.app import jsonl
    from bot.app.parsing import Parser

    parser = Parser.load()
    raise typer.Exit(1 if jsonl.run(source, parser.parse) else 0)
