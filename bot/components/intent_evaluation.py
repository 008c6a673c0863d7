"""Measures how well intents are told apart: ``python -m bot.components.intent_evaluation``.

Cross-validation over the project's own sentences, twice: over random parts, and over parts that keep
similarly worded sentences of an intent together, so that no test sentence has a near twin in training. The
second is nearer to what shoppers write.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bot.components import intent_model
from bot.components.intent_model import Array, IntentModel
from bot.components.intent_text import grams, normal
from bot.components.training import ROOT

_ANNOTATION = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")

#: Sentences of an intent whose n-grams are this alike (cosine, on average) stay together.
ALIKE = 0.15


def sentences(root: Path = ROOT) -> tuple[list[str], list[str]]:
    """Return the training sentences without their annotations, and their intents."""
    texts: list[str] = []
    intents: list[str] = []
    for path in sorted((root / "nlu_data/nlu").glob("*.yml")):
        for part in yaml.safe_load(path.read_text("utf-8")).get("nlu") or ():
            for line in str(part.get("examples", "")).splitlines() if "intent" in part else ():
                if line.strip().startswith("- "):
                    texts.append(_ANNOTATION.sub(r"\1", line.strip()[2:]))
                    intents.append(part["intent"])
    return texts, intents


def families(texts: Sequence[str], intents: Sequence[str]) -> list[int]:
    """Return for each sentence the number of its family: sentences of one intent in similar words."""
    from sklearn.cluster import AgglomerativeClustering  # type: ignore[import-untyped]
    from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-untyped]

    figures = TfidfVectorizer(analyzer="char", ngram_range=(1, 2)).fit_transform(texts)
    found = np.zeros(len(texts), dtype=int)
    count = 0
    for intent in sorted(set(intents)):
        rows = [i for i, other in enumerate(intents) if other == intent]
        distance = np.clip(1 - (figures[rows] @ figures[rows].T).toarray(), 0, None)
        cut = AgglomerativeClustering(
            n_clusters=None, affinity="precomputed", linkage="average", distance_threshold=1 - ALIKE
        )
        found[rows] = cut.fit_predict(distance) + count
        count = int(found.max()) + 1
    return [int(number) for number in found]


def splits(intents: Sequence[str], groups: Sequence[int] | None, folds: int) -> Iterator[tuple[Any, Any]]:
    """Yield rows to train on and rows to test on."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # type: ignore[import-untyped]

    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    parts = kind(5, shuffle=True, random_state=1).split(np.zeros(len(intents)), intents, groups)
    for index, part in enumerate(parts):
        if index < folds:
            yield part


def compare(texts: Sequence[str], intents: Sequence[str], folds: int, say: Callable[[str], None]) -> None:
    """Tell the accuracy of each method for both ways of splitting."""
    plain = [normal(text) for text in texts]
    encode = intent_model.sentence_encoder()
    began = time.process_time()
    vectors = np.vstack([encode([text]) for text in plain])
    say(f"{len(texts)} sentences, {len(set(intents))} intents; a vector takes "
        f"{(time.process_time() - began) / len(texts) * 1000:.1f} ms of CPU")  # fmt: skip
    known = dict(zip(plain, vectors, strict=True))

    def remembered(batch: list[str]) -> Array:
        return np.vstack([known[text] for text in batch])

    for name, groups in (("random parts", None), ("unlike words", families(texts, intents))):
        right: dict[str, list[bool]] = {}
        sure: list[tuple[float, bool]] = []
        for train, test in splits(intents, groups, folds):
            model = intent_model.train([texts[i] for i in train], [intents[i] for i in train], remembered)
            counts = _counting([plain[i] for i in train], [intents[i] for i in train])
            for i in test:
                guesses = {"counted n-grams": counts(plain[i]), **_guesses(model, plain[i], known[plain[i]])}
                for method, guess in guesses.items():
                    right.setdefault(method, []).append(guess == intents[i])
                chances = model.probabilities(plain[i], remembered)
                sure.append((float(chances.max()), model.labels[int(chances.argmax())] == intents[i]))
        for method, outcomes in right.items():
            say(f"{name}: {method:18s} {np.mean(outcomes):.1%}")
        for threshold in (0.3, 0.35, 0.4, 0.5):
            told = [hit for chance, hit in sure if chance >= threshold]
            share, hits = len(told) / len(sure), np.mean(told)
            say(f"{name}: from {threshold} on    {share:.0%} answered, {hits:.1%} right")


def _guesses(model: IntentModel, plain: str, vector: Array) -> dict[str, str]:
    by_grams = model.log_by_grams(plain)
    by_vector = model.log_by_vector(vector)
    share = intent_model.VECTOR_SHARE
    scores = {
        "n-grams": by_grams,
        "vectors": by_vector,
        "both": (1 - share) * by_grams + share * by_vector,
    }
    return {name: model.labels[int(score.argmax())] for name, score in scores.items()}


def _counting(texts: Sequence[str], intents: Sequence[str]) -> Callable[[str], str]:
    """Return what Rasa's CountVectorsFeaturizer and LogisticRegressionClassifier amount to."""
    from sklearn.feature_extraction import DictVectorizer  # type: ignore[import-untyped]
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    counter = DictVectorizer(dtype=np.float32)
    model = LogisticRegression(class_weight="balanced", max_iter=100, tol=1e-3)
    model.fit(counter.fit_transform([grams(text) for text in texts]), intents)
    return lambda text: str(model.predict(counter.transform([grams(text)]))[0])


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5, choices=range(1, 6), help="how many of five parts")
    compare(*sentences(), parser.parse_args().folds, lambda line: print(line, flush=True))


if __name__ == "__main__":
    main()
