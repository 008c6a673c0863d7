"""The desk's own files: packed once, the same for whoever takes them unpacked, new when they change."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.desk.assets import Assets
from bot.web import files as folder_files
from tests.bot.desk.harness import Desk

BIG = "/desk/static/vendor/echarts/echarts.min.js"


async def test_packed_and_plain_are_the_same(desk: Desk) -> None:
    browser = desk.browser()
    plain = await browser.get(BIG, **{"Accept-Encoding": "identity"})
    packed = await browser.get(BIG, **{"Accept-Encoding": "gzip, br"})
    assert "Content-Encoding" not in plain.headers and packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    assert packed.text == plain.text and len(plain.text) > 1_000_000
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"


def test_a_file_that_changes_gets_another_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.css").write_text("a{}")
    files = Assets(tmp_path)
    first = files.address("a.css")
    (tmp_path / "a.css").write_text("b{color:red}")
    assert files.address("a.css") == first, "within a second the disk is not asked again"
    monkeypatch.setattr(folder_files, "_LOOK_AGAIN_S", -1.0)
    assert files.address("a.css") != first
