"""A process dies, a database fails, Rasa is away, at any step: nothing half-done, nothing lost.

The field's most reported bug is a bot that stays silent, or forgets, after an agent has handed back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event

from bot.app.front import shanghai_now
from bot.conversation.handover import Handover
from bot.conversation.lease import LEASE
from bot.conversation.types import Incoming, Owner, Work
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import QUICK, Front, Shopper, rows, until
from tests.bot.conversation.rasa_stub import RasaStub, answer

STILL = replace(QUICK, sweep=3600.0)
PATIENT = replace(QUICK, apology=15.0)


class DiskFullError(Exception):
    """What the tests break a transaction with."""


@contextmanager
def broken_at(front: Front, number: int) -> Iterator[list[str]]:
    """Let the nth statement of the writer fail; gives the statements that were run."""
    seen: list[str] = []

    def breaking(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)
        if len(seen) == number:
            raise DiskFullError

    engine = front.conversations._store.database.engine
    event.listen(engine, "before_cursor_execute", breaking)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", breaking)


@pytest_asyncio.fixture
async def still(rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Front]:
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, patience=STILL) as made:
        yield made


Call = Callable[[Handover, str, str, str], Coroutine[Any, Any, Any]]
STEPS: list[tuple[str, Call, Owner]] = [
    ("take", lambda hands, cid, lin, _: hands.take_over(cid, lin), Owner.HUMAN),
    ("reply", lambda hands, cid, lin, _: hands.reply(cid, lin, key="k", text="您好"), Owner.HUMAN),
    ("note", lambda hands, cid, lin, to: hands.note(cid, lin, key="n", text="x", mentions=[to]), Owner.HUMAN),
    ("pass", lambda hands, cid, lin, to: hands.transfer(cid, lin, to=to), Owner.WAITING),
    ("again", lambda hands, cid, lin, _: hands.take_over(cid, lin), Owner.HUMAN),
    (
        "correct",
        lambda hands, cid, lin, _: hands.correct(cid, by=f"agent:{lin}", label="peace", key="c"),
        Owner.HUMAN,
    ),
    ("back", lambda hands, cid, lin, _: hands.hand_back(cid, lin, outcome="solved"), Owner.BOT),
]


async def test_each_write_is_whole_or_not_at_all(still: Front, rasa: RasaStub) -> None:
    """Every statement of every write fails once; nothing of it stays, and the repeat is the first success."""
    desk = Desk(still)
    lin, wang = await desk.hire("小林"), await desk.hire("小王")
    shopper = await still.open("u1")
    cid = shopper.conversation_id
    for name, call, owner in STEPS:
        before = await desk.see(cid)
        for number in range(1, 100):
            with broken_at(still, number) as statements:
                try:
                    await call(desk.hands, cid, lin, wang)
                except DiskFullError:
                    failed = True
                else:
                    failed = False
            if not failed:
                assert number > 3, (name, statements)  # it was broken at several places before
                break
            assert await desk.see(cid) == before, (name, number, statements[-1])
        after = await desk.see(cid)
        assert after.owner is owner, name
    assert [m["text"] for m in await shopper.messages()].count("您好") == 1
    assert (await shopper.say("谢谢"))[-1]["text"] == "答：谢谢"
    assert [c.get("event") for c in rasa.calls][-2:] == ["handed_back", None]


async def test_an_answer_that_hands_over_is_whole_or_not_at_all(still: Front, rasa: RasaStub) -> None:
    desk = Desk(still)
    await desk.hire("小忙")
    ask = {"type": "directive", "directive": "request_human", "reason": "x", "live": True}
    taken: list[Work] = []
    worker = still.conversations._worker
    worker.take = taken.append  # type: ignore[method-assign]  # the test is the worker
    opened = await still.conversations._store.open(channel="web", customer_id=None, net="n")
    assert opened.work is not None
    store, cid = still.conversations._store, opened.conversation_id
    rasa.script = lambda request: answer(request, [{"custom": ask}])
    await store.answer(opened.work, worker._answer(opened.work, await worker._rasa.turn(opened.work)))
    work = (await store.accept(cid, opened.secret, Incoming("m_1", text="转人工"))).work
    assert work is not None
    await store.accept(cid, opened.secret, Incoming("m_2", text="快点"))
    result = worker._answer(work, await worker._rasa.turn(work))
    before = await desk.see(cid)
    for number in range(1, 100):
        with broken_at(still, number) as statements:
            try:
                answered = await store.answer(work, result)
            except DiskFullError:
                assert await desk.see(cid) == before, statements[-1]
                continue
        break
    assert number > 10
    assert answered.owner is Owner.WAITING and answered.next is None
    found = await desk.see(cid)
    assert found.owner is Owner.WAITING and len(found.escalations) == 1
    path = Path(still.settings.record_url.removeprefix("sqlite:///"))
    assert rows(path, "select pending from conversations") == [(0,)]


async def test_a_front_dies_right_after_the_hand_back(rasa: RasaStub, tmp_path: Path) -> None:
    """The event is in the record, its lease bears a dead name: another front tells Rasa, then answers."""
    url = f"sqlite:///{tmp_path / 'record.db'}"
    ahead = timedelta(0)
    async with (
        Front(url, rasa.port, patience=STILL) as first,
        Front(url, rasa.port, patience=PATIENT, clock=lambda: shanghai_now() + ahead) as second,
    ):
        desk = Desk(first)
        lin = await desk.hire("小林")
        shopper = await first.open()
        cid = shopper.conversation_id
        await desk.hands.take_over(cid, lin)
        first.conversations._worker.take = lambda _work: None  # type: ignore[method-assign]  # dies here
        await desk.hands.hand_back(cid, lin, outcome="solved")
        asked = len(rasa.calls)
        there = Shopper(second, cid, shopper.secret, [])
        asking = asyncio.create_task(there.say("还有个问题", "m_next"))
        await asyncio.sleep(0.3)  # several sweeps of the second: the lease still holds
        assert len(rasa.calls) == asked
        ahead = LEASE + timedelta(seconds=1)
        assert (await asking)[-1]["text"] == "答：还有个问题"
        assert [c.get("event") or c.get("text") for c in rasa.calls[asked:]] == ["handed_back", "还有个问题"]


async def test_rasa_hears_of_the_hand_back_first_however_late(front: Front, rasa: RasaStub) -> None:
    desk = Desk(front)
    lin = await desk.hire("小林")
    shopper = await front.open()
    cid = shopper.conversation_id
    await desk.hands.take_over(cid, lin)
    await rasa.stop()
    await desk.hands.hand_back(cid, lin, outcome="solved")
    got = await shopper.post(text="在吗", message_id="m_1")
    assert got.json["pending"] is True and got.json["owner"] == "BOT"
    before = len(rasa.ran)
    await rasa.start()
    await until(lambda: "m_1" in rasa.ran)
    assert rasa.ran[before].startswith("front-handed_back-") and rasa.ran[before + 1] == "m_1"


@pytest.mark.parametrize("trouble", ["drop", "garbage", "refuse", "fail"])
async def test_a_hand_back_that_rasa_cannot_take_stops_nothing(
    rasa: RasaStub, tmp_path: Path, trouble: str
) -> None:
    """The shopper hears no apology for what is between the front and Rasa, and the next answer comes."""
    # No line of a slow answer is due however busy the machine is: only trouble could bring one.
    url = f"sqlite:///{tmp_path / 'record.db'}"
    async with Front(url, rasa.port, patience=replace(PATIENT, looking=10.0)) as front:
        desk = Desk(front)
        lin = await desk.hire("小林")
        shopper = await front.open()
        cid = shopper.conversation_id
        await desk.hands.take_over(cid, lin)
        asked = len(rasa.calls)
        if trouble == "drop":
            rasa.drop = 1
        elif trouble == "garbage":
            rasa.garbage = b"{"
        elif trouble == "refuse":
            rasa.status = 400
        else:
            rasa.script = lambda request: answer(request, [], failed=True)
        await desk.hands.hand_back(cid, lin, outcome="solved")
        await until(lambda: len(rasa.calls) > asked)
        path = Path(front.settings.record_url.removeprefix("sqlite:///"))
        if trouble in {"refuse", "fail", "garbage"}:
            await until(lambda: rows(path, "select pending from conversations") == [(0,)])
        rasa.garbage = rasa.status = None
        rasa.script = answer
        said = await shopper.say("在吗", "m_1")
        assert [reply["text"] for reply in said] == ["答：在吗"]
        notices = [m["text"].split("/")[0] for m in await shopper.messages() if m["type"] == "notice"]
        assert "utter_apology" not in notices and "utter_still_looking" not in notices


async def test_a_turn_that_died_with_its_front_is_never_said(rasa: RasaStub, tmp_path: Path) -> None:
    """Taken over while a turn ran, whose front then died: its message is the person's."""
    url = f"sqlite:///{tmp_path / 'record.db'}"
    ahead = timedelta(0)
    async with (
        Front(url, rasa.port, patience=STILL) as first,
        Front(url, rasa.port, patience=QUICK, clock=lambda: shanghai_now() + ahead) as second,
    ):
        desk = Desk(second)
        lin = await desk.hire("小林")
        shopper = await first.open()
        cid = shopper.conversation_id
        rasa.gate.clear()
        asking = asyncio.create_task(shopper.post(text="取消订单", message_id="m_1"))
        await until(lambda: any(call["message_id"] == "m_1" for call in rasa.calls))
        await desk.hands.take_over(cid, lin)
        for task in first.conversations._worker._active.values():
            task.cancel()  # as a kill would: the lease stays
        rasa.gate.set()
        ahead = LEASE + timedelta(seconds=1)
        state = "select state from messages where channel_message_id='m_1'"
        await until(lambda: rows(tmp_path / "record.db", state) == [("answered",)])
        await asking
        await desk.hands.hand_back(cid, lin, outcome="solved")
        there = Shopper(second, cid, shopper.secret, [])
        assert (await there.say("在吗", "m_2"))[-1]["text"] == "答：在吗"
        assert "答：取消订单" not in [m["text"] for m in await there.messages()]


async def test_handed_back_while_the_old_turn_still_runs(front: Front, rasa: RasaStub) -> None:
    """Its answer comes when the bot has the conversation again, and is still not said."""
    desk = Desk(front)
    lin = await desk.hire("小林")
    shopper = await front.open()
    cid = shopper.conversation_id
    rasa.gate.clear()
    asking = asyncio.create_task(shopper.post(text="取消订单", message_id="m_1"))
    await until(lambda: any(call["message_id"] == "m_1" for call in rasa.calls))
    await desk.hands.take_over(cid, lin)
    await desk.hands.hand_back(cid, lin, outcome="solved")
    rasa.gate.set()
    await asking
    assert (await shopper.say("在吗", "m_2"))[-1]["text"] == "答：在吗"
    assert "答：取消订单" not in [m["text"] for m in await shopper.messages()]
    assert [i.split("-")[1] if i.startswith("front-") else i for i in rasa.ran[-3:]] == [
        "m_1",
        "handed_back",
        "m_2",
    ]
