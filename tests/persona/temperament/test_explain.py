"""Explanations: natural Chinese, wording and history apart, from live and from stored readings."""

import json

import pytest
import yaml

from persona.temperament.correction import correction_evidence
from persona.temperament.explain import Explainer, Explanation, cue_label, default_explainer, explain
from persona.temperament.history import _FEATURES
from persona.temperament.reader import DATA_ROOT, Reader
from persona.temperament.style import FEATURES
from persona.temperament.types import TYPES, Evidence, History, Reading, Temperament, Turn
from tests.persona.temperament.test_history import CLEAR, STRONGEST

EXPRESS = History(orders=5, express_share=1.0)


def talk(reader: Reader, *texts: str, history: History | None = None) -> list[Reading]:
    belief = reader.prior(history)[0] if history else None
    context: list[Turn] = []
    out = []
    for text in texts:
        out.append(reader.read(text, belief=belief, context=context))
        belief = out[-1].belief
        context.append(Turn(text))
    return out


def stored(readings: list[Reading]) -> list[dict]:  # type: ignore[type-arg]
    return json.loads(json.dumps([reading.to_json() for reading in readings], ensure_ascii=False))


def test_the_issues_own_example(reader: Reader) -> None:
    readings = talk(reader, "直接给我退", "马上处理", history=EXPRESS)
    why = explain(stored(readings), EXPRESS)
    assert why.words.startswith("因为他说了“直接给我退”") and "马上" in why.words
    assert why.history == "因为过去 5 单都选了加急"
    assert why.sentence == f"{why.words}，且过去 5 单都选了加急"
    assert "加急" not in why.words and "他说" not in why.history


def test_stored_and_live_readings_are_explained_alike(reader: Reader) -> None:
    for kind in TYPES:
        readings = talk(reader, *CLEAR[kind], history=STRONGEST[kind])
        why = explain(readings, STRONGEST[kind])
        assert why == explain(stored(readings), STRONGEST[kind])
        assert why.words and why.history and why.sentence.startswith(why.words)


@pytest.mark.parametrize("kind", TYPES)
def test_quotes_are_his_own_words(reader: Reader, kind: Temperament) -> None:
    why = explain(talk(reader, *CLEAR[kind])).words
    quotes = [part.split("”")[0] for part in why.split("“")[1:]]
    assert 1 <= len(quotes) <= 3
    for quote in quotes:
        assert any(quote.rstrip("…") in text for text in CLEAR[kind]), quote


def test_some_of_many_orders_are_counted() -> None:
    history = History(orders=10, express_share=0.8, urges=4)
    why = explain([{"temperament": "power", "evidence": []}], history)
    assert why.words == ""
    assert why.history == why.sentence == "因为过去 10 单里有 8 单选了加急，催过 4 次单"


def test_without_a_record_facts_are_told_without_figures(reader: Reader) -> None:
    told = reader.prior(EXPRESS)[1]
    assert default_explainer().explain(Temperament.POWER, told).sentence == "因为常选加急"


def test_where_nothing_is_known_it_says_so() -> None:
    unknown = "目前还看不出风格，按中性口吻服务"
    for readings in ([], [{}], [{"temperament": None}], [{"temperament": "sad"}], [{"temperament": "power"}]):
        assert explain(readings) == Explanation("", "", unknown)


def test_a_correction_comes_first(reader: Reader) -> None:
    evidence = [*correction_evidence("peace", "agent"), *talk(reader, *CLEAR[Temperament.PEACE])[-1].evidence]
    assert default_explainer().explain(Temperament.PEACE, evidence).words == "因为客服更正为和平型"


def test_habits_are_told_where_there_is_no_quote_and_tone_where_there_are_none() -> None:
    def one(cue: str, weight: float = 0.4) -> Evidence:
        return Evidence(cue, "什么", 0, 2, Temperament.PERFECT, weight)

    say = default_explainer().explain
    habits = [one("style:questions"), one("style:asks_on"), one("style:long", 0.01), one("classifier")]
    assert say(Temperament.PERFECT, habits).words == "因为他问得多、接着往下追问"
    assert say(Temperament.PERFECT, [one("classifier")]).words == "因为整段话的语气接近完美型"
    assert say(Temperament.PERFECT, [one("style:questions", -1.0)]).words == ""


def test_broken_stored_evidence_is_left_out() -> None:
    good = {
        "cue": "lexicon:power.hurry",
        "text": "快点！",
        "start": 0,
        "end": 3,
        "type": "power",
        "weight": 1,
    }
    bad = [{}, None, {**good, "type": "angry"}, {**good, "weight": "much"}, 3]
    why = explain([{"temperament": "power", "evidence": [*bad, good]}])
    assert why.words == "因为他说了“快点”"


def test_long_and_nested_quotes_are_cut() -> None:
    def one(text: str, weight: float) -> Evidence:
        return Evidence("lexicon:power.push", text, 0, len(text), Temperament.POWER, weight)

    why = default_explainer().explain(
        Temperament.POWER, [one("马上", 3.0), one("马上给我退", 2.0), one("快" * 40, 1.0)]
    )
    assert why.words == f"因为他说了“马上给我退”“{'快' * 17}…”"


def test_every_cue_has_a_readable_name(reader: Reader) -> None:
    cues = [f"lexicon:{cue.id}" for cue in reader._lexicon.cues]
    cues += [f"style:{name}" for name in FEATURES] + [f"history:{name}" for name, *_ in _FEATURES]
    cues += ["history:stored", "history:corrected", "classifier", "correction:agent", "correction:shopper"]
    other = cue_label("")
    for cue in cues:
        name = cue_label(cue)
        assert name != other and 2 <= len(name) <= 24, cue
        assert not any("a" <= char <= "z" or char in "{}:_" for char in name), name
    assert len({cue_label(cue) for cue in cues}) == len(cues)
    assert cue_label("style:gone") == cue_label("lexicon:power.gone") == cue_label("x") == other


def test_every_fact_fits_any_record(reader: Reader) -> None:
    words = yaml.safe_load((DATA_ROOT / "temperament" / "explain.yml").read_text("utf-8"))["history"]
    assert set(words) == {name for name, *_ in _FEATURES} | {"stored", "corrected"}
    for history in (History(), History(orders=3, minutes_to_buy=2.6, express_share=9.0), *STRONGEST.values()):
        for name in words:
            evidence = [Evidence(f"history:{name}", "", -1, -1, Temperament.PEACE, 1.0)]
            told = Explainer.load().explain(Temperament.PEACE, evidence, history).history
            assert told.startswith("因为") and "{" not in told and "None" not in told
