"""``zhixin evaluate nlu``: how much of what real shoppers ask is understood, beside Rasa's stock pipeline."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from bot.app import children
from bot.app.evaluation import page
from bot.app.evaluation.figures import Figures, Understood, measure
from bot.app.evaluation.queries import (
    REFUSALS,
    IntentMap,
    Query,
    QueryError,
    check_labels,
    read_map,
    read_queries,
)
from bot.app.output import CommandError, say
from bot.app.settings import PROJECT_ROOT, Secrets, load, variable

DEFAULT_PAGE = Path("build/nlu.html")


def run(data: Path, map_file: Path, json_file: Path | None, html_file: Path, *, baseline: bool) -> None:
    """Measure the model that fits the training data of now; print, and write the page.

    Args:
        data: labelled queries, see :mod:`bot.app.evaluation.queries`.
        map_file: which intents are right.
        json_file: where the figures go too.
        html_file: where the page goes.
        baseline: measure the stock Chinese pipeline, trained on the same sentences, beside it.

    Raises:
        CommandError: the data cannot be used, no model fits, or the baseline could not be trained.
    """
    from bot.components.intent_evaluation import sentences

    own = sentences()
    try:
        queries = read_queries(data)
        intents = read_map(map_file, set(own[1]))
        check_labels(queries, intents, map_file)
    except QueryError as exc:
        raise CommandError(str(exc)) from exc
    trained_on = set(own[0])
    known = [query for query in queries if query.text in trained_on]
    models = {"ours": measure(_ours(queries), intents)}
    if baseline:
        models["stock"] = measure(_stock(queries), intents)
    for name, figures in models.items():
        for line in lines(name, figures):
            say(line)
    if known:
        say(f"{len(known)} queries are training sentences too: these figures flatter")
    html_file.parent.mkdir(parents=True, exist_ok=True)
    html_file.write_text(page.render(data.name, models, intents), "utf-8")
    say(f"page: {html_file}")
    if json_file:
        report = {name: asdict(figures) for name, figures in models.items()}
        json_file.write_text(json.dumps(report, ensure_ascii=False, indent=2) + "\n", "utf-8")


def lines(name: str, figures: Figures) -> Iterator[str]:
    """Yield the figures for the terminal."""

    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.1%}"

    yield (
        f"{name}: {figures.in_scope} of {figures.queries} queries in scope: {share(figures.accuracy)} right, "
        f"mean over labels {share(figures.macro)}; {share(figures.false_alarms)} turned away"
    )
    yield (
        f"{name}: out of scope: {share(figures.refused)} turned away as it runs; "
        f"{share(figures.recall_at)} at 10% false alarms (threshold {figures.threshold:.2f})"
    )
    weakest = sorted(figures.labels.items(), key=lambda item: item[1][1])[:8]
    yield f"{name}: weakest labels: " + ", ".join(f"{label} {right:.0%}" for label, (_, right) in weakest)


def understood(query: Query, ranking: Sequence[tuple[str, float]]) -> Understood:
    """Return what a ranking of intents, the decision first, amounts to."""
    intent, confidence = ranking[0]
    best, chance = next(((n, c) for n, c in ranking if n not in REFUSALS), ("", 0.0))
    return Understood(query, intent, confidence, best, chance)


def _ours(queries: Sequence[Query]) -> list[Understood]:
    from bot.app.parsing import Parser

    parser = Parser.load()
    found = []
    for query in queries:
        parsed = parser.parse({"text": query.text})
        ranking = [(i["name"] or "nlu_fallback", i["confidence"]) for i in parsed["intent_ranking"]]
        found.append(understood(query, ranking or [("nlu_fallback", 0.0)]))
    return found


def _stock(queries: Sequence[Query]) -> list[Understood]:
    """Parse with the stock pipeline in a process of its own: it needs TensorFlow, which we run without."""
    settings = load(secrets=Secrets.SKIP)
    env = {**children.bare_environment(), variable("model_dir"): str(settings.model_dir)}
    say("evaluate: the stock pipeline; where its model is missing it is trained, which takes minutes ...")
    done = subprocess.run(
        [sys.executable, "-m", "bot.app.evaluation.stock"],
        input="\n".join(json.dumps(query.text) for query in queries),
        cwd=PROJECT_ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"the stock pipeline failed: {done.stderr.strip()[-400:]}")
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return [
        understood(query, [(name, float(chance)) for name, chance in ranking])
        for query, ranking in zip(queries, answers, strict=True)
    ]


__all__ = ["DEFAULT_PAGE", "IntentMap", "lines", "run", "understood"]
