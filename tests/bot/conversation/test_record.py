"""The record itself: migrations, transactions, leases, owner, and PostgreSQL with the same code."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.conversation.database import Database, make_engine
from bot.conversation.desk_schema import metadata
from bot.conversation.errors import (
    AccessDeniedError,
    ButtonNotOfferedError,
    ConversationClosedError,
    LeaseLostError,
    MessageConflictError,
    TransitionError,
)
from bot.conversation.lease import LEASE, is_dead, new_holder
from bot.conversation.migrate import HEAD, MIGRATIONS, VERSION_TABLE, upgrade
from bot.conversation.owner import TRANSITIONS, check_transition
from bot.conversation.reads import Reader
from bot.conversation.schema import SHANGHAI
from bot.conversation.store import Store
from bot.conversation.types import Answer, Incoming, Kind, OutButton, OutReply, Owner, State
from tests.bot.conversation.harness import Front, vault
from tests.bot.conversation.rasa_stub import RasaStub
from tests.support import postgres

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=SHANGHAI)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    upgrade(url)
    made = Database(url)
    yield made
    await made.close()


def store_of(database: Database, clock: Clock, holder: str = "h") -> Store:
    return Store(database, vault(), clock, holder)


def text(message_id: str, words: str = "在吗") -> Incoming:
    return Incoming(message_id, text=words)


async def opened(store: Store) -> tuple[str, str]:
    made = await store.open(channel="web", customer_id=None, net="n")
    assert made.work is not None
    await store.answer(made.work, Answer(()))
    return made.conversation_id, made.secret


def test_migrations_make_exactly_the_tables_of_the_code(url: str) -> None:
    assert upgrade(url) is True
    assert upgrade(url) is False
    engine = make_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD == ScriptDirectory(str(MIGRATIONS)).get_current_head()
    engine.dispose()


async def test_what_raises_is_undone_alone(database: Database) -> None:
    clock = Clock()
    store = store_of(database, clock)
    cid, secret = await opened(store)
    results = await asyncio.gather(
        store.accept(cid, secret, text("m_1")),
        store.accept(cid, "wrong", text("m_2")),
        store.accept(cid, secret, text("m_3")),
        return_exceptions=True,
    )
    assert [type(r).__name__ for r in results] == ["Accepted", "AccessDeniedError", "Accepted"]
    page = await Reader(database, vault()).messages(cid, secret, 0)
    assert sorted(m["message_id"] for m in page.messages) == ["m_1", "m_3"]
    assert len({m["seq"] for m in page.messages}) == 2


async def test_many_messages_at_once_get_distinct_numbers(database: Database) -> None:
    store = store_of(database, Clock())
    cid, secret = await opened(store)
    accepted = await asyncio.gather(*(store.accept(cid, secret, text(f"m_{n}")) for n in range(12)))
    assert len({a.seq for a in accepted}) == 12
    assert sum(a.work is not None for a in accepted) == 1


async def test_only_the_holder_answers_and_only_once(database: Database) -> None:
    clock = Clock()
    one, two = store_of(database, clock, "one"), store_of(database, clock, "two")
    cid, secret = await opened(one)
    work = (await one.accept(cid, secret, text("m_1"))).work
    assert work is not None
    assert (await two.accept(cid, secret, text("m_2"))).work is None
    assert await two.waiting() == () and await two.claim(cid) is None
    clock.now += LEASE + timedelta(seconds=1)
    assert await two.waiting() == (cid,)
    taken = await two.claim(cid)
    assert taken is not None and taken.message.message_id == "m_1"
    with pytest.raises(LeaseLostError):
        await one.answer(work, Answer((OutReply(Kind.TEXT, "迟了"),)))
    assert await one.renew([cid]) == frozenset() and await two.renew([cid, "c_x"]) == {cid}
    answered = await two.answer(taken, Answer((OutReply(Kind.TEXT, "好"),)))
    assert answered.next is not None and answered.next.message.message_id == "m_2"
    with pytest.raises(LeaseLostError):
        await two.answer(taken, Answer((OutReply(Kind.TEXT, "再来"),)))
    last = await two.answer(answered.next, Answer(()))
    assert last.next is None and await one.waiting() == ()
    assert (await one.accept(cid, secret, text("m_3"))).work is not None


async def test_a_renewed_lease_is_not_taken(database: Database) -> None:
    clock = Clock()
    one, two = store_of(database, clock, "one"), store_of(database, clock, "two")
    cid, secret = await opened(one)
    await one.accept(cid, secret, text("m_1"))
    clock.now += LEASE - timedelta(seconds=1)
    assert await one.renew([cid]) == {cid}
    clock.now += timedelta(seconds=5)
    assert await two.claim(cid) is None
    await one.release(cid)
    assert await two.claim(cid) is not None


async def test_a_repeated_message_is_the_same_only_with_the_same_content(database: Database) -> None:
    store = store_of(database, Clock())
    cid, secret = await opened(store)
    await store.accept(cid, secret, text("m_1"))
    with pytest.raises(MessageConflictError):
        await store.accept(cid, secret, text("m_1", "别的"))
    with pytest.raises(MessageConflictError):
        await store.accept(cid, secret, Incoming("m_1", button="b_x"))
    assert (await store.accept(cid, secret, text("m_1"))).repeated


async def test_a_button_counts_in_the_conversation_that_it_was_offered_in(database: Database) -> None:
    store = store_of(database, Clock())
    (cid, secret), (other, other_secret) = await opened(store), await opened(store)
    work = (await store.accept(cid, secret, text("m_1"))).work
    assert work is not None
    reply = OutReply(Kind.BUTTONS, "选", (OutButton("查", '/track{"order_number":"1"}'),))
    answered = await store.answer(work, Answer((reply,)))
    button = answered.replies[0]["buttons"][0]["id"]
    taken = (await store.accept(cid, secret, Incoming("m_2", button=button))).work
    assert taken is not None and taken.message.content["payload"] == '/track{"order_number":"1"}'
    with pytest.raises(ButtonNotOfferedError):
        await store.accept(other, other_secret, Incoming("m_2", button=button))
    assert (await store.accept(other, other_secret, text("m_2"))).seq == 2  # nothing was stored


async def test_owner_changes_are_checked_and_recorded(database: Database) -> None:
    store = store_of(database, Clock())
    cid, secret = await opened(store)
    with pytest.raises(TransitionError):
        await store.change_owner(cid, Owner.HUMAN, by="agent:7", reason="no queue")
    await store.change_owner(cid, Owner.WAITING, by="bot", reason="asked")
    held = await store.accept(cid, secret, text("m_1"))
    assert held.state is State.ANSWERED and held.work is None and held.owner is Owner.WAITING
    await store.change_owner(cid, Owner.CLOSED, by="system", reason="done")
    with pytest.raises(ConversationClosedError):
        await store.accept(cid, secret, text("m_2"))
    with pytest.raises(AccessDeniedError):
        await store.change_owner("c_none", Owner.CLOSED, by="system", reason="x")

    def changes(connection: sa.engine.Connection) -> list[tuple[str, str]]:
        found = connection.execute(sa.text("SELECT before, after FROM owner_changes ORDER BY id"))
        return [(row[0], row[1]) for row in found]

    assert await database.read(changes) == [(None, "BOT"), ("BOT", "WAITING"), ("WAITING", "CLOSED")]


@pytest.mark.parametrize("before", list(Owner))
def test_transitions(before: Owner) -> None:
    for after in Owner:
        if after in TRANSITIONS[before]:
            check_transition(before, after)
        else:
            with pytest.raises(TransitionError):
                check_transition(before, after)
    assert before not in TRANSITIONS[before]


def test_a_holder_that_has_died_is_known_to_be_dead() -> None:
    script = "from bot.conversation.lease import new_holder; print(new_holder())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    died = done.stdout.strip()
    assert is_dead(died)
    alive = new_holder()
    assert not is_dead(alive)
    host, boot, pid, started, rest = alive.split("/")
    assert is_dead("/".join((host, boot, pid, str(int(started) - 1), rest)))  # the pid was used again
    assert not is_dead("/".join(("elsewhere", boot, died.split("/")[2], started, rest)))
    assert not is_dead("nonsense")
    assert pid == str(os.getpid())


def test_a_record_in_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="memory"):
        make_engine("sqlite://")


async def test_naive_times_are_refused(database: Database) -> None:
    store = Store(database, vault(), lambda: datetime(2026, 1, 1), "h")  # noqa: DTZ001
    with pytest.raises(sa.exc.StatementError, match="aware"):
        await store.open(channel="web", customer_id=None, net="n")


async def test_flush_reaches_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.db"
    upgrade(f"sqlite:///{path}")
    flushed: list[str] = []
    real = os.fdatasync

    def spy(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", spy)
    database = Database(f"sqlite:///{path}")
    store = store_of(database, Clock())
    await opened(store)
    await database.flush()
    assert flushed == ["record.db-wal"]
    await database.close()


@pytest.mark.service
async def test_a_whole_front_on_postgresql(rasa: RasaStub) -> None:
    with postgres.database("record") as url:
        async with Front(url, rasa.port) as front:
            key = {"Idempotency-Key": "the-same-key-1"}
            pair = await asyncio.gather(front.open("u1", **key), front.open("u1", **key))
            assert pair[0].conversation_id == pair[1].conversation_id and pair[0].opening == pair[1].opening
            shoppers = [pair[0], *await asyncio.gather(*(front.open() for _ in range(4)))]
            answers = await asyncio.gather(*(s.say(f"第{n}条") for s in shoppers for n in range(4)))
            assert all(a[-1]["type"] == "text" for a in answers)
            assert len(rasa.ran) == 5 + 20 == len(rasa.calls)
