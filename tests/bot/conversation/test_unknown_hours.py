"""A hand-over that the bot asks for without knowing the hours: the front goes by those that it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.bot.conversation.desk_harness import Desk, Hours
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub, answer

WISHES: dict[str, dict[str, Any]] = {
    "request_human": {"reason": "转人工", "contact": None, "answer_by": None, "completes": False},
    "escalate": {"reason": "tool_failure", "detail": "cancel_form", "order_number": None},
}


@pytest.mark.parametrize("directive", WISHES)
@pytest.mark.parametrize("open_now", [True, False])
@pytest.mark.parametrize("people", [True, False])
async def test_the_hours_and_who_is_there_decide(
    rasa: RasaStub, tmp_path: Path, directive: str, open_now: bool, people: bool
) -> None:
    wish = {"type": "directive", "directive": directive, "live": None, "level": None, **WISHES[directive]}
    rasa.script = lambda request: answer(request, [{"text": "已请人工"}, {"custom": wish}])
    hours = Hours(open_now=open_now)
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, duty=hours) as front:
        await Desk(front).hire("小忙", here=people)
        shopper = await front.open()
        replies = await shopper.say("转人工")
        found = await Desk(front).see(shopper.conversation_id)
    assert found.owner.value == ("WAITING" if open_now and people else "BOT")
    assert found.escalations[0].outcome is None
    # Where nobody is there, the front alone can say why, and by when somebody answers.
    told = (
        "utter_queue_after_hours" if not open_now else "utter_queue_joined" if people else "utter_queue_noted"
    )
    assert replies[-1]["text"].startswith(told)
    assert (people and open_now) or "answer_by=" in replies[-1]["text"]
    assert "utter_apology" not in str(replies)
