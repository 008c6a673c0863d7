"""A human is asked for: handed over while people are there, else recorded once with a contact."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest

from actions.callback import RequestCallback
from actions.human import RequestHuman, TakeContact, TellServiceHours
from actions.shop.errors import ShopUnavailableError
from actions.shop.models import ServiceHours
from actions.shop.sql import SqlShop
from tests.support.shop import NOW, Clock
from tests.support.stage import Stage, broken

NIGHT = NOW.replace(hour=2, minute=0)


@pytest.fixture
def night(clock: Clock) -> Clock:
    """Return the shop's clock, set to a time when nobody is there."""
    clock.now = NIGHT
    return clock


async def test_while_people_are_there_the_conversation_goes_to_one_at_once(shop: SqlShop) -> None:
    customer = await shop.customer("u1006")
    hours = await shop.service_hours()
    scene = await Stage(shop, "u1006").play(RequestHuman(), "转人工", intent="ask_human")
    assert scene.responses == ["utter_human_transfer"]
    assert scene.directives == [
        {
            "type": "directive",
            "directive": "request_human",
            "reason": "转人工",
            "contact": customer.phone,
            "answer_by": (NOW + timedelta(minutes=hours.answer_minutes)).isoformat(),
            "completes": False,
            "live": True,
            "level": customer.level.value,
        }
    ]
    for text in scene.texts().values():
        assert customer.phone[-4:] not in text
        assert "手机号" not in text


async def test_a_stranger_is_asked_for_no_contact_while_people_are_there(shop: SqlShop) -> None:
    stage = Stage(shop)
    for wish in ("转人工", "人呢"):  # a second wish is a wish
        scene = await stage.play(RequestHuman(), wish, intent="ask_human")
        assert scene.responses == ["utter_human_transfer"]
        assert (scene.directives[0]["live"], scene.directives[0]["level"]) == (True, None)
    assert stage.slots["contact_for"] is None


async def test_who_comes_back_by_day_after_a_night_is_handed_over(shop: SqlShop, night: Clock) -> None:
    stage = Stage(shop)
    await stage.play(RequestHuman(), "转人工", intent="ask_human")
    night.now = NOW
    scene = await stage.play(RequestHuman(), "人工呢", intent="ask_human")
    assert scene.responses == ["utter_human_transfer"]
    late = await stage.play(TakeContact(), "13812345678", intent="give_contact")
    assert late.responses == ["utter_contact_unasked"]


async def test_a_customer_is_asked_for_nothing_and_sees_her_phone_masked(shop: SqlShop, night: Clock) -> None:
    phone = (await shop.customer("u1006")).phone
    hours = await shop.service_hours()
    scene = await Stage(shop, "u1006").play(RequestHuman(), "转人工", intent="ask_human")
    opening = datetime.combine(NIGHT.date(), time.fromisoformat(hours.opens), tzinfo=NOW.tzinfo)
    answer_by = opening + timedelta(minutes=hours.answer_minutes)
    assert scene.responses == ["utter_human_recorded"]
    assert scene.directives == [
        {
            "type": "directive",
            "directive": "request_human",
            "reason": "转人工",
            "contact": phone,
            "answer_by": answer_by.isoformat(),
            "completes": False,
            "live": False,
            "level": (await shop.customer("u1006")).level.value,
        }
    ]
    for text in scene.texts().values():
        assert f"{phone[:3]}****{phone[-4:]}" in text
        assert phone not in text
        assert f"{answer_by:%H:%M}" in text


async def test_a_stranger_is_asked_once_and_then_recorded_with_her_phone(shop: SqlShop, night: Clock) -> None:
    stage = Stage(shop)
    asked = await stage.play(RequestHuman(), "转人工", intent="ask_human")
    assert asked.responses == ["utter_human_ask_contact"]
    assert asked.directives[0]["contact"] is None  # she is on record even if she never answers
    given = await stage.play(TakeContact(), "打１３８１２３４５６７８吧", intent="give_contact")
    assert given.responses == ["utter_human_recorded"]
    assert given.directives[0]["contact"] == "13812345678"
    # The contact completes what was recorded: same reason, no second request.
    assert (asked.directives[0]["completes"], given.directives[0]["completes"]) == (False, True)
    assert given.directives[0]["reason"] == "转人工"
    assert stage.slots["contact_for"] is None
    again = await stage.play(RequestHuman(), "人工呢", intent="ask_human")
    assert again.responses == ["utter_human_waiting"]
    assert again.directives == []


async def test_a_phone_in_the_same_message_is_taken(shop: SqlShop, night: Clock) -> None:
    scene = await Stage(shop).play(RequestHuman(), "转人工，打我13912345678", intent="ask_human")
    assert scene.responses == ["utter_human_recorded"]
    assert scene.directives[0]["contact"] == "13912345678"


async def test_after_the_promised_time_a_new_request_is_recorded(shop: SqlShop, night: Clock) -> None:
    stage = Stage(shop, "u1006")
    await stage.play(RequestHuman(), "转人工", intent="ask_human")
    night.forward(days=1)
    scene = await stage.play(RequestHuman(), "怎么还没人", intent="ask_human")
    assert scene.responses == ["utter_human_recorded"]
    assert len(scene.directives) == 1


async def test_at_night_the_hours_and_the_morning_are_told_in_every_style(
    shop: SqlShop, clock: Clock
) -> None:
    hours = await shop.service_hours()
    clock.now = NOW.replace(hour=2, minute=0)
    opening = datetime.combine(clock.now.date(), time.fromisoformat(hours.opens), tzinfo=NOW.tzinfo)
    for stage in (Stage(shop, "u1006"), Stage(shop)):
        scene = await stage.play(RequestHuman(), "转人工", intent="ask_human")
        answer_by = datetime.fromisoformat(scene.directives[0]["answer_by"])
        assert answer_by == opening + timedelta(minutes=hours.answer_minutes)
        for text in scene.texts().values():
            assert hours.opens in text
            assert hours.closes in text
            assert f"{answer_by:%H:%M}" in text


async def test_the_wish_for_a_person_is_passed_on_while_the_shop_is_away(shop: SqlShop) -> None:
    for method in ("service_hours", "customer"):
        with broken(shop, method, ShopUnavailableError("down")):
            scene = await Stage(shop, "u1006").play(RequestHuman(), "转人工", intent="ask_human")
        assert scene.responses == ["utter_human_wanted"]
        (directive,) = scene.directives
        assert (directive["directive"], directive["live"]) == ("request_human", None)
        assert directive["reason"] == "转人工"


@pytest.mark.parametrize(
    ("customer", "response"), [("u1006", "utter_human_recorded"), (None, "utter_human_ask_contact")]
)
async def test_with_nobody_at_the_desk_no_person_is_announced(
    shop: SqlShop, customer: str | None, response: str
) -> None:
    hours = await shop.service_hours()
    stage = Stage(shop, customer, metadata={"people": False})
    scene = await stage.play(RequestHuman(), "转人工", intent="ask_human")
    assert scene.responses == [response]
    (directive,) = scene.directives
    answer_by = NOW + timedelta(minutes=hours.answer_minutes)
    assert (directive["live"], directive["answer_by"]) == (False, answer_by.isoformat())
    for style, text in scene.texts().items():
        assert "在岗" in text, style
        assert f"{answer_by:%H:%M}" in text
        # It is no question of the hours, and nobody is on the way.
        assert not any(word in text for word in ("服务时间", "下班", "现在转", hours.opens, hours.closes)), (
            text
        )
    again = await stage.play(RequestHuman(), "人工呢", intent="ask_human")
    assert again.responses == ["utter_human_waiting"]
    stage.metadata = {"people": True}
    came = await stage.play(RequestHuman(), "人工呢", intent="ask_human")
    assert (came.responses, came.directives[0]["live"]) == (["utter_human_transfer"], True)


async def test_at_night_the_hours_are_the_reason_whoever_is_at_the_desk(shop: SqlShop, night: Clock) -> None:
    for people in (True, False):
        stage = Stage(shop, "u1006", metadata={"people": people})
        scene = await stage.play(RequestHuman(), "转人工", intent="ask_human")
        assert scene.directives[0]["live"] is False
        assert "nobody" not in scene.facts


async def test_a_call_back_needs_a_number(shop: SqlShop) -> None:
    stage = Stage(shop)
    asked = await stage.play(RequestCallback(), "给我回电话", intent="ask_callback")
    assert asked.responses == ["utter_callback_ask_phone"]
    assert asked.directives == []
    given = await stage.play(TakeContact(), "138 1234 5678", intent="give_contact")
    assert given.responses == ["utter_callback_recorded"]
    assert given.directives[0]["directive"] == "callback"
    assert given.directives[0]["reason"] == "给我回电话"
    assert given.directives[0]["contact"] == "13812345678"
    known = await Stage(shop, "u1006").play(RequestCallback(), "给我回电话", intent="ask_callback")
    assert known.responses == ["utter_callback_recorded"]


async def test_a_number_that_nobody_asked_for_is_not_kept(shop: SqlShop) -> None:
    scene = await Stage(shop).play(TakeContact(), "13812345678", intent="give_contact")
    assert scene.responses == ["utter_contact_unasked"]
    assert scene.directives == []
    assert "13812345678" not in str(scene.messages)


async def test_an_expired_identity_is_a_stranger(shop: SqlShop, night: Clock) -> None:
    scene = await Stage(shop, "u1006", lifetime_s=-60).play(RequestHuman(), "转人工", intent="ask_human")
    assert scene.responses == ["utter_human_ask_contact"]
    assert scene.directives[0]["contact"] is None


async def test_the_service_hours_are_told_with_whether_anybody_is_there(shop: SqlShop, clock: Clock) -> None:
    hours = await shop.service_hours()
    by_day = await Stage(shop).play(TellServiceHours(), "你们几点下班", intent="ask_service_hours")
    clock.now = NOW.replace(hour=2, minute=0)
    at_night = await Stage(shop).play(TellServiceHours(), "你们几点下班", intent="ask_service_hours")
    for scene, there in ((by_day, True), (at_night, False)):
        assert scene.responses == ["utter_service_hours"]
        assert scene.directives == []
        for text in scene.texts().values():
            assert hours.opens in text
            assert hours.closes in text
            assert ("现在不在" in text) is not there


async def test_the_service_hours_promise_nobody_who_is_not_there(shop: SqlShop) -> None:
    stage = Stage(shop, metadata={"people": False})
    scene = await stage.play(TellServiceHours(), "现在有人工吗", intent="ask_service_hours")
    for text in scene.texts().values():
        assert "现在在服务时间" in text
        assert "在岗" in text
        assert not any(word in text for word in ("要找", "现在不在", "已经下班")), text


async def test_hours_around_the_clock_name_no_hours(shop: SqlShop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def always() -> ServiceHours:
        return ServiceHours("00:00", "00:00", 5)

    monkeypatch.setattr(shop, "service_hours", always)
    scene = await Stage(shop).play(TellServiceHours(), "晚上有人吗", intent="ask_service_hours")
    for text in scene.texts().values():
        assert "00:00" not in text
        assert "全天" in text
