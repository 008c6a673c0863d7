"""Figures of an evaluation: macro-F1 with a bootstrap interval, calibration, coverage, Brier skill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from persona.temperament.corpus import LABELS

Ints = NDArray[np.int_]
Floats = NDArray[np.float64]

#: Resamples of the bootstrap.
RESAMPLES = 1000


@dataclass(frozen=True)
class Score:
    """How right predictions are.

    Attributes:
        accuracy: share right.
        macro_f1: mean F1 over the labels that occur, in truth or prediction.
        interval: 95 % bootstrap interval of macro_f1 over conversations.
        confusion: counts, row = truth, column = predicted, in the order of LABELS.
    """

    accuracy: float
    macro_f1: float
    interval: tuple[float, float]
    confusion: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "accuracy": round(self.accuracy, 4),
            "macro_f1": round(self.macro_f1, 4),
            "interval": [round(x, 4) for x in self.interval],
            "confusion": [list(row) for row in self.confusion],
        }


def confusion_of(truth: Ints, predicted: Ints) -> Ints:
    """Return the matrix of counts."""
    size = len(LABELS)
    return np.bincount(truth * size + predicted, minlength=size * size).reshape(size, size)


def macro_f1(confusion: Ints) -> float:
    """Return the mean F1 over the labels that occur."""
    right = np.diag(confusion)
    total = confusion.sum(0) + confusion.sum(1)
    return float((2 * right[total > 0] / total[total > 0]).mean()) if total.any() else 0.0


def score(truth: Ints, predicted: Ints, seed: int) -> Score:
    """Score predictions, with a percentile bootstrap over conversations (Efron & Tibshirani 1993, ch. 13)."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(truth), (RESAMPLES, len(truth)))
    sampled = [macro_f1(confusion_of(truth[d], predicted[d])) for d in draws]
    low, high = np.percentile(sampled, [2.5, 97.5])
    matrix = confusion_of(truth, predicted)
    return Score(
        accuracy=float((truth == predicted).mean()),
        macro_f1=macro_f1(matrix),
        interval=(float(low), float(high)),
        confusion=tuple(tuple(int(x) for x in row) for row in matrix),
    )


def coverage(chances: Floats, truth: Ints) -> list[tuple[float, float]]:
    """Return (coverage, risk) for each number of most confident conversations; "none" is always an error."""
    order = np.argsort(-chances.max(axis=1), kind="stable")
    wrong = (chances.argmax(axis=1) != truth)[order]
    count = np.arange(1, len(truth) + 1)
    return [
        (float(n / len(truth)), float(risk)) for n, risk in zip(count, np.cumsum(wrong) / count, strict=True)
    ]


def reliability(chances: Floats, truth: Ints, bins: int = 5) -> list[tuple[float, float, int]]:
    """Return (mean confidence, share right, count) of equal-mass bins by confidence."""
    confidence = chances.max(axis=1)
    right = chances.argmax(axis=1) == truth
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    return [(float(confidence[p].mean()), float(right[p].mean()), len(p)) for p in parts if len(p)]


def expected_calibration_error(chances: Floats, truth: Ints) -> float:
    """Return the mean distance of confidence and share right over five equal-mass bins."""
    return sum(n * abs(c - a) for c, a, n in reliability(chances, truth)) / max(1, len(truth))


def confident(chances: Floats, truth: Ints, least: float) -> tuple[float, float]:
    """Return the share of conversations with a type at p ≥ `least`, and the share of them that is right."""
    chosen = chances.max(axis=1) >= least
    if not chosen.any():
        return 0.0, 0.0
    return float(chosen.mean()), float((chances.argmax(axis=1) == truth)[chosen].mean())


def brier(chances: Floats, truth: Ints, priors: Floats) -> float:
    """Return the Brier skill over the `priors` (same shape), for conversations with a type (1: perfect)."""
    if not len(truth):
        return 0.0
    target = np.eye(chances.shape[1])[truth]
    ours = float(((chances - target) ** 2).sum(axis=1).mean())
    before = float(((priors - target) ** 2).sum(axis=1).mean())
    return 1 - ours / before
