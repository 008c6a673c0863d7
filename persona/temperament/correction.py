"""A person's correction of the belief: strong evidence, served at once, and still no last word.

Whoever corrects has seen the words that the engine had read, so these words are not counted against the
judgement a second time: what had spoken against it is dropped, what had spoken for it stays (``E`` is the
evidence so far, ``c`` the corrected type)::

    E'[c] = max(E[c], 0)        E'[t] = min(E[t], 0)  for every other type

The correction itself stands in the prior (:func:`persona.temperament.belief.prior_of`), :data:`WEIGHT` nats
for the type: ordinary messages, which show no style, leave a shopper where the prior puts him, and must not
wear a correction down. "None" (no style) makes the prior even and puts every type as much under silence.
Long contrary evidence overrules it. It survives a history that becomes known later in the conversation. How
it enters the prior of *later* conversations stands in :mod:`persona.temperament.history`.

What was dropped is set aside (:class:`persona.temperament.types.Aside`) and fades there as it would have
faded in the belief. So a correction can be lifted: :func:`lifted` adds it again, and the belief is what the
words alone make it, those before the correction and those since.
"""

from __future__ import annotations

from dataclasses import replace

from persona.temperament.belief import served, vector
from persona.temperament.calibration import BeliefFigures
from persona.temperament.classifier import Tone
from persona.temperament.types import TYPES, Aside, Belief, Evidence, Temperament

#: How many nats a correction is worth: what the clearest single message brings (against silence, under the
#: figures of ``calibration.yml``), for a single one shall not undo what a person has said. Two to four do.
WEIGHT = 12.0

#: Who may correct.
CORRECTORS = ("agent", "shopper")

#: What a correction may say: a type, or "none" where no style shows.
LABELS: tuple[str, ...] = (*(kind.value for kind in TYPES), "none")


def corrected(belief: Belief, label: str, by: str) -> Belief:
    """Return the belief after a person's correction; the corrected type is served at once.

    Args:
        belief: the belief of the conversation so far.
        label: one of :data:`LABELS`.
        by: one of :data:`CORRECTORS`.

    Returns:
        the belief to carry into the next message. A later correction replaces an earlier one; the same one
        twice changes nothing.

    Raises:
        ValueError: an unknown label or corrector.
    """
    _check(label, by)
    kind = None if label == "none" else Temperament(label)
    left = vector(
        max(x, 0.0) if t is kind else min(x, 0.0 if kind else -WEIGHT)
        for t, x in zip(TYPES, belief.evidence, strict=True)
    )
    before = belief.aside or Aside((0.0, 0.0, 0.0, 0.0))
    return replace(
        belief,
        evidence=left,
        turns=0,
        tone=(),
        served=kind,
        corrected=tuple(WEIGHT if t is kind else 0.0 for t in TYPES),
        aside=Aside(
            vector(a + x - y for a, x, y in zip(before.evidence, belief.evidence, left, strict=True)),
            before.turns + belief.turns,
            Tone.of(before.tone).plus(Tone.of(belief.tone)).flat(),
        ),
    )


def lifted(belief: Belief, figures: BeliefFigures) -> Belief:
    """Return the belief as if nobody had corrected it in this conversation; what is served is decided anew.

    Exact but for habits of style in the messages after the correction, which had counted as those of a
    conversation just begun. A belief that bears no correction stays as it is.
    """
    if not belief.corrected:
        return belief
    aside = belief.aside or Aside((0.0, 0.0, 0.0, 0.0))
    bare = replace(
        belief,
        evidence=vector(x + y for x, y in zip(belief.evidence, aside.evidence, strict=True)),
        turns=belief.turns + aside.turns,
        tone=Tone.of(aside.tone).plus(Tone.of(belief.tone)).flat(),
        served=None,
        corrected=(),
        aside=None,
    )
    return replace(bare, served=served(bare, figures))


def word_of(belief: Belief) -> str | None:
    """Return the label that a correction in this conversation gave; None without one."""
    if len(belief.corrected) != len(TYPES):
        return None
    return next((t.value for t, x in zip(TYPES, belief.corrected, strict=True) if x > 0), "none")


def correction_evidence(label: str, by: str) -> tuple[Evidence, ...]:
    """Return what a correction adds, in the form of evidence (cue ``correction:<by>``); () for "none".

    Raises:
        ValueError: an unknown label or corrector.
    """
    _check(label, by)
    return () if label == "none" else (Evidence(f"correction:{by}", "", -1, -1, Temperament(label), WEIGHT),)


def _check(label: str, by: str) -> None:
    if label not in LABELS:
        raise ValueError(f"a correction must be one of {', '.join(LABELS)}, not {label!r}")
    if by not in CORRECTORS:
        raise ValueError(f"a correction comes from {' or '.join(CORRECTORS)}, not {by!r}")
