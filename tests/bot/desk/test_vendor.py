"""The vendored scripts are what the manifest says, and the pages' other files are served safely."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.desk import vendor
from bot.desk.assets import HERE
from bot.desk.render import HTMX_CONFIG
from tests.bot.desk.harness import Desk


def test_every_vendored_file_has_its_checksum() -> None:
    assert vendor.changed_files() == []
    packages = {entry.name for entry in vendor.manifest()}
    assert packages == {"htmx.org", "echarts"}
    for package in packages:
        names = {Path(entry.file).name for entry in vendor.manifest() if entry.name == package}
        assert "LICENSE" in names
    assert all(re.fullmatch(r"[0-9a-f]{64}", entry.sha256) for entry in vendor.manifest())
    assert not re.search(r"https?://", vendor.MANIFEST.read_text(encoding="utf-8"))


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


def test_htmx_is_told_to_keep_to_the_policy() -> None:
    config = json.loads(HTMX_CONFIG)
    assert config["allowEval"] is config["includeIndicatorStyles"] is config["allowScriptTags"] is False
    assert config["selfRequestsOnly"] is True
    assert config["historyCacheSize"] == 0  # no shopper's words in the browser's storage


async def test_files_are_kept_for_good_under_their_content(desk: Desk) -> None:
    browser = desk.browser()
    page = await browser.get("/desk/login")
    for address in re.findall(r'(?:src|href)="(/desk/static/[^"]+)"', page.text):
        got = await browser.get(address)
        assert got.status == 200
        assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        again = await browser.get(address, **{"If-None-Match": got.headers["ETag"]})
        assert again.status == 304
        stale = await browser.get(address.replace("?v=", "?v=0"))
        assert stale.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/desk/static/../app.py",
        "/desk/static/%2e%2e/words.yml",
        "/desk/static/..%2fparts.py",
        "/desk/static/vendor/manifest.json",
        "/desk/static/.hidden.css",
        "/desk/static/none.css",
        "/desk/static/vendor",
        "/desk/static/desk.css%00.js",
    ],
)
async def test_nothing_else_is_served(desk: Desk, path: str) -> None:
    assert (await desk.browser().get(path)).status == 404


def test_no_style_or_script_of_ours_asks_for_another_site() -> None:
    for path in HERE.glob("*.*"):
        if path.suffix in {".css", ".js"}:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"https?://|@import|\beval\(|new Function", text), path.name
