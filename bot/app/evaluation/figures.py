"""Figures of an evaluation, from what was asked and what was understood. Pure functions."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from bot.app.evaluation.queries import REFUSALS, IntentMap, Query

#: At most this share of answerable queries may be turned away where the recall of the others is read.
FALSE_ALARMS = 0.10
_BINS = 10


@dataclass(frozen=True)
class Understood:
    """What was understood of one query.

    Attributes:
        intent: what the bot goes by, fallback included.
        confidence: of that intent.
        best: the likeliest intent that is no refusal.
        chance: its confidence; low means that the query is likely out of scope.
    """

    query: Query
    intent: str
    confidence: float
    best: str
    chance: float


@dataclass(frozen=True)
class PerIntent:
    """How one intent did. Precision is None where it was never given, recall where it was never due."""

    intent: str
    given: int
    due: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Figures:
    """All figures of one model on one set of queries; shares in 0..1.

    Attributes:
        accuracy: of queries in scope, those understood rightly.
        macro: mean over the labels in scope of that share.
        labels: label -> (queries, share understood rightly), in and out of scope.
        refused: of queries out of scope, those that were turned away.
        false_alarms: of queries in scope, those that were turned away.
        recall_at: of queries out of scope, those whose `chance` lies below the threshold.
        threshold: the highest below which at most `FALSE_ALARMS` of the queries in scope lie.
        histogram: for ten equal steps of confidence: (queries in scope, of them right).
        confusions: (label, intent given instead, count), most first.
        worst: wrongly understood queries, the surest first.
    """

    queries: int
    in_scope: int
    accuracy: float
    macro: float
    labels: dict[str, tuple[int, float]]
    refused: float | None
    false_alarms: float
    recall_at: float | None
    threshold: float
    intents: tuple[PerIntent, ...]
    histogram: tuple[tuple[int, int], ...]
    confusions: tuple[tuple[str, str, int], ...]
    worst: tuple[Understood, ...]


def measure(rows: Sequence[Understood], intents: IntentMap, *, worst: int = 40) -> Figures:
    """Return the figures.

    Args:
        rows: what was understood; at least one query in scope.
        intents: what is right.
        worst: how many of the worst errors are kept.
    """
    inside = [row for row in rows if intents.in_scope(row.query.label)]
    outside = [row for row in rows if not intents.in_scope(row.query.label)]
    by_label: dict[str, list[bool]] = defaultdict(list)
    for row in rows:
        by_label[row.query.label].append(intents.right(row.query.label, row.intent))
    labels = {label: (len(hits), statistics.mean(hits)) for label, hits in by_label.items()}
    wrong = [row for row in rows if not intents.right(row.query.label, row.intent)]
    threshold = _threshold(inside)
    return Figures(
        queries=len(rows),
        in_scope=len(inside),
        accuracy=_share([intents.right(row.query.label, row.intent) for row in inside]) or 0.0,
        macro=statistics.mean(share for label, (_, share) in labels.items() if intents.in_scope(label)),
        labels=labels,
        refused=_share([row.intent in REFUSALS for row in outside]),
        false_alarms=_share([row.intent in REFUSALS for row in inside]) or 0.0,
        recall_at=_share([row.chance < threshold for row in outside]),
        threshold=threshold,
        intents=tuple(_per_intent(rows, intents)),
        histogram=tuple(_histogram(inside, intents)),
        confusions=tuple(
            (label, intent, count)
            for (label, intent), count in Counter(
                (row.query.label, row.intent) for row in wrong
            ).most_common()
        ),
        worst=tuple(sorted(wrong, key=lambda row: -row.confidence)[:worst]),
    )


def _share(hits: Sequence[bool]) -> float | None:
    return statistics.mean(hits) if hits else None


def _threshold(inside: Sequence[Understood]) -> float:
    """Return the highest chance below which at most the allowed share of the queries in scope lies."""
    chances = sorted(row.chance for row in inside)
    return chances[int(len(chances) * FALSE_ALARMS)]


def _per_intent(rows: Sequence[Understood], intents: IntentMap) -> list[PerIntent]:
    given = Counter(row.intent for row in rows)
    hits = Counter(row.intent for row in rows if intents.right(row.query.label, row.intent))
    due: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for row in rows:
        # Where several intents are right for a label, each is due, and met by any of them.
        for intent in intents.accepted[row.query.label]:
            due[intent] += 1
            met[intent] += intents.right(row.query.label, row.intent)
    return [
        PerIntent(
            intent,
            given[intent],
            due[intent],
            hits[intent] / given[intent] if given[intent] else None,
            met[intent] / due[intent] if due[intent] else None,
        )
        for intent in sorted(set(given) | set(due), key=lambda name: (-due[name], name))
    ]


def _histogram(inside: Sequence[Understood], intents: IntentMap) -> list[tuple[int, int]]:
    counts = [[0, 0] for _ in range(_BINS)]
    for row in inside:
        step = counts[min(int(row.confidence * _BINS), _BINS - 1)]
        step[0] += 1
        step[1] += intents.right(row.query.label, row.intent)
    return [(total, right) for total, right in counts]
