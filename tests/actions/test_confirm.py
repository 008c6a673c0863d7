"""Yes, no, stop, choices and bare numbers where no form waits."""

from __future__ import annotations

from typing import Any

import pytest
from rasa_sdk import Action

from actions.confirm import Affirm, Choose, Deny, GiveOrderNumber, GivePhoneTail, Stop
from actions.logistics import TrackShipment
from actions.shop.sql import SqlShop
from tests.support.stage import Stage


async def test_a_yes_to_nothing_does_nothing(shop: SqlShop) -> None:
    stage = Stage(shop, customer_id="u1001")
    assert (await stage.play(Affirm(), "好的", intent="affirm")).responses == ["utter_nothing_to_confirm"]


async def test_a_second_tap_on_a_finished_write_is_told_apart(shop: SqlShop) -> None:
    stage = Stage(shop, customer_id="u1001", slots={"last_write": "c:m:cancel_form"})
    done = await stage.play(Affirm(), intent="affirm", entities={"write": "c:m:cancel_form"})
    assert done.responses == ["utter_already_done"]
    other = await stage.play(Affirm(), intent="affirm", entities={"write": "another"})
    assert other.responses == ["utter_nothing_to_confirm"]


@pytest.mark.parametrize("action", [Deny(), Stop()])
async def test_a_no_ends_the_choosing(shop: SqlShop, action: Action) -> None:
    slots = {"offered_intent": "track_shipment", "offered_orders": ["202611200001"]}
    scene = await Stage(shop, customer_id="u1001", slots=slots).play(action, "不用了", intent="deny")
    assert scene.responses == ["utter_nothing_changed"]
    assert scene.slots == {"offered_orders": None, "offered_intent": None}


async def asked_which(shop: SqlShop) -> tuple[Stage, list[Any]]:
    """Return a stage on which a choice among several orders was just offered."""
    for number in range(1001, 1019):
        stage = Stage(shop, customer_id=f"u{number}")
        scene = await stage.play(TrackShipment(), "快递到哪了", intent="track_shipment")
        if scene.responses == ["utter_which_order"]:
            return stage, list(scene.slots["offered_orders"])
    pytest.skip("no demo customer has several parcels")


async def test_a_typed_choice_answers_the_question_that_was_asked(shop: SqlShop) -> None:
    stage, offered = await asked_which(shop)
    scene = await stage.play(Choose(), "第二个", intent="choose")
    assert scene.responses[0].startswith("utter_track_")
    assert scene.slots["order_number"] == offered[1]
    assert scene.slots["offered_intent"] is None


async def test_the_number_or_its_end_chooses_too(shop: SqlShop) -> None:
    stage, offered = await asked_which(shop)
    slots = dict(stage.slots)
    scene = await stage.play(GiveOrderNumber(), offered[1], intent="give_order_number")
    assert scene.slots["order_number"] == offered[1]
    assert scene.responses[0].startswith("utter_track_")
    stage.slots = slots
    scene = await stage.play(GivePhoneTail(), offered[1][-4:], intent="give_phone_tail")
    assert scene.slots["order_number"] == offered[1]


async def test_what_points_to_nothing_is_asked_again(shop: SqlShop) -> None:
    stage = Stage(shop, customer_id="u1001")
    assert (await stage.play(Choose(), "第九十九个", intent="choose")).responses == ["utter_choice_unclear"]


async def test_a_bare_number_of_an_anonymous_shopper_starts_the_verification(shop: SqlShop) -> None:
    number = (await shop.orders("u1001"))[0].order_number
    scene = await Stage(shop).play(GiveOrderNumber(), number, intent="give_order_number")
    assert not scene.said
    assert (scene.slots["verify_order"], scene.events[-1]["name"]) == (number, "verify_form")


@pytest.mark.parametrize("action", [Affirm(), Deny(), Stop()])
async def test_a_bare_number_taken_for_yes_or_no_still_asks_about_its_order(
    shop: SqlShop, action: Action
) -> None:
    number = (await shop.orders("u1001"))[0].order_number
    scene = await Stage(shop, customer_id="u1001").play(action, number, intent="deny")
    assert scene.slots["order_number"] == number
