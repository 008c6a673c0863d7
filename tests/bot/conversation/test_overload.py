"""More messages than can be answered at a time: they wait here, in their order, and none is given up."""

from __future__ import annotations

from pathlib import Path

from bot.app.front import shanghai_now
from bot.channels.platforms.signed import Settings
from bot.conversation import rasa_client
from tests.bot.conversation.harness import Front, rows, until
from tests.bot.conversation.rasa_stub import RasaStub
from tests.fakes.signed import KEY, Receiver, signed


async def test_what_waits_for_its_turn_is_acknowledged_and_asked_once(rasa: RasaStub, tmp_path: Path) -> None:
    shoppers = 2 * rasa_client._AT_ONCE
    path = tmp_path / "record.db"
    rasa.gate.clear()
    async with Receiver(shanghai_now) as receiver:
        settings = Settings(keys=(KEY,), url=receiver.url)
        async with Front(f"sqlite:///{path}", rasa.port, channels={"signed": settings}) as front:
            for number in range(shoppers):
                body = {"user": f"u{number}", "message_id": "1", "text": f"第{number}位"}
                got = await front.request("POST", "/channels/signed", **signed(body, shanghai_now()))
                assert got.status == 202
            query = "SELECT count(*) FROM messages WHERE author='shopper' AND state='accepted'"
            await until(lambda: rows(path, query) == [(shoppers,)])
            await until(lambda: len(rasa.calls) == rasa_client._AT_ONCE)
            rasa.gate.set()
            await until(lambda: len(rasa.ran) == shoppers)
            await until(lambda: all(f"答：第{n}位" in receiver.texts(f"u{n}") for n in range(shoppers)))
    assert len(rasa.calls) == shoppers, "who waits has not begun: nobody is asked again"
    assert rows(path, "SELECT count(*) FROM messages WHERE trouble IS NOT NULL") == [(0,)]
