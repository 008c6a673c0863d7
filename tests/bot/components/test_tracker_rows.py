"""The rows of the trackers on SQLite and PostgreSQL; nothing of Rasa."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.components.tracker_migrate import HEAD, MIGRATIONS, VERSION_TABLE, revision_of
from bot.components.tracker_rows import METADATA, TrackerConflictError, TrackerRows, tracker_url
from persona.privacy.vault import Vault, VaultError
from tests.support import postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'deep' / 'tracker.db'}"
    else:
        with postgres.database("tracker") as made:
            yield made


@pytest.fixture
def rows(url: str, vault: Vault) -> Iterator[TrackerRows]:
    rows = TrackerRows(url, vault)
    yield rows
    rows.close()


def test_what_is_saved_is_loaded_under_a_growing_version(rows: TrackerRows) -> None:
    assert rows.load("c_1") is None
    assert rows.save("c_1", 0, "一") == 1
    assert rows.save("c_1", 1, "二") == 2
    found = rows.load("c_1")
    assert found is not None
    assert (found.version, found.text) == (2, "二")


def test_a_known_version_comes_without_its_text(rows: TrackerRows) -> None:
    rows.save("c_1", 0, "一")
    known, unknown = rows.load("c_1", known=1), rows.load("c_1", known=7)
    assert known is not None
    assert unknown is not None
    assert (known.text, unknown.text) == (None, "一")


@pytest.mark.parametrize("stale", [0, 1, 3])
def test_a_save_over_another_version_is_refused(rows: TrackerRows, stale: int) -> None:
    rows.save("c_1", 0, "一")
    rows.save("c_1", 1, "二")
    with pytest.raises(TrackerConflictError):
        rows.save("c_1", stale, "三")
    found = rows.load("c_1")
    assert found is not None
    assert found.text == "二"


def test_rows_are_found_and_erased(rows: TrackerRows) -> None:
    for name in ("c_1", "c_2", "c_3"):
        rows.save(name, 0, "x")
    assert rows.delete(["c_1", "c_9"]) == 1
    assert rows.delete([]) == 0
    assert sorted(rows.ids()) == ["c_2", "c_3"]
    now = datetime.now(timezone.utc)
    assert rows.delete_before(now - timedelta(minutes=1)) == 0
    assert rows.delete_before(now + timedelta(minutes=1)) == 2


def test_what_was_said_cannot_be_read_in_the_file(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "tracker.db"
    rows = TrackerRows(f"sqlite:///{path}", vault)
    rows.save("c_1", 0, "我住在杭州" * 50)
    rows.close()
    (body,) = sqlite3.connect(path).execute("SELECT body FROM tracker").fetchone()
    assert "杭州" not in body
    assert len(body) < 400


def test_a_row_cannot_pass_for_anothers(tmp_path: Path, vault: Vault) -> None:
    url = f"sqlite:///{tmp_path / 'tracker.db'}"
    rows = TrackerRows(url, vault)
    rows.save("c_1", 0, "mine")
    rows.save("c_2", 0, "yours")
    with sa.create_engine(url).begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE tracker SET body = (SELECT body FROM tracker WHERE conversation_id = 'c_2') "
                "WHERE conversation_id = 'c_1'"
            )
        )
    with pytest.raises(VaultError):
        rows.load("c_1")
    rows.close()


def test_the_url_follows_the_environment() -> None:
    assert tracker_url({}) == "sqlite:///var/tracker.db"
    assert tracker_url({"ZHIXIN_DATA_DIR": "/data"}) == "sqlite:////data/tracker.db"
    assert tracker_url({"ZHIXIN_TRACKER_URL": "postgresql://x/y"}) == "postgresql://x/y"


def test_erasure_needs_no_rasa() -> None:
    code = "import sys, bot.components.tracker_rows; sys.exit('rasa' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- the schema ---------------------------------------------------------------------------------------------


def test_the_revision_is_the_folders_and_its_table_the_codes(url: str, vault: Vault) -> None:
    TrackerRows(url, vault).close()
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert revision_of(connection) == HEAD == ScriptDirectory(str(MIGRATIONS)).get_current_head()
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


def test_trackers_of_before_there_were_revisions_are_kept(url: str, rows: TrackerRows, vault: Vault) -> None:
    rows.save("c_1", 0, "alt")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP TABLE {VERSION_TABLE}"))
    engine.dispose()
    again = TrackerRows(url, vault)
    found = again.load("c_1")
    assert found is not None and found.text == "alt"
    assert again.save("c_1", 1, "neu") == 2
    again.close()


def test_several_processes_may_make_the_table_at_the_same_moment(url: str, vault: Vault) -> None:
    with ThreadPoolExecutor(4) as pool:
        for made in pool.map(lambda _: TrackerRows(url, vault), range(4)):
            made.close()


# -- connections that break ---------------------------------------------------------------------------------


@pytest.fixture
def server(vault: Vault) -> Iterator[tuple[str, TrackerRows]]:
    with postgres.database("tracker") as url:
        made = TrackerRows(url, vault)
        yield url, made
        made.close()


@pytest.mark.service
def test_after_the_connections_were_cut_the_next_call_works(server: tuple[str, TrackerRows]) -> None:
    url, rows = server
    rows.save("c_1", 0, "x")
    for version in range(1, 4):
        assert postgres.cut(url, name="zhixin-tracker") >= 1
        assert rows.save("c_1", version, "y") == version + 1
        assert postgres.cut(url, name="zhixin-tracker") >= 1
        assert rows.load("c_1", known=9) is not None
    assert rows.ids() == ["c_1"]


@pytest.mark.service
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_save_whose_connection_breaks_happens_once(server: tuple[str, TrackerRows], when: str) -> None:
    """Cut before the commit it is done again; cut after it, its own row is recognised."""
    url, rows = server
    rows.save("c_1", 0, "x")
    cuts = []

    def cut(_connection: sa.engine.Connection) -> None:
        if not cuts:
            cuts.append(postgres.cut(url, name="zhixin-tracker"))

    engine = rows._engine
    if when == "before":
        sa.event.listen(engine, "commit", cut)
    else:
        real = engine.dialect.do_commit

        def commit(dbapi_connection: object) -> None:
            real(dbapi_connection)
            if not cuts:
                cuts.append(postgres.cut(url, name="zhixin-tracker"))
                raise engine.dialect.dbapi.OperationalError("server closed the connection unexpectedly")

        engine.dialect.do_commit = commit
    assert rows.save("c_1", 1, "y") == 2
    assert cuts == [1]
    found = rows.load("c_1")
    assert found is not None and (found.version, found.text) == (2, "y")


@pytest.mark.service
def test_of_many_savers_one_wins_each_version(server: tuple[str, TrackerRows], vault: Vault) -> None:
    url, rows = server
    other = TrackerRows(url, vault)

    def save(number: int) -> bool:
        try:
            (rows, other)[number % 2].save("c_1", number // 4, f"{number}")
        except TrackerConflictError:
            return False
        return True

    for version in range(3):
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(save, range(4 * version, 4 * version + 4))) == 1
    other.close()
