"""Writes fitted figures into ``calibration.yml`` and the lexicon, leaving every other word as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from persona.temperament.posterior import Weights
from persona.temperament.style import FEATURES
from persona.temperament.types import TYPES

#: Weights of style under this are not written.
LEAST = 0.03


def write(folder: Path, cues: Sequence[str], weights: Weights, alone: Mapping[str, Weights]) -> None:
    """Write the fitted figures.

    Args:
        folder: ``nlu_data/temperament``.
        cues: ids of the cues, in the order of the weights.
        weights: what was fitted.
        alone: the same for parts of the engine, by name of the variant.

    Raises:
        ValueError: a file lacks the place of a figure; nothing has been written to it then.
    """
    path = folder / "calibration.yml"
    text = path.read_text("utf-8")
    text = _put(text, r"(?m)^(  silent: )[\d.]+", f"{_share(weights.silent):.3f}")
    text = _put(text, r"(?m)^(  tone: )[-\d.]+", f"{weights.tone:.2f}")
    text = _put(text, r"(?m)^(  lean: )\{.*\}", _lean(weights))
    for name, part in alone.items():
        figures = f"{{silent: {_share(part.silent):.3f}, tone: {part.tone:.2f}, lean: {_lean(part)}}}"
        text = _put(text, rf"(?m)^(  {re.escape(name)}: )\{{.*\}}", figures)
    for column, kind in enumerate(TYPES):
        row = ", ".join(
            f"{name}: {w:.2f}"
            for name, w in zip(FEATURES, weights.style[:, column], strict=True)
            if abs(w) >= LEAST
        )
        text = _put(text, rf"(?ms)(^style:.*?^  {kind.value}: )\{{[^\n]*\}}", f"{{{row}}}")
    path.write_text(text, "utf-8")
    for kind in TYPES:
        path = folder / "lexicon" / f"{kind.value}.yml"
        text = path.read_text("utf-8")
        for cue, weight in zip(cues, weights.cues, strict=True):
            owner, _, name = cue.partition(".")
            if owner == kind.value:
                pattern = rf"(- id: {re.escape(name)}\n(?:    [^\n]*\n)*?    weight: )[-\d.]+"
                text = _put(text, pattern, f"{weight:.2f}")
        path.write_text(text, "utf-8")


def _share(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def _lean(weights: Weights) -> str:
    each = (f"{kind.value}: {x:.2f}" for kind, x in zip(TYPES, weights.lean, strict=True))
    return "{" + ", ".join(each) + "}"


def _put(text: str, pattern: str, value: str) -> str:
    changed, times = re.subn(pattern, lambda match: match.group(1) + value, text, count=1)
    if not times:
        raise ValueError(f"no place for a figure: {pattern}")
    return changed
