"""Tracking and urging."""

from __future__ import annotations

from datetime import timedelta

from actions.logistics import TrackShipment, UrgeShipment
from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from persona.strategy import Style
from tests.shop.helpers import order_in
from tests.support.forms import all_orders, few_of_each_state
from tests.support.shop import Clock
from tests.support.stage import Stage, wording

TRAVELLED = (OrderState.SHIPPED, OrderState.EXCEPTION, OrderState.DELIVERED)


async def test_every_parcel_is_told_with_its_trace(shop: SqlShop) -> None:
    seen = set()
    for order in few_of_each_state(await all_orders(shop)):
        stage = Stage(shop, customer_id=order.customer_id)
        number = {"order_number": order.order_number}
        scene = await stage.play(TrackShipment(), intent="track_shipment", entities=number)
        seen.add(scene.responses[0])
        if order.state in TRAVELLED and order.shipment:
            (card,) = scene.cards
            assert card["card"] == "shipment"
            assert card["data"]["tracking_number"] == order.shipment.tracking_number
            times = [step["at"] for step in card["data"]["trace"]]
            assert times == sorted(times, reverse=True)
        else:
            assert not scene.cards
    assert {"utter_track_moving", "utter_track_exception", "utter_track_delivered"} <= seen


async def test_a_late_parcel_is_called_late(shop: SqlShop) -> None:
    late = [
        o
        for o in await all_orders(shop)
        if o.state is OrderState.SHIPPED and o.shipment and o.shipment.expected_by > o.shipment.promised_by
    ]
    for order in late:
        scene = await Stage(shop, orders=[order.order_number]).play(
            TrackShipment(), "到哪了", intent="track_shipment"
        )
        assert scene.responses == ["utter_track_late"]
        assert scene.facts["promised_by"] < scene.facts["expected_by"]


async def test_a_booked_delivery_time_is_told_wherever_she_asks(shop: SqlShop) -> None:
    told = set()
    for order in await all_orders(shop):
        offer = await shop.delivery_slots(order.order_number, customer_id=None)
        if not offer.allowed or order.state not in {OrderState.PAID, OrderState.SHIPPED}:
            continue
        slot = offer.slots[-1]
        await shop.choose_slot(order.order_number, slot.slot_id, customer_id=None, key=order.order_number)
        stage = Stage(shop, orders=[order.order_number])
        scene = await stage.play(TrackShipment(), "到哪了", intent="track_shipment")
        if scene.responses[0] in told | {"utter_track_late", "utter_order_paid_late"}:
            continue
        told.add(scene.responses[0])
        assert scene.facts["slot_from"] == slot.starts_at.isoformat()
        begins = f"{slot.starts_at.month}月{slot.starts_at.day}日 {slot.starts_at:%H:%M}–{slot.ends_at:%H:%M}"
        for style in Style:
            assert begins in wording().say(scene.responses[0], scene.facts, style).text, style
    assert told == {"utter_track_moving", "utter_order_paid"}


async def test_urging_is_done_once_however_often_the_message_comes(shop: SqlShop, clock: Clock) -> None:
    order = await order_in(shop, OrderState.PAID)
    stage = Stage(shop, customer_id=order.customer_id)
    entities = {"order_number": order.order_number}
    first = await stage.play(UrgeShipment(), intent="urge_shipment", entities=entities)
    assert first.responses == ["utter_urged_dispatch"]
    urged = (await shop.order(order.order_number, customer_id=None)).urged_at
    assert urged == clock()
    clock.forward(minutes=5)
    stage._count = 0  # the same message again
    again = await stage.play(UrgeShipment(), intent="urge_shipment", entities=entities)
    assert again.responses == ["utter_urged_dispatch"]
    assert (await shop.order(order.order_number, customer_id=None)).urged_at == urged
    later = await stage.play(UrgeShipment(), intent="urge_shipment", entities=entities)
    assert later.responses == ["utter_urged_before"]
    clock.forward(hours=2)
    anew = await stage.play(UrgeShipment(), intent="urge_shipment", entities=entities)
    assert anew.responses == ["utter_urged_dispatch"]
    assert (await shop.order(order.order_number, customer_id=None)).urged_at == urged + timedelta(
        hours=2, minutes=5
    )


async def test_a_parcel_on_its_way_is_urged_at_the_carrier(shop: SqlShop, clock: Clock) -> None:
    for state in (OrderState.SHIPPED, OrderState.EXCEPTION):
        order = await order_in(shop, state)
        clock.forward(hours=2)
        scene = await Stage(shop, orders=[order.order_number]).play(
            UrgeShipment(), "催一下", intent="urge_shipment"
        )
        assert scene.responses == ["utter_urged_parcel"]


async def test_what_cannot_be_urged_is_told_where_it_stands(shop: SqlShop) -> None:
    for state in (OrderState.UNPAID, OrderState.DELIVERED, OrderState.CANCELLED, OrderState.REFUNDED):
        order = await order_in(shop, state)
        stage = Stage(shop, customer_id=order.customer_id)
        entities = {"order_number": order.order_number}
        scene = await stage.play(UrgeShipment(), intent="urge_shipment", entities=entities)
        assert scene.responses == [f"utter_order_{state.value}"]
        assert (await shop.order(order.order_number, customer_id=None)).urged_at == order.urged_at
