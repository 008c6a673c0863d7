"""The prior from history: direction, honesty about little, and the bound."""

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persona.temperament.history import _FEATURES
from persona.temperament.reader import Reader
from persona.temperament.types import TYPES, Belief, History, Temperament, Turn

CASES = yaml.safe_load((Path(__file__).parent / "history_cases.yml").read_text("utf-8"))

#: Three clear messages of each type, written for this test.
CLEAR = {
    Temperament.POWER: ["直接给我退，别解释", "现在就办，我赶时间", "结果呢？马上给我回复"],
    Temperament.PERFECT: [
        "你们页面写的是7天，客服说是15天，以哪个为准？",
        "那如果检测没问题，运费由谁承担，具体多少？",
        "也就是说我18号前寄出就可以，对吗？请再确认一下",
    ],
    Temperament.PEACE: ["麻烦您了，不着急的", "没关系，什么时候都行", "好吧，辛苦您，那我再等等"],
    Temperament.LIVELY: [
        "哈哈哈我的快递是不是去旅游啦😂",
        "哇太好看了吧！爱了爱了～",
        "嘿嘿小姐姐你真可爱😘",
    ],
}

STRONGEST = {
    Temperament.POWER: History(orders=50, express_share=1, urges=20, minutes_to_buy=1),
    Temperament.PERFECT: History(
        orders=50, custom_share=1, minutes_to_buy=500, browses=400, detail_share=1, compare_share=1,
        reviews=30, review_chars=400, review_figures=5, returns=5, return_reasons={"quality": 5},
    ),
    Temperament.PEACE: History(orders=50, same_brand_share=1, reviews=30, review_stars=5, review_chars=5),
    Temperament.LIVELY: History(
        orders=50, new_arrival_share=1, reviews=30, review_emoji=4, review_pictures=6, returns=1
    ),
}  # fmt: skip


def test_there_are_eighty_cases_and_no_double() -> None:
    assert len(CASES) >= 80
    assert len({case["why"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case["why"] for case in CASES])
def test_case(reader: Reader, case: dict) -> None:  # type: ignore[type-arg]
    belief, evidence = reader.prior(History.from_json(case["history"]))
    chances = dict(zip([t.value for t in TYPES], map(math.exp, belief.prior), strict=True))
    assert math.isclose(sum(chances.values()), 1, abs_tol=1e-9)
    ranked = sorted(chances, key=lambda t: -chances[t])
    if case["first"] == "none":
        assert chances[ranked[0]] - 0.25 <= 0.1, chances
    elif case["first"] != "any":
        assert ranked[0] == case["first"], chances
        assert any(e.type.value == case["first"] for e in evidence)
    if "served" in case:
        assert (belief.served.value if belief.served else None) == case["served"], chances
    if "not" in case:
        assert ranked[0] != case["not"]


@pytest.mark.parametrize("told", TYPES)
@pytest.mark.parametrize("spoken", TYPES)
def test_three_clear_messages_overrule_any_history(
    reader: Reader, told: Temperament, spoken: Temperament
) -> None:
    belief, _ = reader.prior(STRONGEST[told])
    assert belief.served is told
    context: list[Turn] = []
    for text in CLEAR[spoken]:
        reading = reader.read(text, belief=belief, context=context)
        belief = reading.belief
        context.append(Turn(text))
    assert reading.temperament is spoken


def test_a_prior_known_later_counts_once_and_keeps_the_words(reader: Reader) -> None:
    spoken = reader.read(CLEAR[Temperament.POWER][0]).belief
    prior, _ = reader.prior(STRONGEST[Temperament.PEACE])
    once = reader.carry(spoken, prior)
    assert once.evidence == spoken.evidence and once.prior == prior.prior
    assert reader.carry(once, prior) == once
    started_with = reader.read(CLEAR[Temperament.POWER][0], belief=prior).belief
    assert started_with.evidence == once.evidence


def test_silence_leaves_the_shopper_where_history_put_her(reader: Reader) -> None:
    belief, _ = reader.prior(STRONGEST[Temperament.LIVELY])
    for text in ("你好", "查物流", "好的"):
        reading = reader.read(text, belief=belief)
        belief = reading.belief
    assert reading.temperament is Temperament.LIVELY


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.dictionaries(
        st.sampled_from(
            [f for f in History.__dataclass_fields__ if f not in {"belief", "return_reasons", "corrected"}]
        ),
        st.one_of(st.none(), st.integers(-10, 10**9), st.floats()),
    )
)
def test_any_figures_give_a_bounded_prior(reader: Reader, data: dict[str, float]) -> None:
    belief, _ = reader.prior(History.from_json(data))
    assert all(math.isfinite(x) for x in belief.prior)
    assert max(belief.prior) - min(belief.prior) <= 2 * reader.calibration.bound
    assert Belief.from_json(belief.to_json()).served == belief.served


@pytest.mark.parametrize(
    "bad",
    [
        {"ordres": 1},
        {"orders": "3"},
        {"belief": [1]},
        {"urges": True},
        {"corrected": "sad"},
        {"corrected": 1},
    ],
)
def test_a_wrong_record_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="history"):
        History.from_json(bad)


def test_every_feature_is_documented_and_explained() -> None:
    import persona.temperament.history as module

    words = yaml.safe_load(
        (Path(module.__file__).parents[2] / "nlu_data/temperament/explain.yml").read_text("utf-8")
    )
    for name, kind, _, _ in _FEATURES:
        line = next(line for line in (module.__doc__ or "").splitlines() if line.startswith(f"{name} "))
        assert kind.value in line
        assert name in words["history"]
