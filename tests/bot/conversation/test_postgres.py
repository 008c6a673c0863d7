"""The record on the real PostgreSQL server: connections that break, locks, limits, several fronts at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, OperationalError

from bot.conversation.database import Database, make_engine
from bot.conversation.errors import LeaseLostError
from bot.conversation.migrate import upgrade
from bot.conversation.postgres import ServerLimits
from bot.conversation.store import Store
from bot.conversation.types import Answer, Incoming, Kind, OutReply
from tests.bot.conversation.harness import Front, Shopper, shanghai_now, until, vault
from tests.bot.conversation.rasa_stub import RasaStub
from tests.support import postgres

pytestmark = pytest.mark.service


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.database("record") as made:
        upgrade(made)
        yield made


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    made = Database(url)
    await made.write(lambda c: c.execute(sa.text("CREATE TABLE notes (id int PRIMARY KEY, n int NOT NULL)")))
    await made.write(lambda c: c.execute(sa.text("INSERT INTO notes VALUES (1, 0), (2, 0)")))
    yield made
    await made.close()


def add(connection: Connection, note: int) -> None:
    connection.execute(sa.text("UPDATE notes SET n = n + 1 WHERE id = :id"), {"id": note})


async def notes(database: Database) -> dict[int, int]:
    return await database.read(lambda c: dict(c.execute(sa.text("SELECT id, n FROM notes")).all()))


# -- connections that break ---------------------------------------------------------------------------------


async def test_after_all_idle_connections_were_cut_the_next_call_works(url: str, database: Database) -> None:
    await asyncio.gather(*(database.write(lambda c: add(c, 1)) for _ in range(8)))
    assert postgres.cut(url, name="zhixin-record") >= 1
    await asyncio.gather(*(database.write(lambda c: add(c, 2)) for _ in range(8)))
    assert await notes(database) == {1: 8, 2: 8}


async def test_cut_in_the_middle_a_transaction_happens_once(url: str, database: Database) -> None:
    runs = []

    def work(connection: Connection) -> str:
        add(connection, 1)
        runs.append(1)
        if len(runs) == 1:
            assert postgres.cut(url, name="zhixin-record") >= 1
        add(connection, 2)
        return "done"

    assert await database.write(work) == "done"
    assert len(runs) == 2
    assert await notes(database) == {1: 1, 2: 1}


async def test_cut_while_it_commits_the_caller_is_told_and_nothing_is_repeated(database: Database) -> None:
    await database.write(
        lambda c: c.execute(
            sa.text(
                """CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS
                   $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
                   CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON notes DEFERRABLE INITIALLY DEFERRED
                   FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION die()"""
            )
        )
    )
    runs = []

    def work(connection: Connection) -> None:
        runs.append(1)
        add(connection, 2)

    with pytest.raises(DBAPIError):
        await database.write(work)
    assert len(runs) == 1
    await database.write(lambda c: add(c, 1))
    assert await notes(database) == {1: 1, 2: 0}


async def test_what_fails_by_itself_is_not_repeated(database: Database) -> None:
    runs = []

    def work(connection: Connection) -> None:
        runs.append(1)
        connection.execute(sa.text("INSERT INTO notes VALUES (1, 1)"))

    with pytest.raises(sa.exc.IntegrityError):
        await database.write(work)
    assert len(runs) == 1


async def test_a_server_that_takes_nobody_for_a_moment_is_waited_for(url: str, database: Database) -> None:
    name = sa.engine.make_url(url).database
    postgres.admin(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    postgres.cut(url)
    with pytest.raises(OperationalError):
        await database.ping()
    writing = asyncio.create_task(database.write(lambda c: add(c, 1)))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(postgres.admin, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    await writing
    assert await notes(database) == {1: 1, 2: 0}


# -- locks and limits ---------------------------------------------------------------------------------------


async def test_of_two_that_stand_in_each_others_way_both_get_through(database: Database) -> None:
    def work(first: int, second: int) -> Any:
        def run(connection: Connection) -> None:
            add(connection, first)
            connection.execute(sa.text("SELECT pg_sleep(0.3)"))
            add(connection, second)

        return run

    await asyncio.gather(database.write(work(1, 2)), database.write(work(2, 1)))
    assert await notes(database) == {1: 2, 2: 2}


async def test_a_statement_that_takes_too_long_ends_and_the_others_go_on(url: str) -> None:
    database = Database(url, ServerLimits(connections=2, statement_s=0.3))
    try:
        with pytest.raises(OperationalError, match="statement timeout"):
            await database.read(lambda c: c.execute(sa.text("SELECT pg_sleep(20)")))
        await database.ping()
    finally:
        await database.close()


async def test_no_process_takes_more_connections_than_it_may(url: str) -> None:
    database = Database(url, ServerLimits(connections=3))
    try:
        sleeping = [
            database.read(lambda c: c.execute(sa.text("SELECT pg_sleep(0.2)")).scalar()) for _ in range(9)
        ]
        whole = asyncio.gather(*sleeping)
        await asyncio.sleep(0.1)
        assert 1 <= await asyncio.to_thread(postgres.running, url, "pg_sleep") <= 3 + 1  # and the asking one
        await whole
    finally:
        await database.close()


def test_options_of_the_address_are_kept(url: str) -> None:
    engine = make_engine(f"{url}?options=-csearch_path%3Dpg_temp&application_name=mine")
    with engine.connect() as connection:
        shown = [
            connection.execute(sa.text(f"SHOW {name}")).scalar()
            for name in ("search_path", "application_name", "transaction_isolation")
        ]
    engine.dispose()
    assert shown == ["pg_temp", "mine", "read committed"]


# -- leases and turns ---------------------------------------------------------------------------------------


def incoming(number: int) -> Incoming:
    return Incoming(f"m_{number}", text=f"第{number}条")


async def test_of_many_workers_one_gets_each_conversation_and_each_message(url: str) -> None:
    """Two processes with six connections each take messages of ten conversations at the same moment."""
    databases = [Database(url), Database(url)]
    one, two = (Store(each, vault(), shanghai_now, f"h{n}") for n, each in enumerate(databases))
    try:
        opened = []
        for _ in range(10):
            made = await one.open(channel="web", customer_id=None, net="n")
            assert made.work is not None
            await one.answer(made.work, Answer(()))
            opened.append((made.conversation_id, made.secret))
        accepted = await asyncio.gather(
            *(store.accept(cid, secret, incoming(1)) for cid, secret in opened for store in (one, two))
        )
        pairs = [accepted[n : n + 2] for n in range(0, len(accepted), 2)]
        assert all(a.seq == b.seq and {a.repeated, b.repeated} == {True, False} for a, b in pairs)
        works = [next(a.work for a in pair if a.work is not None) for pair in pairs]
        assert sum(a.work is not None for a in accepted) == len(opened)
        said = Answer((OutReply(Kind.TEXT, "好"),))
        settled = await asyncio.gather(
            *(store.answer(work, said) for work in works for store in (one, two)), return_exceptions=True
        )
        refused = [outcome for outcome in settled if isinstance(outcome, BaseException)]
        assert [type(outcome) for outcome in refused] == [LeaseLostError] * len(opened)
        count = sa.text("SELECT count(*) FROM messages WHERE author = 'bot' AND in_reply_to = 'm_1'")
        assert await databases[0].read(lambda c: c.execute(count).scalar()) == len(opened)
    finally:
        for each in databases:
            await each.close()


async def test_two_fronts_whose_connections_are_cut_again_and_again(url: str, rasa: RasaStub) -> None:
    """Every message gets one answer and runs once, whatever happens to the connections meanwhile."""
    async with Front(url, rasa.port) as one, Front(url, rasa.port) as two:
        shoppers = [await front.open() for front in (one, two, one, two)]
        done = asyncio.Event()

        async def chop() -> int:
            cuts = 0
            while not done.is_set():
                cuts += await asyncio.to_thread(postgres.cut, url, name="zhixin-record")
                await asyncio.sleep(0.05)
            return cuts

        async def talk(shopper: Shopper, other: Front) -> None:
            twin = Shopper(other, shopper.conversation_id, shopper.secret, [])
            for number in range(12):
                speaker = (shopper, twin)[number % 2]
                got = await speaker.post(text=f"第{number}条", message_id=f"t_{number}")
                while got.status >= 500:  # the commit's fate was unknown: the same id again
                    got = await speaker.post(text=f"第{number}条", message_id=f"t_{number}")
                assert got.status == 200, got.json

        chopping = asyncio.create_task(chop())
        try:
            await asyncio.gather(
                *(talk(shopper, two if shopper.front is one else one) for shopper in shoppers)
            )
        finally:
            done.set()
            cuts = await chopping
        assert cuts > 10
        for shopper in shoppers:

            async def last(shopper: Shopper = shopper) -> bool:
                said = await shopper.messages()
                return any(m["in_reply_to"] == "t_11" and m["type"] == "text" for m in said)

            while not await last():  # noqa: ASYNC110  # slow ones were told that their answer is to follow
                await asyncio.sleep(0.05)
            messages = await shopper.messages()
            for number in range(12):
                answers = [m for m in messages if m["in_reply_to"] == f"t_{number}" and m["type"] == "text"]
                assert [m["text"] for m in answers] == [f"答：第{number}条"]
        ran = [message_id for message_id in rasa.ran if message_id.startswith("t_")]
        assert len(ran) == len(shoppers) * 12


async def test_an_answer_survives_a_server_that_is_away_when_it_comes(url: str, rasa: RasaStub) -> None:
    name = sa.engine.make_url(url).database
    async with Front(url, rasa.port) as front:
        shopper = await front.open()
        rasa.gate.clear()
        asking = asyncio.create_task(shopper.post(text="在吗", message_id="t_1"))
        await until(lambda: rasa.calls[-1].get("text") == "在吗")
        postgres.admin(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.cut(url)
        rasa.gate.set()
        await asyncio.sleep(1.5)  # longer than one transaction is begun again
        postgres.admin(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await asking  # whatever it was told: the answer is in the record

        async def answered() -> list[str]:
            return [m["text"] for m in await shopper.messages() if m["in_reply_to"] == "t_1"]

        while "答：在吗" not in (said := await answered()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert said.count("答：在吗") == 1
        assert rasa.ran.count("t_1") == 1
