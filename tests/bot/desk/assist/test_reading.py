"""What was read, for people: segments that are the message, a course, one sentence of why."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.assist.advice import advise
from bot.desk.assist.labels import data
from bot.desk.assist.reading import reading_view, segments
from persona.temperament.reader import Reader
from persona.temperament.types import TYPES, Evidence, History, Temperament, Turn
from persona.wording.desk_words import DeskWords
from tests.bot.desk.assist.talks import Talk


def evidence(start: int, end: int, weight: float = 1.0, cue: str = "lexicon:power.hurry") -> Evidence:
    return Evidence(cue, "", start, end, Temperament.POWER, weight)


spans = st.lists(
    st.builds(
        Evidence,
        st.sampled_from(["lexicon:power.hurry", "style:short", "classifier", "who:knows"]),
        st.just(""),
        st.integers(-5, 40),
        st.integers(-5, 60),
        st.sampled_from(TYPES),
        st.floats(-9, 9),
    ),
    max_size=12,
)


@given(st.text(max_size=40), spans)
def test_segments_joined_are_the_message(text: str, found: list[Evidence]) -> None:
    cut = segments(text, found)
    assert "".join(segment.text for segment in cut) == text
    assert all(segment.text for segment in cut)
    at = 0
    for segment in cut:
        end = at + len(segment.text)
        inside = [e for e in found if 0 <= e.start <= at and end <= e.end <= len(text) and e.start < e.end]
        assert len(segment.marks) == len(inside)
        weights = [abs(mark.weight) for mark in segment.marks]
        assert weights == sorted(weights, reverse=True)
        at = end


def test_overlapping_evidence_is_cut_at_its_edges() -> None:
    cut = segments("直接给我退，马上", [evidence(0, 5, 2.0), evidence(2, 7, 3.0), evidence(6, 8)])
    assert [(s.text, [m.weight for m in s.marks]) for s in cut] == [
        ("直接", [2.0]),
        ("给我退", [3.0, 2.0]),
        ("，", [3.0]),
        ("马", [3.0, 1.0]),
        ("上", [1.0]),
    ]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader.load()


def read(reader: Reader, talk: Talk, *lines: str, history: History | None = None) -> Talk:
    """Write what a shopper says with the readings that the record would hold."""
    belief, told = reader.prior(history) if history else (None, ())
    turns: list[Turn] = []
    for line in lines:
        reading = reader.read(line, belief=belief, context=tuple(turns[-3:]))
        stored: dict[str, Any] = reading.to_json()
        stored["evidence"] = [*(e.to_json() for e in told), *stored["evidence"]]
        talk.shopper(line, reading=stored)
        belief, told = reading.belief, ()
        turns.append(Turn(line))
        talk.style = reading.temperament.value if reading.temperament else "neutral"
        talk.mood = reading.mood.value
    return talk


URGENT = ("直接给我退，马上", "别废话，今天必须到账", "就一句话，退还是不退？快点")


def test_type_course_evidence_and_why(reader: Reader) -> None:
    history = History(orders=9, express_share=1.0, urges=5)
    talk = read(reader, Talk(), *URGENT, history=history)
    view = reading_view(talk.made())
    assert (view.style, view.style_label) == ("power", "力量型")
    assert view.probability is not None
    assert view.probability > 0.5
    assert view.sure in {words for _, words in data("advice.yml")["sure"]}
    assert [point.seq for point in view.course] == [1, 2, 3]
    for point in view.chart():
        assert abs(point["power"] + point["perfect"] + point["peace"] + point["lively"] - 1) < 1e-3
    assert any(segment.marks for segment in view.messages[1].segments)
    assert "".join(s.text for s in view.messages[1].segments) == URGENT[0]
    assert view.history_marks
    assert all(mark.label for mark in view.history_marks)
    assert "“" in view.words
    assert view.history
    assert view.sentence
    assert "着急" in {signal.label for signal in view.signals}


def test_nothing_read_says_so(words: DeskWords) -> None:
    view = reading_view(Talk().shopper("在吗", "greet").made())
    assert (view.style, view.probability, view.course, view.messages) == ("neutral", None, (), {})
    assert view.sure == data("advice.yml")["unknown"]
    assert view.sentence
    advice = advise(Talk().shopper("在吗").made(), words, agent="小陈")
    assert (advice.name, advice.caution) == ("中性", data("advice.yml")["unknown"])


def test_a_persons_correction_is_told_as_such(reader: Reader) -> None:
    talk = read(reader, Talk(), *URGENT)
    view = reading_view(talk.made(style="peace", correction="peace"))
    assert (view.style_label, view.sure, view.probability) == ("和平型", "人工更正", None)
    assert "更正" in view.sentence
    assert view.secondary is None
    silent = reading_view(talk.made(style="neutral", correction="none"))
    assert silent.sure == "人工更正"


def test_switched_off_shows_nothing() -> None:
    view = reading_view(Talk().shopper("在吗").made(personalisation=False, correction="power"))
    assert view.sure == data("advice.yml")["personalisation_off"]
    assert view.corrected is None


def test_a_broken_reading_is_left_out() -> None:
    broken = {
        "probabilities": {"power": "x"},
        "evidence": [{"cue": 1}, "no"],
        "signals": ["no"],
        "mood": None,
    }
    view = reading_view(Talk().shopper("在吗", reading=broken).made())
    assert view.course == ()
    assert [s.text for s in view.messages[1].segments] == ["在吗"]
