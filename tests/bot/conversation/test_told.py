"""The record keeps, sealed, what a bot's text was made of; no client ever gets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.conversation import rows as record_rows
from bot.conversation.errors import RasaBrokenError
from bot.conversation.turns import parse_turn
from tests.bot.conversation.harness import Front, rows, vault
from tests.bot.conversation.rasa_stub import RasaStub, answer

TOLD = {"response": "utter_order_shipped", "facts": {"number": "202611200001", "items": ["轻量跑鞋"]}}


async def test_facts_are_kept_sealed_and_never_shown(front: Front, rasa: RasaStub, tmp_path: Path) -> None:
    rasa.script = lambda turn: answer(turn, [{"text": "已发货。", "told": TOLD}])
    shopper = await front.open()
    replies = await shopper.say("到哪了")
    assert replies[-1]["text"] == "已发货。"
    shown = json.dumps([replies, await shopper.messages()], ensure_ascii=False)
    assert "told" not in shown and "utter_order_shipped" not in shown
    cid = shopper.conversation_id
    seq, body = rows(
        tmp_path / "record.db",
        "select seq, body from messages where conversation_id = ? order by seq desc limit 1",
        cid,
    )[0]
    assert "utter_order_shipped" not in body
    assert json.loads(vault().open(body, record_rows.body_context(cid, seq)))["told"] == TOLD


def turn(told: Any) -> dict[str, Any]:
    return {"message_id": "m_1", "replies": [{"text": "x", "told": told}]}


def test_endless_facts_are_left_out_and_the_name_stays() -> None:
    endless = {"response": "utter_order_list", "facts": {"orders": ["x" * 9_000]}}
    [reply] = parse_turn(turn(endless), "m_1").replies
    assert reply.told == {"response": "utter_order_list", "facts": {}}
    assert parse_turn(turn(None), "m_1").replies[0].told is None


@pytest.mark.parametrize(
    "told", [[], "utter_x", {}, {"response": 1, "facts": {}}, {"response": "u", "facts": []}]
)
def test_what_has_not_the_form_is_no_turn(told: Any) -> None:
    with pytest.raises(RasaBrokenError):
        parse_turn(turn(told), "m_1")
