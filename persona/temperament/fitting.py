"""Fits the figures of the engine: ``python -m persona.temperament.fitting [--data FILE] [--dry-run]``.

Fits the weights of the cues and of the features of style, the scale of the classifier, the intercepts and
the prior of silence, together and by maximum a posteriori, on the corpus (its held-back fifth excepted) and,
where ``--data`` names a file of labelled conversations (the form of :mod:`persona.temperament.evaluate`), on
those too. Every cue starts from one nat, every feature from nothing. The classifier must be current
(``zhixin train``); the corpus is scored by classifiers that were trained without the conversation scored.

The lexicon is written after reading real conversations, so it could fit them by heart. Therefore a phrase of
a real conversation counts only where another conversation holds it too, in the fit and in the
cross-validation; a cue that needs a certain answer of the agent before it is excepted.

Thresholds, cap, fading and discount are read from ``calibration.yml`` and kept: they are chosen from the
table that this command prints. Under two minutes; the same data give the same figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from persona.temperament import corpus
from persona.temperament.assess import Conversation
from persona.temperament.calibration_file import write
from persona.temperament.evaluate import load
from persona.temperament.examples import (
    Example,
    arrays,
    classifier_of,
    measured,
    shared,
    tones,
    unseen_tones,
)
from persona.temperament.optimise import Floats
from persona.temperament.posterior import NONE, Arrays, Fixed, Ints, Task, Weights, fit, states
from persona.temperament.reader import DATA_ROOT, Reader
from persona.temperament.style import FEATURES
from persona.temperament.types import TYPES
from persona.temperament.validation import cross_validated, interval, mean_figures, over_thresholds

#: How much a real conversation counts, and one of the corpus, and a single utterance that shows a style.
REAL, OWN, UTTERANCE = 4.0, 0.7, 0.4

#: How much more neutral conversations count than others: real ones, and the corpus's.
NEUTRAL_REAL, NEUTRAL_OWN = 2.0, 1.75

#: After which message the loss is taken (0: the last one), and how much it counts.
STAGES = ((0, 1.0), (3, 0.25))

#: Seeds of the folds of the cross-validation.
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Material:
    """What is fitted on and measured with.

    Attributes:
        real: real conversations, without phrases that are in no other conversation; None without a file.
        own: the corpus without what is held back.
        held_back: the rest of the corpus.
        own_weight: how much each conversation of the corpus counts.
        fixed: the figures that are not fitted.
    """

    real: Arrays | None
    own: Arrays
    held_back: Arrays
    own_weight: Floats
    fixed: Fixed


def gather(reader: Reader, root: Path, data: Path | None, seed: int) -> Material:
    """Read and measure the conversations; ValueError where there are none or a line of `data` is wrong."""
    own: list[Example] = []
    held: list[Example] = []
    real: list[Example] = []
    for each in corpus.load(root / "temperament" / "corpus"):
        example = measured(each.id, each.label, Conversation(each.id, each.turns), reader)
        (held if each.held_back else own).append(example)
    for session in load(data) if data else []:
        name = f"real-{session.conversation.id}"
        real.append(measured(name, session.label, session.conversation, reader))
    own, held, real = ([e for e in part if e.messages] for part in (own, held, real))
    figures = reader.calibration.belief
    whole = classifier_of(own, seed)
    scores = unseen_tones(own, figures.forget, seed)
    scores |= {e.id: tones(e, whole, figures.forget) for e in (*held, *real)}
    common = shared([*own, *real])
    rest = (reader.cues, figures.repeat)
    return Material(
        real=arrays(real, scores, *rest, lambda cue, words: bool(cue.after) or (cue.id, words) in common)
        if real
        else None,
        own=arrays(own, scores, *rest),
        held_back=arrays(held, scores, *rest),
        own_weight=_own_weight(own),
        fixed=Fixed(np.array([TYPES.index(cue.type) for cue in reader.cues]), figures.forget, figures.cap),
    )


def _own_weight(examples: Sequence[Example]) -> Floats:
    """Weigh the corpus: all labels alike but neutral more, utterances that show a style less."""
    label = np.array([e.label for e in examples])
    single = np.array([len(e.messages) < 2 for e in examples])
    weight = np.where(single, UTTERANCE, 1.0)
    for each in np.unique(label):
        weight[label == each] /= weight[label == each].sum()
    weight *= OWN * len(examples) / len(np.unique(label))
    # A neutral utterance is as plain as a neutral conversation.
    plain = np.where(single, 1 / UTTERANCE, 1.0) * NEUTRAL_OWN
    result: Floats = np.where(label == NONE, weight * plain, weight)
    return result


def start(cues: int) -> tuple[Weights, Weights]:
    """Return the means and the deviations of the prior of the weights."""
    shape = (len(FEATURES), len(TYPES))
    mean = Weights(np.ones(cues), np.zeros(shape), np.zeros(4), tone=2.0, silent=-0.6)
    spread = Weights(np.ones(cues), np.full(shape, 0.5), np.full(4, 0.5), tone=1.0, silent=0.5)
    return mean, spread


def fitted(material: Material, chosen: Ints | None = None) -> Weights:
    """Fit on the corpus and the real conversations; `chosen` indices of the real ones, or None for all."""
    data, weight = material.own, material.own_weight
    if material.real is not None:
        part = material.real if chosen is None else material.real.take(chosen)
        data = part.plus(data)
        weight = np.concatenate([REAL * np.where(part.label == NONE, NEUTRAL_REAL, 1.0), weight])
    mean, spread = start(len(material.fixed.kind))
    return fit(Task(data, weight, mean, spread, material.fixed, STAGES))


def alone(material: Material, weights: Weights) -> dict[str, Weights]:
    """Fit scale, intercepts and silence anew where only cues, or only the classifier, are left."""
    frozen = Weights(
        np.full_like(weights.cues, 1e-4), np.full_like(weights.style, 1e-4), np.full(4, 0.5), 1.0, 0.5
    )
    out = {}
    for name, cues, tone in (("cues only", 1.0, 0.0), ("classifier only", 0.0, 1.0)):
        mean = replace(weights, style=weights.style * 0, tone=weights.tone * tone)
        part = replace(
            material,
            own=_dimmed(material.own, cues, tone),
            real=_dimmed(material.real, cues, tone) if material.real is not None else None,
        )
        data, weight = part.own, part.own_weight
        if part.real is not None:
            data = part.real.plus(data)
            weight = np.concatenate([np.full(len(part.real), REAL), weight])
        out[name] = fit(Task(data, weight, mean, frozen, material.fixed, STAGES))
    return out


def _dimmed(data: Arrays, cues: float, tone: float) -> Arrays:
    return replace(data, cues=data.cues * cues, style=data.style * 0, tone=data.tone * tone)


def validated(material: Material, seeds: Sequence[int] = SEEDS) -> tuple[str, Arrays, list[Floats]]:
    """Cross-validate over the real conversations, or over the corpus without any.

    Returns:
        what was measured, the conversations, and for each seed the states of their messages.
    """
    real = material.real
    if real is not None:
        runs = [cross_validated(real, lambda kept: fitted(material, kept), material.fixed, s) for s in seeds]
        return "real, cross-validated", real, runs

    def own(kept: Ints) -> Weights:
        return fitted(replace(material, own=material.own.take(kept), own_weight=material.own_weight[kept]))

    runs = [cross_validated(material.own, own, material.fixed, seeds[0])]
    return "corpus, cross-validated", material.own, runs


def run(data: Path | None, root: Path = DATA_ROOT, dry: bool = False, seed: int = 0) -> list[str]:
    """Fit, validate and (unless `dry`) write under `root`; return the lines of the report."""
    reader = Reader(root)
    material = gather(reader, root, data, seed)
    weights = fitted(material)
    figures, fixed = reader.calibration.belief, material.fixed
    name, measured_on, runs = validated(material)
    parts = [(name, measured_on, runs)]
    if material.real is not None:
        parts.append(
            ("real, in sample, common phrases", material.real, [states(weights, material.real, fixed)])
        )
    parts.append(("held-back corpus", material.held_back, [states(weights, material.held_back, fixed)]))
    lines = []
    for title, part, states_of in parts:
        lines += ["", f"{title}: {len(part)} conversations"]
        found = mean_figures(states_of, part, weights.cues, fixed, figures)
        low, high = interval(states_of, part, weights.cues, fixed, figures)
        lines += [f"{key:24s} {value:.3f}" for key, value in found.items()]
        lines.append(f"{'macro_f1, 95 % interval':24s} [{low:.3f}, {high:.3f}]")
    lines += ["", f"thresholds, {name}: enter, enter_bare, {', '.join(found)}"]
    for enter, bare, found in over_thresholds(runs, measured_on, weights.cues, fixed, figures):
        lines.append(f"{enter:.2f} {bare:.2f}  " + " ".join(f"{value:.3f}" for value in found.values()))
    if not dry:
        names = [cue.id for cue in reader.cues]
        write(root / "temperament", names, weights, alone(material, weights))
        lines += ["", "written: calibration.yml, lexicon/*.yml"]
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m persona.temperament.fitting", description="Fit the engine."
    )
    parser.add_argument(
        "--data", type=Path, help="labelled conversations, JSON lines; without it the corpus alone"
    )
    parser.add_argument("--root", type=Path, default=DATA_ROOT, help="language data; default: the project's")
    parser.add_argument("--seed", type=int, default=0, help="of the classifiers' starting weights")
    parser.add_argument("--dry-run", action="store_true", help="print the figures, write nothing")
    given = parser.parse_args(arguments)
    try:
        lines = run(given.data, given.root, given.dry_run, given.seed)
    except (OSError, ValueError) as exc:
        print(f"fitting: {exc}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
