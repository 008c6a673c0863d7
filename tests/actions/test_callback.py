"""Call backs: a number that can be called, a time that people are there, changed and taken back."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from actions import parsing
from actions.callback import CancelCallback, RequestCallback, wished
from actions.human import TakeContact
from actions.shop.models import ServiceHours
from actions.shop.sql import SqlShop
from tests.support.shop import NOW, Clock
from tests.support.stage import Scene, Stage

HOURS = ServiceHours("09:00", "22:00", 10)
NIGHT = NOW.replace(hour=2, minute=0)


async def ask(stage: Stage, text: str) -> Scene:
    return await stage.play(RequestCallback(), text, intent="ask_callback")


@pytest.mark.parametrize(
    ("text", "starts", "ends"),
    [
        ("明天下午打给我", "21 12:00", "21 18:00"),
        ("明天上午", "21 09:00", "21 12:00"),
        ("晚上七点以后打", "20 19:00", "20 22:00"),
        ("周六打", "21 09:00", "21 22:00"),
        ("后天十点", "22 10:00", "22 11:00"),
        ("下午打", "20 14:40", "20 18:00"),  # the afternoon has begun
        ("工作日别打", "21 09:00", "21 22:00"),
        ("三点到五点之间", None, None),
    ],
)
def test_the_time_that_she_wishes(text: str, starts: str | None, ends: str | None) -> None:
    found = wished(text, HOURS, NOW, NOW + timedelta(minutes=10))
    if starts is None:
        assert found is not None  # 三点 is the afternoon's
        assert (found.starts.hour, found.ends.hour) == (15, 17)
    else:
        assert found is not None
        assert (f"{found.starts:%d %H:%M}", f"{found.ends:%d %H:%M}") == (starts, ends)


@pytest.mark.parametrize("text", ["晚上十一点", "12月24日", "明天早上七点以前", "凌晨三点"])
def test_times_at_which_nobody_is_there(text: str) -> None:
    assert wished(text, HOURS, NOW, NOW) is None


def test_hours_past_midnight_and_around_the_clock() -> None:
    late = wished("明天晚上", ServiceHours("18:00", "02:00", 10), NOW, NOW)
    assert late is not None
    assert (late.starts.hour, late.starts.day) == (18, 21)
    always = wished("明天上午", ServiceHours("00:00", "00:00", 10), NOW, NOW)
    assert always is not None
    assert (always.starts.hour, always.ends.hour) == (0, 12)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("打 138 1234 5678", "13812345678"),
        ("座机021-58881234", "021-58881234"),
        ("０１０ ６２３４５６７８", "010-62345678"),
        ("(0571)87654321", "0571-87654321"),
        ("1381234567", None),
        ("138123456789", None),
        ("58881234", None),
        ("202611200001", None),
    ],
)
def test_numbers_that_can_be_called(text: str, number: str | None) -> None:
    assert parsing.contact(text) == number


async def test_she_is_called_when_she_wishes(shop: SqlShop) -> None:
    scene = await ask(Stage(shop, "u1006"), "明天下午打给我")
    assert scene.responses == ["utter_callback_recorded"]
    (directive,) = scene.directives
    assert directive["answer_by"].startswith("2026-11-21T18:00")
    assert (directive["reason"], directive["completes"]) == ("明天下午打给我", False)
    for style, text in scene.texts().items():
        assert "11月21日 12:00–18:00" in text, style


async def test_the_wish_is_kept_until_the_number_comes(shop: SqlShop) -> None:
    stage = Stage(shop)
    assert (await ask(stage, "明天上午给我打电话")).responses == ["utter_callback_ask_phone"]
    wrong = await stage.play(TakeContact(), "1381234567", intent="give_contact")
    assert (wrong.responses, wrong.directives) == (["utter_contact_malformed"], [])
    given = await stage.play(TakeContact(), "010-62345678", intent="give_contact")
    assert given.responses == ["utter_callback_recorded"]
    assert given.directives[0]["contact"] == "010-62345678"
    assert given.directives[0]["answer_by"].startswith("2026-11-21T12:00")
    assert all("62345678" not in text for text in given.texts().values())


async def test_a_time_without_people_is_said(shop: SqlShop, clock: Clock) -> None:
    clock.now = NIGHT
    scene = await ask(Stage(shop, "u1006"), "今晚十一点打给我")
    assert scene.facts["outside"] is True
    hours = await shop.service_hours()
    for style, text in scene.texts().items():
        assert hours.opens in text, style
        assert "不在" in text or "没" in text, style


async def test_it_is_not_recorded_twice_but_changed(shop: SqlShop) -> None:
    stage = Stage(shop, "u1006")
    await ask(stage, "给我回电话")
    again = await ask(stage, "给我回电话")
    assert (again.responses, again.directives) == (["utter_callback_waiting"], [])
    later = await ask(stage, "回电改成明天上午")
    assert later.responses == ["utter_callback_changed"]
    assert later.directives[0]["completes"] is True
    assert later.directives[0]["contact"] is None  # the number stays
    number = await stage.play(TakeContact(), "换这个 13912340000", intent="give_contact")
    assert number.responses == ["utter_callback_changed"]
    assert (number.directives[0]["contact"], number.directives[0]["completes"]) == ("13912340000", True)
    assert all("139****0000" in text for text in number.texts().values())


async def test_it_is_taken_back(shop: SqlShop) -> None:
    stage = Stage(shop, "u1006")
    await ask(stage, "明天下午打给我")
    scene = await stage.play(CancelCallback(), "别打电话了", intent="cancel_callback")
    assert scene.responses == ["utter_callback_cancelled"]
    assert (scene.directives[0]["directive"], scene.directives[0]["withdraws"]) == ("callback", True)
    nothing = await stage.play(CancelCallback(), "别打电话了", intent="cancel_callback")
    assert (nothing.responses, nothing.directives) == (["utter_no_callback"], [])
    assert (await ask(stage, "还是打吧")).responses == ["utter_callback_recorded"]


async def test_one_that_has_passed_is_over(shop: SqlShop, clock: Clock) -> None:
    stage = Stage(shop, "u1006")
    await ask(stage, "给我回电话")
    clock.now = datetime.fromisoformat(stage.slots["callback_by"]) + timedelta(minutes=1)
    scene = await ask(stage, "没接到，再给我打一次")
    assert scene.responses == ["utter_callback_recorded"]
    assert scene.directives[0]["completes"] is False
