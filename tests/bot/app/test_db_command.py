"""``zhixin db``, ``backup`` and ``restore`` as they are typed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from bot.app import schemas
from bot.app.backup_restore import unfinished
from bot.app.cli import main
from bot.app.locking import DataLock
from bot.app.schemas import SCHEMAS
from bot.app.settings import PROJECT_ROOT
from tests.bot.app.backup_harness import KEY, content, fill, settings_of
from tests.support import postgres

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Done:
    stdout: str
    stderr: str
    code: int


Zhixin = Callable[..., Done]


@pytest.fixture
def zhixin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Zhixin:
    def run(*arguments: str, **env: str) -> Done:
        with monkeypatch.context() as patch:
            for name, value in {"DATA_DIR": str(tmp_path / "data"), "DATA_KEYS": KEY, **env}.items():
                patch.setenv(f"ZHIXIN_{name}", value)
            patch.chdir(tmp_path)
            with pytest.raises(SystemExit) as left:
                main(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return Done(out, err, int(left.value.code or 0))

    return run


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def env(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Where the databases are: SQLite files, or one PostgreSQL database for all three."""
    if request.param == "sqlite":
        yield {}
        return
    with postgres.database("db") as url:
        yield {"RECORD_URL": url, "TRACKER_URL": url, "SHOP_URL": url}


def test_each_schema_has_one_line_of_revisions() -> None:
    for schema in SCHEMAS:
        script = ScriptDirectory(str(schema.folder))
        assert [script.get_current_head()] == list(schemas.revisions(schema)[-1:])


def test_up_down_and_up_with_data_in_them(zhixin: Zhixin, env: dict[str, str], tmp_path: Path) -> None:
    """Every database goes down to each of its revisions and up again; what both schemas know stays."""
    settings = settings_of(tmp_path / "data", **{name.lower(): url for name, url in env.items()})
    fill(settings)
    before = content(settings)
    for schema in SCHEMAS:
        newest = schemas.revisions(schema)[-1]
        for revision in reversed(schemas.revisions(schema)[:-1]):
            done = zhixin("db", "downgrade", schema.name, revision, "--yes", **env)
            assert done.code == 0, done.stderr
            assert "undoes" in done.stderr
            with schemas.reading(schemas.url_of(schema, settings)) as connection:
                assert schemas.revision_of(schema, connection) == revision
            status = zhixin("db", "status", **env)
            assert status.code == 1 and f"{schema.name}: {revision}, behind {newest}" in status.stdout
        done = zhixin("db", "upgrade", **env)
        assert done.code == 0, done.stderr
    status = zhixin("db", "status", **env)
    assert status.code == 0 and status.stdout.count("the newest") == 3
    after = content(settings)
    assert list(after) == list(before)
    for name in ("conversations", "messages", "offered_buttons", "shoppers", "openings"):
        (record, *_) = before
        kept = before[record][name][0] - (name == "messages")  # a note is the desk's, and goes with it
        assert after[record][name][0] == kept > 0, name
    tracker, shop = list(before)[1:]
    assert after[tracker] == before[tracker]
    assert after[shop]["orders"][0] == before[shop]["orders"][0] > 10
    for schema in reversed(SCHEMAS):
        assert zhixin("db", "downgrade", schema.name, "base", "--yes", **env).code == 0
    assert zhixin("db", "status", **env).stdout.count("empty") == 3
    assert zhixin("db", "upgrade", **env).code == 0


def test_nothing_is_lost_without_a_yes(zhixin: Zhixin, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data")
    fill(settings)
    before = content(settings)
    done = zhixin("db", "downgrade", "record", "0002")
    assert done.code == 1
    assert "undoes 0003" in done.stderr and "loses the pictures" in done.stderr and "--yes" in done.stderr
    assert content(settings) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("db", "downgrade", "menu", "0001", "--yes"), "no database 'menu'"),
        (("db", "downgrade", "record", "9999", "--yes"), "only to base, 0001"),
        (("restore", "missing.tar.gz"), "No such file"),
        (("backup", "--check", "missing.tar.gz"), "No such file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(zhixin: Zhixin, arguments: tuple[str, ...], words: str) -> None:
    assert zhixin("db", "upgrade").code == 0
    done = zhixin(*arguments)
    assert done.code == 1 and words in done.stderr


def test_a_backup_of_nothing_is_refused(zhixin: Zhixin, tmp_path: Path) -> None:
    done = zhixin("backup")
    assert done.code == 1 and "there is no record" in done.stderr
    assert not (tmp_path / "data" / "record.db").exists()


def test_there_and_back_by_the_command_line(zhixin: Zhixin, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data")
    fill(settings)
    before = content(settings)
    done = zhixin("backup", "--to", "safe", "--verify")
    assert done.code == 0, done.stderr
    assert "rehearsal" in done.stdout and "needed: main" in done.stdout
    (file,) = (tmp_path / "safe").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert "can be restored" in zhixin("backup", "--check", str(file)).stdout
    refused = zhixin("restore", str(file))
    assert refused.code == 1 and "--yes" in refused.stderr and "nothing was changed" in refused.stderr
    other = zhixin("restore", str(file), "--yes", DATA_KEYS="other=" + "B" * 43)
    assert other.code == 1 and "main" in other.stderr
    with schemas.changing(settings.record_url) as connection:
        connection.execute(sa.text("DELETE FROM messages"))
    assert zhixin("restore", str(file), "--yes").code == 0
    assert content(settings) == before
    assert zhixin("restore", str(file), DATA_DIR=str(tmp_path / "elsewhere")).code == 0
    assert content(settings_of(tmp_path / "elsewhere")) == before


def test_nothing_is_changed_under_a_running_stack(zhixin: Zhixin, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data")
    fill(settings)
    before = content(settings)
    assert zhixin("backup", "--to", "safe").code == 0
    (file,) = (tmp_path / "safe").iterdir()
    lock = DataLock(settings.data_dir)
    lock.take(lambda line: None)
    try:
        for arguments in (
            ("restore", str(file), "--yes"),
            ("db", "downgrade", "record", "0001", "--yes"),
            ("db", "upgrade"),
        ):
            done = zhixin(*arguments)
            assert done.code == 1 and "another zhixin" in done.stderr and "nothing was changed" in done.stderr
        assert content(settings) == before
        assert zhixin("backup", "--to", "safe").code == 0  # this one may run beside it
    finally:
        lock.release()


def test_processes_that_run_by_themselves_hold_the_folder_together(zhixin: Zhixin, tmp_path: Path) -> None:
    """They may run beside each other and beside an upgrade, never beside what replaces their data."""
    assert zhixin("db", "upgrade").code == 0
    locks = [DataLock(tmp_path / "data") for _ in range(2)]
    for lock in locks:
        lock.take(lambda line: None, shared=True)
    try:
        assert zhixin("db", "upgrade").code == 0
        done = zhixin("db", "downgrade", "record", "0001", "--yes")
        assert done.code == 1 and "another zhixin" in done.stderr
        locks[0].release()
        assert zhixin("db", "downgrade", "record", "0001", "--yes").code == 1
    finally:
        for lock in locks:
            lock.release()
    assert zhixin("db", "downgrade", "record", "0001", "--yes").code == 0


def test_a_process_by_itself_holds_the_folder_for_as_long_as_it_lives(zhixin: Zhixin, tmp_path: Path) -> None:
    env = {**os.environ, "ZHIXIN_DATA_DIR": str(tmp_path / "data"), "ZHIXIN_DATA_KEYS": KEY}
    assert zhixin("db", "upgrade").code == 0
    code = (
        "import os; from bot.app import alone, children\n"
        "real = os.execve\n"
        "def become(python, _, env):\n"
        "    print('held', flush=True)\n"
        "    real('/bin/sleep', ['sleep', '60'], env)\n"
        "os.execve = become\n"
        "alone.become('actions')"
    )
    own = {"ZHIXIN_ASSERTION_KEY": "a" * 40, "ZHIXIN_ACTION_SECRET": "b" * 40}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT_ROOT, env={**env, **own}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert "held\n" in iter(process.stdout.readline, ""), "it ended before it held the folder"
            assert "another zhixin" in zhixin("db", "downgrade", "tracker", "base").stderr
        finally:
            process.kill()


def test_no_process_starts_on_half_a_restore(zhixin: Zhixin, tmp_path: Path) -> None:
    assert zhixin("db", "upgrade").code == 0
    unfinished(tmp_path / "data").write_text("/safe/zhixin-1.tar.gz")
    for arguments in (("run", "--only", "actions"), ("run",)):
        done = zhixin(*arguments, ASSERTION_KEY="a" * 40, ACTION_SECRET="b" * 40)
        assert done.code == 1 and "/safe/zhixin-1.tar.gz" in done.stdout + done.stderr


def test_a_shop_behind_http_is_none_of_ours(zhixin: Zhixin, tmp_path: Path) -> None:
    assert zhixin("db", "upgrade").code == 0
    behind = {"SHOP_KIND": "http", "SHOP_URL": "http://127.0.0.1:9/api", "SHOP_KEY": "k" * 40}
    status = zhixin("db", "status", **behind)
    assert status.code == 0 and "shop:" not in status.stdout
    assert zhixin("backup", "--to", "safe", **behind).code == 0
    (file,) = (tmp_path / "safe").iterdir()
    done = zhixin("restore", str(file), DATA_DIR=str(tmp_path / "other"))
    assert done.code == 0 and "the shop was left alone" in done.stderr, done.stderr


def test_a_password_is_not_shown(zhixin: Zhixin) -> None:
    done = zhixin("db", "status", RECORD_URL="postgresql://u:hush-hush@127.0.0.1:9/none")
    assert done.code == 1 and "does not answer" in done.stdout
    assert "hush-hush" not in done.stdout + done.stderr
