"""Pictures of shoppers in the record: stored with their message, answered, exported, erased."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from bot.conversation.database import make_engine
from bot.conversation.desk_types import View
from bot.conversation.pictures import Pictures
from bot.conversation.privacy import erase_customer, export_customer
from bot.conversation.types import Incoming, Kind
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front, until, vault
from tests.bot.conversation.rasa_stub import RasaStub
from tests.support.photographs import PLACE, photograph, send


@pytest.fixture
async def front(rasa: RasaStub, url: str) -> AsyncIterator[Front]:
    """A front on each kind of record."""
    async with Front(url, rasa.port) as made:
        yield made


def count(url: str, what: str = "desk_pictures") -> int:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {what}").scalar() or 0)
    finally:
        engine.dispose()


def pending(url: str) -> int:
    return count(url, "messages WHERE state = 'accepted'")


async def test_it_is_stored_with_its_message_or_not_at_all(front: Front, url: str) -> None:
    shopper = await front.open("u1")
    store = front.conversations._store
    made = Pictures(store.database, vault(), store.now)
    first = Incoming("p_1", picture=made.sealed(b"one", kind="jpg", width=1, height=1, sha="a"))
    again = Incoming("p_1", picture=made.sealed(b"one", kind="jpg", width=1, height=1, sha="a"))
    one, two = await asyncio.gather(
        *(store.accept(shopper.conversation_id, shopper.secret, sent) for sent in (first, again))
    )
    assert sorted([one.repeated, two.repeated]) == [False, True]
    assert one.seq == two.seq
    assert count(url) == 1
    with pytest.raises(KeyError):  # what breaks the message takes the picture back
        store._writing.insert_pending = lambda *_: {}["broken"]
        await store.accept(
            shopper.conversation_id,
            shopper.secret,
            Incoming("p_2", picture=made.sealed(b"two", kind="jpg", width=1, height=1, sha="b")),
        )
    assert count(url) == 1


async def test_it_is_answered_in_its_turn_also_by_the_next_process(rasa: RasaStub, url: str) -> None:
    async with Front(url, rasa.port) as first:
        shopper = await first.open("u1")
        rasa.gate.clear()
        asked = [
            asyncio.create_task(one) for one in (shopper.post(text="杯子碎了"), send(shopper, photograph()))
        ]
        await until(lambda: count(url) == 1)
        ids = {"m_1", "p_1"}
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    rasa.gate.set()
    async with Front(url, rasa.port) as second:
        shopper.front = second

        await until(lambda: len([call for call in rasa.calls if call["message_id"] in ids]) >= 3)
        await until(lambda: not pending(url))
        mine = [m["type"] for m in await shopper.messages() if m["author"] == "shopper"]
    kinds = ["picture" if call.get("event") == "picture" else "text" for call in rasa.calls]
    assert sorted(mine) == ["picture", "text"]
    assert kinds[-1] == mine[-1]


async def test_a_person_gets_it_and_the_bot_does_not(front: Front, rasa: RasaStub) -> None:
    desk = Desk(front)
    agent = await desk.hire("小林")
    shopper = await front.open("u1")
    await desk.hands.take_over(shopper.conversation_id, agent)
    calls = len(rasa.calls)
    got = await send(shopper, photograph())
    assert (got.json["owner"], got.json["replies"]) == ("HUMAN", [])
    assert len(rasa.calls) == calls
    seen = (await desk.see(shopper.conversation_id)).messages[-1]
    assert seen.kind is Kind.PICTURE
    assert (seen.content["picture"]["width"], seen.content["picture"]["height"]) == (480, 640)
    (row,) = await desk.queue(agent, View.MINE)
    assert row.last_text == "[图片]"


async def test_the_copy_holds_it_and_erasure_takes_it(front: Front, url: str) -> None:
    shopper = await front.open("u1")
    await send(shopper, photograph())
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            copy = json.loads(json.dumps(export_customer(connection, vault(), "u1")))
        (picture,) = copy["conversations"][0]["pictures"]
        assert picture["type"] == "image/jpeg"
        file = base64.b64decode(picture["base64"])
        assert Image.open(io.BytesIO(file)).size == (480, 640)
        assert PLACE not in file
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            erase_customer(connection, "u1")
    finally:
        engine.dispose()
    assert count(url) == 0
