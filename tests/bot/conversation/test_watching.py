"""What the record tells of itself, on both databases: figures, whether it takes writes, whether it fits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.app.front import shanghai_now
from bot.channels.platforms.signed import Settings
from bot.conversation.channel_schema import channel_inbox
from bot.conversation.database import make_engine
from bot.conversation.escalation import Rules
from bot.conversation.watching import FAMILIES, Values, Watching
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front, RasaStub, until
from tests.fakes.signed import KEY, Receiver, signed
from tests.support.waiting import eventually


def watching(front: Front, later: timedelta = timedelta(0)) -> Watching:
    now = front.conversations._store.now
    return Watching(front.conversations._store.database, lambda: now() + later, Rules.load())


async def test_an_empty_record_tells_all_figures(url: str, rasa: RasaStub) -> None:
    async with Front(url, rasa.port) as front:
        found = await watching(front).look()
        assert set(found) == {name for name, _, _ in FAMILIES}
        for name, _, labels in FAMILIES:
            assert all(len(values) == len(labels) for values in found[name])
        assert not any(value for values in found.values() for value in values.values())
        assert found["zhixin_queue_rows"].keys() >= {("events", "waiting"), ("webhooks", "aside")}


async def test_what_waits_is_counted_with_the_age_of_the_oldest(url: str, rasa: RasaStub) -> None:
    async with Front(url, rasa.port) as front:
        first, second = await front.open(), await front.open()
        rasa.gate.clear()
        posting = [
            asyncio.create_task(shopper.post(message_id=f"m_{n}", text="你好"))
            for shopper in (first, second)
            for n in range(2)
        ]
        await until(lambda: len([c for c in rasa.calls if c["message_id"].startswith("m_")]) == 2)
        for _ in range(100):
            found = await watching(front, timedelta(seconds=30)).look()
            if found["zhixin_messages_waiting"][()] == 4:
                break
            await asyncio.sleep(0.02)
        assert found["zhixin_messages_waiting"][()] == 4
        assert found["zhixin_oldest_message_waiting_seconds"][()] >= 30
        assert found["zhixin_conversations"] == {("waiting",): 0, ("human",): 0, ("bot",): 2}
        rasa.gate.set()
        await asyncio.gather(*posting)
        found = await watching(front).look()
        assert found["zhixin_messages_waiting"] == {(): 0}
        assert found["zhixin_oldest_message_waiting_seconds"] == {(): 0}
        late = await watching(front, timedelta(hours=2)).look()
        assert late["zhixin_conversations"][("bot",)] == 0  # they have gone


async def test_what_stands_still_on_channels_is_counted_by_channel(url: str, rasa: RasaStub) -> None:
    async with Receiver(shanghai_now) as receiver:
        settings = Settings(keys=(KEY,), url=receiver.url)
        async with Front(url, rasa.port, channels={"signed": settings}) as front:
            record = front.conversations._store.database

            async def look(later: timedelta = timedelta(0)) -> Mapping[str, Values]:
                now = front.conversations._store.now
                return await Watching(record, lambda: now() + later, Rules.load(), ("signed",)).look()

            async def write(user: str) -> None:
                body = {"user": user, "message_id": "1", "text": "在吗"}
                await front.request("POST", "/channels/signed", **signed(body, shanghai_now()))

            nothing = await look()
            assert nothing["zhixin_channel_inbox_rows"] == {("signed", "waiting"): 0, ("signed", "aside"): 0}
            assert nothing["zhixin_channel_links_oldest_seconds"] == {("signed",): 0}
            receiver.statuses = [410]
            await write("u1")

            async def rests() -> bool:
                return (await look())["zhixin_channel_links"][("signed", "blocked")] == 1

            await eventually(rests)
            receiver.statuses = [503] * 10_000
            await write("u2")

            async def is_tried() -> bool:
                found = await look(timedelta(minutes=5))
                waits = found["zhixin_channel_links"][("signed", "waiting")] == 1
                return waits and found["zhixin_channel_links_oldest_seconds"][("signed",)] >= 300

            await eventually(is_tried)
            await record.write(lambda c: c.execute(channel_inbox.update().values(state="aside")))
            rows = (await look())["zhixin_channel_inbox_rows"]
            assert rows == {("signed", "waiting"): 0, ("signed", "aside"): 2}
            later = shanghai_now().replace(year=2100)
            await record.write(
                lambda c: c.execute(
                    channel_inbox.update().values(state="waiting", channel="another", due_at=later)
                )
            )
            found = await look(timedelta(minutes=2))
            assert found["zhixin_channel_inbox_rows"][("other", "waiting")] == 2
            assert found["zhixin_channel_inbox_oldest_seconds"][("other",)] >= 120


async def test_people_are_counted_while_they_are_there(url: str, rasa: RasaStub) -> None:
    async with Front(url, rasa.port) as front:
        desk = Desk(front)
        agent = await desk.hire("小陈", presence="busy")
        await desk.hire("小林", presence="online", here=False)
        shopper = await front.open()
        await desk.hands.take_over(shopper.conversation_id, agent)
        found = await watching(front).look()
        assert found["zhixin_agents"] == {("online",): 0, ("busy",): 1, ("away",): 0}
        assert found["zhixin_conversations"][("human",)] == 1
        gone = await watching(front, timedelta(days=1)).look()
        assert not any(gone["zhixin_agents"].values())


async def test_a_record_that_can_be_used_says_so(url: str, rasa: RasaStub) -> None:
    async with Front(url, rasa.port) as front:
        assert await watching(front).usable() == {"record": True, "migrations": True}
        engine = make_engine(url)
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(text("UPDATE record_version SET version_num = '0001'"))
        assert await watching(front).usable() == {"record": True, "migrations": False}
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            connection.execute(text("ALTER TABLE record_version RENAME TO elsewhere"))
        engine.dispose()
        assert await watching(front).usable() == {"record": False}


@pytest.mark.service
async def test_a_server_that_only_reads_is_found(rasa: RasaStub) -> None:
    from tests.support import postgres

    with postgres.database("record") as made:
        async with Front(made, rasa.port) as front:
            engine = make_engine(made)
            name = engine.url.database
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
            engine.dispose()
            front.conversations._store.database.engine.dispose()
            assert await watching(front).usable() == {"record": False}
