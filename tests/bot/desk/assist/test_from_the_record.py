"""From a turn of Rasa through the record to the brief: what the bot told arrives as facts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from actions.shop.sql import SqlShop
from bot.desk.assist.helper import Assist
from persona.wording import Wording
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.support.shop import NOW


@pytest_asyncio.fixture
async def rasa() -> AsyncIterator[RasaStub]:
    stub = RasaStub()
    await stub.start()
    yield stub
    await stub.stop()


async def test_an_agent_reads_what_the_bot_did(
    rasa: RasaStub, tmp_path: Path, shop: SqlShop, wording: Wording
) -> None:
    first, second = (await shop.orders("u1006"))[:2]
    due = "2026-11-24T18:00:00+08:00"

    def script(turn: dict[str, Any]) -> dict[str, Any]:
        if "text" not in turn and "payload" not in turn:
            return answer(turn)
        told = {"response": "utter_urged_parcel", "facts": {"items": ["净化器"], "due": due}}
        payload = f'/urge_shipment{{"order_number": "{second.order_number}"}}'
        replies = [{"text": "催好了。", "told": told, "buttons": [{"title": "再催", "payload": payload}]}]
        return answer(turn, replies, intent={"name": "urge_shipment", "confidence": 0.9})

    rasa.script = script
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port) as front:
        shopper = await front.open("u1006")
        [reply] = await shopper.say(f"催一下 {first.order_number}")
        desk = Desk(front)
        agent = await desk.hire("小陈")
        assist = Assist(shop, lambda: NOW, wording)

        made = await desk.see(shopper.conversation_id, agent)
        helped = await assist.help(made, "小陈")
        assert [deed.text for deed in helped.brief.did] == ["催了净化器的快递"]
        assert [deed.text for deed in helped.brief.promised] == ["净化器 11月24日 18:00 前送达"]
        assert [asked.label for asked in helped.brief.asked] == ["催单"]
        assert helped.case.order is not None
        assert helped.case.order.order_number == first.order_number

        await shopper.post(button=reply["buttons"][0]["id"])
        made = await desk.see(shopper.conversation_id, agent)
        assert (await assist.case(made)).order == second  # the tapped button names it
