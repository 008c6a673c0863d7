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
    from persona.temperament import assess as assessing
    from persona.temperament.reader import Reader

    reader = Reader.load()

    def read(line: dict[str, object]) -> dict[str, object]:
        conversation = assessing.conversation(line)
        return assessing.to_json(conversation.id, assessing.readings(conversation, reader))

    raise typer.Exit(1 if jsonl.run(source, read) else 0)


def parse(source: str = _SOURCE) -> None:
    """Show intent and entities of texts, as the trained model understands them.

    In: {"text"}. Exit code 1 if any line was bad.
    """
    from bot.app import jsonl
    from bot.app.parsing import Parser

    parser = Parser.load()
    raise typer.Exit(1 if jsonl.run(source, parser.parse) else 0)
