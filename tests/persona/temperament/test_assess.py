import json
import math

import pytest

from persona.temperament.assess import AssessResult, BadLine, assess_lines
from persona.temperament.reader import Reader


def one(reader: Reader, line: object) -> AssessResult | BadLine:
    text = line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
    (result,) = assess_lines([text], reader)
    return result


def test_the_form_is_exactly_the_documented_one(reader: Reader) -> None:
    result = one(
        reader,
        {
            "id": "c1",
            "label": "power",
            "turns": [
                {"text": "您好，有什么可以帮您", "who": "agent"},
                {"text": "直接给我退", "at": "2026-11-20T10:00:00+08:00"},
                {"text": "好的，正在处理", "who": "agent", "at": 1},
                {"text": "快点", "who": "shopper", "at": 1789000000.5},
            ],
            "history": {"orders": 5, "express_share": 1.0},
        },
    )
    assert isinstance(result, AssessResult)
    data = result.to_json()
    assert set(data) == {"id", "turns"} and data["id"] == "c1" and len(data["turns"]) == 2
    for turn in data["turns"]:
        assert set(turn) == {"temperament", "probabilities", "evidence", "mood"}
        assert set(turn["probabilities"]) == {"power", "perfect", "peace", "lively"}
        assert math.isclose(sum(turn["probabilities"].values()), 1, abs_tol=1e-5)
        assert all(set(e) == {"cue", "text", "start", "end", "type", "weight"} for e in turn["evidence"])
    assert data["turns"][0]["evidence"][0]["cue"] == "history:express"
    assert not any(e["cue"].startswith("history") for e in data["turns"][1]["evidence"])
    assert data["turns"][1]["temperament"] == "power"


def test_a_conversation_without_shopper_turns_has_no_reading(reader: Reader) -> None:
    result = one(reader, {"id": 7, "turns": [{"text": "在吗", "who": "agent"}]})
    assert isinstance(result, AssessResult) and result.to_json() == {"id": 7, "turns": []}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("[1]", "must be an object, not list"),
        ('{"turns": []}', "id is missing"),
        ('{"id": null, "turns": []}', "id must be a string, not null"),
        ('{"id": "a"}', "turns is missing"),
        ('{"id": "a", "turns": {}}', "turns must be a list, not object"),
        ('{"id": "a", "turns": ["x"]}', r"turns\[0\] must be an object, not string"),
        ('{"id": "a", "turns": [{}]}', r"turns\[0\].text is missing"),
        ('{"id": "a", "turns": [{"text": 3}]}', r"turns\[0\].text must be a string, not number"),
        ('{"id": "a", "turns": [{"text": "x", "who": "bot"}]}', r"turns\[0\].who must be shopper or agent"),
        ('{"id": "a", "turns": [{"text": "x", "at": "soon"}]}', r"turns\[0\].at must be"),
        ('{"id": "a", "turns": [{"text": "x", "at": NaN}]}', "NaN is not JSON"),
        ('{"id": "a", "turns": [], "history": []}', "history must be an object, not list"),
        ('{"id": "a", "turns": [], "history": {"order": 1}}', "history has unknown fields: order"),
        ('{"id": "a", "turns": [], "history": {"orders": "1"}}', "history field 'orders' has a wrong type"),
    ],
)
def test_a_bad_line_says_why(reader: Reader, line: str, reason: str) -> None:
    result = one(reader, line)
    assert isinstance(result, BadLine)
    assert __import__("re").search(reason, result.reason), result.reason


def test_a_bad_line_does_not_stop_the_rest_and_is_numbered(reader: Reader) -> None:
    good = json.dumps({"id": "g", "turns": [{"text": "\ud800 好吧"}]})
    results = list(assess_lines([good, "\n", "x", good], reader))
    assert [(type(r).__name__, r.line) for r in results] == [
        ("AssessResult", 1),
        ("BadLine", 3),
        ("AssessResult", 4),
    ]
