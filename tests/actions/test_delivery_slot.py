"""Delivery times: chosen by tap or in words, told with their fee, booked once; and where a parcel is left."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actions.delivery_slot import SlotForm, WishDropOff
from actions.shop.errors import RuleError, ShopTimeoutError
from actions.shop.models import Order, OrderState
from actions.shop.service_models import SlotOffer
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.forms import FormStage
from tests.support.shop import Clock
from tests.support.stage import Scene, Stage, broken


async def opened(shop: SqlShop, order: Order, text: str = "", **entities: Any) -> tuple[FormStage, Scene]:
    form = FormStage(Stage(shop, order.customer_id), SlotForm())
    about = {"order_number": order.order_number, **entities}
    return form, await form.open(text, intent="choose_slot", entities=about)


@pytest.fixture
async def paid(shop: SqlShop) -> Order:
    """An order whose times are 22 (a Sunday) to 27 November."""
    return await shop.order("202611170246", customer_id=None)


async def booked(shop: SqlShop, order: Order) -> str | None:
    fresh = await shop.order(order.order_number, customer_id=None)
    return fresh.slot_starts_at.strftime("%d %H") if fresh.slot_starts_at else None


async def test_from_the_days_to_a_time_by_taps(shop: SqlShop, paid: Order) -> None:
    form, days = await opened(shop, paid)
    assert days.responses == ["utter_slot_which"]
    assert set(days.options) == {"pick_day"}
    assert days.said[0]["options"][0]["args"]["slot_day"] == "2026-11-22"
    times = await form.say(intent="choose_slot", entities={"slot_day": "2026-11-24"})
    assert times.responses == ["utter_slot_which_hour"]
    assert [o["args"]["slot_id"] for o in times.said[0]["options"]] == [
        "20261124-09",
        "20261124-14",
        "20261124-18",
    ]
    assert times.worded("neutral").buttons[1].title == "11月24日（周二） 14:00–18:00"
    summary = await form.say(intent="choose_slot", entities={"slot_id": "20261124-14"})
    assert summary.responses == ["utter_slot_confirm"]
    assert summary.facts["free"] is True
    assert await booked(shop, paid) is None
    done = await form.confirm()
    assert done.responses == ["utter_slot_booked"]
    assert await booked(shop, paid) == "24 14"
    for style, text in (summary.texts() | done.texts()).items():
        assert "11月24日（周二） 14:00–18:00" in text, style


@pytest.mark.parametrize(
    ("said", "starts"),
    [
        (["周二下午"], "24 14"),
        (["周二", "下午"], "24 14"),
        (["晚上", "后天"], "22 18"),
        (["周二", "周三吧", "晚上七点以后"], "25 18"),
        (["11月24号", "第二个"], "24 14"),
        (["工作日白天没人在", "周二"], "24 18"),
        (["第一个", "第三个"], "22 18"),
    ],
)
async def test_times_are_chosen_in_words(shop: SqlShop, paid: Order, said: list[str], starts: str) -> None:
    form, _ = await opened(shop, paid)
    for text in said:
        scene = await form.say(text, intent="choose" if text.startswith("第") else "ask_order_status_typo")
    assert scene.responses == ["utter_slot_confirm"]
    await form.confirm()
    assert await booked(shop, paid) == starts


async def test_a_wish_told_at_once_is_summed_up_at_once(shop: SqlShop, paid: Order) -> None:
    _, scene = await opened(shop, paid, "能周二晚上送吗")
    assert scene.responses == ["utter_slot_confirm"]


async def test_a_time_that_is_not_offered_is_said_with_those_that_are(shop: SqlShop, paid: Order) -> None:
    form, scene = await opened(shop, paid, "12月8号送")
    assert scene.responses == ["utter_slot_none_fits"]
    for style, text in scene.texts().items():
        assert "11月22日" in text, style
        assert "09:00–12:00" in text, style
    assert (await form.say("那周二下午", intent="choose_slot")).responses == ["utter_slot_confirm"]


async def test_a_fee_is_told_before_the_confirmation(shop: SqlShop, paid: Order) -> None:
    offer = await shop.delivery_slots(paid.order_number, customer_id=None)
    dear = tuple(replace(s, fee=Decimal("10.00")) if s.starts_at.hour == 18 else s for s in offer.slots)

    async def with_fees(number: str, *, customer_id: str | None) -> SlotOffer:
        return replace(offer, slots=dear)

    shop.delivery_slots = with_fees  # type: ignore[method-assign]
    form, first = await opened(shop, paid)
    assert all("收费" in text for text in first.texts().values())
    times = await form.say("周二", intent="choose_slot")
    assert times.worded("power").buttons[2].title.endswith("加 10 元")
    summary = await form.say("晚上", intent="choose_slot")
    assert summary.facts["fee"] == "10.00"
    assert all("10 元" in text for text in summary.texts().values())


async def test_a_booked_time_is_told_and_changed(shop: SqlShop, paid: Order) -> None:
    form, _ = await opened(shop, paid, "周二下午")
    await form.confirm()
    form, again = await opened(shop, paid, "周二下午送")
    assert again.responses == ["utter_slot_already"]
    assert form.waits_for is None
    form, first = await opened(shop, paid)
    assert first.facts["chosen_starts"].startswith("2026-11-24T14:00")
    summary = await form.say("周三上午", intent="choose_slot")
    assert summary.facts["old_starts"].startswith("2026-11-24T14:00")
    await form.confirm()
    assert await booked(shop, paid) == "25 09"


@pytest.mark.parametrize(
    ("state", "response", "step"),
    [
        (OrderState.UNPAID, "utter_slot_not_paid", "ask_pay_deadline"),
        (OrderState.DELIVERED, "utter_slot_over", "ask_order_status"),
        (OrderState.CANCELLED, "utter_slot_over", "ask_order_status"),
    ],
)
async def test_why_there_is_nothing_to_choose(
    shop: SqlShop, state: OrderState, response: str, step: str
) -> None:
    form, scene = await opened(shop, await order_in(shop, state), "周六送")
    assert scene.responses == [response]
    assert scene.options[0] == step
    assert form.waits_for is None


async def test_a_parcel_at_the_door_and_a_carrier_without_times(shop: SqlShop, paid: Order) -> None:
    out = (await shop.orders("u1029"))[0]
    _, scene = await opened(shop, out, "周六送")
    assert scene.responses == ["utter_slot_out_for_delivery"]
    assert all("电话" in text and "拒收" in text for text in scene.texts().values())

    async def none(number: str, *, customer_id: str | None) -> SlotOffer:
        return SlotOffer(False, "not_offered", (), None)

    shop.delivery_slots = none  # type: ignore[method-assign]
    _, scene = await opened(shop, paid, "周六送")
    assert scene.responses == ["utter_slot_not_offered"]


async def test_a_time_that_is_gone(shop: SqlShop, paid: Order, clock: Clock) -> None:
    form, _ = await opened(shop, paid, "周二下午")
    with broken(shop, "choose_slot", RuleError("slot_gone")):
        scene = await form.confirm()
    assert scene.responses == ["utter_slot_gone"]
    assert scene.options[0] == "choose_slot"
    form, _ = await opened(shop, paid)
    clock.forward(days=4)  # the list stood on the screen for days
    stale = await form.say(intent="choose_slot", entities={"slot_id": "20261122-09"})
    assert stale.responses == ["utter_slot_gone"]
    assert form.waits_for == "delivery_slot"


async def test_the_same_confirmation_twice_is_one_write(shop: SqlShop, paid: Order) -> None:
    form, _ = await opened(shop, paid, "周二下午")
    before = dict(form.stage.slots)
    with broken(shop, "choose_slot", ShopTimeoutError("slow")):
        assert (await form.confirm()).responses == ["utter_write_unsure"]
    first = await form.confirm()
    form.stage.slots = before
    assert first.responses == ["utter_slot_booked"]
    assert await booked(shop, paid) == "24 14"


async def test_another_time_instead_of_a_yes(shop: SqlShop, paid: Order) -> None:
    form, _ = await opened(shop, paid, "周二下午")
    scene = await form.say("请改为11月25日14点至18点", intent="change_address")
    assert scene.responses == ["utter_slot_confirm"]
    await form.confirm()
    assert await booked(shop, paid) == "25 14"


async def test_other_topics_and_leaving(shop: SqlShop, paid: Order) -> None:
    form, _ = await opened(shop, paid)
    assert not (await form.say("明天能到吗", intent="track_shipment")).events
    resumed = await form.resume("明天能到吗", intent="track_shipment")
    assert resumed.responses == ["utter_slot_which"]
    assert (await form.say("算了", intent="stop")).responses == ["utter_slot_left"]
    assert await booked(shop, paid) is None


async def test_strangers_and_somebody_elses_order(shop: SqlShop, paid: Order) -> None:
    form = FormStage(Stage(shop), SlotForm())
    scene = await form.open(f"{paid.order_number}周二送", intent="choose_slot")
    assert not scene.said
    assert scene.slots["pending_task"] == "slot_form"
    assert scene.slots["slot_words"] == {"day": f"{paid.order_number}周二送"}
    other = FormStage(Stage(shop, "u1030"), SlotForm())
    assert (await other.open(f"{paid.order_number}周二送", intent="choose_slot")).responses == [
        "utter_not_found"
    ]


async def test_a_shop_that_is_down(shop: SqlShop, paid: Order) -> None:
    with broken(shop, "delivery_slots", ShopTimeoutError("slow")):
        form, scene = await opened(shop, paid, "周二送")
    assert scene.responses == ["utter_shop_unavailable"]
    assert form.waits_for is None


# --- where it is left ---------------------------------------------------------------------------------


async def wish(shop: SqlShop, customer: str | None, text: str = "放门口就行", **more: Any) -> Scene:
    return await Stage(shop, customer, **more).play(WishDropOff(), text, intent="wish_drop_off")


async def test_what_can_be_done_about_the_place_is_said_honestly(shop: SqlShop) -> None:
    scene = await wish(shop, "u1029")
    assert scene.responses == ["utter_drop_off"]
    parcel = (await shop.orders("u1029"))[0].shipment
    assert parcel is not None
    for style, text in scene.texts().items():
        assert "备注" in text, style
        assert "电话" in text, style
        assert parcel.tracking_number in text, style
    assert scene.options == ["choose_slot", "ask_human"]


async def test_a_parcel_that_was_left_somewhere(shop: SqlShop) -> None:
    scene = await wish(shop, "u1030", "没经过我同意就放驿站")
    assert scene.responses == ["utter_drop_off_delivered"]
    assert all("没收到" in text and "人工" in text for text in scene.texts().values())


async def test_without_an_order_the_answer_is_general(shop: SqlShop) -> None:
    for customer in (None, "u1021"):
        scene = await wish(shop, customer)
        assert scene.responses == ["utter_drop_off"]
        assert "carrier" not in scene.facts
    theirs = (await shop.orders("u1029"))[0]
    stranger = await wish(shop, "u1030", f"{theirs.order_number}放门口")
    assert stranger.responses == ["utter_not_found"]
