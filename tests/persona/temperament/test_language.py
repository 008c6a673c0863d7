"""The language data: what a manager edits is checked, the corpus is varied, the model fits it."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from persona.temperament import corpus, training
from persona.temperament.classifier import Classifier
from persona.temperament.lexicon import Lexicon, LexiconError
from persona.temperament.normalise import Normaliser
from persona.temperament.reader import DATA_ROOT, Reader

ROOT = DATA_ROOT / "temperament"


@pytest.fixture(scope="module")
def conversations() -> list[corpus.Labelled]:
    return corpus.load(ROOT / "corpus")


def test_the_corpus_is_balanced(conversations: list[corpus.Labelled]) -> None:
    messages = Counter(c.label for c in conversations for t in c.turns if t.who == "shopper")
    assert min(messages[label] for label in corpus.LABELS) >= 200
    assert messages["none"] >= max(messages[label] for label in corpus.LABELS if label != "none") * 0.9
    scenarios = {c.scenario for c in conversations}
    assert len(scenarios) >= 12
    for label in corpus.LABELS:
        share = Counter(c.scenario for c in conversations if c.label == label)
        assert scenarios == set(share), label
        assert max(share.values()) <= 0.35 * sum(share.values()), (label, share.most_common(1))


def test_the_corpus_has_no_near_doubles(conversations: list[corpus.Labelled]) -> None:
    seen: dict[frozenset[str], str] = {}
    for c in conversations:
        words = "".join(t.text for t in c.turns if t.who == "shopper")
        if len(words) < 8:
            continue
        key = frozenset(words)
        assert key not in seen, (c.id, words)
        seen[key] = c.id
    assert len({c.id for c in conversations}) == len(conversations)


def test_the_stored_model_is_current() -> None:
    assert training.is_current(ROOT), "the corpus has changed: train the temperament model again"


@pytest.mark.model
def test_the_stored_model_is_the_one_that_training_gives(tmp_path: Path) -> None:
    first = training.train(ROOT, tmp_path / "a")
    stored = ROOT / "model" / first.name
    with np.load(first, allow_pickle=False) as ours, np.load(stored, allow_pickle=False) as theirs:
        assert set(ours.files) == set(theirs.files)
        assert (ours["grams"] == theirs["grams"]).all()
        np.testing.assert_allclose(ours["weights"], theirs["weights"], atol=1e-3)


@pytest.mark.model
def test_training_again_gives_the_same_file_and_removes_old_ones(tmp_path: Path) -> None:
    (tmp_path / "tone-old.npz").write_bytes(b"old")
    path = training.train(ROOT, tmp_path)
    content = path.read_bytes()
    assert training.train(ROOT, tmp_path).read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no temperament model"):
        Classifier.load(tmp_path)


def lexicon_with(tmp_path: Path, **changes: object) -> Path:
    for path in (ROOT / "lexicon").glob("*.yml"):
        data = yaml.safe_load(path.read_text("utf-8"))
        if path.stem == "peace":
            data["cues"][0].update(changes)
            data["cues"][0] = {k: v for k, v in data["cues"][0].items() if v is not None}
        (tmp_path / path.name).write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patterns": ["("]}, "not a regular expression"),
        ({"wieght": 1}, "unknown fields: wieght"),
        ({"weight": None}, "needs id, says, weight"),
        ({"patterns": None}, "words or patterns"),
        ({"id": "easy"}, "same id"),
    ],
)
def test_a_wrong_lexicon_is_named(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(LexiconError, match=message):
        Lexicon.load(lexicon_with(tmp_path, **changes), Normaliser.load(ROOT))


def test_an_added_word_is_found_without_touching_code(tmp_path: Path, reader: Reader) -> None:
    normaliser = Normaliser.load(ROOT)
    lexicon = Lexicon.load(lexicon_with(tmp_path, words=["佛系啦"], patterns=None), normaliser)
    doc = reader._segment.doc(normaliser("我很佛系啦").text)
    assert [h.cue.id for h in lexicon.find(doc, frozenset())] == ["peace.give_way"]


def test_every_pattern_is_bounded_in_time(reader: Reader) -> None:
    for text in ("那如果" * 130, "不是说" * 130, "第一" * 200, "我的猫" * 130, "的" * 400, "0月" * 200):
        assert reader.read(text).probabilities


def test_normal_form_keeps_the_way_back() -> None:
    normalise = Normaliser.load(ROOT)
    text = "ＡＢ　請…𠮷！！！！😂👍🏽[捂脸]12345678901 [订单x]"
    normal = normalise(text)
    assert len(normal.text) == len(normal.starts) == len(normal.ends)
    assert all(0 <= s < e <= len(text) for s, e in zip(normal.starts, normal.ends, strict=True))
    assert list(normal.starts) == sorted(normal.starts)
    assert "ab 请" in normal.text and "№" in normal.text and "!!" in normal.text and "!!!" not in normal.text
