"""`make audit` finds what is known, accepts only what is listed, and says so where it could not ask."""

from __future__ import annotations

import importlib.util
import json
import sys
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("zhixin_audit", ROOT / "scripts/audit.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


audit = _load()
TODAY = date(2026, 11, 22)
ADVISORY: dict[str, Any] = {
    "id": "PYSEC-1",
    "aliases": ["CVE-2030-1"],
    "details": "It breaks.",
    "affected": [
        {
            "package": {"name": "Some.Thing", "ecosystem": "PyPI"},
            "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}]},
                {
                    "type": "ECOSYSTEM",
                    "events": [{"introduced": "1.0"}, {"fixed": "1.5"}, {"introduced": "2.0"}],
                },
            ],
            "versions": ["0.1"],
        }
    ],
}


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("0.1", True),
        ("0.9", False),
        ("1.0", True),
        ("1.4.9", True),
        ("1.5", False),
        ("2.3", True),
        ("odd!", True),
    ],
)
def test_an_advisory_speaks_of_the_releases_in_its_ranges(version: str, found: bool) -> None:
    assert (audit.read_advisory(ADVISORY, "some-thing", version) is not None) is found
    assert audit.read_advisory(ADVISORY, "other", version) is None
    assert audit.read_advisory({**ADVISORY, "withdrawn": "2030"}, "some-thing", version) is None


def test_a_checkout_of_the_database_is_read(tmp_path: Path) -> None:
    (tmp_path / "vulns/django").mkdir(parents=True)
    (tmp_path / "vulns/some-thing").mkdir()
    (tmp_path / "vulns/some-thing/PYSEC-1.yaml").write_text(yaml.safe_dump(ADVISORY))
    (found,) = audit.ask_advisories(tmp_path, {"some-thing": "1.1", "other": "1.1"})
    assert found.ids == ("PYSEC-1", "CVE-2030-1") and found.fixed == "1.5"
    with pytest.raises(audit.NotAskedError):
        audit.ask_advisories(tmp_path / "vulns", {})


def answer(*told: dict[str, Any], canary: bool = True) -> dict[str, Any]:
    known = {"name": "django", "version": "3.0", "vulns": [{"id": "X"}] if canary else []}
    return {"dependencies": [known, *told]}


def test_an_index_that_knows_nothing_was_not_asked() -> None:
    thing = {
        "name": "some-thing",
        "version": "1.1",
        "vulns": [{"id": "A", "aliases": ["B"], "fix_versions": ["2"]}],
    }
    (found,) = audit.read_answer(answer(thing))
    assert (found.package, found.ids, found.fixed) == ("some-thing", ("A", "B"), "2")
    with pytest.raises(audit.NotAskedError, match="mirror"):
        audit.read_answer(answer(thing, canary=False))
    with pytest.raises(audit.NotAskedError, match="other"):
        audit.read_answer(answer(thing, {"name": "other", "skip_reason": "not found"}))


def test_only_what_is_listed_and_not_too_old_is_accepted() -> None:
    found = audit.read_advisory(ADVISORY, "some-thing", "1.1")
    listed = {"package": "Some_Thing", "id": "CVE-2030-1", "reason": "r", "since": TODAY, "until": TODAY}
    assert audit.judge([found], [listed], TODAY) == []
    (expired,) = audit.judge([found], [listed], date(2026, 11, 23))
    assert "look again" in expired
    for other in ([], [{**listed, "id": "CVE-2030-2"}], [{**listed, "package": "other"}]):
        (problem,) = audit.judge([found], other, TODAY)
        assert "mended in 1.5" in problem


def test_where_nobody_can_be_asked_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit.shutil, "which", lambda _: None)
    monkeypatch.setattr(audit, "ROOT", Path("/nonexistent"))
    monkeypatch.setattr(audit, "locked", lambda: {})
    assert audit.main([]) == audit.NOT_ASKED
    assert "could not be asked" in capsys.readouterr().err


def test_the_listing_is_in_order() -> None:
    """Every acceptance has a reason, its days, and a library that is still locked."""
    settings = yaml.safe_load((ROOT / "scripts/audit.yml").read_text("utf-8"))
    locked = audit.locked()
    seen = set()
    for entry in settings["accepted"]:
        assert set(entry) == {"package", "id", "since", "until", "reason"} and len(entry["reason"]) > 10
        assert (entry["until"] - entry["since"]).days <= 200 and entry["package"] in locked
        seen.add((entry["package"], entry["id"]))
    assert len(seen) == len(settings["accepted"])
    assert len(locked) > 100 and json.dumps(locked)


def test_every_installed_library_has_a_licence_that_fits() -> None:
    assert audit.main(["--licences-only"]) == audit.DONE
