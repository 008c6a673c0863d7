"""Every question about the rules, for an order in every state: answered in five styles that tell the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from actions.policy import AnswerPolicy
from actions.policy_topics import OrderUse, topics
from actions.shop.models import Order, OrderState
from actions.shop.policy_terms import terms
from actions.shop.sql import SqlShop
from persona.strategy import Style
from tests.support.shop import demo_shop
from tests.support.stage import Scene, Stage


@pytest.fixture
async def orders(tmp_path: Path) -> AsyncIterator[tuple[SqlShop, dict[OrderState, Order]]]:
    """Return the demo shop, and an order in each state."""
    shop, _ = demo_shop(tmp_path)
    found: dict[OrderState, Order] = {}
    for number in range(1001, 1031):
        for order in await shop.orders(f"u{number}"):
            found.setdefault(order.state, order)
    assert set(found) == set(OrderState)
    yield shop, found
    await shop.close()


async def test_every_question_is_answered_for_every_order_in_every_style(
    orders: tuple[SqlShop, dict[OrderState, Order]],
) -> None:
    shop, by_state = orders
    assert topics()
    for intent, topic in topics().items():
        if topic.order is OrderUse.NO:
            check(intent, None, await Stage(shop, "u1001").play(AnswerPolicy(), intent=intent))
            continue
        for order in by_state.values():
            entities = {"order_number": order.order_number}
            stage = Stage(shop, order.customer_id)
            check(intent, order, await stage.play(AnswerPolicy(), intent=intent, entities=entities))


def check(intent: str, order: Order | None, scene: Scene) -> None:
    """Fail where an answer is missing, says less in one style, or says who she is or where she lives."""
    where = f"{intent}, {order.state.value if order else 'no order'}"
    assert [name.rpartition("_")[0] for name in scene.responses] == ["utter_policy"], where
    facts = scene.facts
    core = [row["text"] for row in facts["clauses"] if row["core"] or row["part"] == "conclusion"]
    for style in Style:
        text = scene.worded(style.value).text
        assert all(one in text for one in core), f"{where}, {style.value}"
        assert not set("{}") & set(text), f"{where}, {style.value}: {text}"
        assert (facts["rule"] in text) or not (facts["cited"] or style is Style.PERFECT), where
        if order is not None:
            address = order.address
            assert not any(one in text for one in (address.phone, address.street, address.consignee)), where


async def test_a_stranger_gets_a_general_answer_to_every_question(
    orders: tuple[SqlShop, dict[OrderState, Order]],
) -> None:
    for intent in topics():
        scene = await Stage(orders[0]).play(AnswerPolicy(), intent=intent)
        assert scene.facts["cited"] is False, intent
        check(intent, None, scene)


def test_the_values_that_policies_may_use_are_those_that_are_made() -> None:
    """What nothing fills would be a clause that is never told."""
    made = Path("actions/policy_values.py").read_text(encoding="utf-8")
    gaps = {name for name in terms().gaps if f'"{name}"' not in made}
    flags = {
        name for name in terms().flags if f'"{name}"' not in made and not name.startswith(("is_", "request_"))
    }
    assert gaps == {"restock_on", "size_advice"}  # no shop tells them beside a product yet
    assert flags == {"logged_in"}  # of the sender, not of the shop
