"""Any Unicode: never raises, probabilities sum to 1, evidence points at what was typed."""

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from persona.temperament.reader import Reader
from persona.temperament.types import Belief, Reading, Turn

pytestmark = pytest.mark.slow

SCRAPS = st.sampled_from(
    [
        "赶紧",
        "好吧",
        "麻烦您",
        "是吧？",
        "哈哈",
        "😂",
        "👍🏽",
        "👨‍👩‍👧",
        "[捂脸]",
        "[订单x]",
        "訂單",
        "ＡＢＣ１２",
        "！！！！",
        "\ud800",
        "\x00",
        "\u202e",
        "\u200b\u200d\ufeff",
        "\u2066א\u2069",
        "مرحبا",
        "a\u0301\u0302\u0303\u0304",
        "\x1b[31m",
        "\udfff\ud83d",
        "\ue003",
        "{{ x }}",
        "$(rm)",
        "“",
        "”",
        "\n",
        "12345678901",
        "http://a.b/c",
        "ﷺ",
        "é",
        "(^▽^)",
        "不",
    ]
)
ANY = st.text(st.characters(), max_size=60)
MESSY = st.lists(st.one_of(SCRAPS, ANY), max_size=12).map("".join)


def check(text: str, reading: Reading) -> None:
    assert math.isclose(sum(reading.probabilities.values()), 1.0, abs_tol=1e-9)
    assert all(0 <= p <= 1 for p in reading.probabilities.values())
    for item in reading.evidence:
        assert 0 <= item.start <= item.end <= len(text)
        assert text[item.start : item.end] == item.text
        assert math.isfinite(item.weight)
    assert reading.mood_words in text
    for signal in reading.signals:
        assert text[signal.start : signal.end] == signal.text != ""
    assert Belief.from_json(json.loads(json.dumps(reading.belief.to_json()))).served == reading.belief.served


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=MESSY, agent=MESSY)
def test_any_text(reader: Reader, text: str, agent: str) -> None:
    check(text, reader.read(text, context=(Turn(agent, "agent"),)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(MESSY, max_size=12))
def test_any_conversation(reader: Reader, texts: list[str]) -> None:
    belief, context = None, []
    for text in texts:
        reading = reader.read(text, belief=belief, context=context[-3:])
        check(text, reading)
        belief = reading.belief
        context.append(Turn(text))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "\x00",
            "\ud800",
            "💥" * 5000,
            "啊" * 10000,
            "[订单x]",
            "1" * 500,
            "((((" * 2000,
            "“" * 900,
        ),
        *("\u200b" * 3000, "\ud83d" * 900, "e\u0301" * 700, "\u202e好吧" * 300, "\x00\x07\x1b" * 400),
        *("不" * 2000, "赶紧！" * 1000 + "\udc00", "\U0010ffff\uffff\ufffe", "ㄅㄆㄇ" * 200, "𠮷" * 500),
    ],
)
def test_extremes(reader: Reader, text: str) -> None:
    check(text, reader.read(text))


@pytest.mark.parametrize("mark", ["\u200b", "\u200d", "\u202e", "\ufeff", "\u00ad"])
def test_marks_that_nobody_sees_part_no_word(reader: Reader, mark: str) -> None:
    text = f"直{mark}接给我退，马{mark}上处理"
    reading, plain = reader.read(text), reader.read("直接给我退，马上处理")
    assert reading.probabilities == plain.probabilities
    assert f"直{mark}接给我退" in {item.text for item in reading.evidence}
    check(text, reading)
