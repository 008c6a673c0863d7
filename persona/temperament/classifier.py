"""The trained part: a linear model of the tone of a whole conversation over character n-grams.

A message is a bag of character n-grams, each once, weighted by inverse document frequency. The conversation
so far is the sum of its messages, and its score for a type against "no style" is ``w[t] · Σ x_m / sqrt(Σ
|x_m|² + MASS)``: the length of a conversation does not push, and a first short message pushes little. Two
running sums (:class:`Tone`) are all that is kept, so the cost of a message does not grow with the
conversation. A file holds plain arrays (``numpy.load(allow_pickle=False)``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from persona.temperament.types import TYPES

#: Longest n-gram.
LONGEST = 3

#: Squared length that is added to a conversation's before it is normalised: what five characters
#: weigh.
MASS = 300.0

FloatArray = NDArray[np.float64]


def ngrams(own: str) -> set[str]:
    """Return the character n-grams of a message's own words (normal form), with its ends marked.

    Exclamation marks end a sentence like a full stop: shouting is a mood, and every type may shout.
    """
    text = "\n" + " ".join(own.replace("!!", "!").replace("!", "。").split()) + "\n"
    return {text[i : i + n] for n in range(1, LONGEST + 1) for i in range(len(text) - n + 1)} - {"\n"}


@dataclass(frozen=True)
class Tone:
    """Running sums of a conversation: `sums` per type (w · Σ x) and the `mass` (Σ |x|²)."""

    sums: tuple[float, ...] = (0.0,) * len(TYPES)
    mass: float = 0.0

    def score(self) -> tuple[float, ...]:
        """Return the log-odds of each type against "no style" that the conversation so far gives."""
        length = float(np.sqrt(self.mass + MASS))
        return tuple(s / length for s in self.sums)

    def faded(self, factor: float) -> Tone:
        """Return the tone with older words counting `factor`."""
        return Tone(tuple(s * factor for s in self.sums), self.mass * factor * factor)

    def plus(self, other: Tone) -> Tone:
        """Return the tone after further words."""
        return Tone(tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)), self.mass + other.mass)

    def flat(self) -> tuple[float, ...]:
        """Return the figures as a belief carries them; :meth:`of` reads them back."""
        return (*self.sums, self.mass) if self.mass else ()

    @classmethod
    def of(cls, figures: Sequence[float]) -> Tone:
        """Read the figures of :meth:`flat`; anything else is no tone yet."""
        return cls(tuple(figures[:-1]), figures[-1]) if len(figures) == len(TYPES) + 1 else cls()


class Classifier:
    """Weighs the n-grams of messages."""

    def __init__(self, grams: Sequence[str], idf: FloatArray, weights: FloatArray, source: str) -> None:
        """Take the n-grams, their idf (n), their weights (n, 4) and the hash of what they were trained on."""
        self.source = source
        self._rows = {gram: i for i, gram in enumerate(grams)}
        self._square = idf**2
        self._weighted = weights * idf[:, None]

    @classmethod
    def load(cls, folder: Path) -> Classifier:
        """Load the one model in `folder`; FileNotFoundError without one, ValueError where it is not one."""
        files = sorted(folder.glob("tone-*.npz"))
        if not files:
            raise FileNotFoundError(f"no temperament model in {folder}: train it")
        with np.load(files[-1], allow_pickle=False) as data:
            content: dict[str, Any] = {name: data[name] for name in data.files}
        if content["weights"].shape != (len(content["grams"]), len(TYPES)):
            raise ValueError(f"{files[-1].name}: weights do not fit the n-grams")
        # A file stores no trailing newline characters problem-free only as code points: see `training`.
        grams = ["".join(map(chr, row[row > 0])) for row in content["grams"]]
        idf, weights = content["idf"].astype(np.float64), content["weights"].astype(np.float64)
        return cls(grams, idf, weights, str(content["source"]))

    def tone(self, own: str) -> Tone:
        """Return the tone of one message's own words."""
        rows = [row for gram in ngrams(own) if (row := self._rows.get(gram)) is not None]
        if not rows:
            return Tone()
        rows.sort()  # a set's order is not the same in every process; sums shall be
        return Tone(tuple(self._weighted[rows].sum(axis=0).tolist()), float(self._square[rows].sum()))
