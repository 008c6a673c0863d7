"""What is served of the widget: kept for good under its build, framed by named origins alone."""

from __future__ import annotations

import gzip
import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse

from bot.channels.widget_files import WidgetFiles, WidgetOptions
from bot.web import files as web_files
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub

SHOP = "https://shop.example"


async def get(front: Front, path: str, **headers: str) -> tuple[ClientResponse, str]:
    async with front.session.get(front.url(path), headers=headers, allow_redirects=False) as got:
        return got, await got.text()


def config_of(page: str) -> dict[str, Any]:
    found = re.search(r'<html[^>]* data-config="([^"]*)"', page)
    assert found is not None
    told: dict[str, Any] = json.loads(html.unescape(found[1]))
    return told


async def test_the_loader_may_be_loaded_by_any_site_and_is_small(front: Front) -> None:
    got, script = await get(front, "/widget.js")
    assert got.status == 200 and got.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert got.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert got.headers["Cache-Control"] == "public, max-age=300"
    assert len(gzip.compress(script.encode())) < 6 * 1024
    again, _ = await get(front, "/widget.js", **{"If-None-Match": got.headers["ETag"]})
    assert again.status == 304 and again.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_the_page_is_framed_by_named_origins_alone(rasa: RasaStub, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'record.db'}"
    async with Front(url, rasa.port, embed_origins=(SHOP, "http://localhost:3000")) as front:
        got, page = await get(front, "/widget/?host=https%3A%2F%2Fevil.example")
        policy = got.headers["Content-Security-Policy"]
        assert f"frame-ancestors 'self' {SHOP} http://localhost:3000" in policy.split("; ")
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
        assert "X-Frame-Options" not in got.headers
        assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert got.headers["Cache-Control"] == "no-cache"
        assert config_of(page)["origins"] == [SHOP, "http://localhost:3000"]
        # What a browser updates its kept page with must not shut the frame either.
        again, _ = await get(front, "/widget/", **{"If-None-Match": got.headers["ETag"]})
        assert again.status == 304 and "X-Frame-Options" not in again.headers
        assert SHOP in again.headers["Content-Security-Policy"]
        for path in ("/widget.js", "/desk/login", "/api/v1/openapi.json", "/widget/none", "/"):
            other, _ = await get(front, path)
            assert other.headers["X-Frame-Options"] == "DENY", path
            assert "frame-ancestors 'none'" in other.headers["Content-Security-Policy"], path


async def test_every_file_that_the_page_names_is_kept_for_good(front: Front) -> None:
    _, page = await get(front, "/widget/")
    assert "{{" not in page
    named = set(re.findall(r'(?:src|href)="(/widget/a/[^"]+)"', page))
    preloaded = set(re.findall(r'<link rel="modulepreload" href="([^"]+)">', page))
    build = re.search(r"/widget/a/([0-9a-f]{12})/", page)
    assert build is not None
    assert preloaded < named and all("/frame/words/" in address for address in preloaded)
    ours = {address for address in named - preloaded if "/vendor/" not in address}
    assert ours == {f"/widget/a/{build[1]}/frame/joined.{kind}" for kind in ("css", "js")}
    for address in named:
        got, _ = await get(front, address)
        assert got.status == 200, address
        assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert got.headers["Content-Encoding"] == "gzip" and got.headers["Vary"] == "Accept-Encoding"
        assert got.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_a_page_of_another_build_still_gets_its_files_but_keeps_none(front: Front) -> None:
    got, _ = await get(front, "/widget/a/000000000000/vendor/react/react.production.min.js")
    assert (got.status, got.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    ("query", "accepted", "spoken"),
    [
        ("", "", "zh-Hans"),
        ("?lang=zh-Hant", "en-GB,en;q=0.9", "zh-Hant"),
        ("", "fr-FR,fr;q=0.9,zh-TW;q=0.8", "zh-Hant"),
        ("?lang=fr", "en-GB,zh;q=0.5", "en"),
        ("?lang=../../x", "zh-CN", "zh-Hans"),
    ],
)
async def test_words_of_one_language_are_named(front: Front, query: str, accepted: str, spoken: str) -> None:
    _, page = await get(front, f"/widget/{query}", **{"Accept-Language": accepted})
    named = re.findall(r"/frame/words/(?:\w+-)?(zh-Hans|zh-Hant|en)\.js", page)
    assert named and set(named) == {spoken}


@pytest.mark.parametrize(
    "path",
    [
        "/widget/a/x/../../widget_files.py",
        "/widget/a/x/frame/%2e%2e/%2e%2e/page.py",
        "/widget/a/x/..%2f..%2fpage.py",
        "/widget/a/x/frame/index.html",
        "/widget/a/x/vendor/manifest.json",
        "/widget/a/x/loader/widget.js",
        "/widget/a/x/frame",
        "/widget/a/x/frame/none.js",
        "/widget/a/x/frame/%00.js",
        "/widget/a/x//etc/passwd",
        "/static/frame/main.js",
    ],
)
async def test_nothing_else_is_served(front: Front, path: str) -> None:
    assert (await get(front, path))[0].status == 404


def test_a_changed_file_makes_another_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_files, "_LOOK_AGAIN_S", -1.0)
    (tmp_path / "frame").mkdir()
    (tmp_path / "vendor").mkdir()
    (tmp_path / "frame" / "main.js").write_text("1")
    files = WidgetFiles(root=tmp_path)
    first = files.build
    assert files.build == first
    for name in ("more.js", "index.html"):
        (tmp_path / "frame" / name).write_text("1")
        second = files.build
        (tmp_path / "frame" / name).unlink()
        assert second != first and files.build == first


def test_what_cannot_be_joined_is_served_file_by_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = tmp_path / "frame"
    frame.mkdir()
    (frame / "index.html").write_text(
        '<html data-config="{{config}}">{{preload}}'
        '<script type="module" src="{{assets}}/frame/main.js"></script>'
    )
    (frame / "main.js").write_text('import { a } from "./other.js";\na();\n')
    (frame / "other.js").write_text("export function a() {}\n")
    files = WidgetFiles(root=tmp_path)
    assert "frame/joined.js" in files._filled("en").body.decode()
    (frame / "other.js").write_text('import { b } from "./main.js";\nexport function a() {}\n')
    page = WidgetFiles(root=tmp_path)._filled("en").body.decode()
    assert "joined" not in page and 'src="/widget/a/' in page and page.count("modulepreload") == 2
    assert "frame/main.js → frame/other.js → frame/main.js: a circle" in caplog.text


def test_what_the_settings_say_breaks_out_of_nothing() -> None:
    hostile = WidgetOptions(product_url='https://shop.example/"><script>{{preload}}</script>{product_id}')
    page = WidgetFiles(hostile)._filled("en").body.decode()
    assert config_of(page)["product_url"] == hostile.product_url
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("demo", "home", "product_url"),
    [(True, "/demo/", "/demo/p/{product_id}"), (False, "/widget/", None)],
)
async def test_the_root_leads_to_the_demo_shop_or_the_chat(
    rasa: RasaStub, tmp_path: Path, demo: bool, home: str, product_url: str | None
) -> None:
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port, demo=demo) as front:
        got, _ = await get(front, "/")
        assert (got.status, got.headers["Location"]) == (302, home)
        got, _ = await get(front, "/widget?lang=en")
        assert (got.status, got.headers["Location"]) == (308, "/widget/?lang=en")
        _, page = await get(front, "/widget/")
        told = config_of(page)
        assert (told["demo"], told["product_url"]) == (demo, product_url)
        assert told["upload"]["bytes"] > 1 << 20 and "image/jpeg" in told["upload"]["kinds"]
        picture, _ = await get(front, "/static/pictures/p101.svg")
        assert picture.status == 200


async def test_a_query_is_led_on_as_it_was_written(front: Front) -> None:
    got, _ = await get(front, "/widget?lang=en&a=%0D%0AX:1")
    assert got.status == 308 and got.headers["Location"] == "/widget/?lang=en&a=%0D%0AX:1"


def test_a_file_is_kept_once_however_it_is_spelled(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.js").write_text("1;", "utf-8")
    folder = web_files.Folder(tmp_path)
    kept = {id(folder.file(name)) for name in ("deep/a.js", "deep//a.js", "deep///a.js")}
    assert len(kept) == 1
