"""The fit of the engine's figures: on synthetic data, on a small corpus, and against the reader itself."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from persona.temperament import calibration_file, fitting, training, validation
from persona.temperament.assess import Conversation, readings
from persona.temperament.calibration import BeliefFigures, Calibration
from persona.temperament.examples import arrays, measured, shared, tones, unseen_tones
from persona.temperament.optimise import Floats, minimise
from persona.temperament.posterior import (
    NONE,
    Arrays,
    Fixed,
    Ints,
    Task,
    Weights,
    fit,
    loss,
    states,
    types_of,
)
from persona.temperament.reader import DATA_ROOT, Reader
from persona.temperament.style import FEATURES
from persona.temperament.types import TYPES, Turn
from tests.persona.temperament.test_history import CLEAR

FIXED = Fixed(np.array([0, 0, 1, 2, 3]), forget=0.97, cap=2.5)
STAGES = ((0, 1.0), (3, 0.25))
TRUE: Floats = np.array([2.5, 1.5, 2.0, 2.0, 2.5])


def weights(cues: Floats, spread: float = 0.0) -> Weights:
    """Weights with these cues; with `spread`, all figures that."""
    shape = (len(FEATURES), 4)
    return Weights(cues, np.full(shape, spread), np.full(4, spread), spread or 1.0, spread)


def synthetic(conversations: int, seed: int) -> Arrays:
    """Shoppers of four types and neutral ones, who use the cues of their type now and then."""
    rng = np.random.default_rng(seed)
    label = np.arange(conversations) % 5
    length = rng.integers(1, 8, conversations)
    owner = np.repeat(np.arange(conversations), length)
    own = FIXED.kind[None, :] == label[owner][:, None]
    cues = (rng.random(own.shape) < np.where(own, 0.45, 0.03)).astype(float)
    rows = len(owner)
    return Arrays(
        cues,
        rng.random((rows, len(FEATURES))) * 0.2,
        rng.normal(0, 0.3, (rows, 4)),
        np.cumsum(length) - length,
        length,
        label,
    )


def task(data: Arrays) -> Task:
    weight = np.ones(len(data))
    return Task(data, weight, weights(np.ones(5)), weights(np.ones(5), 0.5), FIXED, STAGES)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    job = task(synthetic(40, 0))
    at = weights(np.ones(5)).flat() + np.random.default_rng(1).normal(
        0, 0.3, weights(np.ones(5)).flat().shape
    )
    shape = weights(np.ones(5))
    _, slope = loss(shape.filled(at), job)
    for i in [*range(5), 7, 50, len(at) - 6, len(at) - 3, len(at) - 2, len(at) - 1]:
        step = np.zeros_like(at)
        step[i] = 1e-5
        up, down = (loss(shape.filled(at + s * step), job)[0] for s in (1, -1))
        assert slope.flat()[i] == pytest.approx((up - down) / 2e-5, rel=1e-3, abs=1e-4)


def test_the_optimiser_finds_the_bottom_of_a_valley() -> None:
    def valley(x: Floats) -> tuple[float, Floats]:
        a, b = x
        value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
        return float(value), np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])

    assert minimise(valley, np.array([-1.2, 1.0]), 200) == pytest.approx([1.0, 1.0], abs=1e-3)


def test_a_fit_learns_what_speaks_for_a_type_and_reads_others_by_it() -> None:
    found = fit(task(synthetic(300, 0)))
    assert (found.cues > 0.5).all()
    fresh = synthetic(200, 1)
    chances = types_of(states(found, fresh, FIXED))[fresh.after(0)]
    typed = fresh.label != NONE
    spoke = typed & (chances.max(axis=1) > 0.6)
    assert spoke.sum() > 80
    assert (chances.argmax(axis=1) == fresh.label)[spoke].mean() > 0.85
    assert chances.max(axis=1)[~typed].mean() < 0.6


def test_a_fit_is_the_same_every_time() -> None:
    one, two = (fit(task(synthetic(60, 0))).flat() for _ in range(2))
    assert (one == two).all()


def test_chosen_conversations_are_themselves_and_together_the_whole() -> None:
    data = synthetic(30, 0)
    some = data.take(np.array([4, 17]))
    assert some.cues.tolist() == [
        *data.cues[data.rows(np.array([4]))].tolist(),
        *data.cues[data.rows(np.array([17]))].tolist(),
    ]
    both = some.plus(data.take(np.array([3])))
    assert both.label.tolist() == [4, 17 % 5, 3]
    assert both.cues[both.after(0)].tolist() == data.cues[data.after(0)[[4, 17, 3]]].tolist()


def test_nobody_is_measured_by_a_fit_that_saw_him() -> None:
    data = synthetic(50, 0)
    seen: list[set[int]] = []

    def note(kept: Ints) -> Weights:
        seen.append(set(kept.tolist()))
        return weights(TRUE * len(seen))

    out = validation.cross_validated(data, note, FIXED, seed=0)
    fold = validation.folds(data.label, 0)
    assert [set(range(50)) - s for s in seen] == [set(np.flatnonzero(fold == k).tolist()) for k in range(5)]
    for k in range(5):
        rows = data.rows(np.flatnonzero(fold == k))
        assert np.allclose(out[rows], states(weights(TRUE * (k + 1)), data, FIXED)[rows])
    assert all(np.bincount(data.label[fold == k], minlength=5).tolist() == [2] * 5 for k in range(5))


def test_a_higher_threshold_names_fewer() -> None:
    data = synthetic(200, 2)
    found = fit(task(data))
    runs = [states(found, data, FIXED)]
    shares = [
        figures["coverage"]
        for enter, bare, figures in validation.over_thresholds(runs, data, found.cues, FIXED, BeliefFigures())
        if bare == 0.75
    ]
    assert shares == sorted(shares, reverse=True) and shares[0] > shares[-1]


@pytest.mark.parametrize("kind", TYPES)
def test_arrays_say_what_the_reader_says(reader: Reader, kind: object) -> None:
    """The fit's arithmetic and the engine's are written twice; on real words they must agree."""
    figures = reader.calibration.belief
    texts = [t for k in TYPES for t in CLEAR[k]] + CLEAR[kind] + ["好的，谢谢", "", "马上，马上，马上"]  # type: ignore[index]
    talk = Conversation("c", tuple(Turn(t) for t in texts))
    example = measured("c", "none", talk, reader)
    scores = {"c": tones(example, reader.classifier, figures.forget)}
    data = arrays([example], scores, reader.cues, figures.repeat)
    silent = float(np.log(figures.silent / (1 - figures.silent)))
    w = Weights(
        np.array([cue.weight for cue in reader.cues]) * reader.calibration.scale["cue"],
        np.array(reader.calibration.style).T * reader.calibration.scale["style"],
        np.array(figures.lean),
        figures.tone,
        silent,
    )
    fixed = Fixed(np.array([TYPES.index(c.type) for c in reader.cues]), figures.forget, figures.cap)
    found = states(w, data, fixed)
    read = [r for r, text in zip(readings(talk, reader), texts, strict=True) if text]
    ours = np.array([[r.probabilities[k] for k in TYPES] for r in read])
    assert np.abs(types_of(found) - ours).max() < 1e-6
    shown = validation.served(found, data, w.cues, fixed, figures)
    assert [None if i == NONE else TYPES[i] for i in shown] == [r.temperament for r in read]


def test_a_phrase_of_one_conversation_only_is_not_shared(reader: Reader) -> None:
    both = [
        measured(name, "power", Conversation(name, (Turn(text),)), reader)
        for name, text in (("a", "马上处理，少废话"), ("b", "马上处理"))
    ]
    words = {text for _, text in shared(both)}
    assert any("马上" in text for text in words)
    assert not any("废话" in text for text in words)


def test_the_classifier_never_scores_what_it_was_trained_on(reader: Reader) -> None:
    examples = [
        measured(f"{kind.value}{i}", kind.value, Conversation("x", (Turn(f"{text}第{i}回"),)), reader)
        for kind in TYPES
        for i, text in enumerate(CLEAR[kind] * 3)
    ]
    scores = unseen_tones(examples, 0.97, seed=0)
    assert set(scores) == {e.id for e in examples}
    changed = [replace(e, label=NONE) if e.id == "power0" else e for e in examples]
    assert unseen_tones(changed, 0.97, seed=0)["power0"] == scores["power0"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The project's language data with two scenarios of the corpus."""
    root = tmp_path / "nlu_data"
    root.mkdir()
    shutil.copy(DATA_ROOT / "dictionary.txt", root)
    shutil.copytree(DATA_ROOT / "temperament", root / "temperament")
    for path in (root / "temperament" / "corpus").glob("*.yml"):
        if path.stem not in {"size", "stock"}:
            path.unlink()
    training.train(root / "temperament", root / "temperament" / "model")
    return root


def test_the_command_fits_on_the_corpus_alone_and_writes_what_loads(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = small / "temperament"
    before = (folder / "lexicon" / "power.yml").read_text("utf-8")
    assert fitting.main(["--root", str(small), "--dry-run"]) == 0
    assert (folder / "lexicon" / "power.yml").read_text("utf-8") == before
    assert fitting.main(["--root", str(small)]) == 0
    told = capsys.readouterr().out
    assert "corpus, cross-validated" in told and "held-back corpus" in told
    fresh = Reader(small)
    old = Calibration.load(DATA_ROOT / "temperament" / "calibration.yml")
    assert fresh.calibration.belief.enter == old.belief.enter
    assert fresh.calibration.belief.tone != old.belief.tone
    assert fresh.read("马上给我退，别废话").belief.turns == 1
    assert fitting.main(["--root", str(small)]) == 0
    again = Reader(small)
    assert again.calibration == fresh.calibration and [c.weight for c in again.cues] == [
        c.weight for c in fresh.cues
    ]


def test_writing_changes_figures_and_nothing_else(small: Path) -> None:
    folder = small / "temperament"
    names = [cue.id for cue in Reader(small).cues]
    known = np.linspace(0.1, 3.0, len(names))
    style = np.zeros((len(FEATURES), 4))
    style[FEATURES.index("dots"), 2] = -1.25
    figures = Weights(known, style, np.array([0.5, -0.5, 0.25, 0.0]), 4.5, 0.0)
    before = (folder / "calibration.yml").read_text("utf-8")
    calibration_file.write(folder, names, figures, {"cues only": figures})
    after = (folder / "calibration.yml").read_text("utf-8")
    assert [line.partition("#")[2] for line in before.splitlines()] == [
        line.partition("#")[2] for line in after.splitlines()
    ]
    fresh = Reader(small)
    assert [c.weight for c in fresh.cues] == pytest.approx(known.round(2))
    belief = fresh.calibration.belief
    assert (belief.silent, belief.tone, belief.lean) == (0.5, 4.5, (0.5, -0.5, 0.25, 0.0))
    assert fresh.calibration.style[2][FEATURES.index("dots")] == -1.25
    assert sum(map(abs, fresh.calibration.style[0])) == 0


def test_a_wrong_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "d.jsonl"
    data.write_text('{"id": 1, "label": "sad", "turns": []}\n', "utf-8")
    assert fitting.main(["--data", str(data), "--dry-run"]) == 1
    assert "line 1" in capsys.readouterr().err
