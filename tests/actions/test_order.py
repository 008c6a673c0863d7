"""Order status and lists: whose orders they are, which one is meant, and that style changes no fact."""

from __future__ import annotations

import pytest

from actions.order import AskOrderStatus, ListOrders
from actions.shop.errors import ShopTimeoutError
from actions.shop.models import OrderState
from actions.shop.sql import SqlShop
from tests.shop.helpers import order_in
from tests.support.forms import all_orders, few_of_each_state
from tests.support.stage import Stage, broken

TEMPERAMENTS = ["neutral", "power", "perfect", "peace", "lively"]


async def test_orders_in_every_state_are_told_in_every_style(shop: SqlShop) -> None:
    seen = set()
    for order in few_of_each_state(await all_orders(shop)):
        stage = Stage(shop, customer_id=order.customer_id)
        number = {"order_number": order.order_number}
        scene = await stage.play(AskOrderStatus(), intent="ask_order_status", entities=number)
        assert scene.responses[0].startswith(f"utter_order_{order.state.value}")
        assert scene.cards[0]["data"]["number"] == order.order_number
        assert scene.slots["order_number"] == order.order_number
        seen.add(scene.responses[0])
    assert len(seen) >= len(OrderState)


async def test_style_never_changes_what_is_told(shop: SqlShop) -> None:
    for state in OrderState:
        order = await order_in(shop, state)
        told = []
        for temperament in TEMPERAMENTS:
            stage = Stage(shop, customer_id=order.customer_id, slots={"temperament": temperament})
            entities = {"order_number": order.order_number}
            scene = await stage.play(AskOrderStatus(), intent="ask_order_status", entities=entities)
            told.append((scene.messages, scene.events))
        assert all(one == told[0] for one in told)


async def test_a_foreign_order_and_an_unknown_one_get_the_same_answer(shop: SqlShop) -> None:
    order = (await shop.orders("u1001"))[0]
    answers = []
    for number in (order.order_number, "202601010000"):
        stage = Stage(shop, customer_id="u1002")
        scene = await stage.play(AskOrderStatus(), f"订单{number}", intent="ask_order_status")
        assert scene.responses == ["utter_not_found"]
        assert not scene.cards
        answers.append((scene.messages, scene.events))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "stage_of",
    [
        {"key": "another key of at least thirty-two characters"},
        {"lifetime_s": -60.0},
        {"signed_for": "c_other"},
        {"customer_id": None},
    ],
    ids=["forged", "expired", "stolen", "anonymous"],
)
async def test_without_proof_an_order_has_to_be_verified(shop: SqlShop, stage_of: dict[str, object]) -> None:
    order = (await shop.orders("u1001"))[0]
    stage = Stage(shop, **{"customer_id": "u1001", **stage_of})  # type: ignore[arg-type]
    entities = {"order_number": order.order_number}
    scene = await stage.play(AskOrderStatus(), intent="ask_order_status", entities=entities)
    assert not scene.said
    assert not scene.cards
    assert scene.slots["pending_task"] == "ask_order_status"
    assert scene.slots["verify_order"] == order.order_number
    assert scene.events[-1]["name"] == "verify_form"


async def test_a_verified_order_opens_alone(shop: SqlShop) -> None:
    first, second = (await shop.orders("u1001"))[:2]
    stage = Stage(shop, orders=[first.order_number])
    own = await stage.play(AskOrderStatus(), "订单怎么样了", intent="ask_order_status")
    assert own.slots["order_number"] == first.order_number
    other = await stage.play(AskOrderStatus(), f"那{second.order_number}呢", intent="ask_order_status")
    assert not other.said
    assert other.slots["pending_task"] == "ask_order_status"
    listed = await stage.play(ListOrders(), "我的订单", intent="list_orders")
    assert [row["number"] for row in listed.facts["orders"]] == [first.order_number]


async def test_where_one_order_fits_it_does_not_ask(shop: SqlShop) -> None:
    for customer in ("u1017", "u1018"):
        orders = await shop.orders(customer)
        moving = [o for o in orders if o.state.value in ("unpaid", "paid", "shipped", "exception")]
        scene = await Stage(shop, customer_id=customer).play(
            AskOrderStatus(), "订单咋样了", intent="ask_order_status"
        )
        if len(moving) == 1:
            assert scene.slots["order_number"] == moving[0].order_number
        else:
            assert scene.responses == ["utter_which_order"]
            assert scene.facts["count"] == len(moving)


@pytest.mark.parametrize("how", ["ordinal", "words", "tail", "number", "tap"])
async def test_a_choice_may_be_typed(shop: SqlShop, how: str) -> None:
    orders = await shop.orders("u1017")
    wanted = orders[2]
    typed = {
        "ordinal": "第三个",
        "words": f"{wanted.items[0].short_name[-3:]}那单",
        "tail": f"尾号{wanted.order_number[-4:]}那个",
        "number": wanted.order_number,
        "tap": "",
    }[how]
    entities = {"order_number": wanted.order_number} if how == "tap" else None
    stage = Stage(shop, customer_id="u1017")
    await stage.play(ListOrders(), "我的订单", intent="list_orders")
    scene = await stage.play(AskOrderStatus(), typed, intent="ask_order_status", entities=entities)
    assert scene.slots["order_number"] == wanted.order_number


async def test_what_was_just_talked_of_is_meant_next(shop: SqlShop) -> None:
    orders = await shop.orders("u1017")
    talked = {"event": "slot", "name": "order_number", "value": orders[4].order_number}
    stage = Stage(shop, customer_id="u1017", slots={"order_number": orders[4].order_number})
    recent = [{"event": "user"}, talked, {"event": "user"}]
    delivered = next(o for o in orders if o.state is OrderState.DELIVERED)
    from actions.logistics import TrackShipment

    scene = await stage.play(AskOrderStatus(), "那现在呢", intent="ask_order_status", events=recent)
    paid = [o for o in orders if o.state is OrderState.PAID]
    # An order under way is likelier meant than a finished one; among finished ones the last talked of is.
    assert scene.slots["order_number"] == paid[0].order_number
    old = [talked, *[{"event": "user"}] * 6]
    scene = await stage.play(TrackShipment(), "快递", intent="track_shipment", events=old)
    assert scene.slots["order_number"] != delivered.order_number


async def test_a_product_that_she_never_bought_is_said_so(shop: SqlShop) -> None:
    scene = await Stage(shop, customer_id="u1017").play(
        AskOrderStatus(), "我的洗碗机发了没", intent="ask_order_status", entities={"product": "洗碗机"}
    )
    assert scene.responses == ["utter_no_order_with_product"]
    assert scene.facts["product"] == "洗碗机"
    assert set(scene.options) == {"choose_order"}


async def test_a_shop_that_is_down_leaves_nothing_half_told(shop: SqlShop) -> None:
    order = (await shop.orders("u1001"))[0]
    for method in ("order", "now"):
        with broken(shop, method, ShopTimeoutError("slow")):
            entities = {"order_number": order.order_number}
            stage = Stage(shop, customer_id="u1001")
            scene = await stage.play(AskOrderStatus(), intent="ask_order_status", entities=entities)
        assert scene.responses == ["utter_shop_unavailable"]
        assert scene.options == ["ask_again", "ask_human"]
        assert not scene.cards
        assert not scene.events


async def test_a_card_shows_no_address(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.SHIPPED)
    scene = await Stage(shop, orders=[order.order_number]).play(
        AskOrderStatus(), "到哪步了", intent="ask_order_status"
    )
    shown = str(scene.messages)
    for secret in (order.address.street, order.address.phone, order.address.consignee, order.customer_id):
        assert secret not in shown
