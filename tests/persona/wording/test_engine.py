"""What is said: the right variation, the facts as data, the next steps, and words edited while running."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from persona.wording import Button, Wording, WordingError
from tests.persona.wording.conftest import Room

FACTS = {"state": "shipped", "expected_by": "2026-11-24T10:00:00+00:00"}
Edit = Callable[[Path, str, str], None]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_style_has_its_own_words(room: Room) -> None:
    wording = Wording.load(room.root)
    assert wording.say("utter_shipped", FACTS, "power").text == "11月24日 18:00 前到。已发货。"
    assert (
        wording.say("utter_shipped", FACTS, "neutral").text == "您的订单已发货，预计 11月24日 18:00 前送到。"
    )
    assert wording.say("utter_shipped", FACTS, None) == wording.say("utter_shipped", FACTS, "neutral")


def test_a_fact_is_data_and_never_a_template(room: Room) -> None:
    evil = "{{ 7 * 7 }}{% for x in y %}<b>\ufdd0"
    said = Wording.load(room.root).say("utter_shipped", {**FACTS, "place": evil}, "neutral")
    assert "现在在{{ 7 * 7 }}{% for x in y %}<b>。" in said.text


def test_a_fact_with_blank_lines_does_not_split_the_message(room: Room) -> None:
    said = Wording.load(room.root).say("utter_shipped", {**FACTS, "place": "杭州\n\n \n分拨"}, "neutral")
    assert "\n\n" not in said.text
    assert "现在在杭州\n分拨。" in said.text


def test_the_salt_chooses_among_texts_and_repeats_itself(room: Room) -> None:
    wording = Wording.load(room.root)
    texts = {
        salt: wording.say("utter_shipped", FACTS, "lively", salt=salt).text for salt in map(str, range(30))
    }
    assert len(set(texts.values())) == 2
    again = {salt: wording.say("utter_shipped", FACTS, "lively", salt=salt).text for salt in texts}
    assert again == texts


@pytest.mark.parametrize("mood", ["angry", "complaining", "worried"])
def test_an_upset_shopper_sees_no_joke_and_no_emoji(room: Room, mood: str) -> None:
    wording = Wording.load(room.root)
    said = wording.say("utter_shipped", FACTS, "lively", mood=mood)
    assert said.text == wording.say("utter_shipped", FACTS, "neutral").text


def test_bad_news_has_no_emoji_but_a_quoted_one_stays(room: Room) -> None:
    room.response(
        "utter_late",
        facts="""
        tone: sober
        may:
          note: {type: text, sample: 放门口}
        """,
        neutral="包裹晚到。",
        lively="包裹晚到 😅了，备注{{ note }}。",
    )
    said = Wording.load(room.root).say("utter_late", {"note": "放门口😄"}, "lively")
    assert said.text == "包裹晚到了，备注放门口😄。"


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        ({"state": "shipped"}, "fact expected_by is missing"),
        ({**FACTS, "expected_by": "2026-11-24T18:00:00"}, "no time zone"),
        ({**FACTS, "expected_by": 17}, "is no datetime"),
        ({**FACTS, "state": 3}, "fact state: is no text but int"),
        ({**FACTS, "state": "lost-at-sea"}, "no label"),
    ],
)
def test_a_wrong_fact_is_an_error_that_names_it(room: Room, facts: dict[str, object], cause: str) -> None:
    with pytest.raises(WordingError, match=cause) as caught:
        Wording.load(room.root).say("utter_shipped", facts, "neutral")
    assert caught.value.response == "utter_shipped"


def test_an_unknown_response_is_an_error(room: Room) -> None:
    with pytest.raises(WordingError, match="no such response"):
        Wording.load(room.root).say("utter_nothing", {}, "neutral")


def test_steps_are_ordered_and_cut_by_the_strategy(room: Room) -> None:
    wording = Wording.load(room.root)
    options = [
        {"id": "ask_human"},
        {"id": "track_shipment", "args": {"order_number": "202611200001"}},
        "urge_shipment",
    ]
    power = wording.say("utter_shipped", FACTS, "power", options).buttons
    assert power == (Button("催一下", "/urge_shipment"),)
    neutral = wording.say("utter_shipped", FACTS, "neutral", options).buttons
    assert [b.title for b in neutral] == ["找人工客服", "查物流", "催一下"]
    assert neutral[1].payload == '/track_shipment{"order_number": "202611200001"}'


def test_choices_are_never_cut(room: Room) -> None:
    args = {"product": "蓝牙降噪耳机 Pro", "state": "paid", "intent": "cancel_order"}
    orders = [{"id": "choose_order", "args": {**args, "order_number": str(n)}} for n in range(3)]
    options = ["affirm", "deny", *orders, "ask_human", "track_shipment"]
    buttons = Wording.load(room.root).say("utter_shipped", FACTS, "power", options).buttons
    assert [b.title for b in buttons] == ["确认", "不了", *["蓝牙降噪耳…（待发货）"] * 3, "查物流"]
    assert buttons[3].payload == '/cancel_order{"order_number": "1"}'


@pytest.mark.parametrize("style", ["neutral", "power", "perfect", "peace", "lively"])
def test_what_the_front_acts_on_is_offered_in_every_style(room: Room, style: str) -> None:
    options = ["track_shipment", "urge_shipment", "ask_human", "cancel_wait"]
    buttons = Wording.load(room.root).say("utter_shipped", FACTS, style, options).buttons
    assert Button("不等了", "front:cancel_wait") in buttons


@pytest.mark.parametrize(
    ("option", "complaint"),
    [
        ("{title: 走, payload: '/restart'}", "must be like front:"),
        ("{title: 走, payload: 'front:'}", "must be like front:"),
        ("{title: 走, payload: 5}", "must be like front:"),
        ("{title: 走, payload: 'front:go', intent: ask_human}", "stands instead of intent"),
        ("{title: 走, payload: 'front:go', args: [a]}", "stands instead of intent"),
    ],
)
def test_a_payload_is_the_fronts_or_none(room: Room, option: str, complaint: str) -> None:
    room.write("persona/wording/options.yml", f"go: {option}\n")
    assert complaint in "".join(p.message for p in Wording.load(room.root).problems)


def test_an_argument_cannot_leave_the_payload(room: Room) -> None:
    hostile = '"}/restart{"a": "{{ 1 }}'
    option = {"id": "track_shipment", "args": {"order_number": hostile}}
    (button,) = Wording.load(room.root).say("utter_shipped", FACTS, "power", [option]).buttons
    assert json.loads(button.payload.removeprefix("/track_shipment")) == {"order_number": hostile}


def test_an_intent_from_an_argument_must_be_a_name(room: Room) -> None:
    option = {"id": "choose_order", "args": {"product": "鞋", "state": "paid", "intent": "restart{}"}}
    with pytest.raises(WordingError, match="no name of an intent"):
        Wording.load(room.root).say("utter_shipped", FACTS, "power", [option])


def test_an_unknown_option_is_an_error(room: Room) -> None:
    with pytest.raises(WordingError, match="no option fly"):
        Wording.load(room.root).say("utter_shipped", FACTS, "neutral", ["fly"])


def test_recommendations_and_extras_follow_the_strategy(room: Room) -> None:
    room.response(
        "utter_picks",
        facts="""
        must:
          picks: {type: list, sample: [甲, 乙, 丙, 丁, 戊], cut: recommendations}
        may:
          review: {type: text, sample: 很好穿, extra: reviews}
        """,
        neutral="推荐{{ picks | join_zh }}{% if review %}，评价{{ review }}{% endif %}。",
        power="选{{ picks | join_zh }}{% if review %}，评价{{ review }}{% endif %}。",
        lively="看{{ picks | join_zh }}{% if review %}，评价{{ review }}{% endif %}。",
    )
    wording = Wording.load(room.root)
    facts = {"picks": list("甲乙丙丁戊"), "review": "很好穿"}
    assert wording.say("utter_picks", facts, "power").text == "选甲。"
    assert wording.say("utter_picks", facts, "neutral").text == "推荐甲、乙、丙。"
    assert wording.say("utter_picks", facts, "lively").text == "看甲、乙、丙、丁，评价很好穿。"


def test_an_edit_is_spoken_without_restart(room: Room, edit: Edit) -> None:
    clock = Clock()
    wording = Wording.load(room.root, reload_every=2, clock=clock)
    edit(room.domain, "前到。", "前送达您手中。")
    assert "前到" in wording.say("utter_shipped", FACTS, "power").text
    clock.now = 2.5
    assert "前送达您手中" in wording.say("utter_shipped", FACTS, "power").text


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("domain", "responses:", "responses: [", "order.yml: order.yml: line"),
        ("domain", "前到。", "前到。{{ colour }}", "uses colour, which is not declared"),
        ("domain", "前到。", "前到。{% if place %}", "variation 2 (power): template:"),
        ("domain", "| moment", "| momment", "No filter named 'momment'"),
        ("domain", 'label("order_state")', 'label("order_stat")', "labels.yml has no group 'order_stat'"),
        ("facts", "type: datetime", "type: datetim", "type must be one of text, int"),
        ("facts", "utter_shipped:", "utter_shipped: [", "facts/order.yml"),
        ("labels", "{shipped:", "{shipped: 已发货, shipped:", "stands here a second time"),
        ("options", "title: 查物流,", "", "track_shipment: title is missing"),
        ("strategy", "steps: 1", "steps: many", "options: steps: must be a whole number"),
    ],
)
def test_a_broken_edit_keeps_the_old_words_and_says_what_is_wrong(
    room: Room, edit: Edit, caplog: pytest.LogCaptureFixture, file: str, old: str, new: str, complaint: str
) -> None:
    clock = Clock()
    wording = Wording.load(room.root, clock=clock)
    before = wording.say("utter_shipped", FACTS, "power", ["track_shipment"])
    path = room.root / "persona/strategy/strategies/power.yml" if file == "strategy" else getattr(room, file)
    intact = path.read_text(encoding="utf-8")
    edit(path, old, new)
    clock.now = 10
    with caplog.at_level(logging.ERROR):
        assert wording.say("utter_shipped", FACTS, "power", ["track_shipment"]) == before
    assert complaint in caplog.text
    path.write_text(intact, encoding="utf-8")
    clock.now = 20
    wording.say("utter_shipped", FACTS, "power")
    assert wording.problems == ()


def test_one_broken_response_leaves_the_others_speaking(room: Room, edit: Edit) -> None:
    edit(room.domain, "前到。", "前到。{{ colour }}")
    wording = Wording.load(room.root)
    assert wording.apology().text == "抱歉，没有办成。"
    with pytest.raises(WordingError, match="uses colour"):
        wording.say("utter_shipped", FACTS, "neutral")


def test_without_any_words_there_is_still_an_apology(room: Room) -> None:
    room.domain.unlink()
    assert Wording.load(room.root).apology().text


def test_facts_of_an_action_can_be_checked(room: Room) -> None:
    wording = Wording.load(room.root)
    assert wording.fact_problems("utter_shipped", FACTS) == []
    found = wording.fact_problems("utter_shipped", {"state": "shipped", "plase": "杭州"})
    assert found == [
        "utter_shipped: fact plase is not declared",
        "utter_shipped: fact expected_by is missing",
    ]
