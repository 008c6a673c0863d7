"""Turns labelled conversations into the arrays that the figures of the engine are fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s

import numpy as np

from persona.temperament.assess import CONTEXT_TURNS, Conversation
from persona.temperament.belief import REMEMBERED
from persona.temperament.classifier import Classifier, Tone, ngrams
from persona.temperament.corpus import LABELS
from persona.temperament.lexicon import Cue
from persona.temperament.optimise import Floats
from persona.temperament.posterior import Arrays
from persona.temperament.reader import Measured, Reader
from persona.temperament.style import FEATURES
from persona.temperament.training import fit
from persona.temperament.types import TYPES

#: Folds in which the classifier scores conversations that it was not trained on.
FOLDS = 5

#: (cue, words that matched).
Phrase = tuple[str, str]


@dataclass(frozen=True)
class Example:
    """A labelled conversation, measured: `label` is the index in LABELS, `messages` are those that count."""

    id: str
    label: int
    messages: tuple[Measured, ...]


def measured(name: str, label: str, conversation: Conversation, reader: Reader) -> Example:
    """Measure a conversation as `reader` would read it."""
    out = []
    for i, turn in enumerate(conversation.turns):
        if turn.who == "shopper":
            context = conversation.turns[max(0, i - CONTEXT_TURNS) : i]
            found = reader.measure(turn.text, context=context, at=turn.at)
            if found is not None:
                out.append(found)
    return Example(name, LABELS.index(label), tuple(out))


def phrases(example: Example) -> set[Phrase]:
    """Return the words by which each cue was found."""
    return {(hit.cue.id, m.text[hit.start : hit.end]) for m in example.messages for hit in m.hits}


def shared(examples: Sequence[Example]) -> set[Phrase]:
    """Return the phrases that at least two of the conversations hold."""
    seen: dict[Phrase, int] = {}
    for example in examples:
        for phrase in phrases(example):
            seen[phrase] = seen.get(phrase, 0) + 1
    return {phrase for phrase, times in seen.items() if times > 1}


def classifier_of(examples: Sequence[Example], seed: int) -> Classifier:
    """Train the classifier on these conversations, as :mod:`persona.temperament.training` does."""
    bags = [[ngrams(m.own) for m in e.messages] for e in examples]
    grams, idf, weights = fit(bags, [e.label for e in examples], seed)
    return Classifier(grams, idf, weights, "")


def tones(example: Example, classifier: Classifier, forget: float) -> list[tuple[float, ...]]:
    """Return the classifier's score after each message."""
    out, tone = [], Tone()
    for message in example.messages:
        tone = tone.faded(forget).plus(classifier.tone(message.own))
        out.append(tone.score())
    return out


def unseen_tones(examples: Sequence[Example], forget: float, seed: int) -> dict[str, list[tuple[float, ...]]]:
    """Return the scores of each conversation by a classifier that was trained without it."""
    fold = [blake2s(e.id.encode(), digest_size=4).digest()[0] % FOLDS for e in examples]
    out: dict[str, list[tuple[float, ...]]] = {}
    for k in range(FOLDS):
        rest = [e for e, f in zip(examples, fold, strict=True) if f != k]
        classifier = classifier_of(rest, seed)
        out |= {e.id: tones(e, classifier, forget) for e, f in zip(examples, fold, strict=True) if f == k}
    return out


def arrays(
    examples: Sequence[Example],
    scores: Mapping[str, Sequence[Sequence[float]]],
    cues: Sequence[Cue],
    repeat: float,
    counts: Callable[[Cue, str], bool] = lambda cue, words: True,
) -> Arrays:
    """Lay conversations out as arrays, with the discounts of :func:`persona.temperament.belief.discounted`.

    Args:
        examples: conversations with at least one message that counts.
        scores: the classifier's scores after each message, by id.
        cues: the lexicon.
        repeat: factor on a cue for each time it was seen recently.
        counts: whether a cue counts that was found by these words.
    """
    column = {cue.id: i for i, cue in enumerate(cues)}
    rows: list[Floats] = []
    style: list[Floats] = []
    for example in examples:
        seen: list[str] = []
        for place, message in enumerate(example.messages):
            row = np.zeros(len(cues))
            here: list[str] = []
            for hit in message.hits:
                if counts(hit.cue, message.text[hit.start : hit.end]):
                    name = hit.cue.id
                    row[column[name]] += repeat ** (here.count(name) + seen.count(name))
                    here.append(name)
            rows.append(row)
            style.append(np.array(message.style.vector) / np.sqrt(1 + place))
            seen = [*seen, *dict.fromkeys(here)][-REMEMBERED:]
    length = np.array([len(e.messages) for e in examples])
    return Arrays(
        cues=np.array(rows).reshape(-1, len(cues)),
        style=np.array(style).reshape(-1, len(FEATURES)),
        tone=np.array([s for e in examples for s in scores[e.id]]).reshape(-1, len(TYPES)),
        first=np.cumsum(length) - length,
        length=length,
        label=np.array([e.label for e in examples]),
    )
