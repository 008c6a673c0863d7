"""How she is served: her choice is in force at once and later on, until she takes it back; none while off."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from bot.conversation.desk_schema import corrections
from tests.bot.conversation.desk_harness import Clock, Desk
from tests.bot.conversation.harness import Answer, Front, Shopper
from tests.bot.conversation.rasa_stub import BELIEF, RasaStub, answer

EVEN = [-1.3863, -1.3863, -1.3863, -1.3863]
SURE = {**BELIEF, "prior": EVEN, "evidence": [9, 0, 0, 0], "turns": 3, "cued": ["power"]}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def front(url: str, rasa: RasaStub, clock: Clock) -> AsyncIterator[Front]:
    rasa.script = lambda request: answer(request, belief=request.get("belief") or SURE)
    async with Front(url, rasa.port, clock=clock) as made:
        yield made


def path(shopper: Shopper, what: str) -> str:
    return f"/api/v1/conversations/{shopper.conversation_id}/{what}"


async def look(shopper: Shopper) -> dict[str, Any]:
    got = await shopper.front.request("GET", path(shopper, "manner"), headers=shopper.headers)
    assert got.status == 200, got.json
    seen: dict[str, Any] = got.json
    return seen


async def choose(shopper: Shopper, style: Any) -> Answer:
    body = {"style": style}
    return await shopper.front.request("PUT", path(shopper, "manner"), json=body, headers=shopper.headers)


async def dress(shopper: Shopper) -> str:
    got = await shopper.front.request("GET", path(shopper, "messages"), headers=shopper.headers)
    return str(got.json["style"])


async def rows(front: Front) -> int:
    def count(connection: Any) -> int:
        return int(connection.execute(select(func.count()).select_from(corrections)).scalar_one())

    return await front.conversations._store.database.read(count)


async def test_she_is_told_how_and_why(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    await shopper.say("赶紧发货")
    seen = await look(shopper)
    assert (seen["personalisation"], seen["style"], seen["chosen"]) == (True, "power", None)
    assert (
        seen["line"] == "按您说话的方式，现在回答得简短，先说结论；商品、价格和店里的规定，对每位顾客都一样。"
    )
    assert [c["name"] for c in seen["choices"]] == ["标准", "简短直接", "详细周全", "温和耐心", "轻松活泼"]
    got = await choose(shopper, "perfect")
    assert got.json["line"].startswith("您选了“详细周全”，现在回答得详细")
    await Desk(front).hire("小林")
    await Desk(front).hands.correct(
        shopper.conversation_id, by="agent:a_000000000001", label="peace", key="k"
    )
    seen = await look(shopper)
    assert seen["chosen"] is None and seen["line"].startswith("客服同事看过对话后做了调整，现在回答得温和")


async def test_a_choice_is_in_force_at_once_and_the_same_again_changes_nothing(front: Front) -> None:
    shopper = await front.open("u1")
    await shopper.say("赶紧发货")
    assert await dress(shopper) == "power"
    for _ in range(2):
        got = await choose(shopper, "peace")
        assert (got.status, got.json["style"], got.json["chosen"]) == (200, "peace", "peace")
        assert await dress(shopper) == "peace"
    for style in ("lively", "neutral", "peace", "neutral"):
        got = await choose(shopper, style)
        assert (got.json["style"], got.json["chosen"]) == (style, style)
    assert await dress(shopper) == "neutral"
    assert await rows(front) == 1  # between two messages the last choice alone is kept


async def test_taken_back_the_belief_is_that_of_the_words(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open("u1")
    await shopper.say("赶紧发货")
    await choose(shopper, "peace")
    await shopper.say("好的")
    assert rasa.calls[-1]["belief"]["corrected"]
    for _ in range(2):
        got = await choose(shopper, None)
        assert (got.status, got.json["style"], got.json["chosen"]) == (200, "power", None)
    assert await dress(shopper) == "power"
    await shopper.say("再问一下")
    assert "corrected" not in rasa.calls[-1]["belief"]
    assert rasa.calls[-1]["belief"]["evidence"][0] == pytest.approx(9, abs=0.01)
    assert (await Desk(front).see(shopper.conversation_id)).correction is None
    assert (await choose(await front.open(), None)).status == 200  # nothing was chosen: nothing to take back


async def test_it_holds_in_later_conversations_until_it_is_taken_back(
    front: Front, rasa: RasaStub, clock: Clock
) -> None:
    first = await front.open("u1")
    await first.say("赶紧发货")
    await choose(first, "peace")
    clock.pass_by(hours=1)
    second = await front.open("u1")
    opening = next(call for call in rasa.calls if call["conversation_id"] == second.conversation_id)
    assert opening["earlier"]["corrected"] == "peace"
    assert (await look(second))["chosen"] == "peace"
    clock.pass_by(hours=1)
    got = await choose(second, None)
    assert got.json["chosen"] is None
    await second.say("在吗")
    assert rasa.calls[-1]["history_wanted"] is True  # the prior held it: the history is read without it
    assert "corrected" not in rasa.calls[-1].get("earlier", {})
    assert "corrected" not in rasa.calls[-1]["earlier"]["belief"]
    clock.pass_by(hours=1)
    third = await front.open("u1")
    opening = next(call for call in rasa.calls if call["conversation_id"] == third.conversation_id)
    assert "corrected" not in opening["earlier"] and "corrected" not in opening["earlier"]["belief"]
    assert (await look(third))["chosen"] is None


async def test_while_personalisation_is_off_nothing_is_chosen(front: Front) -> None:
    shopper = await front.open("u1")
    await shopper.say("赶紧发货")
    await choose(shopper, "peace")
    await front.request("PUT", path(shopper, "personalisation"), json={"on": False}, headers=shopper.headers)
    seen = await look(shopper)
    assert (seen["personalisation"], seen["style"], seen["chosen"]) == (False, "neutral", None)
    assert seen["line"].startswith("个性化服务已关闭")
    for style in ("peace", None):
        refused = await choose(shopper, style)
        assert (refused.status, refused.json["error"]["code"]) == (409, "personalisation_off")
        assert refused.json["error"]["message"] == "个性化服务已关闭，打开后才能选回答的方式。"


async def test_what_is_no_choice_is_refused(front: Front) -> None:
    shopper = await front.open()
    stranger = Shopper(front, shopper.conversation_id, "wrong", [])
    for style in ("choleric", "none", "", 1, ["peace"]):
        assert (await choose(shopper, style)).status == 422
    assert (await choose(stranger, "peace")).status == 404
    got = await front.request("GET", path(stranger, "manner"), headers=stranger.headers)
    assert got.status == 404
