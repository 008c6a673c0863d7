"""A person's correction of the temperament, applied to the stored belief."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from persona.temperament.correction import corrected
from persona.temperament.types import TYPES, Belief

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
