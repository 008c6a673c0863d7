"""Nothing is said twice in the same words, but what may be."""

from __future__ import annotations

import pytest

from persona.strategy import Style, load_strategies
from persona.wording import Wording
from tests.persona.wording.conftest import Room

FACTS = {"state": "shipped", "expected_by": "2026-11-24T10:00:00+00:00"}


def test_another_variation_is_said_where_there_is_one(room: Room) -> None:
    wording = Wording.load(room.root)
    first = wording.say("utter_shipped", FACTS, "lively", salt="a").text
    second = wording.say("utter_shipped", FACTS, "lively", salt="a", said=[first]).text
    assert {first, second} == {
        "包裹已发货🚚 11月24日 18:00 前见！",
        "出发啦🎉 已发货，11月24日 18:00 前送到您手上。",
    }


@pytest.mark.parametrize("style", [style.value for style in Style])
def test_the_only_text_gets_an_opening_all_its_facts_and_a_person(room: Room, style: str) -> None:
    wording = Wording.load(room.root)
    said: list[str] = []
    openings = load_strategies().of(style).again
    for _ in range(2 if style == "lively" else 1):
        said.append(wording.say("utter_shipped", FACTS, style, ["track_shipment"], said=said).text)
    told = said[-1]
    for _ in openings:
        again = wording.say("utter_shipped", FACTS, style, ["track_shipment"], said=said)
        assert again.text not in said
        assert any(again.text.startswith(opening) for opening in openings)
        assert "11月24日 18:00" in again.text
        assert "已发货" in again.text
        assert [button.payload for button in again.buttons] == ["/track_shipment", "/ask_human"]
        said.append(again.text)
    assert told in said


def test_news_is_no_repetition(room: Room) -> None:
    wording = Wording.load(room.root)
    said = [wording.say("utter_shipped", FACTS, "power").text]
    later = {**FACTS, "expected_by": "2026-11-25T10:00:00+00:00"}
    assert wording.say("utter_shipped", later, "power", said=said).text == "11月25日 18:00 前到。已发货。"


def test_the_same_turn_says_the_same_again(room: Room) -> None:
    wording = Wording.load(room.root)
    said = [wording.say("utter_shipped", FACTS, "power").text]
    again = {wording.say("utter_shipped", FACTS, "power", salt="c:m", said=said) for _ in range(5)}
    assert len(again) == 1


def test_bad_news_is_repeated_without_lightness(room: Room) -> None:
    wording = Wording.load(room.root)
    said = [wording.say("utter_shipped", FACTS, "lively", mood="angry").text]
    again = wording.say("utter_shipped", FACTS, "lively", mood="angry", said=said).text
    assert any(again.startswith(opening) for opening in load_strategies().of("neutral").again)


@pytest.mark.parametrize("options", [["affirm", "deny"], ["cancel_wait"]])
def test_a_question_with_choices_is_asked_again_as_it_was(room: Room, options: list[str]) -> None:
    wording = Wording.load(room.root)
    first = wording.say("utter_shipped", FACTS, "power", options)
    assert wording.say("utter_shipped", FACTS, "power", options, said=[first.text]) == first


def test_what_the_strategies_list_may_be_repeated(room: Room) -> None:
    room.response("utter_greet", neutral="您好，有什么可以帮您？")
    room.response("utter_verify_ask_number", neutral="请发一下订单号。")
    wording = Wording.load(room.root)
    for response in ("utter_greet", "utter_verify_ask_number", "utter_apology"):
        first = wording.say(response, {}, "neutral")
        assert wording.say(response, {}, "neutral", said=[first.text]) == first


def test_two_answers_in_a_row_do_not_open_or_end_alike(room: Room) -> None:
    texts = ["这个我熟，{{ answer }}就这样。", "给您说清楚：{{ answer }}随时问我。"]
    neutral = "\n".join(f"    - text: {text}" for text in texts)
    room.write("bot/domain/rule.yml", f'version: "3.1"\nresponses:\n  utter_rule:\n{neutral}\n')
    room.write(
        "persona/wording/facts/rule.yml", "utter_rule:\n  must:\n    answer: {type: text, sample: 好。}\n"
    )
    wording = Wording.load(room.root)
    for salt in map(str, range(8)):
        one = wording.say("utter_rule", {"answer": "能退。"}, "neutral", salt=salt).text
        two = wording.say("utter_rule", {"answer": "能换。"}, "neutral", salt=salt, said=[one]).text
        assert one[:3] != two[:3], salt
