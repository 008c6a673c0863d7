"""The prior of the types from what a shopper has bought, returned, written and looked at.

Each feature is a bounded push, in nats, for the trait it stands for (the traits are Littauer's,
*Personality Plus*):

==================  ========  =========================================================================
feature             type      trait
==================  ========  =========================================================================
express             power     注重效率: pays to have it sooner
urging              power     注重效率: urges shipments
quick_buy           power     决策果断: buys within minutes of looking
late_returns        power     returns because it came too late
slow_buy            perfect   喜欢计划: looks long before buying
details             perfect   注重细节: opens the table of parameters
comparing           perfect   注重细节: compares products
fine_returns        perfect   追求完美: returns for size, colour, flaws, mismatch with the description
exact_reviews       perfect   注重细节: long reviews with figures
customising         perfect   追求完美: engraving and other customisation
same_brand          peace     稳定可靠: stays with the brand
few_returns         peace     容易满足: many orders and hardly a return
kind_reviews        peace     容易满足: short reviews with full stars
new_arrivals        lively    容易被新事物吸引: buys what has just come out
emoji_reviews       lively    乐观开朗: emoji in reviews
picture_reviews     lively    社交能力强: shares pictures
much_browsing       lively    容易被新事物吸引: looks at much, whatever it is
stored              any       belief of earlier conversations, fading with a half-life
corrected           any       what an agent or the shopper corrected it to, fading with a longer half-life
==================  ========  =========================================================================

Coupons speak for no type (they are open to everyone, and every type uses them), so they move nothing. Small
counts are shrunk: a share seen in *n* orders counts ``n / (n + 3)``, the posterior mean under a prior worth
three orders.

A correction is a judgement by a person, all else is a guess. It is mixed in rather than added: with ``x`` the
log-weights that the rest gives and trust ``q = CORRECTION_TRUST · 0.5^(age / half-life)`` the prior is
``(1 - q) · x + q · bound`` for the corrected type and ``(1 - q) · x`` for the others. So a fresh correction
leads over the richest contrary history, both together stay within `bound`, and three clear messages overrule.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from persona.temperament.types import TYPES, Evidence, History, Temperament

#: Days after which a stored belief counts half.
HALF_LIFE_DAYS = 120.0

#: Share of a stored belief that is trusted while it is fresh.
STORED_TRUST = 0.8

#: Days after which a correction counts half.
CORRECTION_HALF_LIFE_DAYS = 365.0

#: Share of the prior that a fresh correction takes.
CORRECTION_TRUST = 0.9

#: Codes of reasons for returns, by what they tell. Others tell nothing.
FINE_REASONS = frozenset(
    {
        "wrong_size",
        "size_mismatch",
        "colour_difference",
        "quality",
        "flaw",
        "not_as_described",
        "material",
        "wrong_spec",
        "workmanship",
        "smell",
        "missing_parts",
    }
)
LATE_REASONS = frozenset({"late", "not_received"})

POWER, PERFECT, PEACE, LIVELY = TYPES


def _shrunk(share: float, count: float, pseudo: float = 3.0) -> float:
    return _unit(share) * max(0.0, count) / (max(0.0, count) + pseudo)


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def _ramp(value: float | None, low: float, high: float) -> float:
    """0 at `low`, 1 at `high` (either may be the greater), straight between; 0 for None."""
    if value is None or not math.isfinite(value):
        return 0.0
    return _unit((value - low) / (high - low))


def _reasons(history: History, codes: frozenset[str]) -> float:
    return float(sum(max(0, n) for code, n in history.return_reasons.items() if code.lower() in codes))


#: Name, type, push in nats at full strength, strength in 0..1.
_FEATURES: tuple[tuple[str, Temperament, float, Callable[[History], float]], ...] = (
    ("express", POWER, 1.6, lambda h: _shrunk(_ramp(h.express_share, 0.15, 0.8), h.orders)),
    ("urging", POWER, 1.1, lambda h: _ramp(h.urges, 0, 5)),
    ("quick_buy", POWER, 1.0, lambda h: _shrunk(_ramp(h.minutes_to_buy, 12, 3), h.orders)),
    ("late_returns", POWER, 0.6, lambda h: _ramp(_reasons(h, LATE_REASONS), 0, 2)),
    ("slow_buy", PERFECT, 0.8, lambda h: _shrunk(_ramp(h.minutes_to_buy, 40, 180), h.orders)),
    ("details", PERFECT, 1.2, lambda h: _shrunk(_ramp(h.detail_share, 0.2, 0.7), h.browses, 10)),
    ("comparing", PERFECT, 0.9, lambda h: _shrunk(_ramp(h.compare_share, 0.15, 0.6), h.browses, 10)),
    ("fine_returns", PERFECT, 1.0, lambda h: _ramp(_reasons(h, FINE_REASONS), 0, 3)),
    (
        "exact_reviews",
        PERFECT,
        1.1,
        lambda h: _shrunk(
            max(_ramp(h.review_figures, 0.3, 2), 0.7 * _ramp(h.review_chars, 60, 200)), h.reviews, 1
        ),
    ),
    ("customising", PERFECT, 0.7, lambda h: _shrunk(_ramp(h.custom_share, 0.05, 0.4), h.orders)),
    ("same_brand", PEACE, 1.4, lambda h: _shrunk(_ramp(h.same_brand_share, 0.2, 0.75), h.orders)),
    ("few_returns", PEACE, 0.6, lambda h: _ramp(h.orders, 4, 12) if h.returns == 0 and h.urges == 0 else 0.0),
    (
        "kind_reviews",
        PEACE,
        0.7,
        lambda h: (
            _shrunk(
                _ramp(h.review_stars, 4.4, 5.0)
                * _ramp(h.review_chars, 40, 15)
                * (1 - _ramp(h.review_emoji, 0, 1)),
                h.reviews,
                2,
            )
            if h.review_stars
            else 0.0
        ),
    ),
    ("new_arrivals", LIVELY, 1.5, lambda h: _shrunk(_ramp(h.new_arrival_share, 0.15, 0.7), h.orders)),
    ("emoji_reviews", LIVELY, 1.3, lambda h: _shrunk(_ramp(h.review_emoji, 0.1, 2), h.reviews, 1)),
    ("picture_reviews", LIVELY, 0.7, lambda h: _shrunk(_ramp(h.review_pictures, 0.5, 3), h.reviews, 1)),
    (
        "much_browsing",
        LIVELY,
        0.4,
        lambda h: _ramp(h.browses, 120, 400) * (1 - _ramp(h.detail_share, 0.2, 0.6)),
    ),
)


def prior_of(
    history: History, bound: float
) -> tuple[tuple[float, float, float, float], tuple[Evidence, ...]]:
    """Return the log-weights of the types (each in [-bound/3, bound]) and the facts that moved them.

    The sum of a type's pushes ``x`` enters as ``bound · tanh(x / bound)``, so no history, however rich,
    leads by more than `bound` nats over a type of which nothing is known.
    """
    sums = dict.fromkeys(TYPES, 0.0)
    evidence: list[Evidence] = []

    def push(name: str, kind: Temperament, weight: float) -> None:
        sums[kind] += weight
        if abs(weight) >= 0.05:
            evidence.append(Evidence(f"history:{name}", "", -1, -1, kind, weight))

    for name, kind, weight, strength in _FEATURES:
        push(name, kind, weight * strength(history))
    for kind, weight in _stored(history).items():
        push("stored", kind, weight)
    logs = [bound * math.tanh(sums[kind] / bound) for kind in TYPES]
    if trust := _correction_trust(history):
        for i, kind in enumerate(TYPES):
            said = bound if kind.value == history.corrected else 0.0
            logs[i] = (1 - trust) * logs[i] + trust * said
            if said:
                evidence.append(Evidence("history:corrected", "", -1, -1, kind, trust * said))
    evidence.sort(key=lambda e: -abs(e.weight))
    return (logs[0], logs[1], logs[2], logs[3]), tuple(evidence)


def _correction_trust(history: History) -> float:
    """Share of the prior that a correction takes, in [0, CORRECTION_TRUST]; without an age it is old."""
    if history.corrected is None:
        return 0.0
    age = history.correction_age_days
    if age is None or not math.isfinite(age):
        age = CORRECTION_HALF_LIFE_DAYS
    return CORRECTION_TRUST * math.pow(0.5, max(0.0, age) / CORRECTION_HALF_LIFE_DAYS)


def _stored(history: History) -> dict[Temperament, float]:
    """Log-odds of the stored belief against an even one, faded by its age."""
    if not history.belief:
        return {}
    values = {kind: max(0.0, float(history.belief.get(kind.value, 0.0))) for kind in TYPES}
    total = sum(values.values())
    if not total > 0 or not math.isfinite(total):
        return {}
    age = history.belief_age_days if history.belief_age_days is not None else HALF_LIFE_DAYS
    trust = STORED_TRUST * 0.5 ** (max(0.0, age) / HALF_LIFE_DAYS)
    return {
        kind: math.log(trust * value / total + (1 - trust) / 4) - math.log(0.25)
        for kind, value in values.items()
    }
