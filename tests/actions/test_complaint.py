"""Complaints: taken down in her words, with the order where it is clear, recorded once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from actions.complaint import FORM, ComplaintForm
from actions.human import TakeContact
from actions.shop.errors import ShopUnavailableError
from actions.shop.sql import SqlShop
from tests.support.shop import NOW, Clock
from tests.support.stage import Scene, Stage, broken

OPENED: list[dict[str, Any]] = [{"event": "user"}, {"event": "active_loop", "name": FORM}]
WAITING: list[dict[str, Any]] = [
    {"event": "active_loop", "name": FORM},
    {"event": "action", "name": "action_listen"},
    {"event": "user"},
]
RESUMED: list[dict[str, Any]] = [*WAITING, {"event": "action", "name": "utter_robot"}]
NIGHT = NOW.replace(hour=2, minute=0)
STORY = "收到的杯子是碎的，客服还让我自己找快递"


async def opened(stage: Stage, text: str) -> Scene:
    return await stage.play(ComplaintForm(), text, intent="complain", events=OPENED)


async def test_a_bare_complaint_is_asked_what_happened_and_the_answer_recorded(shop: SqlShop) -> None:
    stage = Stage(shop, "u1013")
    for bare in ("我要投诉", "投诉！！", "信不信我去12315", "我要给差评"):
        asked = await opened(stage, bare)
        assert asked.responses == ["utter_complaint_ask_story"]
        assert asked.directives == []
        assert asked.slots["requested_slot"] == "complaint_text"
    # Whatever the classifier takes it for, it is the answer.
    told = await stage.play(ComplaintForm(), STORY, intent="request_return", events=WAITING)
    assert told.responses == ["utter_complaint_transfer"]
    assert told.directives[0]["reason"] == STORY
    assert told.slots["requested_slot"] is None


@pytest.mark.parametrize(
    ("customer", "response"), [("u1013", "utter_complaint_recorded"), (None, "utter_complaint_ask_contact")]
)
async def test_with_nobody_at_the_desk_a_complaint_is_recorded(
    shop: SqlShop, customer: str | None, response: str
) -> None:
    scene = await opened(Stage(shop, customer, metadata={"people": False}), STORY)
    assert scene.responses == [response]
    (directive,) = scene.directives
    assert (directive["live"], directive["reason"]) == (False, STORY)
    answer_by = datetime.fromisoformat(directive["answer_by"])
    for text in scene.texts().values():
        assert f"{answer_by:%H:%M}" in text
        assert not any(word in text for word in ("服务时间", "下班", "现在转"))


async def test_while_people_are_there_a_complaint_goes_to_one_at_once(shop: SqlShop) -> None:
    for stage, level in ((Stage(shop, "u1013"), "known"), (Stage(shop), None)):
        scene = await opened(stage, STORY)
        assert scene.responses == ["utter_complaint_transfer"]
        assert scene.directives[0]["live"] is True
        assert (scene.directives[0]["level"] is None) is (level is None)
        assert scene.directives[0]["answer_by"]
        for text in scene.texts().values():
            assert "手机号" not in text
            assert not any(emoji in text for emoji in "😄🎉😂👀🙈")
        assert scene.slots["contact_for"] is None


async def test_a_complaint_that_says_it_all_is_recorded_at_once(shop: SqlShop, clock: Clock) -> None:
    clock.now = NIGHT
    scene = await opened(Stage(shop, "u1013"), "快递员把我的包裹扔在雨里还骂人，我要投诉")
    assert scene.responses == ["utter_complaint_recorded"]
    assert len(scene.directives) == 1
    assert scene.directives[0]["live"] is False
    assert scene.directives[0]["answer_by"] == scene.facts["answer_by"]
    for text in scene.texts().values():
        assert not any(emoji in text for emoji in "😄🎉😂👀🙈")


async def test_the_order_is_taken_where_it_is_clear_and_hers(shop: SqlShop) -> None:
    mine = await shop.orders("u1006")
    foreign = (await shop.orders("u1001", limit=1))[0].order_number
    named = await opened(Stage(shop, "u1006"), f"{mine[1].order_number}这单发错货还不认账")
    assert named.directives[0]["order_number"] == mine[1].order_number
    several = await opened(Stage(shop, "u1006"), "发错货还不认账太过分")
    assert several.directives[0]["order_number"] is None
    stolen = await opened(Stage(shop, "u1006"), f"{foreign}这单发错货还不认账")
    assert stolen.directives[0]["order_number"] is None
    only = await opened(Stage(shop, orders=[foreign]), "发错货还不认账太过分")
    assert only.directives[0]["order_number"] == foreign


async def test_a_stranger_is_asked_for_a_phone_and_it_is_recorded(shop: SqlShop, clock: Clock) -> None:
    clock.now = NIGHT
    stage = Stage(shop)
    scene = await opened(stage, STORY)
    assert scene.responses == ["utter_complaint_ask_contact"]
    assert scene.directives[0]["contact"] is None
    given = await stage.play(TakeContact(), "13812345678", intent="give_contact")
    assert given.responses == ["utter_complaint_recorded"]
    assert given.directives[0]["directive"] == "complaint"
    assert given.directives[0]["contact"] == "13812345678"
    # The contact completes what was recorded: same story, no second complaint.
    assert scene.directives[0]["completes"] is False
    assert given.directives[0]["completes"] is True
    assert given.directives[0]["reason"] == STORY
    assert stage.slots["contact_about"] is None


async def test_it_can_be_left_and_interrupted_and_goes_on(shop: SqlShop) -> None:
    stage = Stage(shop, "u1013", slots={"requested_slot": "complaint_text"})
    left = await stage.play(ComplaintForm(), "算了", intent="stop", events=WAITING)
    assert left.responses == ["utter_complaint_left"]
    assert left.directives == []
    assert left.slots["requested_slot"] is None
    other = await stage.play(ComplaintForm(), "你是机器人吗", intent="ask_robot", events=WAITING)
    assert other.events == []  # the form is rejected and the other topic answers
    assert other.messages == []
    resumed = await stage.play(ComplaintForm(), "你是机器人吗", intent="ask_robot", events=RESUMED)
    assert resumed.responses == ["utter_complaint_ask_story"]
    rests = await stage.play(ComplaintForm(), "你叫什么", intent="ask_name", events=RESUMED)
    assert rests.responses == ["utter_set_aside"]
    assert rests.directives == []
    assert rests.slots["requested_slot"] is None


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("哈哈哈", "chitchat"),
        ("今天天气怎么样", "chitchat"),
        ("我的快递到哪了呀", "track_shipment"),
        ("我要退货", "request_return"),
        ("我有多少积分", "ask_points"),
        ("谢谢你", "thank"),
        ("你们几点下班", "ask_service_hours"),
        ("再见", "goodbye"),
    ],
)
async def test_small_talk_and_other_errands_are_no_story(shop: SqlShop, text: str, intent: str) -> None:
    stage = Stage(shop, "u1013", slots={"requested_slot": "complaint_text"})
    other = await stage.play(ComplaintForm(), text, intent=intent, events=WAITING)
    assert (other.messages, other.events) == ([], [])


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("快递员把东西扔在门口就跑了", "track_shipment"),
        ("东西坏了没人管", "report_problem"),
        ("快递到了是空盒子，里面什么都没有", "track_shipment"),
        ("说好昨天退的钱到今天都没有退给我", "ask_aftersale_progress"),
        ("卖假货", "complain"),
    ],
)
async def test_what_happened_is_a_story_whatever_it_was_taken_for(
    shop: SqlShop, text: str, intent: str
) -> None:
    stage = Stage(shop, "u1013", slots={"requested_slot": "complaint_text"})
    told = await stage.play(ComplaintForm(), text, intent=intent, events=WAITING)
    assert told.directives[0]["reason"] == text


async def test_a_tapped_button_is_no_story(shop: SqlShop) -> None:
    stage = Stage(shop, "u1013", slots={"requested_slot": "complaint_text"})
    tapped = await stage.play(ComplaintForm(), intent="track_shipment", events=WAITING)
    assert tapped.messages == []
    again = await stage.play(ComplaintForm(), intent="complain", events=WAITING)
    assert again.responses == ["utter_complaint_ask_story"]


async def test_nothing_is_recorded_while_the_shop_is_down(shop: SqlShop) -> None:
    with broken(shop, "service_hours", ShopUnavailableError("down")):
        scene = await opened(Stage(shop, "u1013"), STORY)
    assert scene.responses == ["utter_shop_unavailable"]
    assert scene.directives == []
    assert scene.slots["requested_slot"] is None
