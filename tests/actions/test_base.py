"""Whatever goes wrong in an action, the shopper is answered and nothing is half told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions import base, shop_access
from actions.base import Events, ShopAction, TurnContext, option
from actions.shop.errors import NotFoundError, NotOfferedError, ShopUnavailableError


def tracker(message_id: str = "m_1", text: str = "我的快递") -> Tracker:
    message = {"intent": {"name": "track_shipment"}, "entities": [], "text": text, "message_id": message_id}
    return Tracker("c_1", {}, message, [], False, None, {}, "action_listen")


class Talkative(ShopAction):
    """Says something, then does what the test wants."""

    def __init__(self, then: Any = None) -> None:  # rasa-sdk makes every action it finds, without arguments
        self._then = then

    def name(self) -> str:
        return "action_talkative"

    async def handle(self, turn: TurnContext) -> Events | None:
        turn.say("utter_half", {"total": Decimal("89.00"), "at": datetime(2026, 1, 1, tzinfo=timezone.utc)})
        result: Events | None = await self._then(turn)
        return result


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(base, "_budgets", base._Budgets())
    yield
    shop_access.set_gateway(None)


async def answers(then: Any, message_id: str = "m_1") -> list[dict[str, Any]]:
    dispatcher = CollectingDispatcher()
    await Talkative(then).run(dispatcher, tracker(message_id), {})
    return dispatcher.messages


async def test_facts_travel_as_json() -> None:
    async def then(turn: TurnContext) -> None:
        turn.say("utter_more", {}, [option("track_shipment", order_number="1")])

    half, more = await answers(then)
    assert half["facts"] == {"total": "89.00", "at": "2026-01-01T00:00:00+00:00"}
    assert more["options"] == [{"id": "track_shipment", "args": {"order_number": "1"}}]


@pytest.mark.parametrize(
    ("error", "response"),
    [
        (ShopUnavailableError(), "utter_shop_unavailable"),
        (NotFoundError(), "utter_not_found"),
        (NotOfferedError("no coupons here"), "utter_not_offered"),
        (ZeroDivisionError("手机 13812345678"), "utter_action_failed"),
    ],
)
async def test_a_failure_is_answered_and_nothing_is_half_told(
    error: Exception, response: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def then(turn: TurnContext) -> None:
        raise error

    with caplog.at_level(logging.INFO):
        said = await answers(then)
    assert [m["response"] for m in said] == [response]
    assert "13812345678" not in caplog.text


async def test_the_retry_repeats_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    async def then(turn: TurnContext) -> None:
        raise ShopUnavailableError

    (said,) = await answers(then)
    assert [o["id"] for o in said["options"]] == ["ask_again", "ask_human"]
    assert said["options"][0]["args"] == {"intent": "track_shipment", "order_number": None}


async def test_a_slow_shop_is_given_up_and_the_allowance_is_the_whole_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZHIXIN_SHOP_TIMEOUT_S", "0.05")

    async def slow(turn: TurnContext) -> None:
        await asyncio.sleep(30)

    async def quick(turn: TurnContext) -> None:
        await asyncio.sleep(0.01)

    assert [m["response"] for m in await answers(slow)] == ["utter_shop_unavailable"]
    # A second action of the same turn finds the allowance spent; the next turn has its own.
    assert [m["response"] for m in await answers(quick)] == ["utter_shop_unavailable"]
    assert [m["response"] for m in await answers(quick, "m_2")] == ["utter_half"]


def test_a_message_repeated_later_has_a_fresh_allowance() -> None:
    now = [100.0]
    budgets = base._Budgets(lambda: now[0])
    turn = TurnContext(CollectingDispatcher(), tracker("m_1")).identity
    assert budgets.remaining(turn, 9.0) == 9.0
    now[0] += 8.5
    assert budgets.remaining(turn, 9.0) == 0.5
    now[0] += 1.0
    assert budgets.remaining(turn, 9.0) < 0
    now[0] += 5.0  # Rasa was killed and the front sends the message again
    assert budgets.remaining(turn, 9.0) == 9.0


async def test_keys_are_made_of_conversation_message_and_action() -> None:
    turn = TurnContext(CollectingDispatcher(), tracker("m_7"))
    assert turn.key("cancel") == "c_1:m_7:cancel"
    assert turn.key("cancel", "m_3") == "c_1:m_3:cancel"
    assert turn.key("urge") != turn.key("cancel")
    assert len(TurnContext(CollectingDispatcher(), tracker("m" * 500)).key("cancel")) <= 200


async def test_without_a_message_id_two_writes_never_share_a_key() -> None:
    keys = {TurnContext(CollectingDispatcher(), tracker("")).key("cancel") for _ in range(2)}
    assert len(keys) == 2


def test_a_payload_is_no_text() -> None:
    assert TurnContext(CollectingDispatcher(), tracker(text='/choose{"a": "b"}')).text == ""
