"""What goes first: its order, its one commit and flush, and that a failure is nobody else's."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.app.front import shanghai_now
from bot.channels.platforms.signed import Settings
from bot.conversation.database import Database
from bot.conversation.inbox import Inbox, Item
from bot.conversation.migrate import upgrade
from bot.conversation.write_queue import Job, Jobs
from tests.bot.conversation.harness import Front, rows, vault
from tests.bot.conversation.rasa_stub import RasaStub
from tests.fakes.signed import KEY, Receiver, signed

ROOT = Path(__file__).parents[3]
WITHIN_S = 60.0


def job(*, first: bool = False) -> Job:
    loop = asyncio.get_running_loop()
    return Job(lambda _: None, loop.create_future(), loop, first)


async def test_what_goes_first_goes_before_what_came_earlier_and_lets_the_rest_go_on() -> None:
    jobs = Jobs()
    ordinary, first = [job() for _ in range(4)], [job(first=True) for _ in range(2)]
    for one in (*ordinary, *first):
        jobs.put(one)
    assert jobs.hurry()
    assert jobs.next(8) == first and not jobs.hurry()
    later = job(first=True)
    jobs.put(later)
    batch = jobs.next(3)
    assert batch == ordinary[:3], "however many go first, the rest goes on"
    jobs.give_back(batch[1:])
    assert jobs.next(8) == [later]
    assert jobs.next(8) == ordinary[1:], "in its order"


async def test_the_end_comes_after_all_that_was_there() -> None:
    jobs = Jobs()
    one, other = job(), job(first=True)
    jobs.put(one)
    jobs.put(other)
    jobs.end()
    assert jobs.next(8) == [other] and jobs.next(8) == [one] and jobs.next(8) == []


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    upgrade(url)
    made = Database(url)
    yield made
    await made.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Database]:
    path = f"sqlite:///{tmp_path / 'record.db'}"
    upgrade(path)
    made = Database(path)
    yield made
    await made.close()


class Held:
    """Keeps the writer busy with one transaction until it is let go."""

    def __init__(self) -> None:
        self.began, self.go = threading.Event(), threading.Event()

    def __call__(self, _: Connection) -> None:
        self.began.set()
        assert self.go.wait(WITHIN_S)


async def queued(database: Database, held: Held) -> asyncio.Task[None]:
    task = asyncio.ensure_future(database.write(held))
    await asyncio.get_running_loop().run_in_executor(None, held.began.wait, WITHIN_S)
    return task


async def test_calls_that_wait_together_are_committed_and_flushed_together_before_the_rest(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = os.fdatasync

    def flush(descriptor: int) -> None:
        seen.append("flush")
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", flush)
    sa.event.listen(sqlite.engine, "commit", lambda _: seen.append("commit"))
    held = Held()
    tasks = [await queued(sqlite, held)]
    tasks += [asyncio.ensure_future(sqlite.write(lambda _: seen.append("turn"))) for _ in range(40)]
    tasks += [asyncio.ensure_future(sqlite.secure(lambda _: seen.append("call"))) for _ in range(5)]
    await asyncio.sleep(0)  # all of them are queued now
    held.go.set()
    await asyncio.gather(*tasks)
    assert seen[:7] == ["commit", *["call"] * 5, "commit"]
    assert seen.count("turn") == 40 and seen.count("flush") == 1


async def test_a_batch_that_runs_makes_way(sqlite: Database) -> None:
    seen: list[str] = []
    held, at = Held(), Held()

    def turn(connection: Connection) -> None:
        at(connection)
        seen.append("turn")

    tasks = [await queued(sqlite, held)]
    tasks += [asyncio.ensure_future(sqlite.write(turn))]
    tasks += [asyncio.ensure_future(sqlite.write(lambda _: seen.append("later turn"))) for _ in range(9)]
    await asyncio.sleep(0)
    held.go.set()
    await asyncio.get_running_loop().run_in_executor(None, at.began.wait, WITHIN_S)
    tasks.append(asyncio.ensure_future(sqlite.secure(lambda _: seen.append("call"))))
    await asyncio.sleep(0)
    at.go.set()
    await asyncio.gather(*tasks)
    assert seen == ["turn", "call", *["later turn"] * 9]


async def test_a_call_that_fails_fails_no_other(database: Database) -> None:
    inbox = Inbox(database, vault(), shanghai_now, "h")

    def broken(connection: Connection) -> None:
        connection.execute(sa.text("INSERT INTO channel_cursors VALUES ('signed', 'a', 'c', 0)"))
        raise ZeroDivisionError

    held = Held()
    busy = await queued(database, held)
    calls = [inbox.keep("signed", [Item(f"k{n}", "lane", {"n": n})]) for n in range(4)]
    calls.insert(2, database.secure(broken))  # type: ignore[arg-type]
    calls.append(inbox.keep("signed", [Item("k1", "lane", {"n": 1}), Item("new", "lane", {"n": 9})]))
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    held.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await busy
    assert isinstance(results.pop(2), ZeroDivisionError)
    assert sum(results) == 5, "each key once, whoever came first"  # type: ignore[arg-type]
    kept = await database.read(lambda c: c.execute(sa.text("SELECT count(*) FROM channel_inbox")).scalar())
    undone = await database.read(
        lambda c: c.execute(sa.text("SELECT count(*) FROM channel_cursors")).scalar()
    )
    assert (kept, undone) == (5, 0)


async def test_a_commit_that_fails_acknowledges_nothing(sqlite: Database) -> None:
    inbox = Inbox(sqlite, vault(), shanghai_now, "h")
    held = Held()
    busy = await queued(sqlite, held)
    tasks = [asyncio.ensure_future(inbox.keep("signed", [Item(f"k{n}", "lane", {})])) for n in range(3)]
    await asyncio.sleep(0)

    commits = 0

    def fail(_: Connection) -> None:
        nonlocal commits
        commits += 1
        if commits > 1:  # the first is that of the transaction before
            raise sqlite3.OperationalError("disk full")

    sa.event.listen(sqlite.engine, "commit", fail)
    held.go.set()
    await busy
    results = await asyncio.gather(*tasks, return_exceptions=True)
    sa.event.remove(sqlite.engine, "commit", fail)
    assert all(isinstance(one, sqlite3.OperationalError) for one in results)
    assert await inbox.keep("signed", [Item("k1", "lane", {})]) == 1, "nothing of it was stored"


_DIES = """
import asyncio, os, signal, sys
import sqlalchemy as sa
from bot.conversation.database import Database
from bot.conversation.inbox import Inbox, Item
from bot.app.front import shanghai_now
from tests.bot.conversation.harness import vault

async def main():
    database = Database(sys.argv[1])
    inbox = Inbox(database, vault(), shanghai_now, "h")
    async def call(key):
        await inbox.keep("signed", [Item(key, "lane", {})])
        print("acknowledged", key, flush=True)
    await call("before")
    sa.event.listen(database.engine, "commit", lambda _: os.kill(os.getpid(), signal.SIGKILL))
    await asyncio.gather(*(call(f"k{n}") for n in range(5)))

asyncio.run(main())
"""


def test_killed_before_the_commit_nothing_of_it_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    upgrade(f"sqlite:///{path}")
    ended = subprocess.run(
        [sys.executable, "-c", _DIES, f"sqlite:///{path}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert ended.stdout.split("\n") == ["acknowledged before", ""]
    assert rows(path, "SELECT count(*) FROM channel_inbox") == [(1,)]


async def test_what_did_not_reach_the_disk_is_not_acknowledged(
    rasa: RasaStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.db"
    broken = threading.Event()
    real = os.fdatasync

    def flush(descriptor: int) -> None:
        if broken.is_set():
            raise OSError(5, "Input/output error")
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", flush)
    async with Receiver(shanghai_now) as receiver:
        settings = Settings(keys=(KEY,), url=receiver.url)
        async with Front(f"sqlite:///{path}", rasa.port, channels={"signed": settings}) as front:

            async def write() -> int:
                body = {"user": "u1", "message_id": "1", "text": "你好"}
                return (
                    await front.request("POST", "/channels/signed", **signed(body, shanghai_now()))
                ).status

            broken.set()
            assert await write() == 500
            broken.clear()
            assert await write() == 202
    assert rows(path, "SELECT count(*) FROM channel_inbox") == [(1,)]
