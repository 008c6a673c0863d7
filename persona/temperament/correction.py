"""A person's correction of the belief: strong evidence, served at once, and still no last word.

Whoever corrects has seen the words that the engine had read, so these words are not counted against the
judgement a second time: what had spoken against it is dropped, what had spoken for it stays, and the
correction itself adds ``w`` nats. With ``E`` the evidence so far and ``c`` the corrected type::

    E'[c] = max(E[c], min(max(E[c], 0) + w, 2 w))        E'[t] = min(E[t], 0)  for every other type

so corrections that are repeated stay bounded. For "none" (no style shows) every type comes to stand ``w``
nats under silence, and the prior becomes even, since silence would otherwise leave the shopper where history
put him. What is said afterwards counts as ever: the correction fades like all evidence, and long contrary
evidence overrules it. How it enters the prior of *later* conversations stands in
:mod:`persona.temperament.history`.
"""

from __future__ import annotations

import math
from dataclasses import replace

from persona.temperament.types import TYPES, Belief, Evidence, Temperament

#: Who may correct, and by how many nats. One clear message brings up to about five, and a single one shall
#: not undo what a person has said.
WEIGHTS = {"agent": 5.0, "shopper": 5.0}

#: What a correction may say: a type, or "none" where no style shows.
LABELS: tuple[str, ...] = (*(kind.value for kind in TYPES), "none")


def corrected(belief: Belief, label: str, by: str) -> Belief:
    """Return the belief after a person's correction; the corrected type is served at once.

    Args:
        belief: the belief of the conversation so far.
        label: one of :data:`LABELS`.
        by: "agent" or "shopper".

    Returns:
        the belief to carry into the next message; what was said so far speaks for no other type any more.

    Raises:
        ValueError: an unknown label or corrector.
    """
    weight = _weight(label, by)
    if label == "none":
        even = math.log(1 / len(TYPES))
        return replace(
            belief,
            prior=(even, even, even, even),
            evidence=(-weight, -weight, -weight, -weight),
            turns=0,
            tone=(),
            served=None,
        )
    kind = Temperament(label)
    power, perfect, peace, lively = (
        max(x, min(max(x, 0.0) + weight, 2 * weight)) if t is kind else min(x, 0.0)
        for t, x in zip(TYPES, belief.evidence, strict=True)
    )
    return replace(belief, evidence=(power, perfect, peace, lively), turns=0, tone=(), served=kind)


def correction_evidence(label: str, by: str) -> tuple[Evidence, ...]:
    """Return what a correction adds, in the form of evidence (cue ``correction:<by>``); () for "none".

    Raises:
        ValueError: an unknown label or corrector.
    """
    weight = _weight(label, by)
    return () if label == "none" else (Evidence(f"correction:{by}", "", -1, -1, Temperament(label), weight),)


def _weight(label: str, by: str) -> float:
    if label not in LABELS:
        raise ValueError(f"a correction must be one of {', '.join(LABELS)}, not {label!r}")
    if by not in WEIGHTS:
        raise ValueError(f"a correction comes from {' or '.join(WEIGHTS)}, not {by!r}")
    return WEIGHTS[by]
