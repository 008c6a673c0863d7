"""Facts are data: whatever a text holds is said as it is, and facts of the right form are never refused."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persona.strategy import Style
from persona.wording.engine import tidy
from persona.wording.facts import CLOSE, OPEN, FactError, FactSpec, FactText, parse
from persona.wording.filters import FILTERS, shown
from persona.wording.rendering import RenderError, Sandbox
from tests.fuzz.pace import MESSY, pace
from tests.support.stage import wording

#: The frames of facts are noncharacters, and are taken out of every text.
TEXTS = MESSY.map(lambda text: re.sub(f"[{OPEN}{CLOSE}]", "", text))
WORDS = TEXTS.map(lambda text: f"甲{text}乙")
MONEY = st.decimals(0, 10**7, places=2, allow_nan=False, allow_infinity=False)
MOMENTS = st.datetimes(
    datetime(2000, 1, 2),  # noqa: DTZ001  (the zones are drawn below)
    datetime(2099, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours))),
)
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": WORDS,
    "int": st.integers(0, 10**9),
    "money": MONEY.map(str),
    "datetime": MOMENTS.map(datetime.isoformat),
    "date": DAYS.map(date.isoformat),
    "flag": st.booleans(),
    "list": st.lists(WORDS, min_size=1, max_size=3),
}
OF: dict[str, st.SearchStrategy[Any]] = {
    "money": st.one_of(MONEY, MONEY.map(str), st.integers(0, 10**7)),
    "amount": st.one_of(MONEY, MONEY.map(str), st.integers(0, 10**7)),
    **dict.fromkeys(("day", "short_day", "full_day"), st.one_of(MOMENTS, DAYS, DAYS.map(date.isoformat))),
    **dict.fromkeys(("clock", "moment", "deadline"), st.one_of(MOMENTS, MOMENTS.map(datetime.isoformat))),
    **dict.fromkeys(("days", "circled", "months", "shelf_life"), st.integers(-5, 10**6)),
    "workdays": st.tuples(st.integers(0, 90), st.integers(0, 90)),
    "period": st.tuples(MOMENTS, MOMENTS),
    "join_zh": st.lists(st.one_of(TEXTS, st.integers()), max_size=4),
    **dict.fromkeys(("short", "tail"), st.one_of(TEXTS, st.integers())),
}
SANDBOX = Sandbox({"colour": {"red": "红"}})


def test_every_filter_is_tried() -> None:
    assert set(OF) == set(FILTERS)


@pytest.mark.parametrize("name", OF)
def test_a_filter_writes_whatever_is_of_its_type(name: str) -> None:
    @pace(40)
    @given(OF[name])
    def check(value: Any) -> None:
        written = FILTERS[name](value)
        assert isinstance(written, FactText)
        # The same within a text, framed as a fact.
        said = SANDBOX.render(SANDBOX.compile(f"一{{{{ x|{name} }}}}二"), {"x": value})
        assert "".join(s.text for s in said) == f"一{written}二"
        assert [s.text for s in said if s.fact] == ([str(written)] if written else [])

    check()


@pytest.mark.parametrize("name", OF)
def test_a_filter_refuses_the_rest_in_words_without_saying_it(name: str) -> None:
    @pace(25)
    @given(MESSY.map(lambda text: f"secret-{text}"))
    def check(text: str) -> None:
        try:
            said = SANDBOX.render(SANDBOX.compile(f"一{{{{ x|{name} }}}}二"), {"x": FactText(text)})
        except RenderError as exc:
            assert text not in str(exc)
        else:
            assert name in ("join_zh", "short", "tail") and said

    check()


@pace(150)
@given(TEXTS)
def test_a_text_is_said_as_it_is(text: str) -> None:
    said = SANDBOX.render(
        SANDBOX.compile("一{{ x }}二{% for y in z %}{{ y }}{% endfor %}三"),
        {"x": FactText(text), "z": [FactText(text)]},
    )
    assert "".join(s.text for s in said) == f"一{text}二{text}三"
    assert shown(FactText(text)) == text


def facts_of(draw: Any, specs: list[FactSpec]) -> dict[str, Any]:
    """Facts of the right form; codes, which have labels, and rows stay those of the samples."""
    made: dict[str, Any] = {}
    for spec in specs:
        sample = spec.sample
        code = spec.type == "text" and (isinstance(sample, str) and sample.isascii())
        if spec.type in VALUES and not code and spec.cut is None:
            made[spec.name] = draw(VALUES[spec.type])
        elif spec.type == "rows":
            made[spec.name] = [
                {k: draw(WORDS) if isinstance(v, str) and not v.isascii() else v for k, v in row.items()}
                for row in sample
            ]
        else:
            made[spec.name] = sample
    return made


@pace(250)
@given(st.data())
def test_any_response_is_spoken_with_any_facts_of_the_right_form(data: st.DataObject) -> None:
    catalogue = wording().catalogue
    spec = catalogue.responses[data.draw(st.sampled_from(sorted(catalogue.responses)))]
    facts = facts_of(data.draw, list(spec.facts.values()))
    assert wording().fact_problems(spec.name, facts) == []
    style = data.draw(st.sampled_from(list(Style)))
    said = wording().say(spec.name, facts, style, mood=data.draw(st.sampled_from([None, "calm", "angry"])))
    flat = "".join(said.text.split())
    for fact in spec.facts.values():
        value = facts[fact.name]
        if fact.where is not None and not facts[fact.where]:
            continue  # such a fact is owed only where the flag is up
        if fact.must and fact.type == "text" and fact.shows is None and value != fact.sample:
            assert "".join(tidy(value).split()) in flat, (spec.name, fact.name, said.text)


@pace(100)
@given(
    st.sampled_from(sorted(VALUES)),
    st.one_of(st.none(), MESSY, st.floats(), st.binary(max_size=3), st.lists(st.integers())),
)
def test_a_fact_of_another_form_is_refused_by_its_name(kind: str, value: Any) -> None:
    try:
        parse(FactSpec(name="fact_x", type=kind, must=False, sample=None), value)
    except FactError as exc:
        assert "fact_x" in str(exc)
        assert not isinstance(value, str) or len(value) < 12 or value not in str(exc)
