"""The figures of the engine: scales, thresholds and weights, read from ``calibration.yml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from persona.temperament.style import FEATURES
from persona.temperament.types import TYPES


@dataclass(frozen=True)
class BeliefFigures:
    """Parameters of the belief; the formula is in :mod:`persona.temperament.belief`.

    Attributes:
        silent: probability, before any word, that the conversation shows no style; in (0, 1).
        repeat: factor on a cue's weight for each time it was seen recently; in [0, 1].
        forget: factor on older evidence with each message; in (0, 1].
        cap: most nats that one message adds for one type.
        enter: probability at which a type begins to be served where a cue of the lexicon bears witness to it.
        enter_bare: probability at which it is served without one, on tone, style and history alone.
        leave: probability under which the served type is given up.
        tone: factor on the score of the classifier.
        lean: intercepts of the types, in nats, in the order of TYPES; full after some messages.
        lead: by how much another type must lead before the served type changes.
        second: least probability of the secondary type.
    """

    silent: float = 0.45
    repeat: float = 0.5
    forget: float = 0.97
    cap: float = 1.8
    tone: float = 1.0
    lean: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)
    enter: float = 0.5
    enter_bare: float = 0.65
    leave: float = 0.4
    lead: float = 0.12
    second: float = 0.25


@dataclass(frozen=True)
class Calibration:
    """All figures.

    Attributes:
        belief: parameters of the belief.
        scale: factor on the evidence of each source: cue, style.
        bound: most log-odds that history gives to a type.
        alone: the figures of the belief where only one source of evidence is left, to measure it fairly,
            by name of the variant (``cues only``, ``classifier only``).
        style: for each type, in the order of TYPES, the weights of the style features in the order of
            FEATURES.
    """

    belief: BeliefFigures = BeliefFigures()
    scale: Mapping[str, float] = field(default_factory=lambda: {"cue": 1.0, "style": 1.0})
    bound: float = 1.6
    style: tuple[tuple[float, ...], ...] = tuple((0.0,) * len(FEATURES) for _ in TYPES)
    alone: Mapping[str, BeliefFigures] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Calibration:
        """Read the file; ValueError names what it does not know."""
        return cls.from_data(yaml.safe_load(path.read_text("utf-8")))

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Calibration:
        """Build from the file's content."""
        rows = []
        for kind in TYPES:
            weights = data["style"].get(kind.value, {})
            if wrong := set(weights) - set(FEATURES):
                raise ValueError(f"calibration: unknown style features: {', '.join(sorted(wrong))}")
            rows.append(tuple(float(weights.get(name, 0.0)) for name in FEATURES))
        return cls(
            belief=_figures(data["belief"]),
            scale={k: float(v) for k, v in data["scale"].items()},
            bound=float(data["history"]["bound"]),
            style=tuple(rows),
            alone={
                name: _figures({**data["belief"], **changed})
                for name, changed in data.get("alone", {}).items()
            },
        )


def _figures(data: Mapping[str, Any]) -> BeliefFigures:
    known = {f.name for f in fields(BeliefFigures)}
    if wrong := set(data) - known:
        raise ValueError(f"calibration: unknown figures of belief: {', '.join(sorted(wrong))}")
    figures: dict[str, Any] = {k: float(v) for k, v in data.items() if k != "lean"}
    figures["lean"] = tuple(float(data.get("lean", {}).get(kind.value, 0.0)) for kind in TYPES)
    return BeliefFigures(**figures)
