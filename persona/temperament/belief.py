"""The belief over a conversation: a small Bayesian model, not a pile of ifs.

Hidden state ``z``: one of the four types, or "silent", where the words show no style and say nothing of the
type. Evidence is kept against silence: ``E[t] = log p(words | t) - log p(words | silent)``. After message
*n*::

    E_n[t] = forget · E_{n-1}[t] + cap · tanh( Σ_i w_i[t] · repeat^{k_i} / cap )

with ``w_i`` the calibrated log-likelihood ratio of cue *i* and ``k_i`` how often it was seen lately (a
naive Bayes update with tempered, saturating evidence; the discount answers the dependence of repeated
words, which naive Bayes
denies: Rennie et al. 2003, "Tackling the poor assumptions of naive Bayes text classifiers"; the fading of
old evidence is the power-steady model of West & Harrison 1997, ch. 10). With ``h`` the prior of the types
from history and ``s`` the prior of silence the posterior of the states, and from it of the types, is::

    P(t)      ∝ (1 - s) · h[t] · exp(E[t])          P(silent) ∝ s
    p(t)      = P(t) + P(silent) · h[t]

so that silent conversations leave a shopper where history put him. A type is served from ``p ≥ enter`` on,
kept while ``p ≥ leave``, and replaced only by one that reaches ``enter`` and leads by ``lead`` (a Schmitt
trigger: two thresholds so that noise around one of them does not toggle the output).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2s

from persona.temperament.calibration import BeliefFigures
from persona.temperament.types import TYPES, Belief, Evidence, Temperament

#: How many cue hashes a belief remembers.
REMEMBERED = 24

Vector = tuple[float, float, float, float]


def mark(cue: str, text: str) -> str:
    """Return the short hash under which a cue is remembered; the same words repeated share it."""
    return blake2s(f"{cue}\0{text}".encode("utf-8", "surrogatepass"), digest_size=3).hexdigest()


def vector(values: Iterable[float]) -> Vector:
    """Return four figures as the tuple that a belief holds."""
    power, perfect, peace, lively = values
    return (power, perfect, peace, lively)


def normalised(logs: Sequence[float]) -> Vector:
    """Return log-probabilities that sum to 1 from log-weights; not-finite weights count as 0."""
    logs = [x if math.isfinite(x) else 0.0 for x in logs]
    top = max(logs)
    total = top + math.log(sum(math.exp(x - top) for x in logs))
    return vector(x - total for x in logs)


def probabilities(belief: Belief, figures: BeliefFigures) -> Vector:
    """Return the posterior of the four types (order of TYPES); it sums to 1."""
    prior = [math.exp(x) for x in normalised(belief.prior)]
    logs = [
        math.log(max(h, 1e-12)) + min(50.0, max(-50.0, e))
        for h, e in zip(prior, belief.evidence, strict=True)
    ]
    logs = [math.log1p(-figures.silent) + x for x in logs] + [math.log(figures.silent)]
    top = max(logs)
    weights = [math.exp(x - top) for x in logs]
    total = sum(weights)
    silent = weights[4] / total
    mixed = [w / total + silent * h for w, h in zip(weights[:4], prior, strict=True)]
    scale = sum(mixed)
    return vector(p / scale for p in mixed)


def discounted(cues: Sequence[Evidence], seen: Sequence[str], repeat: float) -> list[Evidence]:
    """Return the evidence with each weight discounted by how often its cue was seen lately."""
    counts: dict[str, int] = {}
    for h in seen:
        counts[h] = counts.get(h, 0) + 1
    out = []
    for cue in cues:
        name = mark(cue.cue, "")
        out.append(replace(cue, weight=cue.weight * repeat ** counts.get(name, 0)))
    return out


def updated(belief: Belief, evidence: Sequence[Evidence], figures: BeliefFigures) -> Belief:
    """Return the belief after one message with this (discounted) evidence, its served type decided."""
    sums = dict.fromkeys(TYPES, 0.0)
    for item in evidence:
        sums[item.type] += item.weight
    moved = vector(
        figures.forget * old + figures.cap * math.tanh(sums[kind] / figures.cap)
        for kind, old in zip(TYPES, belief.evidence, strict=True)
    )
    fresh = tuple(dict.fromkeys(mark(e.cue, "") for e in evidence))
    after = replace(belief, evidence=moved, turns=belief.turns + 1, seen=(*belief.seen, *fresh)[-REMEMBERED:])
    return replace(after, served=served(after, figures))


def served(belief: Belief, figures: BeliefFigures) -> Temperament | None:
    """Return the type to serve, given the one served so far (hysteresis)."""
    chances = dict(zip(TYPES, probabilities(belief, figures), strict=True))
    best = max(TYPES, key=lambda kind: chances[kind])
    now = belief.served
    if now is not None and chances[now] >= figures.leave:
        if (
            best is not now
            and chances[best] >= figures.enter
            and chances[best] - chances[now] >= figures.lead
        ):
            return best
        return now
    return best if chances[best] >= figures.enter else None


def secondary(belief: Belief, figures: BeliefFigures) -> Temperament | None:
    """Return the second type where it is close, or None; never without a first."""
    if belief.served is None:
        return None
    chances = dict(zip(TYPES, probabilities(belief, figures), strict=True))
    rest = [kind for kind in TYPES if kind is not belief.served]
    best = max(rest, key=lambda kind: chances[kind])
    return best if chances[best] >= figures.second else None
