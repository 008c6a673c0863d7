"""Sealed at rest, switched off on request, exported and erased."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.conversation.database import make_engine
from bot.conversation.privacy import erase_customer, export_customer
from tests.bot.conversation.harness import Front, token, until, vault
from tests.bot.conversation.rasa_stub import RasaStub, answer

WORDS = "我住在解放路一百号"


@pytest.fixture
async def front(rasa: RasaStub, url: str) -> AsyncIterator[Front]:
    """A front on each kind of record."""
    async with Front(url, rasa.port) as made:
        yield made


def rows(record: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Look into the record from beside the front; `?` stands for a value."""
    engine = make_engine(record)
    try:
        with engine.connect() as connection:
            mark = "?" if engine.dialect.name == "sqlite" else "%s"
            return [tuple(row) for row in connection.exec_driver_sql(query.replace("?", mark), values)]
    finally:
        engine.dispose()


def everything(record: str) -> bytes:
    """All that lies in the record: the bytes of its files, or every row of every table."""
    if record.startswith("sqlite"):
        path = Path(record.removeprefix("sqlite:///"))
        return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))
    names = "select relname from pg_stat_user_tables"
    return b"".join(
        str(row).encode()
        for (name,) in rows(record, names)
        for row in rows(record, f"select t::text from {name} t")
    )


def directive(name: str, **fields: Any) -> dict[str, Any]:
    return {"custom": {"type": "directive", "directive": name, **fields}}


async def put(front: Front, shopper: Any, on: Any) -> Any:
    path = f"/api/v1/conversations/{shopper.conversation_id}/personalisation"
    return await front.request("PUT", path, json={"on": on}, headers=shopper.headers)


def inferred(record: str) -> tuple[int, int, int]:
    """How many conversations have a belief, messages a reading, shoppers a belief."""
    queries = (
        "select count(*) from conversations where belief is not null",
        "select count(*) from messages where reading is not null",
        "select count(*) from shoppers where belief is not null",
    )
    return tuple(rows(record, query)[0][0] for query in queries)  # type: ignore[return-value]


async def test_nothing_a_shopper_writes_can_be_read_from_the_file(
    front: Front, rasa: RasaStub, url: str
) -> None:
    def script(request: dict[str, Any]) -> dict[str, Any]:
        request_human = directive(
            "request_human", reason=WORDS, contact="13812345678", answer_by="2026-11-22T10:00:00+08:00"
        )
        said = {"text": WORDS, "buttons": [{"title": WORDS, "payload": f'/inform{{"address": "{WORDS}"}}'}]}
        reading = {"temperament": None, "evidence": [{"text": WORDS}]}
        return answer(request, [said, request_human], reading=reading)

    rasa.script = script
    shopper = await front.open()
    await shopper.say(WORDS)
    assert rows(url, "select count(*) from service_requests") == [(2,)]
    raw = everything(url)
    for secret in (WORDS, WORDS[2:6], "13812345678", shopper.secret):
        assert secret.encode() not in raw
        assert json.dumps(secret)[1:-1].encode() not in raw


async def test_the_belief_of_a_customer_is_kept_for_the_next_conversation(
    front: Front, rasa: RasaStub
) -> None:
    first = await front.open("u1")
    await first.say("快点")
    await front.open("u1")
    opened = rasa.calls[-1]
    assert opened["belief"] is None and opened["history_wanted"] is True
    assert opened["earlier"]["belief"]["served"] == "power" and opened["earlier"]["at"].endswith("+08:00")
    other = await front.open("u2")
    assert other and "earlier" not in rasa.calls[-1]


async def test_history_is_asked_for_until_it_is_held(front: Front, rasa: RasaStub) -> None:
    rasa.script = lambda request: answer(request, belief=None)
    shopper = await front.open("u1")
    rasa.script = lambda request: answer(request, history_held=False)
    await shopper.say("在吗")
    assert rasa.calls[-1]["history_wanted"] is True
    rasa.script = answer
    await shopper.say("在吗")
    assert rasa.calls[-1]["history_wanted"] is True
    await shopper.say("在吗")
    assert rasa.calls[-1]["history_wanted"] is False


async def test_off_through_the_api_wipes_all_conversations_of_the_customer(
    front: Front, rasa: RasaStub, url: str
) -> None:
    record = url
    one, two, other = await front.open("u1"), await front.open("u1"), await front.open("u2")
    for shopper in (one, two, other):
        await shopper.say("快点")
    assert inferred(record) == (3, 3, 2)
    assert (await put(front, one, on=False)).json == {"personalisation": False}
    assert inferred(record) == (1, 1, 1)
    await two.say("再快点")
    assert rasa.calls[-1]["personalisation"] is False and rasa.calls[-1]["belief"] is None
    assert rasa.calls[-1]["history_wanted"] is False
    assert inferred(record) == (1, 1, 1)
    later = await front.open("u1")
    assert rasa.calls[-1]["personalisation"] is False
    assert [r["type"] for r in later.opening] == ["text"]  # no notice of what is not done
    assert (await put(front, later, on=True)).json == {"personalisation": True}
    await later.say("好了")
    assert rasa.calls[-1]["personalisation"] is True and rasa.calls[-1]["history_wanted"] is True


async def test_off_by_saying_so_keeps_nothing_of_that_very_message(
    front: Front, rasa: RasaStub, url: str
) -> None:
    shopper = await front.open("u1")
    await shopper.say("快点")
    rasa.script = lambda request: answer(
        request, [{"text": "关好了"}, directive("personalisation", on=False)]
    )
    await shopper.say("别分析我")
    assert inferred(url) == (0, 0, 0)


async def test_off_while_a_turn_runs_keeps_nothing_of_it(front: Front, rasa: RasaStub, url: str) -> None:
    shopper = await front.open("u1")
    rasa.gate.clear()
    asking = asyncio.create_task(shopper.say("快点"))
    await until(lambda: rasa.calls[-1].get("text") == "快点")
    await put(front, shopper, on=False)
    rasa.gate.set()
    await asking
    assert inferred(url) == (0, 0, 0)


async def test_anonymous_off_stays_off_after_login(front: Front, rasa: RasaStub) -> None:
    shopper = await front.open()
    await put(front, shopper, on=False)
    path = f"/api/v1/conversations/{shopper.conversation_id}/identify"
    headers = {**shopper.headers, "Authorization": f"Bearer {token('u1')}"}
    got = await front.request("POST", path, headers=headers)
    assert got.status == 200 and rasa.calls[-1]["event"] == "identified"
    assert rasa.calls[-1]["personalisation"] is False


async def test_a_tapped_button_leaves_no_reading(front: Front, rasa: RasaStub, url: str) -> None:
    shopper = await front.open()
    button = shopper.opening[0]["buttons"][0]["id"]
    rasa.script = lambda request: answer(request, reading={"temperament": "power"})
    await shopper.post(button=button)
    assert inferred(url)[1] == 0


async def test_export_and_erasure_of_a_customer(front: Front, rasa: RasaStub, url: str) -> None:
    one, other = await front.open("u1"), await front.open("u2", **{"Idempotency-Key": "key-of-u2-1"})
    rasa.script = lambda request: answer(
        request,
        [{"text": "记下了"}, directive("complaint", reason="慢", contact="13812345678", order_number="1")],
    )
    await one.say(WORDS)
    await other.say("别的")
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            exported = json.loads(json.dumps(export_customer(connection, vault(), "u1"), ensure_ascii=False))
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            erased = erase_customer(connection, "u1")
        with engine.connect() as connection:
            left = export_customer(connection, vault(), "u1")
    finally:
        engine.dispose()
    (conversation,) = exported["conversations"]
    texts = [message.get("text") for message in conversation["messages"]]
    assert WORDS in texts and "记下了" in texts and "别的" not in texts
    assert any(message["reading"] for message in conversation["messages"])
    assert conversation["requests"][0]["contact"] == "13812345678"
    assert exported["belief"]["served"] == "power"
    assert erased == (one.conversation_id,)
    assert left["conversations"] == [] and left["belief"] is None
    for table in ("conversations", "messages", "service_requests", "shoppers", "openings", "owner_changes"):
        column = (
            "customer_id" if table == "shoppers" else "id" if table == "conversations" else "conversation_id"
        )
        gone = "u1" if table == "shoppers" else one.conversation_id
        assert rows(url, f"select 1 from {table} where {column}=?", gone) == []
        assert rows(url, f"select count(*) from {table}")[0][0] > 0
    gone_now = await one.post(text="还在吗")
    assert gone_now.status == 404


async def test_erasure_in_the_middle_of_a_turn(front: Front, rasa: RasaStub, url: str) -> None:
    shopper = await front.open("u1")
    rasa.gate.clear()
    asking = asyncio.create_task(shopper.post(text="快点"))
    await until(lambda: rasa.calls[-1].get("text") == "快点")
    engine = make_engine(url)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        erase_customer(connection, "u1")
    engine.dispose()
    rasa.gate.set()
    assert (await asking).status == 200
    assert rows(url, "select count(*) from messages") == [(0,)]


@pytest.mark.parametrize("on", [None, "false", 0, 1, []])
async def test_the_switch_takes_booleans_only(front: Front, on: Any) -> None:
    shopper = await front.open()
    assert (await put(front, shopper, on=on)).status == 422
