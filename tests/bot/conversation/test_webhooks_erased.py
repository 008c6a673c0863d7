"""What is still to be sent of a customer goes with her."""

from __future__ import annotations

from sqlalchemy import select

from bot.conversation.events_schema import webhook_outbox
from bot.conversation.privacy import erase_customer, export_customer
from tests.bot.conversation.desk_harness import Clock
from tests.bot.conversation.harness import Front, vault
from tests.bot.conversation.rasa_stub import RasaStub


async def test_copy_and_erasure_reach_what_others_are_told(url: str, rasa: RasaStub) -> None:
    gone = "http://127.0.0.1:9/hook"  # nobody listens there
    async with Front(url, rasa.port, clock=Clock(), webhook_urls=(gone,), webhook_key="w" * 40) as front:
        await front.open("u1")
        await front.open("u2")
        database = front.conversations._store.database
        copy = await database.read(lambda c: export_customer(c, vault(), "u1"))
        (told,) = copy["conversations"][0]["told_to_others"]
        assert told["kind"] == "opened" and told["body"]["customer_id"] == "u1"
        await database.write(lambda c: erase_customer(c, "u1"))
        left = await database.read(lambda c: list(c.execute(select(webhook_outbox.c.body)).scalars()))
        assert len(left) == 1 and '"u2"' in left[0]
