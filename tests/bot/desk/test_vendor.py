"""The pages' files are served safely, and htmx is told to keep to the policy."""

from __future__ import annotations

import json
import re

import pytest

from bot.desk.assets import HERE
from bot.desk.render import HTMX_CONFIG
from tests.bot.desk.harness import Desk


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
