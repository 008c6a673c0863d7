"""A person's correction of the temperament, applied to the stored belief, and lifted again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.conversation.dress import figures
from persona.temperament.belief import served
from persona.temperament.correction import corrected, lifted
from persona.temperament.types import TYPES, Belief

#: The label of a row of ``corrections`` that takes back what was said before it.
LIFTED = "lifted"

#: The belief about a shopper of whom nothing is known.
_EVEN = Belief(prior=(math.log(1 / len(TYPES)),) * 4)  # type: ignore[arg-type]


def corrected_belief(belief: Mapping[str, Any] | None, label: str, by: str) -> tuple[dict[str, Any], str]:
    """Return the belief after a correction, in JSON form, and the style to serve from now on.

    Args:
        belief: JSON form of the belief so far, or None where nothing is known.
        label: a type's value, or ``none``.
        by: ``agent`` or ``shopper``.

    Raises:
        ValueError: no such label or corrector.
    """
    known = _EVEN if belief is None else Belief.from_json(belief)
    after = corrected(known, label, by)
    return after.to_json(), after.served.value if after.served is not None else "neutral"


def lifted_belief(belief: Mapping[str, Any] | None, *, forget_prior: bool) -> dict[str, Any] | None:
    """Return a belief, in JSON form, as the words alone make it; None where nothing is known.

    Args:
        belief: JSON form of the belief so far.
        forget_prior: a correction of an earlier conversation is in its prior, which is then to be read anew.
    """
    if belief is None:
        return None
    free = lifted(Belief.from_json(belief), figures())
    if forget_prior:
        free = replace(free, prior=_EVEN.prior, served=None)
        free = replace(free, served=served(free, figures()))
    return free.to_json()
