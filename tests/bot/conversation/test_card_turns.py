"""A text and its card are one message: words, choices and drawing together."""

from __future__ import annotations

from typing import Any

from bot.conversation.turns import parse_turn
from bot.conversation.types import Kind
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub, answer

CARD = {"type": "card", "card": "policy", "data": {"title": "退货运费", "clauses": []}}
STEP = {"title": "申请退货", "payload": "/request_return"}
TOLD = {"response": "utter_policy_yes", "facts": {"rule": "退货运费"}}


def turn(*replies: dict[str, Any]) -> dict[str, Any]:
    return answer({"message_id": "m_1", "text": "x", "personalisation": False}, list(replies), belief=None)


def test_they_are_read_as_one_reply() -> None:
    (reply,) = parse_turn(
        turn({"text": "可以退。", "buttons": [STEP], "custom": CARD, "told": TOLD}), "m_1"
    ).replies
    assert (reply.kind, reply.text, reply.card) == (Kind.CARD, "可以退。", "policy")
    assert [button.title for button in reply.buttons] == ["申请退货"]
    assert reply.told == TOLD
    alone = parse_turn(turn({"text": "可以退。"}, {"custom": CARD}), "m_1").replies
    assert [one.kind for one in alone] == [Kind.TEXT, Kind.CARD]


async def test_the_client_gets_one_message_whose_choices_can_be_tapped(front: Front, rasa: RasaStub) -> None:
    rasa.script = lambda request: answer(
        request, [{"text": "可以退。", "buttons": [STEP], "custom": CARD, "told": TOLD}]
    )
    shopper = await front.open()
    (reply,) = await shopper.say("运费谁出")
    assert (reply["type"], reply["card"], reply["text"]) == ("card", "policy", "可以退。")
    assert "told" not in reply
    tapped = await shopper.post(button=reply["buttons"][0]["id"])
    assert tapped.status == 200
    assert rasa.calls[-1]["payload"] == "/request_return"
