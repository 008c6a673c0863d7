"""The belief over many conversations at once, as arrays, and its maximum-a-posteriori fit: numpy only.

Repeats the formula of :mod:`persona.temperament.belief` over many conversations at once, with its gradient; a
test holds the two to the same probabilities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from persona.temperament.corpus import LABELS
from persona.temperament.optimise import Floats, minimise
from persona.temperament.types import TYPES

Ints = NDArray[np.int_]

#: Index of the label "none".
NONE = LABELS.index("none")


@dataclass(frozen=True)
class Arrays:
    """Conversations as arrays; one row for each shopper message that counts, in order.

    Attributes:
        cues: (m, cues) how much each cue counts in each message, repetition discounted.
        style: (m, features) features of style, habit discounted.
        tone: (m, 4) score of the classifier for the conversation so far.
        first: (n) row of each conversation's first message.
        length: (n) messages of each conversation, at least 1.
        label: (n) index in LABELS.
    """

    cues: Floats
    style: Floats
    tone: Floats
    first: Ints
    length: Ints
    label: Ints

    def __len__(self) -> int:
        return len(self.label)

    @property
    def place(self) -> Ints:
        """Return for each row which message of its conversation it is, from 0."""
        return np.arange(len(self.cues)) - np.repeat(self.first, self.length)

    def after(self, turn: int) -> Ints:
        """Return for each conversation the row after shopper message `turn` (0: the last one)."""
        return self.first + (self.length if turn == 0 else np.minimum(turn, self.length)) - 1

    def rows(self, chosen: Ints) -> Ints:
        """Return the rows of the conversations at these indices."""
        parts = [np.arange(self.first[i], self.first[i] + self.length[i]) for i in chosen]
        return np.concatenate([*parts, np.arange(0)])

    def take(self, chosen: Ints) -> Arrays:
        """Return the conversations at these indices."""
        rows = self.rows(chosen)
        length = self.length[chosen]
        return Arrays(
            self.cues[rows],
            self.style[rows],
            self.tone[rows],
            np.cumsum(length) - length,
            length,
            self.label[chosen],
        )

    def plus(self, other: Arrays) -> Arrays:
        """Return both, these first."""
        return Arrays(
            np.concatenate([self.cues, other.cues]),
            np.concatenate([self.style, other.style]),
            np.concatenate([self.tone, other.tone]),
            np.concatenate([self.first, other.first + len(self.cues)]),
            np.concatenate([self.length, other.length]),
            np.concatenate([self.label, other.label]),
        )


@dataclass(frozen=True)
class Weights:
    """What is fitted.

    Attributes:
        cues: (cues) nats of one occurrence.
        style: (features, 4) nats of a full feature.
        lean: (4) intercepts of the types.
        tone: factor on the score of the classifier.
        silent: log-odds of silence before any word.
    """

    cues: Floats
    style: Floats
    lean: Floats
    tone: float
    silent: float

    def flat(self) -> Floats:
        """Return all in one vector."""
        return np.concatenate([self.cues, self.style.ravel(), self.lean, [self.tone, self.silent]])

    def filled(self, flat: Floats) -> Weights:
        """Return weights of this shape from such a vector."""
        k, f = len(self.cues), self.style.size
        return Weights(
            flat[:k],
            flat[k : k + f].reshape(self.style.shape),
            flat[k + f : k + f + 4],
            float(flat[-2]),
            float(flat[-1]),
        )


@dataclass(frozen=True)
class Fixed:
    """What is chosen, not fitted.

    Attributes:
        kind: (cues) index of the type that each cue speaks for.
        forget: see :class:`persona.temperament.calibration.BeliefFigures`.
        cap: likewise.
    """

    kind: Ints
    forget: float
    cap: float


def evidence(w: Weights, data: Arrays, fixed: Fixed) -> tuple[Floats, Floats]:
    """Return (m, 4) the whole evidence against silence after each message, and the slope of its cap."""
    sums = (data.cues * w.cues) @ np.eye(4)[fixed.kind] + data.style @ w.style
    bent = np.tanh(sums / fixed.cap)
    kept = fixed.cap * bent
    for rows in _places(data):
        kept[rows] += fixed.forget * kept[rows - 1]
    return kept + w.tone * data.tone + _ramp(data)[:, None] * w.lean, 1 - bent**2


def _ramp(data: Arrays) -> Floats:
    """Return how much of the intercepts counts after each message."""
    n = data.place + 1.0
    return n / (n + 2)


def _places(data: Arrays) -> list[Ints]:
    """Return the rows of all second messages, of all third ones, and so on."""
    place = data.place
    return [np.flatnonzero(place == k) for k in range(1, int(data.length.max()))]


def states(w: Weights, data: Arrays, fixed: Fixed) -> Floats:
    """Return (m, 5) the probabilities of the four types and of silence after each message, prior even."""
    whole, _ = evidence(w, data, fixed)
    return _softmax(_logits(w, whole))


def types_of(states: Floats) -> Floats:
    """Return (m, 4) the probabilities of the types, silence shared evenly among them."""
    shared: Floats = states[:, :4] + states[:, 4:] / len(TYPES)
    return shared


def _logits(w: Weights, whole: Floats) -> Floats:
    spoken = -np.logaddexp(0.0, w.silent) - np.log(len(TYPES))
    silent = -np.logaddexp(0.0, -w.silent)
    return np.hstack([whole + spoken, np.full((len(whole), 1), silent)])


def _softmax(logits: Floats) -> Floats:
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: Floats = chance / chance.sum(axis=1, keepdims=True)
    return result


@dataclass(frozen=True)
class Task:
    """What to fit.

    Attributes:
        data: the conversations.
        weight: (n) how much each counts.
        prior: means of the independent normal priors of the weights.
        spread: their standard deviations.
        fixed: what is not fitted.
        stages: (message, weight): where the loss is taken; message 0 is the last one.
    """

    data: Arrays
    weight: Floats
    prior: Weights
    spread: Weights
    fixed: Fixed
    stages: Sequence[tuple[int, float]]


def loss(w: Weights, task: Task) -> tuple[float, Weights]:
    """Return the weighted cross-entropy of the labels and its gradient."""
    data, fixed = task.data, task.fixed
    whole, slope = evidence(w, data, fixed)
    chance = _softmax(_logits(w, whole))
    total, back = 0.0, np.zeros_like(chance)
    for turn, share in task.stages:
        rows = data.after(turn)
        part = share * task.weight
        total -= float(part @ np.log(np.maximum(chance[rows, data.label], 1e-300)))
        push = chance[rows] - np.eye(5)[data.label]
        np.add.at(back, rows, push * part[:, None])
    moved = back[:, :4].copy()
    sigmoid = 1 / (1 + np.exp(-w.silent))
    silent = float(back[:, 4].sum() * (1 - sigmoid) - moved.sum() * sigmoid)
    lean, tone = _ramp(data) @ moved, float((data.tone * moved).sum())
    for rows in reversed(_places(data)):
        moved[rows - 1] += fixed.forget * moved[rows]
    moved *= slope
    cues = (data.cues.T @ moved)[np.arange(len(fixed.kind)), fixed.kind]
    return total, Weights(cues, data.style.T @ moved, lean, tone, silent)


def fit(task: Task, steps: int = 150) -> Weights:
    """Return the most probable weights, after at most so many steps."""
    prior = task.prior
    centre, precision = prior.flat(), task.spread.flat() ** -2.0

    def penalised(flat: Floats) -> tuple[float, Floats]:
        value, slope = loss(prior.filled(flat), task)
        away = flat - centre
        return value + 0.5 * float(precision @ away**2), slope.flat() + precision * away

    return prior.filled(minimise(penalised, centre, steps))
