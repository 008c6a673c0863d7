"""Every hostile string in every field of shopper and agent: on every page it is text, or it was refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio

from bot.conversation.desk_types import Role
from bot.desk.pieces import visible
from persona.privacy.masking import mask
from tests.bot.conversation.harness import QUICK, Shopper
from tests.bot.desk.harness import Page
from tests.bot.desk.stage import Stage
from tests.hostile.catalogue import IN_A_HEADER, READABLE, UNREADABLE, leaked, nothing_of_it_is_page, squeezed

SCRIPT = {"Accept": "*/*"}
FORM = 422, 400, 409, 404, 403


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    # No waiting lines: on a busy machine they would come between the answers that are looked at.
    async with Stage(tmp_path, patience=replace(QUICK, looking=20.0, apology=30.0)) as made:
        yield made


def sound(page: Page, *, refused: bool = False) -> Page:
    """An answer that is none of a failure."""
    assert page.status < 500, page.text[:500]
    assert not leaked(page.text)
    assert "X-Hostile" not in page.headers and "hostile" not in str(page.cookies)
    assert not refused or page.status in FORM, page.status
    return page


def shows(shown: str, text: str) -> bool:
    """Whether a page shows a text: masked, its invisible signs named, laid out anew."""
    return squeezed(visible(mask(text))) in shown


async def talk(stage: Stage, texts: list[str]) -> Shopper:
    """A conversation in which a shopper has written them all, repeated by the bot."""
    shopper = await stage.shopper("u1002")
    for number, text in enumerate(texts):
        got = await shopper.post(text=text, message_id=f"h_{number}")
        assert got.status == 200 and got.json["replies"][0]["text"] == f"答：{text}"
    return shopper


async def test_what_shoppers_write_is_text_on_every_page(stage: Stage) -> None:
    await stage.agent("limin", "李敏", Role.ADMIN)
    browser = await stage.browser("limin")
    for texts in (READABLE[:70], READABLE[70:]):
        shopper = await talk(stage, texts)
        kept = [m["text"] for m in await shopper.messages() if m["author"] == "shopper"]
        assert kept == texts
        cid = shopper.conversation_id
        whole = sound(await browser.get(f"/desk/c/{cid}"))
        shown = nothing_of_it_is_page(whole.text, "conversation").text
        missing = [text for text in texts[-15:] if not shows(shown, text)]
        assert not missing, missing
        got = await browser.get(f"/desk/c/{cid}/messages?after=0", **SCRIPT)
        shown = nothing_of_it_is_page(json.loads(got.text)["html"], "messages").text
        missing = [text for text in texts if not shows(shown, text)]
        assert not missing, missing
        for path in ("/desk/", "/desk/queue?view=all", f"/desk/c/{cid}/customer", "/desk/requests"):
            nothing_of_it_is_page(sound(await browser.get(path)).text, path)


FIELDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "reply": ("reply", {"text": "*", "key": "key-0000{n}"}),
    "note": ("note", {"text": "@李敏 *", "key": "key-1000{n}"}),
    "key": ("reply", {"text": "好", "key": "*"}),
    "draft": ("draft", {"text": "*"}),
    "tag": ("tag", {"tag": "*"}),
    "flag": ("flag", {"reason": "*"}),
    "comment": ("rate", {"seq": "3", "good": "0", "comment": "*"}),
    "seq": ("rate", {"seq": "*", "good": "0"}),
    "label": ("correct", {"label": "*", "key": "key-00000009"}),
    "card": ("reply", {"card": "*", "about": "*", "key": "key-2000{n}"}),
    "about": ("reply", {"card": "order", "about": "*", "key": "key-3000{n}"}),
    "to": ("transfer", {"to": "*"}),
    "until": ("snooze", {"for": "*"}),
    "outcome": ("back", {"outcome": "*"}),
}


@pytest.mark.parametrize("name", FIELDS)
async def test_what_agents_write_is_text_or_refused(stage: Stage, name: str) -> None:
    await stage.agent("limin", "李敏", Role.SUPERVISOR)
    browser = await stage.browser("limin")
    shopper = await talk(stage, ["我的快递呢"])
    cid = shopper.conversation_id
    await browser.post(f"/desk/c/{cid}/take", {}, **SCRIPT)
    what, form = FIELDS[name]
    kept = []
    for number, text in enumerate([*READABLE, "a\0b", "\0"]):
        filled = {k: v.replace("{n}", f"{number:04}").replace("*", text) for k, v in form.items()}
        got = sound(await browser.post(f"/desk/c/{cid}/{what}", filled, **SCRIPT))
        if what == "tag" and got.status < 400:
            sound(await browser.post(f"/desk/c/{cid}/tag", {"tag": text, "on": "0"}, **SCRIPT))
        elif got.status < 400 and "\0" not in text:
            kept.append(text)
    for path in (f"/desk/c/{cid}", "/desk/queue?view=all", "/desk/audit", "/desk/figures"):
        nothing_of_it_is_page(sound(await browser.get(path)).text, f"{name} on {path}")
    if name in ("reply", "note"):
        assert len(kept) == len(READABLE)
        got = await browser.get(f"/desk/c/{cid}/messages?after=0", **SCRIPT)
        shown = nothing_of_it_is_page(json.loads(got.text)["html"]).text
        missing = [text for text in kept if squeezed(visible(text.strip())) not in shown]
        missing = [text for text in missing if not shows(shown, text.replace("\r\n", "\n").strip())]
        assert not missing, missing
    if name == "reply":
        heard = [m["text"] for m in await shopper.messages() if m["author"] == "agent"]
        assert heard[: len(kept)] == [text.replace("\r\n", "\n").strip() for text in kept]


PLACES = {
    "search": "/desk/queue?view=all&q={}",
    "view": "/desk/queue?view={}",
    "only": "/desk/queue?only={}",
    "canned": "/desk/c/{cid}/canned?q={}",
    "products": "/desk/c/{cid}/products?q={}",
    "after": "/desk/c/{cid}/messages?after={}",
    "conversation": "/desk/c/{}",
    "period": "/desk/figures?period={}",
    "days": "/desk/figures?period=custom&from={}&to={}",
    "file": "/desk/figures.csv?period=custom&from={}",
    "audit": "/desk/audit?agent={}&action={}&cid={}&before={}",
    "leave": "/desk/leave?to={}",
    "next": "/desk/login?next={}",
    "anything": "/desk/{}",
}


@pytest.mark.parametrize("name", PLACES)
async def test_addresses_of_the_desk(stage: Stage, name: str) -> None:
    await stage.agent("limin", "李敏", Role.ADMIN)
    browser = await stage.browser("limin")
    cid = (await stage.shopper()).conversation_id
    for text in [*READABLE, "\0", "a\0b"]:
        path = PLACES[name].replace("{cid}", cid).replace("{}", quote(text, safe=""))
        got = sound(await browser.get(path))
        if "text/html" in got.headers.get("Content-Type", ""):
            nothing_of_it_is_page(got.text, f"{name}: {text!r}")
        target = got.headers.get("Location", "/desk/")
        assert target.startswith("/desk") and "\\" not in target and not target.startswith("//")


async def test_accounts_and_files(stage: Stage) -> None:
    await stage.agent("guanli", "管理员", Role.ADMIN)
    browser = await stage.browser("guanli")
    for number, text in enumerate(READABLE):
        password = {"password": "溪边有三只灰鹭-2026", "again": "溪边有三只灰鹭-2026", "role": "agent"}
        sound(await browser.post("/desk/accounts", {"login": f"a{number:03}", "name": text, **password}))
        sound(await browser.post("/desk/accounts", {"login": text, "name": "小林", **password}))
        sound(
            await browser.post("/desk/accounts", {"login": "abc", "name": "小林", **password, "role": text})
        )
        sound(await browser.post(f"/desk/accounts/{quote(text, safe='')}/disable"))
    for path in ("/desk/accounts", "/desk/figures", "/desk/audit", "/desk/"):
        nothing_of_it_is_page(sound(await browser.get(path)).text, path)
    got = sound(await browser.get("/desk/figures.csv"))
    for row in csv.reader(io.StringIO(got.text.lstrip("\ufeff"))):
        for cell in row:
            assert not cell.lstrip("\t\r\n ").startswith(("=", "+", "@", "＝", "＋", "＠")), cell
            assert not (cell.startswith("-") and not cell[1:].replace(".", "").isdigit()), cell


async def test_the_login_form(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = stage.desk.browser(**{"X-Forwarded-For": "203.0.113.9"})
    form = await browser.get("/desk/login")
    for text in READABLE[::4]:
        sent = {"login": text, "password": text, "next": text}
        got = sound(await browser.post("/desk/login", sent, csrf=form.csrf))
        nothing_of_it_is_page(got.text, repr(text))
        assert text not in str(got.headers)


NAMES = ("X-Request-Id", "X-Forwarded-For", "X-Forwarded-Proto", "Authorization", "Idempotency-Key", "Accept")
NAMES += ("X-Conversation-Secret", "Cookie", "Origin", "Referer", "User-Agent", "traceparent")


async def test_headers_of_requests(stage: Stage) -> None:
    front = stage.desk.front
    for number, text in enumerate(IN_A_HEADER):
        for name in NAMES[number % 3 :: 3]:  # each string in a third of them, each of them with a third
            for path, method in (("/api/v1/conversations", "POST"), ("/desk/login", "GET")):
                async with front.session.request(method, front.url(path), headers={name: text}) as got:
                    body = await got.text()
                    assert got.status < 500 and not leaked(body)
                    assert text not in [v for k, v in got.headers.items() if k != "X-Request-Id"]
                    assert text not in body or len(text) < 6


async def test_a_malformed_cookie_of_somebody_else_locks_nobody_out(stage: Stage) -> None:
    await stage.agent("limin", "李敏")
    browser = await stage.browser("limin")
    own = "; ".join(f"{c.key}={c.value}" for c in browser.session.cookie_jar)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        for cookies, status in ((f"<a>b=1; {own}", 200), (f"{own}; <a>b=1", 200), ("<a>b=1", 303)):
            headers = {"Cookie": cookies, "Accept": "text/html"}
            url = stage.origin + "/desk/account"
            async with session.get(url, headers=headers, allow_redirects=False) as got:
                assert got.status == status, cookies


async def test_what_no_text_can_hold_is_refused_in_words(stage: Stage) -> None:
    shopper = await stage.shopper()
    for text in UNREADABLE:
        await _unreadable(stage, shopper, text)


async def _unreadable(stage: Stage, shopper: Shopper, text: str) -> None:
    got = await shopper.post(text=text)
    assert (got.status, got.json["error"]["code"]) == (400, "unreadable_text")
    assert got.json["error"]["message"]
    async with stage.desk.front.session.ws_connect(stage.desk.front.url("/api/v1/ws")) as ws:
        await ws.send_json(
            {"type": "auth", "conversation_id": shopper.conversation_id, "secret": shopper.secret}
        )
        await ws.send_str(json.dumps({"type": "message", "message_id": "m", "text": text}))
        async for frame in ws:
            assert frame.type is aiohttp.WSMsgType.TEXT
            if (data := json.loads(frame.data))["type"] == "error":
                assert data["error"]["code"] == "unreadable_text"
                break


async def test_ids_and_customers(stage: Stage) -> None:
    """Fields of integrators: what is no id is refused, what is one is kept as it is."""
    shopper = await stage.shopper()
    for text in [*READABLE, *UNREADABLE]:
        got = await shopper.post(text="在吗", message_id=text)
        assert got.status in (200, 422), got.json
        got = await stage.desk.front.request(
            "POST",
            "/api/v1/chat",
            json={"conversation_id": text, "message_id": "m", "text": "x"},
            headers=shopper.headers,
        )
        assert got.status == 404
        got = await shopper.post(button=text)
        assert (got.status, got.json["error"]["code"]) == (422, "unknown_button")
        got = await stage.desk.front.request("POST", "/demo/login", json={"customer_id": text})
        assert got.status in (404, 422)
        got = await shopper.post(text="x", **{text: text})
        assert (got.status, got.json["error"]["code"]) == (422, "unknown_field")
