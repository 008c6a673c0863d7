"""Disputes: asked for the story only where it was not told, with its order, handed to a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from actions.dispute import DisputeForm
from actions.shop.models import AfterSaleKind, OrderState
from actions.shop.sql import SqlShop
from bot.conversation.assertion import Assertions
from bot.conversation.desk_types import Reason
from bot.conversation.directives import read_directives
from tests.shop.helpers import order_in
from tests.support.shop import Clock
from tests.support.stage import Scene, Stage

FORM = "dispute_form"
OPENED: list[dict[str, Any]] = [{"event": "user"}, {"event": "active_loop", "name": FORM}]
WAITING: list[dict[str, Any]] = [
    {"event": "active_loop", "name": FORM},
    {"event": "action", "name": "action_listen"},
    {"event": "user"},
]
STORY = "卖家说退货要我自己出运费，可鞋子本来就开胶"


async def opened(stage: Stage, text: str) -> Scene:
    return await stage.play(DisputeForm(), text, intent="open_dispute", events=OPENED)


@pytest.mark.parametrize("bare", ["我要申请纠纷单", "麻烦您帮我提一下交易纠纷", "在哪里申请纠纷", "平台介入"])
async def test_a_bare_wish_is_asked_for_the_story(shop: SqlShop, bare: str) -> None:
    stage = Stage(shop, "u1013")
    asked = await opened(stage, bare)
    assert (asked.responses, asked.directives) == (["utter_dispute_ask_story"], [])
    told = await stage.play(DisputeForm(), STORY, intent="request_return", events=WAITING)
    assert told.responses == ["utter_dispute_transfer"]
    assert told.slots["requested_slot"] is None


async def test_a_story_told_at_once_is_handed_over_with_its_order(shop: SqlShop) -> None:
    order = await order_in(shop, OrderState.DELIVERED, customer_id="u1006")
    scene = await opened(Stage(shop, "u1006"), f"订单{order.order_number}{STORY}，申请纠纷单")
    assert scene.responses == ["utter_dispute_transfer"]
    (directive,) = scene.directives
    assert (directive["directive"], directive["reason"]) == ("escalate", "dispute")
    assert (directive["order_number"], directive["live"]) == (order.order_number, True)
    assert STORY in directive["detail"]
    assert directive["level"] == "gold"


async def test_the_only_order_with_a_request_is_the_one_in_dispute(shop: SqlShop) -> None:
    for customer in ("u1003", "u1016", "u1026"):
        delivered = [o for o in await shop.orders(customer) if o.state is OrderState.DELIVERED]
        terms = [await shop.return_terms(o.order_number, customer_id=customer) for o in delivered]
        if await shop.after_sales(customer) or not any(t.allowed for t in terms):
            continue
        number = next(o.order_number for o, t in zip(delivered, terms, strict=True) if t.allowed)
        await shop.request_after_sale(
            number, AfterSaleKind.EXCHANGE, "quality", customer_id=customer, key="r"
        )
        scene = await opened(Stage(shop, customer), STORY)
        assert scene.directives[0]["order_number"] == number
        return
    pytest.fail("nobody fits")


async def test_with_nobody_at_the_desk_it_is_recorded_with_a_promise(shop: SqlShop, clock: Clock) -> None:
    scene = await opened(Stage(shop, "u1013", metadata={"people": False}), STORY)
    assert scene.responses == ["utter_dispute_recorded"]
    assert scene.directives[0]["live"] is False
    answer_by = datetime.fromisoformat(scene.directives[0]["answer_by"])
    assert answer_by > clock.now
    for text in scene.texts().values():
        assert f"{answer_by:%H:%M}" in text
        assert "转人工" not in text


async def test_what_a_dispute_is_is_answered_from_the_rules(shop: SqlShop) -> None:
    for question in ("纠纷单是干什么的", "纠纷单多久有结果"):
        scene = await opened(Stage(shop, "u1013"), question)
        assert scene.responses[0].startswith("utter_policy_")
        assert scene.directives == []
        assert scene.slots["requested_slot"] is None


async def test_leaving_records_nothing(shop: SqlShop) -> None:
    stage = Stage(shop, "u1013")
    await opened(stage, "申请纠纷")
    left = await stage.play(DisputeForm(), "算了", intent="stop", events=WAITING)
    assert (left.responses, left.directives) == (["utter_dispute_left"], [])


async def test_the_front_understands_it(shop: SqlShop) -> None:
    scene = await opened(Stage(shop, "u1013"), STORY)
    effects = read_directives(
        scene.directives,
        Assertions("a key for assertions of at least thirty-two characters", Clock()),
        conversation_id="c_1",
        message_id="m_1",
        replayed=False,
    )
    assert effects.wish is not None
    assert (effects.wish.reason, effects.wish.detail, effects.malformed) == (Reason.DISPUTE, STORY, False)
