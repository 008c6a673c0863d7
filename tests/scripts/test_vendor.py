"""The vendored scripts are what their manifests say, licences included."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("zhixin_vendor", ROOT / "scripts/vendor.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


vendor = _load()

PACKAGES = {
    vendor.DESK: {"htmx.org", "echarts"},
    vendor.WIDGET: {"react", "react-dom", "@chatui/core"},
    vendor.TESTS: {"axe-core"},
}


@pytest.mark.parametrize("home", vendor.FOLDERS, ids=lambda home: str(home.relative_to(ROOT)))
def test_every_vendored_file_has_its_checksum_and_licence(home: Path) -> None:
    assert vendor.changed_files(home) == []
    entries = vendor.manifest(home)
    assert {entry.name for entry in entries} == PACKAGES[home]
    for package in PACKAGES[home]:
        assert any("LICENSE" in entry.file for entry in entries if entry.name == package), package
    assert all(re.fullmatch(r"[0-9a-f]{64}", entry.sha256) for entry in entries)
    assert not re.search(r"https?://", (home / vendor.MANIFEST).read_text(encoding="utf-8"))


def test_a_changed_missing_or_foreign_file_is_found(tmp_path: Path) -> None:
    entry = {"name": "x", "version": "1", "licence": "0BSD", "source": "x.js", "sha256": vendor._sha256(b"1")}
    named = [{**entry, "file": file} for file in ("a.js", "b.js", "c.js")]
    (tmp_path / "manifest.json").write_text(json.dumps(named))
    (tmp_path / "a.js").write_bytes(b"1")
    (tmp_path / "b.js").write_bytes(b"2")
    (tmp_path / "d.js").write_bytes(b"1")
    assert vendor.changed_files(tmp_path) == [
        "b.js is not what the manifest says",
        "c.js is missing",
        "d.js is not in the manifest",
    ]


def test_the_check_fails_where_npm_has_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"name": "x", "version": "1", "licence": "0BSD", "source": "x.js", "sha256": vendor._sha256(b"1")}
    (tmp_path / "manifest.json").write_text(json.dumps([{**entry, "file": "a.js"}]))
    (tmp_path / "a.js").write_bytes(b"1")
    served = [b"1"]
    monkeypatch.setattr(vendor, "fetched", lambda entries, _folder: ((e, served[0]) for e in entries))
    assert vendor.main([str(tmp_path)]) == 0
    served[0] = b"2"
    assert vendor.main([str(tmp_path)]) == 1
    assert "x 1 has another x.js now" in capsys.readouterr().err
    assert vendor.main(["--do", "write", str(tmp_path)]) == 0
    assert (tmp_path / "a.js").read_bytes() == b"2" and vendor.changed_files(tmp_path) == []
