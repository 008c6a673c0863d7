"""What is still to be done for a shopper: a hand-over that has ended leaves nobody waiting for a call."""

from __future__ import annotations

from typing import Any

import pytest

from bot.conversation.desk_types import Outcome, View
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub, answer


def asks(rasa: RasaStub, name: str, *, live: bool) -> None:
    """Let the bot pass each typed message on to a person."""
    ask = {"type": "directive", "directive": name, "reason": "我要退款", "live": live}

    def speak(turn: dict[str, Any]) -> dict[str, Any]:
        return (
            answer(turn, [{"text": "好的"}, {"custom": ask}])
            if turn.get("text") == "转人工"
            else answer(turn)
        )

    rasa.script = speak


async def listed(desk: Desk, agent_id: str) -> list[str]:
    return [row.conversation_id for row in await desk.queue(agent_id, View.WAITING)]


async def test_a_wait_that_was_cancelled_is_over(front: Front, rasa: RasaStub) -> None:
    desk = Desk(front)
    lin = await desk.hire("小林")
    asks(rasa, "request_human", live=True)
    shopper = await front.open("u1")
    await shopper.say("转人工")
    assert await listed(desk, lin) == [shopper.conversation_id]
    await shopper.say("不等了")
    assert await listed(desk, lin) == []


@pytest.mark.parametrize(
    ("outcome", "left"),
    [(Outcome.SOLVED, 0), (Outcome.SPAM, 0), (Outcome.FOLLOW_UP, 1), (Outcome.CALL_BACK, 1)],
)
async def test_what_was_asked_for_is_done_when_it_is_solved(
    front: Front, rasa: RasaStub, outcome: Outcome, left: int
) -> None:
    desk = Desk(front)
    lin = await desk.hire("小林")
    asks(rasa, "complaint", live=False)
    shopper = await front.open("u1")
    await shopper.say("转人工")
    cid = shopper.conversation_id
    await desk.hands.take_over(cid, lin)
    assert len([r for r in (await desk.see(cid)).requests if r.done_at is None]) == 1
    await desk.hands.hand_back(cid, lin, outcome=outcome)
    assert len([r for r in (await desk.see(cid)).requests if r.done_at is None]) == left
    assert len(await listed(desk, lin)) == left
