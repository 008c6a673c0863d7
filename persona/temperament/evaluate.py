"""Measures the engine on labelled conversations: what ``zhixin evaluate temperament`` prints.

A data file has a line of JSON for each conversation: ``{"id", "label": one of LABELS,
"turns": [{"who", "text"}], "history"?, "angry"?: 0 | 1, "hesitant"?: 0 | 1, "evidence"?: [words in which
annotators saw the style]}``. Without one the corpus's
held-back conversations are measured. Predicted is what is served, "none" for nothing. A mood counts as found
where any message of the conversation has it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from persona.temperament import corpus
from persona.temperament.assess import Conversation, parse, readings
from persona.temperament.baselines import baselines
from persona.temperament.corpus import LABELS
from persona.temperament.metrics import (
    Score,
    brier,
    confident,
    coverage,
    expected_calibration_error,
    reliability,
    score,
)
from persona.temperament.reader import DATA_ROOT, Reader
from persona.temperament.types import TYPES, Mood, Reading

#: Moods that a data file may label.
MOODS = (Mood.ANGRY, Mood.HESITANT)

#: Shopper turns after which the reading is scored; 0 stands for the last one.
STAGES = (1, 2, 3, 5, 0)


@dataclass(frozen=True)
class Session:
    """A labelled conversation.

    Attributes:
        label: one of LABELS.
        conversation: what was said.
        moods: those of MOODS that are labelled, by name.
        shown: the shopper's message, from 1, in which annotators first saw the style; None where not known.
    """

    label: str
    conversation: Conversation
    moods: Mapping[str, bool] = field(default_factory=dict)
    shown: int | None = None


@dataclass(frozen=True)
class Report:
    """All figures of an evaluation; :meth:`to_json` documents the names.

    Attributes:
        data: what was measured.
        sessions: how many conversations.
        stages: score by stage name ("1", "2", "3", "5", "end").
        others: score at the end of each ablation and baseline.
        figures: single figures by name.
        curve: (coverage, risk) points of the risk-coverage curve.
        bins: (mean confidence, share right, count) of five equal-mass bins.
        errors: the worst errors, worst first.
        moods: (precision, recall, conversations that have it) by mood, where labelled.
    """

    data: str
    sessions: int
    stages: dict[str, Score]
    others: dict[str, Score]
    figures: dict[str, float]
    curve: list[tuple[float, float]]
    bins: list[tuple[float, float, int]]
    errors: list[dict[str, Any]]
    moods: dict[str, tuple[float, float, int]]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "data": self.data,
            "sessions": self.sessions,
            "labels": list(LABELS),
            "stages": {name: s.to_json() for name, s in self.stages.items()},
            "others": {name: s.to_json() for name, s in self.others.items()},
            "figures": {name: round(x, 4) for name, x in self.figures.items()},
            "risk_coverage": [[round(c, 4), round(r, 4)] for c, r in self.curve],
            "reliability": [[round(c, 4), round(a, 4), n] for c, a, n in self.bins],
            "errors": self.errors,
            "moods": {
                name: {"precision": round(p, 4), "recall": round(r, 4), "conversations": n}
                for name, (p, r, n) in self.moods.items()
            },
        }


def load(path: Path) -> list[Session]:
    """Read a data file; ValueError names the line that is wrong."""
    out = []
    for number, line in enumerate(path.read_text("utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
            label = data.get("label")
            if label not in LABELS:
                raise ValueError(f"label must be one of {', '.join(LABELS)}")
            moods = {mood.value: bool(data[mood.value]) for mood in MOODS if mood.value in data}
            conversation = parse(line)
            out.append(Session(label, conversation, moods, _shown(conversation, data.get("evidence", ()))))
        except (ValueError, AttributeError) as exc:
            raise ValueError(f"line {number}: {exc}") from exc
    if not out:
        raise ValueError("no conversations")
    return out


def _shown(conversation: Conversation, evidence: Sequence[str]) -> int | None:
    """Find the first message with words of the evidence; parts between slashes stand for themselves."""
    wanted = {_letters(part) for words in evidence for part in re.split(r"[/／…]", str(words))} - {""}
    said = [_letters(t.text) for t in conversation.turns if t.who == "shopper"]
    return next((i for i, text in enumerate(said, 1) if any(w in text for w in wanted)), None)


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def held_back(root: Path = DATA_ROOT) -> list[Session]:
    """Return the corpus's held-back conversations and utterances."""
    return [
        Session(c.label, Conversation(c.id, c.turns))
        for c in corpus.load(root / "temperament" / "corpus")
        if c.held_back
    ]


def evaluate(sessions: Sequence[Session], reader: Reader, data: str, seed: int = 0) -> Report:
    """Measure `reader` on `sessions`; bootstrap and folds are seeded."""
    sessions = [s for s in sessions if any(t.who == "shopper" for t in s.conversation.turns)]
    truth = np.array([LABELS.index(s.label) for s in sessions])
    runs = [readings(s.conversation, reader) for s in sessions]
    stages = {
        ("end" if n == 0 else str(n)): score(truth, _served([_at(run, n) for run in runs]), seed)
        for n in STAGES
    }
    last = [run[-1] for run in runs]
    chances = np.array([[reading.probabilities[kind] for kind in TYPES] for reading in last])
    others = {name: score(truth, p, seed) for name, p in _variants(sessions, reader).items()}
    others |= {name: score(truth, p, seed) for name, p in baselines(_texts(sessions), truth, seed).items()}
    return Report(
        data=data,
        sessions=len(sessions),
        stages=stages,
        others=others,
        figures=_figures(truth, chances, runs, _priors(sessions, reader)) | _early(sessions, truth, runs),
        curve=coverage(chances, truth),
        bins=reliability(chances, truth),
        errors=_errors(sessions, last, chances, truth),
        moods=_moods(sessions, runs),
    )


def _moods(
    sessions: Sequence[Session], runs: Sequence[Sequence[Reading]]
) -> dict[str, tuple[float, float, int]]:
    out = {}
    for mood in MOODS:
        pairs = [
            (session.moods[mood.value], any(reading.mood is mood for reading in run))
            for session, run in zip(sessions, runs, strict=True)
            if mood.value in session.moods
        ]
        if pairs:
            both = sum(true and found for true, found in pairs)
            true, found = sum(t for t, _ in pairs), sum(f for _, f in pairs)
            out[mood.value] = (both / max(1, found), both / max(1, true), true)
    return out


def _priors(sessions: Sequence[Session], reader: Reader) -> Any:
    """What is believed of each shopper before a word: even, or what the history says."""
    beliefs = [
        reader.prior(s.conversation.history)[0] if s.conversation.history else reader.neutral_belief()
        for s in sessions
    ]
    return np.exp(np.array([belief.prior for belief in beliefs]))


def _figures(truth: Any, chances: Any, runs: Sequence[Sequence[Reading]], priors: Any) -> dict[str, float]:
    named, third = _served([run[-1] for run in runs]), _served([_at(run, 3) for run in runs])
    silent = len(LABELS) - 1
    typed = truth != silent
    share, right = confident(chances, truth, 0.8)
    turns = sum(len(run) for run in runs)
    flips = sum(
        before.temperament is not None and after.temperament is not before.temperament
        for run in runs
        for before, after in pairwise(run)
    )
    return {
        "coverage": float((named != silent).mean()),
        "right_where_named": _mean(named[named != silent] == truth[named != silent]),
        "neutral_given_a_type": _mean(named[~typed] != silent),
        "typed_right_by_turn_3": _mean(third[typed] == truth[typed]),
        "confident_share": share,
        "confident_right": right,
        "brier_skill": brier(chances[typed], truth[typed], priors[typed]),
        "calibration_error": expected_calibration_error(chances, truth),
        "flip_rate": flips / max(1, turns),
    }


def _early(sessions: Sequence[Session], truth: Any, runs: Sequence[Sequence[Reading]]) -> dict[str, float]:
    """How many are right by the third message of those whose style annotators saw by then; {} if unknown."""
    early = np.array([s.shown is not None and s.shown <= 3 for s in sessions]) & (truth != len(LABELS) - 1)
    third = _served([_at(run, 3) for run in runs])
    return {"shown_right_by_turn_3": _mean(third[early] == truth[early])} if early.any() else {}


def _mean(values: Any) -> float:
    return float(values.mean()) if len(values) else 0.0


def _at(run: Sequence[Reading], turn: int) -> Reading:
    return run[-1] if turn == 0 else run[min(turn, len(run)) - 1]


def _served(run: Sequence[Reading]) -> Any:
    return np.array([LABELS.index(r.temperament.value) if r.temperament else len(LABELS) - 1 for r in run])


def _variants(sessions: Sequence[Session], reader: Reader) -> dict[str, Any]:
    """Predictions at the end with parts of the engine switched off."""
    whole = reader.calibration
    silent_style = {**whole.scale, "style": 0.0}
    cues = whole.alone.get("cues only", replace(whole.belief, tone=0.0))
    parts = {
        "cues only": replace(whole, scale=silent_style, belief=cues),
        "classifier only": replace(
            whole, scale={"cue": 0.0, "style": 0.0}, belief=whole.alone.get("classifier only", whole.belief)
        ),
        "cues and classifier": replace(whole, scale=silent_style),
        "cues, style and classifier": whole,
    }
    bare = [replace(s.conversation, history=None) for s in sessions]
    out = {
        name: _served([readings(c, reader.with_calibration(part))[-1] for c in bare])
        for name, part in parts.items()
    }
    if any(s.conversation.history is not None for s in sessions):
        out["all, with history"] = _served([readings(s.conversation, reader)[-1] for s in sessions])
    return out


def _texts(sessions: Sequence[Session]) -> list[list[str]]:
    return [[t.text for t in s.conversation.turns if t.who == "shopper"] for s in sessions]


def _errors(
    sessions: Sequence[Session], last: Sequence[Reading], chances: Any, truth: Any
) -> list[dict[str, Any]]:
    """The twenty worst: confident and wrong first, then the true type least believed."""
    served = _served(last)
    badness = [
        float(chances[i].max()) + 1 if served[i] != len(LABELS) - 1 else 1 - float(chances[i][truth[i]])
        for i in range(len(sessions))
        if served[i] != truth[i]
    ]
    wrong = [i for i in range(len(sessions)) if served[i] != truth[i]]
    order = [i for _, i in sorted(zip(badness, wrong, strict=True), reverse=True)][:20]
    return [
        {
            "id": sessions[i].conversation.id,
            "label": LABELS[truth[i]],
            "served": LABELS[served[i]],
            "probabilities": {
                kind.value: round(float(p), 3) for kind, p in zip(TYPES, chances[i], strict=True)
            },
            "words": [text[:80] for text in _texts([sessions[i]])[0]][-8:],
        }
        for i in order
    ]


def run(
    data: Path | None = None,
    json_path: Path | None = None,
    html_path: Path | None = None,
    reader: Reader | None = None,
) -> Report:
    """Measure and write what was asked for. ValueError names a bad line of `data`."""
    from persona.temperament.report import write_html

    sessions = load(data) if data else held_back()
    report = evaluate(sessions, reader or Reader.load(), data.name if data else "held-back corpus")
    if json_path:
        json_path.write_text(json.dumps(report.to_json(), ensure_ascii=False, indent=1), "utf-8")
    if html_path:
        write_html(report, html_path)
    return report


def main(data: str | None = None, json_file: str | None = None, html_file: str | None = None) -> int:
    """Print the figures and write the page (default ``build/temperament.html``); return the exit code."""
    from persona.temperament.report import text_table

    page = Path(html_file) if html_file else Path("build") / "temperament.html"
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        report = run(Path(data) if data else None, Path(json_file) if json_file else None, page)
    except (OSError, ValueError) as exc:
        print(f"{data or 'the corpus'}: {exc}", file=sys.stderr)
        return 1
    print(text_table(report))
    print(f"\n{page}")
    return 0
