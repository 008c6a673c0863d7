"""Backup and restore with real rooms' data, on SQLite and PostgreSQL and from one to the other."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.app import backup, customers, prepare, schemas
from bot.app.backup_restore import NotEmptyError, restore, unfinished
from bot.app.backup_tables import Shape
from bot.app.preflight import StartError
from bot.app.schemas import BY_NAME, SchemaError, migrate
from bot.app.settings import PROJECT_ROOT, Settings
from bot.components.tracker_rows import TrackerRows
from bot.conversation.database import Database
from persona.privacy.vault import Vault
from tests.bot.app.backup_harness import (
    KEY,
    SAID,
    TRACKED,
    Made,
    content,
    copy,
    empty,
    manifest_of,
    settings_of,
    summary,
    written,
)
from tests.bot.conversation.harness import Front, Shopper
from tests.bot.conversation.rasa_stub import RasaStub

pytestmark = pytest.mark.slow


async def works(settings: Settings, cid: str, secret: str) -> None:
    """The rooms themselves read what was put back, and go on writing."""
    rasa = RasaStub()
    await rasa.start()
    try:
        async with Front(settings.record_url, rasa.port, data_keys=settings.data_keys) as front:
            shopper = Shopper(front, cid, secret, [])
            assert any(m["text"] == SAID for m in await shopper.messages())
            assert (await shopper.say("还在吗", "m_new"))[-1]["text"] == "答：还在吗"
            hands = front.conversations.handover
            await hands.take_over(cid, "a_000000000001")  # numbers of new rows go on where the old ones ended
            assert (await front.open("u1001")).opening
    finally:
        await rasa.stop()
    rows = TrackerRows(settings.tracker_url, Vault.from_text(settings.data_keys))
    found = rows.load("c_0")
    assert found is not None and (found.version, found.text) == (2, TRACKED + " ")
    assert rows.save("c_0", 2, "weiter") == 3
    rows.close()


# -- there and back -----------------------------------------------------------------------------------------


def test_what_comes_back_is_what_was_there(past: Made, file: Path, tmp_path: Path) -> None:
    settings, cid, secret = past
    target = settings_of(tmp_path / "new")
    restore(target, file, replace=False)
    assert content(target) == content(settings) == summary(manifest_of(file, settings))
    assert customers.export(target, "u1001") == customers.export(settings, "u1001")
    asyncio.run(works(target, cid, secret))


@pytest.mark.service
def test_sqlite_to_postgresql_and_back(
    past: Made, file: Path, tmp_path: Path, server: Callable[[], str]
) -> None:
    """One server database holds all three here: each room's tables are told from the others'."""
    settings, cid, secret = past
    url = server()
    middle = empty(tmp_path / "pg", record_url=url, tracker_url=url, shop_url=url)
    restore(middle, file, replace=False)
    restore(middle, file, replace=True)
    assert content(middle) == content(settings)
    assert customers.export(middle, "u1001") == customers.export(settings, "u1001")
    end = settings_of(tmp_path / "sqlite")
    restore(end, written(middle, tmp_path), replace=False)
    assert content(end) == content(settings)
    for restored in (middle, end):
        asyncio.run(works(restored, cid, secret))


def test_an_old_backup_is_brought_up(past: Made, tmp_path: Path) -> None:
    old = copy(past[0], tmp_path / "old")
    for name, revision in (("record", "0002"), ("shop", "0001")):
        with schemas.changing(schemas.url_of(BY_NAME[name], old)) as connection:
            migrate(BY_NAME[name], connection, "downgrade", revision)
    path = written(old, tmp_path)
    assert [d.revision for d in manifest_of(path, old).databases] == ["0002", "0001", "0001"]
    target = settings_of(tmp_path / "new")
    restore(target, path, replace=False)
    after = content(target)
    newest = [f"{s.name} {schemas.revisions(s)[-1]}" for s in schemas.SCHEMAS]
    assert list(after) == newest
    assert after[newest[0]]["messages"][0] == content(past[0])[newest[0]]["messages"][0] > 10


def test_what_a_newer_version_wrote_is_refused(
    past: Made, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = copy(past[0], tmp_path / "target")
    before = content(target)
    known = schemas.revisions
    with monkeypatch.context() as older:
        older.setattr(schemas, "revisions", lambda schema: known(schema)[:-1] or ("0000",))
        with pytest.raises(SchemaError, match="does not know"):
            restore(target, file, replace=True)
    assert content(target) == before


def test_rows_are_replaced_only_where_it_was_said(past: Made, file: Path, tmp_path: Path) -> None:
    target = copy(past[0], tmp_path / "target")
    rows = TrackerRows(target.tracker_url, Vault.from_text(KEY))
    rows.save("c_more", 0, "x")
    rows.close()
    with pytest.raises(NotEmptyError, match=r"record\.db"):
        restore(target, file, replace=False)
    assert content(target) != content(past[0])
    restore(target, file, replace=True)
    assert content(target) == content(past[0])


def test_values_are_exact_on_both_kinds(tmp_path: Path, server: Callable[[], str]) -> None:
    kinds = ("int", "text", "bool", "json", "moment", "date", "bytes", "float", "decimal")
    shape = Shape("odd", tuple((kind, kind) for kind in kinds), ("int",))
    lines = [
        json.dumps(row)
        for row in [
            [1, "", False, "null", "1970-01-01T00:00:00Z", "1900-02-28", "", 0.1, "0.10"],
            [2, "a\n\"'\\ 😀 %s :x", True, '{"b": 1,  "a":1.50}', "2026-11-22T23:59:59.999999Z", "2026-11-22",
             "AP+AgA==", 1e-300, "12345678901234567890.123456789"],
            [-(2**63), "他说：“好”", None, None, None, None, None, -1.5, None],
            [2**63 - 1, None, True, '"\\u0000"', "9999-12-31T00:00:00.000001Z", "9999-12-31",
             "AA==", 3.0, "-7"],
        ]
    ]  # fmt: skip
    types = {
        "int": "bigint", "text": "text", "bool": "boolean", "json": "json", "moment": "timestamptz",
        "date": "date", "bytes": "bytea", "float": "double precision", "decimal": "numeric",
    }  # fmt: skip
    sqlite = {
        "bool": "BOOLEAN", "json": "JSON", "moment": "DATETIME", "date": "DATE", "bytes": "BLOB",
        "float": "FLOAT", "decimal": "TEXT",
    }  # fmt: skip
    for url, own in ((f"sqlite:///{tmp_path / 'odd.db'}", {**types, **sqlite}), (server(), types)):
        with schemas.changing(url) as connection:
            columns = ", ".join(f'"{kind}" {own[kind]}' for kind in kinds)
            connection.execute(sa.text(f"CREATE TABLE odd ({columns})"))
            if url.startswith("postgres"):
                connection.execute(sa.text("SET LOCAL TIME ZONE 'UTC'"))
            wanted = lines if url.startswith("postgres") else [_without_decimal(line) for line in lines]
            assert shape.load(connection, iter(wanted)) == 4
        with schemas.reading(url) as connection:
            got = [line for _, line in shape.rows(connection)]
        assert sorted(map(json.dumps, map(json.loads, got))) == sorted(wanted)


def _without_decimal(line: str) -> str:
    """No schema of ours has decimals, since SQLite has none: money is whole fen."""
    return json.dumps([*json.loads(line)[:-1], None])


# -- trouble in the middle ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def test_a_failure_in_the_middle_leaves_what_was_there(
    past: Made, file: Path, tmp_path: Path, server: Callable[[], str], kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    urls = {} if kind == "sqlite" else {f"{name}_url": server() for name in ("record", "shop")}
    target = empty(tmp_path / "target", **urls)
    rows = TrackerRows(target.tracker_url, Vault.from_text(KEY))
    rows.save("c_mine", 0, "mine")
    rows.close()
    before = content(target)
    real = Shape.load

    def fails(self: Shape, connection: sa.engine.Connection, lines: Iterator[str]) -> int:
        done = real(self, connection, lines)
        if self.name == "orders":  # record and trackers are loaded, the shop half
            raise OSError(28, "No space left on device")
        return done

    with monkeypatch.context() as broken:
        broken.setattr(Shape, "load", fails)
        with pytest.raises(OSError, match="No space"):
            restore(target, file, replace=True)
    assert content(target) == before
    assert not unfinished(target.data_dir).exists()
    restore(target, file, replace=True)
    assert content(target) == content(past[0])


DIES = """
import os, sys
from pathlib import Path
from bot.app import backup_restore, backup_tables, schemas
from bot.app.settings import load as settings_of
if sys.argv[3] == "loading":
    real = backup_tables.Shape.load
    def load(self, connection, lines):
        done = real(self, connection, lines)
        if self.name == "orders":
            os._exit(9)
        return done
    backup_tables.Shape.load = load
else:
    from sqlalchemy.engine import base
    real, commits = base.RootTransaction._do_commit, []
    def commit(self):
        if backup_restore.unfinished(Path(sys.argv[1])).exists():
            commits.append(1)
            if len(commits) == 2:
                os._exit(9)
        real(self)
    base.RootTransaction._do_commit = commit
backup_restore.restore(settings_of(folder=Path(sys.argv[1])), Path(sys.argv[2]), replace=True)
"""


@pytest.mark.parametrize("moment", ["loading", "committing"])
def test_a_machine_that_dies_in_the_middle(past: Made, file: Path, tmp_path: Path, moment: str) -> None:
    target = empty(tmp_path / "target")
    rows = TrackerRows(target.tracker_url, Vault.from_text(KEY))
    rows.save("c_mine", 0, "mine")
    rows.close()
    before = content(target)
    command = [sys.executable, "-c", DIES, str(target.data_dir), str(file), moment]
    env = {**os.environ, "ZHIXIN_DATA_DIR": str(target.data_dir), "ZHIXIN_DATA_KEYS": KEY}
    assert subprocess.run(command, cwd=PROJECT_ROOT, env=env, check=False).returncode == 9
    if moment == "loading":
        assert content(target) == before
        prepare.refuse_half_restored(target)
        return
    with pytest.raises(StartError, match="restore"):
        prepare.refuse_half_restored(target)
    restore(target, file, replace=False)  # no --yes: it is the same restore, finished
    assert content(target) == content(past[0])
    prepare.refuse_half_restored(target)


@pytest.mark.service
def test_a_stack_that_is_connected_is_not_written_over(
    past: Made, file: Path, tmp_path: Path, server: Callable[[], str]
) -> None:
    target = empty(tmp_path / "target", record_url=server())

    async def run() -> None:
        database = Database(target.record_url)
        await database.ping()
        with pytest.raises(SchemaError, match="stop it"):
            await asyncio.to_thread(restore, target, file, replace=True)
        await database.close()

    asyncio.run(run())
    restore(target, file, replace=True)


# -- while the stack runs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
async def test_each_backup_of_a_busy_stack_is_one_moment(
    tmp_path: Path, server: Callable[[], str], kind: str
) -> None:
    """Six shoppers talk while backups are made: in each, no message is missing and none is half there."""
    urls = {} if kind == "sqlite" else {"record_url": server()}
    target = empty(tmp_path / "busy", **urls)
    paths: list[Path] = []
    over = threading.Event()

    def save_again_and_again() -> None:
        while not over.is_set() or len(paths) < 3:
            paths.append(written(target, tmp_path / "backups"))
        paths.append(written(target, tmp_path / "backups"))

    rasa = RasaStub()
    await rasa.start()
    saving = asyncio.get_running_loop().run_in_executor(None, save_again_and_again)
    try:
        async with Front(target.record_url, rasa.port, data_keys=KEY) as front:
            shoppers = [await front.open() for _ in range(6)]

            async def talk(shopper: Shopper) -> None:
                for number in range(15):
                    await shopper.say(f"第{number}条", f"m_{number}")

            await asyncio.gather(*map(talk, shoppers))
        over.set()
        await saving
    finally:
        over.set()
        await rasa.stop()
    counts = []
    for path in paths:
        restored = settings_of(tmp_path / path.name)
        restore(restored, path, replace=False)
        with schemas.reading(restored.record_url) as connection:
            torn = connection.execute(
                sa.text(
                    "SELECT c.id FROM conversations c WHERE c.next_seq - 1 != "
                    "(SELECT count(*) FROM messages m WHERE m.conversation_id = c.id) "
                    "OR c.pending != (SELECT count(*) FROM messages m "
                    "WHERE m.conversation_id = c.id AND m.state = 'accepted')"
                )
            ).all()
            assert torn == []
            counts.append(connection.execute(sa.text("SELECT count(*) FROM messages")).scalar())
    assert counts == sorted(counts) and counts[-1] >= 6 * 30
    assert len(paths) >= 3


def test_a_rehearsal_touches_nothing(past: Made, file: Path) -> None:
    before = content(past[0])
    assert summary(backup.rehearse(file, KEY)) == before
    assert content(past[0]) == before


def test_a_database_that_is_not_what_it_says_is_not_saved(past: Made, tmp_path: Path) -> None:
    odd = copy(past[0], tmp_path / "odd")
    with schemas.changing(odd.record_url) as connection:
        connection.execute(sa.text("ALTER TABLE shoppers ADD COLUMN more TEXT"))
    with pytest.raises(SchemaError, match="more"):
        written(odd, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []
