"""Figures of a fit: by cross-validation over conversations, and over the thresholds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from persona.temperament.belief import decided
from persona.temperament.calibration import BeliefFigures
from persona.temperament.metrics import (
    confident,
    confusion_of,
    expected_calibration_error,
    macro_f1,
    score,
)
from persona.temperament.optimise import Floats
from persona.temperament.posterior import NONE, Arrays, Fixed, Ints, Weights, states, types_of

#: Folds of the cross-validation.
FOLDS = 5

#: (with a witness, without one): the thresholds that are compared.
THRESHOLDS = tuple(
    (enter, bare)
    for enter in (0.40, 0.45, 0.50, 0.55, 0.60)
    for bare in (0.50, 0.58, 0.65, 0.75)
    if bare >= enter
)


def folds(labels: Ints, seed: int) -> Ints:
    """Return the fold of each conversation, every label spread evenly."""
    rng = np.random.default_rng(seed)
    fold = np.zeros(len(labels), dtype=int)
    for label in np.unique(labels):
        chosen = rng.permutation(np.flatnonzero(labels == label))
        fold[chosen] = (np.arange(len(chosen)) + rng.integers(FOLDS)) % FOLDS
    return fold


def cross_validated(data: Arrays, fitted: Callable[[Ints], Weights], fixed: Fixed, seed: int) -> Floats:
    """Return (m, 5) the states of every message, each conversation by a fit without it.

    Args:
        data: conversations.
        fitted: fits on those of these indices.
        fixed: the figures that are not fitted.
        seed: of the folds.
    """
    fold = folds(data.label, seed)
    out = np.zeros((len(data.cues), NONE + 1))
    for k in range(FOLDS):
        test = np.flatnonzero(fold == k)
        if len(test):
            out[data.rows(test)] = states(fitted(np.flatnonzero(fold != k)), data.take(test), fixed)
    return out


def served(states: Floats, data: Arrays, weights: Floats, fixed: Fixed, figures: BeliefFigures) -> Ints:
    """Return (m) the index in LABELS of what is served after each message.

    Args:
        states: (m, 5) the states after each message.
        data: the conversations.
        weights: (cues) weights of the cues; only cues with a positive one bear witness.
        fixed: which cue is of which type.
        figures: the thresholds.
    """
    chances = types_of(states)
    spoken = (data.cues * (weights > 0)) @ np.eye(4)[fixed.kind] > 0
    out = np.full(len(chances), NONE)
    for first, length in zip(data.first, data.length, strict=True):
        now: int | None = None
        heard = np.zeros(4, dtype=bool)
        for row in range(first, first + length):
            heard |= spoken[row]
            now = decided(chances[row].tolist(), now, heard.tolist(), figures)
            out[row] = NONE if now is None else now
    return out


def figures_of(states: Floats, shown: Ints, data: Arrays) -> dict[str, float]:
    """Return the figures of a reading by name; `shown` is what :func:`served` returned."""
    truth, end, third = data.label, shown[data.after(0)], shown[data.after(3)]
    typed, named = truth != NONE, end != NONE
    chances = types_of(states)[data.after(0)]
    share, right = confident(chances, truth, 0.8)
    inner = np.ones(len(shown), dtype=bool)
    inner[data.first] = False
    rows = np.flatnonzero(inner)
    flips = (shown[rows - 1] != NONE) & (shown[rows] != shown[rows - 1])
    return {
        "macro_f1": macro_f1(confusion_of(truth, end)),
        "neutral_given_a_type": _mean(named[~typed]),
        "coverage": _mean(named),
        "risk": _mean(end[named] != truth[named]),
        "confident_share": share,
        "confident_right": right,
        "calibration_error": expected_calibration_error(chances, truth),
        "flip_rate": float(flips.sum()) / max(1, len(shown)),
        **{f"macro_f1_turn_{n}": macro_f1(confusion_of(truth, shown[data.after(n)])) for n in (1, 2, 3)},
        "typed_right_by_turn_3": _mean(third[typed] == truth[typed]),
    }


def _mean(values: Ints) -> float:
    return float(values.mean()) if len(values) else 0.0


def mean_figures(
    runs: Sequence[Floats], data: Arrays, weights: Floats, fixed: Fixed, figures: BeliefFigures
) -> dict[str, float]:
    """Return the means over `runs` (states by seed) of :func:`figures_of`."""
    found = [figures_of(run, served(run, data, weights, fixed, figures), data) for run in runs]
    return {name: float(np.mean([each[name] for each in found])) for name in found[0]}


def interval(
    runs: Sequence[Floats], data: Arrays, weights: Floats, fixed: Fixed, figures: BeliefFigures
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the macro-F1 at the end, over conversations, mean over `runs`."""
    rows = data.after(0)
    found = [
        score(data.label, served(run, data, weights, fixed, figures)[rows], seed).interval
        for seed, run in enumerate(runs)
    ]
    return float(np.mean([low for low, _ in found])), float(np.mean([high for _, high in found]))


def over_thresholds(
    runs: Sequence[Floats], data: Arrays, weights: Floats, fixed: Fixed, figures: BeliefFigures
) -> Iterator[tuple[float, float, dict[str, float]]]:
    """Yield (enter, enter_bare, figures) for all THRESHOLDS."""
    for enter, bare in THRESHOLDS:
        other = replace(figures, enter=enter, enter_bare=bare)
        yield enter, bare, mean_figures(runs, data, weights, fixed, other)
