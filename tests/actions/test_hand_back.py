"""After a person: what was under way is forgotten, what was settled is known."""

from __future__ import annotations

from typing import Any

import pytest

from actions.hand_back import AskSettled, HandedBack, NotSolved
from actions.shop.sql import SqlShop
from actions.write_form import WRITE_SLOTS
from persona.strategy import Style
from persona.wording.catalogue import load_catalogue
from persona.wording.engine import ROOT
from tests.support.shop import NOW, Clock
from tests.support.stage import Stage, wording

UNDER_WAY: dict[str, Any] = {
    **dict.fromkeys(WRITE_SLOTS, "x"),
    "requested_slot": "confirmed",
    "pending_task": "cancel_form",
    "offered_orders": ["1"],
    "offered_intent": "cancel_order",
    "contact_for": "human",
    "contact_about": {"reason": "x"},
    "human_answer_by": NOW.isoformat(),
    "interruptions": 1,
    "complaint_text": "x",
    "verify_order": "1",
    "verify_tail": "1234",
    "last_write": "done",
}


async def handed_back(stage: Stage, **settled: str) -> dict[str, Any]:
    stage.metadata = {"settled": settled}
    scene = await stage.play(HandedBack(), intent="handed_back")
    stage.metadata = {}
    assert scene.messages == []  # the front's own line has said who answers
    assert {"event": "active_loop", "name": None, "timestamp": None} in scene.events
    return scene.slots


async def test_what_was_under_way_is_over_and_what_was_settled_is_kept(shop: SqlShop) -> None:
    stage = Stage(shop, "u1006", slots=dict(UNDER_WAY))
    slots = await handed_back(stage, outcome="solved", by="agent", agent="小陈", order_number="202611200001")
    assert slots.pop("settled")["agent"] == "小陈"
    assert slots.pop("order_number") == "202611200001"
    assert set(slots) >= set(UNDER_WAY) - {"last_write"}
    assert set(slots.values()) == {None}
    assert stage.slots["last_write"] == "done"  # a button of an old summary still confirms nothing twice


@pytest.mark.parametrize("outcome", ["solved", "follow_up", "not_solved"])
async def test_who_which_outcome_which_order(shop: SqlShop, outcome: str) -> None:
    number = (await shop.orders("u1006", limit=1))[0].order_number
    stage = Stage(shop, "u1006")
    await handed_back(stage, outcome=outcome, by="agent", agent="小陈", order_number=number)
    scene = await stage.play(AskSettled(), "刚才客服怎么说", intent="ask_settled")
    assert scene.responses == ["utter_settled"]
    label = load_catalogue(ROOT).labels["handover_outcome"][outcome]
    for text in scene.texts().values():
        for fact in ("小陈", number, label):
            assert fact in text
    assert scene.options[0] == "not_solved"


async def test_an_order_that_is_not_hers_is_not_named(shop: SqlShop) -> None:
    foreign = (await shop.orders("u1001", limit=1))[0].order_number
    stage = Stage(shop, "u1006")
    await handed_back(stage, outcome="solved", by="agent", order_number=foreign)
    scene = await stage.play(AskSettled(), "刚才客服怎么说", intent="ask_settled")
    assert foreign not in str(scene.messages)


async def test_where_nobody_looked_at_it_nothing_is_claimed(shop: SqlShop) -> None:
    never = await Stage(shop, "u1006").play(AskSettled(), "刚才客服怎么说", intent="ask_settled")
    assert never.responses == ["utter_nothing_settled"]
    for outcome, by in (
        ("wait_cancelled", "shopper"), ("call_back", "shopper"), ("no_reply", "agent"), ("solved", "system")
    ):  # fmt: skip
        stage = Stage(shop, "u1006")
        await handed_back(stage, outcome=outcome, by=by)
        scene = await stage.play(AskSettled(), "刚才客服怎么说", intent="ask_settled")
        assert scene.responses == ["utter_no_result"]


async def test_what_is_not_solved_goes_to_a_person_again(shop: SqlShop) -> None:
    stage = Stage(shop, "u1006")
    await handed_back(stage, outcome="solved", by="agent")
    scene = await stage.play(NotSolved(), "还是没解决", intent="not_solved")
    assert scene.responses == ["utter_not_solved", "utter_human_transfer"]
    (directive,) = scene.directives
    assert (directive["directive"], directive["reason"], directive["live"]) == (
        "request_human",
        "还是没解决",
        True,
    )
    tapped = await stage.play(NotSolved(), intent="not_solved")
    assert tapped.directives[0]["reason"] == "not_solved"


async def test_at_night_what_is_not_solved_is_recorded(shop: SqlShop, clock: Clock) -> None:
    stage = Stage(shop, "u1006")
    await handed_back(stage, outcome="follow_up", by="agent")
    clock.now = NOW.replace(hour=2)
    scene = await stage.play(NotSolved(), "没解决", intent="not_solved")
    assert scene.responses == ["utter_not_solved", "utter_human_recorded"]
    assert scene.directives[0]["live"] is False


async def test_without_a_person_before_one_is_offered(shop: SqlShop) -> None:
    scene = await Stage(shop, "u1006").play(NotSolved(), "还是没解决", intent="not_solved")
    assert scene.responses == ["utter_not_solved_offer"]
    assert scene.directives == []
    assert scene.options == ["ask_human"]


def test_the_queue_speaks_of_the_same_place_and_time_in_every_style() -> None:
    for line in ("utter_queue_joined", "utter_queue_still"):
        for style in Style:
            said = wording().say(line, {"position": 4, "minutes": 17}, style)
            assert "第 4 位" in said.text
            assert "17 分钟" in said.text
            assert "front:cancel_wait" in [b.payload for b in said.buttons]
