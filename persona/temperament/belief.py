"""The belief over a conversation: a small Bayesian model, not a pile of ifs.

Hidden state: one of the four types, or "silent", where the words show no style and say nothing of the type.
Evidence is kept against silence: ``E[t] = log p(words | t) - log p(words | silent)``. After message *n*,
with ``w_i`` the calibrated log-likelihood ratio of cue *i* and ``k_i`` how often it was seen lately::

    E_n[t] = forget · E_{n-1}[t] + cap · tanh( Σ_i w_i[t] · repeat^{k_i} / cap )
    L_n[t] = E_n[t] + tone · T_n[t] + lean[t] · n / (n + 2)

a naive Bayes update with tempered, saturating evidence: the discount answers the dependence of repeated
words, which naive Bayes denies (Rennie et al. 2003, "Tackling the poor assumptions of naive Bayes text
classifiers"); old evidence fades as in the power-steady model (West & Harrison 1997, ch. 10); ``T`` is the
score of the classifier, scaled and shifted as in Platt 1999 ("Probabilistic outputs for support vector
machines"). With ``h`` the prior of the types from history and ``s`` the prior of silence the posterior of
the states, and from it of the types, is::

    P(t) ∝ (1 - s) · h[t] · exp(L[t])        P(silent) ∝ s        p(t) = P(t) + P(silent) · h[t]

so that silent conversations leave a shopper where history put him. A type is served from ``p ≥ enter`` on
where a cue of the lexicon has spoken for it in this conversation, from ``p ≥ enter_bare`` on where only tone,
habits of style or history do: a second kind of witness, which an agent can be shown, earns the lower
threshold. It is kept while ``p ≥ leave``, and replaced only by one that may be served and leads by ``lead``
(a Schmitt trigger: two thresholds, so that noise around one of them does not toggle the output).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import blake2s

from persona.temperament.calibration import BeliefFigures
from persona.temperament.classifier import Tone
from persona.temperament.types import TYPES, Aside, Belief, Evidence, Temperament

#: How many cue hashes a belief remembers.
REMEMBERED = 24

#: What a person's correction leaves of the prior from history.
LEFT = 0.1

Vector = tuple[float, float, float, float]


def mark(cue: str) -> str:
    """Return the short hash under which a cue is remembered."""
    return blake2s(cue.encode(), digest_size=3).hexdigest()


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
    prior = [math.exp(x) for x in prior_of(belief)]
    evidence = evidence_of(belief, figures)
    logs = [math.log(max(h, 1e-12)) + min(50.0, max(-50.0, e)) for h, e in zip(prior, evidence, strict=True)]
    logs = [math.log1p(-figures.silent) + x for x in logs] + [math.log(figures.silent)]
    top = max(logs)
    weights = [math.exp(x - top) for x in logs]
    total = sum(weights)
    silent = weights[4] / total
    mixed = [w / total + silent * h for w, h in zip(weights[:4], prior, strict=True)]
    scale = sum(mixed)
    return vector(p / scale for p in mixed)


def prior_of(belief: Belief) -> Vector:
    """Return the log-probabilities of the types before any word: by history, and by a person's correction.

    A correction ``c`` leaves a tenth of what history says: ``0.1 · log h + c``.
    """
    if len(belief.corrected) != len(TYPES):
        return normalised(belief.prior)
    return normalised([LEFT * h + c for h, c in zip(belief.prior, belief.corrected, strict=True)])


def evidence_of(belief: Belief, figures: BeliefFigures) -> Vector:
    """Return the whole evidence of the words for each type against silence (L in the formula)."""
    if not belief.turns:
        return vector(belief.evidence)
    ramp = belief.turns / (belief.turns + 2)
    return vector(
        e + figures.tone * t + ramp * lean
        for e, t, lean in zip(belief.evidence, Tone.of(belief.tone).score(), figures.lean, strict=True)
    )


def discounted(
    cues: Sequence[Evidence], style: Sequence[Evidence], belief: Belief, repeat: float
) -> list[Evidence]:
    """Return the evidence of a message as it counts now.

    A cue counts `repeat` times less for each time it was seen lately. A feature of style is a habit that
    shows in every message, so message *n* counts ``1 / sqrt(n)`` of it.
    """
    counts: dict[str, int] = {}
    for h in belief.seen:
        counts[h] = counts.get(h, 0) + 1
    habit = 1 / math.sqrt(1 + belief.turns)
    return [replace(e, weight=e.weight * repeat ** counts.get(mark(e.cue), 0)) for e in cues] + [
        replace(e, weight=e.weight * habit) for e in style
    ]


def updated(belief: Belief, evidence: Sequence[Evidence], tone: Tone, figures: BeliefFigures) -> Belief:
    """Return the belief after one message with this (discounted) evidence, its served type decided."""
    sums = dict.fromkeys(TYPES, 0.0)
    for item in evidence:
        sums[item.type] += item.weight
    moved = vector(
        figures.forget * old + figures.cap * math.tanh(sums[kind] / figures.cap)
        for kind, old in zip(TYPES, belief.evidence, strict=True)
    )
    fresh = tuple(dict.fromkeys(mark(e.cue) for e in evidence if e.cue.startswith("lexicon:")))
    after = replace(
        belief,
        evidence=moved,
        turns=belief.turns + 1,
        seen=(*belief.seen, *fresh)[-REMEMBERED:],
        cued=_cued(belief, evidence),
        tone=Tone.of(belief.tone).faded(figures.forget).plus(tone).flat(),
        aside=None if belief.aside is None else _faded(belief.aside, figures.forget),
    )
    return replace(after, served=served(after, figures))


def _faded(aside: Aside, factor: float) -> Aside:
    """Return what a correction took out as it would count after one more message."""
    evidence = vector(factor * x for x in aside.evidence)
    return replace(aside, evidence=evidence, tone=Tone.of(aside.tone).faded(factor).flat())


def served(belief: Belief, figures: BeliefFigures) -> Temperament | None:
    """Return the type to serve, given the one served so far (hysteresis)."""
    witnessed = [kind in belief.cued for kind in TYPES]
    now = TYPES.index(belief.served) if belief.served else None
    chosen = decided(probabilities(belief, figures), now, witnessed, figures)
    return None if chosen is None else TYPES[chosen]


def decided(
    chances: Sequence[float], now: int | None, witnessed: Sequence[bool], figures: BeliefFigures
) -> int | None:
    """Return the index of the type to serve, or None.

    Args:
        chances: probabilities of the types, in the order of TYPES.
        now: index of the type served so far, or None.
        witnessed: for each type, whether a cue of the lexicon has spoken for it.
        figures: the thresholds.
    """
    best = max(range(len(chances)), key=lambda i: chances[i])
    enough = chances[best] >= (figures.enter if witnessed[best] else figures.enter_bare)
    if now is None:
        return best if enough else None
    if best != now and enough and chances[best] - chances[now] >= figures.lead:
        return best
    return now if chances[now] >= figures.leave else None


def _cued(belief: Belief, evidence: Sequence[Evidence]) -> tuple[Temperament, ...]:
    """Return the types that have a cue of the lexicon, those of a new message among them."""
    spoken = {item.type for item in evidence if item.cue.startswith("lexicon:") and item.weight > 0}
    return tuple(sorted({*belief.cued, *spoken}, key=lambda kind: kind.value))


def secondary(belief: Belief, figures: BeliefFigures) -> Temperament | None:
    """Return the second type where it is close, or None; never without a first."""
    if belief.served is None:
        return None
    chances = dict(zip(TYPES, probabilities(belief, figures), strict=True))
    rest = [kind for kind in TYPES if kind is not belief.served]
    best = max(rest, key=lambda kind: chances[kind])
    return best if chances[best] >= figures.second else None
