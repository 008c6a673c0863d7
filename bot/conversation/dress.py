"""How the page is dressed: it follows the belief only where that is firm, and changes seldom.

What the bot says follows each message; colours and layout that did so would flicker. A dress is put on where
the served type is at least as probable as :data:`FIRM`, or where a person (the shopper or an agent) has said
so. It is kept while the belief is between, and put off again (neutral) where its type has become less
probable than :data:`LET_GO`, where a person has said that no style shows, or where nothing may be inferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from persona.temperament.belief import probabilities
from persona.temperament.calibration import BeliefFigures, Calibration
from persona.temperament.correction import word_of
from persona.temperament.types import TYPES, Belief, Temperament

NEUTRAL = "neutral"

#: From this probability on a type is firm: on real sessions it was then right in 0.92 of the cases
#: (docs/temperament.md, "p \u2265 0.8", cross-validated).
FIRM = 0.80

#: Under this the type of the dress is no longer the likelier guess against all others together.
LET_GO = 0.50

_CALIBRATION = Path(__file__).resolve().parents[2] / "nlu_data" / "temperament" / "calibration.yml"


@lru_cache(maxsize=1)
def figures() -> BeliefFigures:
    """Return the figures of the belief, read once."""
    return Calibration.load(_CALIBRATION).belief


def dressed(former: str, belief: Mapping[str, Any] | None, *, said: str | None = None) -> str:
    """Return the dress after a change of the belief.

    Args:
        former: the dress so far: ``neutral`` or a type's code.
        belief: JSON form of the belief; None where nothing is known or may be inferred.
        said: the label that a person gave in an earlier conversation, where that has just entered the prior.
    """
    if belief is None:
        return NEUTRAL
    known = Belief.from_json(belief)
    word = word_of(known)
    if known.served is None:
        if word == "none":
            return NEUTRAL
    elif known.served.value in {word, said} or _chance(known, known.served) >= FIRM:
        return known.served.value
    if former == NEUTRAL:
        return NEUTRAL
    return former if _chance(known, Temperament(former)) >= LET_GO else NEUTRAL


def _chance(belief: Belief, kind: Temperament) -> float:
    return probabilities(belief, figures())[TYPES.index(kind)]
