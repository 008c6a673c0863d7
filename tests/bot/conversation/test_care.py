"""Who needs care: kept once for each, sealed, seen by the desk, exported, and gone with personalisation."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.conversation.database import make_engine
from bot.conversation.privacy import erase_customer, export_customer
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front, vault
from tests.bot.conversation.rasa_stub import RasaStub, answer

WHO = {"孕": "pregnant", "老人": "elder"}


def caring(request: dict[str, Any]) -> dict[str, Any]:
    """What Rasa answers to a message that mentions somebody."""
    text = request.get("text") or ""
    found = [
        {"custom": {"type": "directive", "directive": "care", "who": code}}
        for word, code in WHO.items()
        if word in text
    ]
    return answer(request, [{"text": "好的"}, *found])


@pytest.fixture
async def front(rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Front]:
    rasa.script = caring
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port) as made:
        yield made


def stored(folder: Path) -> list[Any]:
    engine = make_engine(f"sqlite:///{folder / 'record.db'}")
    try:
        with engine.connect() as connection:
            return list(connection.exec_driver_sql("select care from conversations").scalars())
    finally:
        engine.dispose()


async def test_each_is_kept_once_for_the_desk_and_nobody_can_read_it(front: Front, tmp_path: Path) -> None:
    shopper = await front.open("u1")
    for text in ("我是孕妇", "家里还有老人", "孕期能用吗", "在吗"):
        await shopper.say(text)
    assert (await Desk(front).see(shopper.conversation_id)).care == ("pregnant", "elder")
    (sealed,) = stored(tmp_path)
    assert "pregnant" not in sealed


async def test_with_personalisation_off_it_is_heard_and_not_kept(front: Front, tmp_path: Path) -> None:
    shopper = await front.open("u1")
    await shopper.say("我是孕妇")
    path = f"/api/v1/conversations/{shopper.conversation_id}/personalisation"
    await front.request("PUT", path, json={"on": False}, headers=shopper.headers)
    assert stored(tmp_path) == [None]
    assert [reply["text"] for reply in await shopper.say("家里有老人")] == ["好的"]
    assert stored(tmp_path) == [None]


async def test_it_is_in_the_copy_and_goes_with_the_customer(front: Front, tmp_path: Path) -> None:
    shopper = await front.open("u1")
    await shopper.say("我是孕妇")
    engine = make_engine(f"sqlite:///{tmp_path / 'record.db'}")
    try:
        with engine.connect() as connection:
            copy = json.loads(json.dumps(export_customer(connection, vault(), "u1")))
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            erase_customer(connection, "u1")
    finally:
        engine.dispose()
    assert copy["conversations"][0]["care"] == ["pregnant"]
    assert stored(tmp_path) == []


@pytest.mark.parametrize("who", [None, 7, "", "x" * 25, "<b>", "孕妇"])
async def test_what_is_no_code_is_not_kept(front: Front, rasa: RasaStub, tmp_path: Path, who: Any) -> None:
    shopper = await front.open("u1")
    directive = {"custom": {"type": "directive", "directive": "care", "who": who}}
    rasa.script = lambda request: answer(request, [{"text": "好的"}, directive])
    await shopper.say("在吗")
    assert stored(tmp_path) == [None]
