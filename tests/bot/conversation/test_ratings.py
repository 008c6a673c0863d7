"""A shopper rates what she was told: once answered, changed for a day, sealed, shown, erased."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.conversation.privacy import erase_customer, export_customer
from tests.bot.conversation.desk_harness import Clock, Desk
from tests.bot.conversation.harness import Answer, Front, Shopper, vault
from tests.bot.conversation.rasa_stub import RasaStub

WORDS = "小王说话很和气"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def front(url: str, rasa: RasaStub, clock: Clock) -> AsyncIterator[Front]:
    async with Front(url, rasa.port, clock=clock) as made:
        yield made


async def put(shopper: Shopper, body: Any, **headers: str) -> Answer:
    path = f"/api/v1/conversations/{shopper.conversation_id}/rating"
    return await shopper.front.request("PUT", path, json=body, headers={**shopper.headers, **headers})


async def test_a_rating_is_stored_sealed_and_shown_at_the_desk(front: Front, tmp_path: Path) -> None:
    shopper = await front.open("u1")
    await shopper.say("在吗")
    got = await put(shopper, {"score": 4, "dimensions": {"service": 5, "emotion": 3}, "comment": WORDS})
    assert got.status == 200
    assert got.json["score"] == 4 and got.json["changeable_until"] == "2026-11-24T12:00:00.000+08:00"
    desk = Desk(front)
    await desk.hire("小林")
    seen = (await desk.see(shopper.conversation_id)).rating
    assert seen is not None and seen.rating.comment == WORDS and seen.rating.dimensions["service"] == 5
    if (tmp_path / "record.db").exists():
        raw = b"".join(path.read_bytes() for path in tmp_path.glob("record.db*"))  # noqa: ASYNC240
        assert WORDS.encode() not in raw


async def test_it_may_be_changed_for_a_day_and_then_stays(front: Front, clock: Clock) -> None:
    shopper = await front.open()
    await shopper.say("在吗")
    first = await put(shopper, {"score": 2, "comment": WORDS})
    clock.pass_by(hours=23)
    changed = await put(shopper, {"score": 5})
    assert changed.status == 200 and changed.json["comment"] is None
    assert changed.json["changeable_until"] == first.json["changeable_until"]
    clock.pass_by(hours=2)
    refused = await put(shopper, {"score": 1})
    assert (refused.status, refused.json["error"]["code"]) == (409, "rating_settled")
    assert (await put(shopper, {"score": 5})).status == 200  # the same again is no change


async def test_without_an_answer_there_is_nothing_to_rate(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    assert shopper.opening  # a greeting is no answer
    refused = await put(shopper, {"score": 5})
    assert (refused.status, refused.json["error"]["code"]) == (409, "nothing_to_rate")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"score": 0},
        {"score": 6},
        {"score": True},
        {"score": 4.5},
        {"score": "5"},
        {"score": 5, "dimensions": []},
        {"score": 5, "dimensions": {"speed": 3}},
        {"score": 5, "dimensions": {"service": 9}},
        {"score": 5, "comment": 7},
        {"score": 5, "comment": "很" * 1001},
        {"score": 5, "extra": 1},
    ],
)
async def test_what_is_no_rating_is_refused(front: Front, body: Any) -> None:
    shopper = await front.open()
    await shopper.say("在吗")
    assert (await put(shopper, body)).status == 422
    assert (await put(shopper, {"score": 5, "comment": "  "})).json["comment"] is None


async def test_only_with_the_secret(front: Front) -> None:
    shopper = await front.open()
    await shopper.say("在吗")
    assert (await put(shopper, {"score": 5}, **{"X-Conversation-Secret": "wrong"})).status == 404


async def test_copy_and_erasure_reach_it(front: Front) -> None:
    shopper = await front.open("u1")
    await shopper.say("在吗")
    await put(shopper, {"score": 3, "comment": WORDS})
    database = front.conversations._store.database
    copy = await database.read(lambda c: export_customer(c, vault(), "u1"))
    assert copy["conversations"][0]["rating"]["comment"] == WORDS
    await database.write(lambda c: erase_customer(c, "u1"))
    left = await database.read(
        lambda c: c.exec_driver_sql("SELECT count(*) FROM conversation_ratings").scalar()
    )
    assert left == 0


async def test_figures_count_who_was_satisfied(front: Front, clock: Clock) -> None:
    for score in (5, 4, 2, 4):
        shopper = await front.open()
        await shopper.say("在吗")
        await put(shopper, {"score": score, "dimensions": {"service": score}})
    clock.pass_by(hours=1)
    start = clock.now.replace(hour=0)
    figures = await front.conversations.desk.figures(start, clock.now)
    assert (figures.ratings.count, figures.ratings.satisfied, figures.ratings.mean) == (4, 3, 3.75)
    assert figures.ratings.share == 0.75 and figures.ratings.dimensions == {"service": 3.75}
    later = await front.conversations.desk.figures(clock.now, clock.now.replace(hour=23))
    assert later.ratings.count == 0 and later.ratings.share is None
