"""Trains the classifier from the corpus: seconds, numpy only, the same file every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from persona.temperament import corpus
from persona.temperament.classifier import LONGEST, MASS, FloatArray, ngrams
from persona.temperament.normalise import Normaliser
from persona.temperament.ownwords import foreign_spans, own_text
from persona.temperament.types import TYPES

#: Changes with the method, so that a model of an older method is trained anew.
METHOD = "5"

#: n-grams that fewer conversations hold are left out.
MIN_CONVERSATIONS = 2

#: Ridge penalty on the weights.
PENALTY = 2.0

#: Steps of the optimiser.
STEPS = 200


def fingerprint(corpus_root: Path) -> str:
    """Return the hash of everything a model depends on; `corpus_root` is ``nlu_data/temperament``."""
    digest = blake2s(digest_size=8)
    digest.update(METHOD.encode())
    digest.update((corpus_root / "emoji.yml").read_bytes())
    digest.update(corpus.fingerprint(corpus_root / "corpus").encode())
    return digest.hexdigest()


def is_current(corpus_root: Path, model_dir: Path | None = None) -> bool:
    """Return whether the stored model was trained on what `corpus_root` holds now."""
    return ((model_dir or corpus_root / "model") / f"tone-{fingerprint(corpus_root)}.npz").is_file()


def train(corpus_root: Path, out_dir: Path, seed: int = 0) -> Path:
    """Train on the corpus's conversations that are not held back and store the model.

    Args:
        corpus_root: ``nlu_data/temperament``.
        out_dir: where ``tone-<hash>.npz`` goes; models of other content there are removed.
        seed: starts the weights; the problem is convex, so it changes nothing that can be noticed.

    Returns:
        the file. Takes some seconds.
    """
    conversations = [c for c in corpus.load(corpus_root / "corpus") if not c.held_back]
    own = own_words(Normaliser.load(corpus_root))
    bags = [[ngrams(own(t.text)) for t in c.turns if t.who == "shopper"] for c in conversations]
    labels = [corpus.LABELS.index(c.label) for c in conversations]
    grams, idf, weights = fit(bags, labels, seed)
    out_dir.mkdir(parents=True, exist_ok=True)
    path = out_dir / f"tone-{fingerprint(corpus_root)}.npz"
    part = out_dir / f"{path.name}.part"
    codes = np.zeros(
        (len(grams), LONGEST), dtype=np.uint32
    )  # numpy strings would lose a trailing NUL or newline
    for row, gram in enumerate(grams):
        codes[row, : len(gram)] = [ord(c) for c in gram]
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            grams=codes,
            idf=idf.astype(np.float32),
            weights=weights.astype(np.float32),
            source=np.array(fingerprint(corpus_root)),
        )
    part.replace(path)
    for other in out_dir.glob("tone-*.npz"):
        if other != path:
            other.unlink()
    return path


def own_words(normalise: Normaliser) -> Callable[[str], str]:
    """Return the function that gives a message's own words in normal form."""

    def own(text: str) -> str:
        normal = normalise(text)
        return own_text(normal, foreign_spans(normal))

    return own


def fit(
    bags: Sequence[Sequence[set[str]]], labels: Sequence[int], seed: int
) -> tuple[list[str], FloatArray, FloatArray]:
    """Fit a softmax regression with ridge penalty, classes balanced.

    Args:
        bags: for each conversation the n-grams of each message.
        labels: for each conversation the index in LABELS.
        seed: of the starting weights.

    Returns:
        the n-grams, their idf, and their weights for each type against "none".
    """
    seen = Counter(gram for bag in bags for gram in set().union(*bag))
    grams = sorted(gram for gram, n in seen.items() if n >= MIN_CONVERSATIONS)
    column = {gram: i for i, gram in enumerate(grams)}
    idf = np.array([np.log((1 + len(bags)) / (1 + seen[gram])) + 1 for gram in grams])
    x = _features(bags, column, idf)
    y = np.eye(len(corpus.LABELS))[list(labels)]
    balance = (len(bags) / len(corpus.LABELS) / np.maximum(1, y.sum(0)))[list(labels)][:, None]
    weights = descend(x, y, balance, np.random.default_rng(seed))
    silent = len(corpus.LABELS) - 1
    return grams, idf, (weights - weights[:, silent : silent + 1])[:, : len(TYPES)]


@dataclass(frozen=True)
class Sparse:
    """A matrix with few entries that are not 0: `values` at (`rows`, `columns`); doubles add up."""

    rows: NDArray[np.int_]
    columns: NDArray[np.int_]
    values: FloatArray
    shape: tuple[int, int]

    @property
    def T(self) -> Sparse:  # noqa: N802  (as numpy calls it)
        """Return the transposed matrix."""
        return Sparse(self.columns, self.rows, self.values, (self.shape[1], self.shape[0]))

    def __matmul__(self, other: FloatArray) -> FloatArray:
        """Return the product with a dense matrix of few columns."""
        return np.stack(
            [
                np.bincount(self.rows, self.values * part[self.columns], minlength=self.shape[0])
                for part in other.T
            ],
            axis=1,
        )


def _features(bags: Sequence[Sequence[set[str]]], column: Mapping[str, int], idf: FloatArray) -> Sparse:
    """The features of whole conversations, as :mod:`persona.temperament.classifier` defines them."""
    rows, columns, values = [], [], []
    for row, bag in enumerate(bags):
        found = [sorted(column[gram] for gram in message if gram in column) for message in bag]
        flat = np.array([c for message in found for c in message], dtype=int)
        rows.append(np.full(len(flat), row))
        columns.append(flat)
        values.append(idf[flat] / np.sqrt(MASS + float((idf[flat] ** 2).sum())))
    return Sparse(
        np.concatenate(rows), np.concatenate(columns), np.concatenate(values), (len(bags), len(idf))
    )


def descend(
    x: FloatArray | Sparse,
    y: FloatArray,
    balance: FloatArray,
    rng: np.random.Generator,
    *,
    penalty: float = PENALTY,
    steps: int = STEPS,
) -> FloatArray:
    """Fit a weighted softmax regression: accelerated gradient descent (Nesterov 1983).

    Args:
        x: features (n, d).
        y: one-hot labels (n, k).
        balance: weights of the rows (n, 1).
        rng: for the starting weights.
        penalty: of the squared weights.
        steps: how many.

    Returns:
        weights (d, k).
    """
    curvature = 0.5 * _largest_eigenvalue(x, balance) + penalty
    weights = rng.normal(0, 1e-3, (x.shape[1], y.shape[1]))
    ahead = weights
    for step in range(steps):
        logits = x @ ahead
        logits -= logits.max(axis=1, keepdims=True)
        chance = np.exp(logits)
        chance /= chance.sum(axis=1, keepdims=True)
        moved = ahead - (x.T @ ((chance - y) * balance) + penalty * ahead) / curvature
        ahead = moved + step / (step + 3) * (moved - weights)
        weights = moved
    return weights


def _largest_eigenvalue(x: FloatArray | Sparse, balance: FloatArray) -> float:
    """Bound the largest eigenvalue of ``xᵀ diag(balance) x``: power iteration, and a tenth more."""
    vector = np.ones((x.shape[1], 1))
    size = 0.0
    for _ in range(30):
        vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
        vector = x.T @ ((x @ vector) * balance)
        size = float(np.linalg.norm(vector))
    return 1.1 * size
