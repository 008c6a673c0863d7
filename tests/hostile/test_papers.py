"""Pages and files that people take away: hostile strings are text in HTML, and strings in JSON."""

from __future__ import annotations

import json
from pathlib import Path

from bot.app import corrections as exporting
from bot.app.evaluation import page
from bot.app.evaluation.figures import Understood, measure
from bot.app.evaluation.queries import IntentMap, Query
from bot.app.settings import Settings
from persona.temperament import evaluate
from persona.temperament.corpus import LABELS
from persona.temperament.evaluate import Report
from persona.temperament.metrics import Score
from persona.temperament.report import text_table, write_html
from tests.bot.app.test_corrections import Record, settings
from tests.hostile.catalogue import KINDS, READABLE, UNREADABLE, Page, leaked, squeezed

__all__ = ["settings"]  # the fixture


def skeleton(text: str) -> tuple[set[str], list[tuple[str, str, str]], list[str]]:
    """All of a page but its words."""
    found = Page(text)
    return found.elements, found.attributes, found.scripts


def nlu_page(texts: list[str]) -> str:
    """The page of an evaluation whose data, labels, intents and queries are these."""
    labels = [f"{text}{n}" for n, text in enumerate(texts)]
    intents = IntentMap({label: frozenset({label} if n else ()) for n, label in enumerate(labels)})
    rows = []
    for n, label in enumerate(labels):
        given = labels[1 + n % (len(labels) - 1)]  # never its own, but for the last
        rows.append(Understood(Query(label, texts[n]), given, 0.9, given, 0.9))
    figures = measure(rows, intents, worst=len(rows))
    return page.render(texts[0], {"ours": figures, "stock": figures}, intents)


def test_the_page_of_understanding_is_the_same_page_whatever_was_typed() -> None:
    texts = READABLE
    html = nlu_page(texts)
    assert skeleton(html) == skeleton(nlu_page(["平常的话"] * len(texts)))
    shown = Page(html).text
    # It shows the first ones of its longer lists.
    assert sum(squeezed(text) in shown for text in texts) > 60 and not leaked(html)


def temperament_report(texts: list[str]) -> Report:
    size = len(LABELS)
    score = Score(0.5, 0.5, (0.4, 0.6), ((1,) * size,) * size)
    chances = dict.fromkeys(LABELS, 1 / size)
    return Report(
        data=texts[0],
        sessions=len(texts),
        stages={"1": score, "end": score},
        others=dict.fromkeys([f"{n}{text}" for n, text in enumerate(texts)], score),
        figures={"brier_skill": 0.1},
        curve=[(0.5, 0.1), (1.0, 0.2)],
        bins=[(0.5, 0.5, 3)],
        errors=[
            {
                "id": text,
                "label": LABELS[0],
                "served": LABELS[1],
                "probabilities": chances,
                "words": [text, text],
            }
            for text in texts
        ],
        moods={},
    )


def test_the_page_of_temperaments_is_the_same_page_whatever_was_typed(tmp_path: Path) -> None:
    for name, texts in (
        ("hostile", [*READABLE, *UNREADABLE]),
        ("plain", ["平常"] * len(READABLE + UNREADABLE)),
    ):
        write_html(temperament_report(texts), tmp_path / name)
        assert text_table(temperament_report(texts))
    html = (tmp_path / "hostile").read_text("utf-8")
    assert skeleton(html) == skeleton((tmp_path / "plain").read_text("utf-8"))
    shown = Page(html).text
    missing = [text for text in READABLE if squeezed(text) not in shown]
    assert not missing, missing


def test_corrections_are_a_line_of_json_each(settings: Settings, tmp_path: Path) -> None:
    record = Record(settings)
    said = [*READABLE[::3], *KINDS["log"]]
    for n, text in enumerate(said):
        record.talk(f"c_{n}", [("shopper", text), ("agent", text), ("shopper", "好的")])
        record.correct(f"c_{n}", "power")
    lines = list(exporting.lines(exporting.export(settings)))
    # A file is read line by line, by whatever counts as one to its reader.
    assert len("\n".join(lines).splitlines()) == len(lines) == len(said)
    file = tmp_path / "corrections.jsonl"
    file.write_text("\n".join(json.dumps(json.loads(line), ensure_ascii=False) for line in lines), "utf-8")
    assert len(evaluate.load(file)) == len(said)  # also where another program has written the lines anew
    entries = [json.loads(line) for line in lines]
    assert {entry["label"] for entry in entries} == {"power"}
    told = [turn["text"] for entry in entries for turn in entry["turns"]]
    assert not leaked("\n".join(told))
    kept = [text for text in said if text.strip() in told]
    assert len(kept) > len(said) * 0.7  # of the others something looked personal
