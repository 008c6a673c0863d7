"""What must be beaten: the majority, the length of messages, TF-IDF with logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from persona.temperament.corpus import LABELS
from persona.temperament.training import descend

#: Folds of the cross-validation of the trained baselines.
FOLDS = 5


def baselines(texts: Sequence[Sequence[str]], truth: Any, seed: int) -> dict[str, Any]:
    """Return predictions by name; the trained ones by cross-validation over conversations."""
    majority = np.full(len(truth), np.bincount(truth, minlength=len(LABELS)).argmax())
    return {
        "majority": majority,
        "message length": _cross_validated(_lengths(texts), truth, seed, penalty=0.1),
        "TF-IDF + LR": _cross_validated(_tfidf(texts), truth, seed, penalty=0.3),
    }


def _lengths(texts: Sequence[Sequence[str]]) -> Any:
    rows = [
        [len(t), np.mean([len(m) for m in t]), max(len(m) for m in t), sum(len(m) for m in t)] for t in texts
    ]
    x = np.log1p(np.array(rows, dtype=float))
    x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    return np.hstack([x, np.ones((len(x), 1))])


def _tfidf(texts: Sequence[Sequence[str]]) -> Any:
    grams = [[m[i : i + n] for m in t for n in (1, 2, 3) for i in range(len(m) - n + 1)] for t in texts]
    seen: dict[str, int] = {}
    for bag in grams:
        for gram in set(bag):
            seen[gram] = seen.get(gram, 0) + 1
    column = {gram: i for i, gram in enumerate(sorted(g for g, n in seen.items() if n >= 2))}
    x = np.zeros((len(texts), len(column)))
    for row, bag in enumerate(grams):
        for gram in bag:
            if gram in column:
                x[row, column[gram]] += 1
    x = np.where(x > 0, 1 + np.log(np.maximum(x, 1)), 0)
    x *= np.log((1 + len(texts)) / (1 + (x > 0).sum(0))) + 1
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def _cross_validated(x: Any, truth: Any, seed: int, penalty: float) -> Any:
    order = np.random.default_rng(seed).permutation(len(truth))
    predicted = np.zeros(len(truth), dtype=int)
    for fold in range(FOLDS):
        test = order[fold::FOLDS]
        train = np.setdiff1d(order, test)
        if not len(train) or not len(test):
            continue
        y = np.eye(len(LABELS))[truth[train]]
        balance = (len(train) / len(LABELS) / np.maximum(1, y.sum(0)))[truth[train]][:, None]
        weights = descend(x[train], y, balance, np.random.default_rng(seed), penalty=penalty, steps=150)
        predicted[test] = (x[test] @ weights).argmax(axis=1)
    return predicted
