"""``zhixin evaluate``: how good the engine is."""

from __future__ import annotations

import typer

app = typer.Typer(help="Measure how good the reading is.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Measure how good the reading is."""


@app.command()
def temperament(
    data: str = typer.Option(
        "", "--data", help="Labelled conversations (JSON lines); default: our own, held back."
    ),
    json_file: str = typer.Option("", "--json", help="Write the figures here too."),
    html_file: str = typer.Option("", "--html", help="Where the page goes; default: build/temperament.html."),
) -> None:
    """Measure the temperament engine and write an HTML page with plots."""
    from importlib.util import find_spec

    from bot.app.output import CommandError

    if find_spec("persona.temperament.evaluate") is None:
        raise CommandError("the measuring of the temperament engine is not part of this version")
    from importlib import import_module

    code = import_module("persona.temperament.evaluate").main(
        data or None, json_file or None, html_file or None
    )
    raise typer.Exit(int(code or 0))


@app.command()
def nlu(
    data: str = typer.Option(..., "--data", help="Labelled queries, `label<TAB>text` a line."),
    map_file: str = typer.Option(..., "--map", help="YAML: label -> right intents, or out_of_scope."),
    json_file: str = typer.Option("", "--json", help="Write the figures here too."),
    html_file: str = typer.Option("", "--html", help="Where the page goes; default: build/nlu.html."),
    baseline: bool = typer.Option(False, "--baseline", help="Measure Rasa's stock Chinese pipeline too."),
) -> None:
    """Measure how much of labelled queries is understood, and write an HTML page."""
    from pathlib import Path

    from bot.app.evaluation import nlu as evaluation

    evaluation.run(
        Path(data),
        Path(map_file),
        Path(json_file) if json_file else None,
        Path(html_file) if html_file else evaluation.DEFAULT_PAGE,
        baseline=baseline,
    )


@app.command()
def replies(
    html_file: str = typer.Option("", "--html", help="Where the page goes; default: build/replies.html."),
) -> None:
    """Render every reply in five styles, check each, and write a page to read them side by side."""
    from collections import Counter
    from pathlib import Path

    from bot.app.output import say
    from persona.wording.catalogue import load_catalogue
    from persona.wording.check import check
    from persona.wording.engine import ROOT
    from persona.wording.report import report_html

    catalogue = load_catalogue(ROOT)
    found = check(catalogue)
    page = Path(html_file) if html_file else Path("build/replies.html")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(report_html(catalogue, found), "utf-8")
    for violation in found:
        say(str(violation))
    for rule, count in Counter(violation.rule for violation in found).most_common():
        say(f"{rule}: {count}")
    say(f"{len(catalogue.responses)} replies in five styles, {len(found)} to mend; page: {page}")
    if found:
        raise typer.Exit(1)
