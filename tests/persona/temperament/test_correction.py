"""A correction by a person: served at once, kept through a stray message, overruled by many."""

import math

import pytest

from persona.temperament.belief import probabilities
from persona.temperament.correction import LABELS, corrected, correction_evidence, lifted, word_of
from persona.temperament.history import CORRECTION_HALF_LIFE_DAYS
from persona.temperament.reader import Reader
from persona.temperament.types import TYPES, Belief, History, Temperament, Turn
from tests.persona.temperament.test_history import CLEAR, STRONGEST


def said(reader: Reader, belief: Belief | None, *texts: str) -> Belief:
    context: list[Turn] = []
    for text in texts:
        belief = reader.read(text, belief=belief, context=context).belief
        context.append(Turn(text))
    assert belief is not None
    return belief


def chances(reader: Reader, belief: Belief) -> dict[Temperament, float]:
    return dict(zip(TYPES, probabilities(belief, reader.calibration.belief), strict=True))


@pytest.mark.parametrize("by", ["agent", "shopper"])
@pytest.mark.parametrize("was", TYPES)
@pytest.mark.parametrize("label", LABELS)
def test_a_correction_is_served_at_once_whatever_was_believed(
    reader: Reader, was: Temperament, label: str, by: str
) -> None:
    before = said(reader, reader.prior(STRONGEST[was])[0], *CLEAR[was])
    assert before.served is was
    after = corrected(before, label, by)
    assert (after.served.value if after.served else "none") == label
    odds = chances(reader, after)
    if label == "none":
        assert max(odds.values()) < reader.calibration.belief.leave
    else:
        assert max(odds, key=lambda kind: odds[kind]).value == label


@pytest.mark.parametrize("was", TYPES)
@pytest.mark.parametrize("label", LABELS)
def test_ordinary_messages_afterwards_do_not_undo_it(reader: Reader, was: Temperament, label: str) -> None:
    belief = corrected(said(reader, None, *CLEAR[was]), label, "agent")
    for text in ("好的", "什么时候发货", "嗯", "订单号发你了"):
        belief = said(reader, belief, text)
        assert (belief.served.value if belief.served else "none") == label, text


@pytest.mark.parametrize("spoken", TYPES)
@pytest.mark.parametrize("label", LABELS)
def test_long_contrary_evidence_overrules_it(reader: Reader, label: str, spoken: Temperament) -> None:
    start = corrected(reader.neutral_belief(), label, "shopper")
    if label not in {"none", spoken.value}:
        for text in CLEAR[spoken]:
            assert said(reader, start, text).served is not spoken, text
    assert said(reader, start, *CLEAR[spoken], *CLEAR[spoken], *CLEAR[spoken]).served is spoken


def test_a_correction_that_agrees_makes_surer_and_repeating_it_changes_nothing(reader: Reader) -> None:
    belief = said(reader, None, CLEAR[Temperament.PEACE][1])
    once = corrected(belief, "peace", "agent")
    assert chances(reader, once)[Temperament.PEACE] > chances(reader, belief)[Temperament.PEACE]
    assert corrected(once, "peace", "shopper") == once
    assert corrected(corrected(once, "power", "agent"), "peace", "agent").served is Temperament.PEACE


@pytest.mark.parametrize("label", LABELS)
def test_a_history_known_later_does_not_undo_it(reader: Reader, label: str) -> None:
    belief = corrected(reader.neutral_belief(), label, "agent")
    for told in TYPES:
        joined = reader.carry(belief, reader.prior(STRONGEST[told])[0])
        assert (joined.served.value if joined.served else "none") == label


def test_a_corrected_belief_travels_as_json(reader: Reader) -> None:
    belief = corrected(said(reader, None, *CLEAR[Temperament.POWER]), "lively", "shopper")
    again = Belief.from_json(belief.to_json())
    assert again.served is Temperament.LIVELY
    assert chances(reader, again)[Temperament.LIVELY] == pytest.approx(
        chances(reader, belief)[Temperament.LIVELY], abs=1e-3
    )


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("was", TYPES)
def test_lifted_at_once_it_was_never_there(reader: Reader, was: Temperament, label: str) -> None:
    before = said(reader, reader.prior(STRONGEST[was])[0], *CLEAR[was])
    after = corrected(corrected(before, "peace", "agent"), label, "shopper")
    assert word_of(after) == label and word_of(before) is None
    travelled = Belief.from_json(after.to_json())
    assert lifted(travelled, reader.calibration.belief).served is before.served is was
    odds, again = chances(reader, before), chances(reader, lifted(after, reader.calibration.belief))
    assert again == pytest.approx(odds, abs=1e-9)
    assert lifted(before, reader.calibration.belief) == before


@pytest.mark.parametrize("label", LABELS)
def test_lifted_later_the_words_before_and_after_count_as_if_it_had_not_been(
    reader: Reader, label: str
) -> None:
    texts = (*CLEAR[Temperament.PERFECT], "好的", "订单是昨天下的", "嗯嗯")
    plain = said(reader, None, *texts)
    half = said(reader, None, *texts[:-3])
    stray = said(reader, corrected(half, label, "shopper"), *texts[-3:])
    free = lifted(stray, reader.calibration.belief)
    assert free.turns == plain.turns and free.served is plain.served
    assert chances(reader, free) == pytest.approx(chances(reader, plain), abs=0.1)
    assert free.aside is None and free.corrected == ()


def test_it_shows_as_evidence() -> None:
    (item,) = correction_evidence("power", "agent")
    assert item.type is Temperament.POWER and item.cue == "correction:agent" and item.weight > 0
    assert correction_evidence("none", "shopper") == ()


@pytest.mark.parametrize(("label", "by"), [("sad", "agent"), ("power", "bot"), ("", "agent")])
def test_what_is_no_correction_is_refused(reader: Reader, label: str, by: str) -> None:
    with pytest.raises(ValueError, match="correction"):
        corrected(reader.neutral_belief(), label, by)


def remembered(record: History, **more: object) -> History:
    return History(**{**record.__dict__, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("told", TYPES)
@pytest.mark.parametrize("label", LABELS)
def test_a_stored_correction_outweighs_the_richest_record(
    reader: Reader, told: Temperament, label: str
) -> None:
    record = remembered(STRONGEST[told], corrected=label, correction_age_days=3)
    belief, evidence = reader.prior(record)
    assert (belief.served.value if belief.served else "none") == label
    assert any(e.cue == "history:corrected" for e in evidence) == (label != "none")
    assert max(belief.prior) - min(belief.prior) <= reader.calibration.bound


@pytest.mark.parametrize("spoken", TYPES)
@pytest.mark.parametrize("label", LABELS)
def test_three_clear_messages_overrule_a_stored_correction_with_a_record_that_agrees(
    reader: Reader, label: str, spoken: Temperament
) -> None:
    record = History() if label == "none" else STRONGEST[Temperament(label)]
    belief, _ = reader.prior(remembered(record, corrected=label, correction_age_days=0))
    assert said(reader, belief, *CLEAR[spoken]).served is spoken


def test_a_stored_correction_fades_and_one_without_an_age_counts_as_old(reader: Reader) -> None:
    def lead(age: float | None) -> float:
        return math.exp(reader.prior(History(corrected="peace", correction_age_days=age))[0].prior[2])

    assert lead(0) > lead(CORRECTION_HALF_LIFE_DAYS) > lead(10 * CORRECTION_HALF_LIFE_DAYS) > 0.25
    assert lead(None) == lead(CORRECTION_HALF_LIFE_DAYS)
    assert lead(float("nan")) == lead(None)
