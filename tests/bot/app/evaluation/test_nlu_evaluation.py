"""Labelled queries: data and map are read strictly, figures are right, the page shows text as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.app.evaluation import page
from bot.app.evaluation.figures import FALSE_ALARMS, Understood, measure
from bot.app.evaluation.nlu import lines, understood
from bot.app.evaluation.queries import (
    IntentMap,
    Query,
    QueryError,
    check_labels,
    read_map,
    read_queries,
)

KNOWN = {"track", "cancel", "refund", "out_of_scope"}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "file"
    path.write_text(text, "utf-8")
    return path


def test_queries_are_label_and_text(tmp_path: Path) -> None:
    path = written(tmp_path, "物流\t到哪了\t啊\n\n 取消 \t 不要了 \n")
    assert read_queries(path) == [Query("物流", "到哪了\t啊"), Query("取消", "不要了")]


@pytest.mark.parametrize("text", ["物流 到哪了\n", "物流\t \n", "\t到哪了\n"])
def test_a_line_without_label_or_text_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(QueryError, match=":2: "):
        read_queries(written(tmp_path, "a\tb\n" + text))


def test_a_map_says_what_is_right(tmp_path: Path) -> None:
    intents = read_map(written(tmp_path, "物流: [track]\n取消: cancel\n入驻: out_of_scope\n"), KNOWN)
    assert intents.right("物流", "track") and not intents.right("物流", "cancel")
    assert not intents.right("物流", "nlu_fallback")
    assert intents.right("入驻", "nlu_fallback") and intents.right("入驻", "out_of_scope")
    assert not intents.right("入驻", "track") and not intents.in_scope("入驻")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("物流: [trick]", "no intent trick"),
        ("物流: []", "no intent; write out_of_scope"),
        ("物流: {a: b}", "a list of intents"),
        ("物流: [track, cancel]\n取消: [cancel]", "different answers and share cancel"),
        ("- a", "labels with their intents"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(QueryError, match=problem):
        read_map(written(tmp_path, text), KNOWN)


def test_labels_with_the_same_answers_may_share_them(tmp_path: Path) -> None:
    assert read_map(written(tmp_path, "a: [track, cancel]\nb: [cancel, track]"), KNOWN).in_scope("b")


def test_every_label_of_the_data_must_be_in_the_map(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="nothing of: 取消"):
        check_labels([Query("取消", "x")], IntentMap({"物流": frozenset({"track"})}), tmp_path)


MAP = IntentMap({"L": frozenset({"track"}), "C": frozenset({"cancel"}), "O": frozenset()})


def row(label: str, intent: str, confidence: float, chance: float | None = None) -> Understood:
    query = Query(label, f"{label}{intent}{confidence}")
    return Understood(query, intent, confidence, intent, confidence if chance is None else chance)


def test_figures() -> None:
    rows = [
        *(row("L", "track", 0.9) for _ in range(6)),
        row("L", "cancel", 0.8),
        row("L", "nlu_fallback", 0.5, 0.2),
        row("C", "cancel", 0.7),
        row("C", "track", 0.95),
        row("O", "track", 0.6),
        row("O", "nlu_fallback", 0.9, 0.1),
        row("O", "out_of_scope", 0.9, 0.15),
        row("O", "cancel", 0.21),
    ]
    found = measure(rows, MAP)
    assert (found.queries, found.in_scope) == (14, 10)
    assert found.accuracy == pytest.approx(0.7)
    assert found.macro == pytest.approx((0.75 + 0.5) / 2)
    assert found.labels["O"] == (4, 0.5) and found.refused == 0.5
    assert found.false_alarms == pytest.approx(0.1)
    turned_away = sum(r.chance < found.threshold for r in rows if r.query.label != "O") / 10
    assert turned_away <= FALSE_ALARMS and found.threshold == 0.7
    assert found.recall_at == 1.0
    assert found.worst[0].intent == "track" and found.worst[0].query.label == "C"
    assert [r.confidence for r in found.worst] == sorted((r.confidence for r in found.worst), reverse=True)
    by_name = {i.intent: i for i in found.intents}
    assert (by_name["track"].due, by_name["track"].given) == (8, 8)
    assert by_name["track"].precision == pytest.approx(6 / 8) and by_name["track"].recall == 0.75
    assert by_name["nlu_fallback"].recall is None
    assert sum(total for total, _ in found.histogram) == 10
    assert found.histogram[9] == (7, 6)
    assert ("L", "cancel", 1) in found.confusions


def test_without_queries_out_of_scope_their_figures_are_none() -> None:
    found = measure([row("L", "track", 1.0)], MAP)
    assert found.refused is None and found.recall_at is None and found.accuracy == 1.0
    assert any("–" in line for line in lines("ours", found))


def test_the_chance_is_that_of_the_likeliest_intent_that_answers() -> None:
    query = Query("L", "x")
    got = understood(query, [("nlu_fallback", 0.6), ("out_of_scope", 0.5), ("track", 0.3)])
    assert (got.intent, got.best, got.chance) == ("nlu_fallback", "track", 0.3)
    assert understood(query, [("out_of_scope", 0.9)]).chance == 0.0


def test_the_page_shows_what_was_typed_as_text() -> None:
    hostile = Understood(Query("L", "<img src=x onerror=alert(1)>"), "cancel", 0.9, "cancel", 0.9)
    figures = measure([hostile, row("L", "track", 0.5), row("O", "nlu_fallback", 0.4, 0.1)], MAP)
    html = page.render("d<b>", {"ours": figures, "stock": figures}, MAP)
    assert "&lt;img src=x" in html and "<img" not in html and "d&lt;b&gt;" in html
    assert "Rasa 默认中文管线" in html and "http" not in html.replace("</html>", "")
