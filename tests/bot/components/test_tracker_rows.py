"""The rows of the trackers on SQLite and PostgreSQL; nothing of Rasa."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.components.tracker_rows import TrackerConflictError, TrackerRows, tracker_url
from persona.privacy.vault import Vault, VaultError

POSTGRES = "postgresql+psycopg2://postgres@127.0.0.1:5432/test"


def postgres_schema() -> Iterator[str]:
    """Yield the URL of a schema of its own, so that tests can run beside each other."""
    engine = sa.create_engine(POSTGRES, connect_args={"connect_timeout": 2})
    name = f"t_{uuid.uuid4().hex[:12]}"
    try:
        with engine.begin() as connection:
            connection.execute(sa.text(f"CREATE SCHEMA {name}"))
    except sa.exc.OperationalError as exc:
        pytest.skip(f"no PostgreSQL at 127.0.0.1:5432: {exc.orig}")
    yield f"{POSTGRES}?options=-csearch_path%3D{name}"
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA {name} CASCADE"))
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'deep' / 'tracker.db'}"
    else:
        yield from postgres_schema()


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
