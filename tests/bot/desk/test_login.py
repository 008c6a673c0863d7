"""Logging in and out, as a browser sees it: words, cookies, what cannot be forged."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie

import pytest

from bot.conversation.accounts import SessionLimits
from bot.desk.access import safe_next
from bot.desk.transport import SecureCookies
from tests.bot.conversation.rasa_stub import RasaStub
from tests.bot.desk.harness import PASSWORD, Browser, Desk, Page

NEW = "北坡的松果落了整整一地"


def cookie(page: Page, name: str) -> dict[str, str]:
    """Return the attributes of a cookie as the server sends them."""
    [found] = [
        SimpleCookie(line)[name] for line in page.headers.getall("Set-Cookie") if line.startswith(name + "=")
    ]
    return {key: str(value) for key, value in found.items() if value}


async def test_login_leads_to_the_page_that_was_asked_for(desk: Desk) -> None:
    await desk.add("xiaolin")
    browser = desk.browser()
    asked = await browser.get("/desk/account")
    assert (asked.status, asked.headers["Location"]) == (303, "/desk/login?next=%2Fdesk%2Faccount")
    form = await browser.get(asked.headers["Location"])
    assert 'name="next" value="/desk/account"' in form.text
    got = await browser.log_in("xiaolin", next="/desk/account")
    assert (got.status, got.headers["Location"]) == (303, "/desk/account")
    page = await browser.get("/desk/account")
    assert (page.status, "客服xiaolin" in page.text) == (200, True)
    again = await browser.get("/desk/login?next=/desk/account")
    assert (again.status, again.headers["Location"]) == (303, "/desk/account")
    assert [e.action for e in await desk.log()] == ["login"]


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/desk/",
        "//evil.example/desk/",
        "/\\evil.example",
        "/desk/..//evil.example",
        "/desk/../api",
        "/desk/%2e%2e/",
        "/desk//evil.example",
        "/deskx/",
        "/desk",
        "/desk/\n",
        "/desk/\t/x",
        "/desk/@evil.example",
        "javascript:alert(1)",
        "",
        "/desk/" + "x" * 600,
    ],
)
async def test_the_way_on_leads_nowhere_else(desk: Desk, target: str) -> None:
    assert safe_next(target) == "/desk/"
    await desk.add("xiaolin")
    got = await desk.browser().log_in("xiaolin", next=target)
    assert (got.status, got.headers["Location"]) == (303, "/desk/")


def test_the_way_on_keeps_pages_of_the_desk() -> None:
    for target in ("/desk/c/c_12ab", "/desk/audit?agent=a_1&since=2026-11-01"):
        assert safe_next(target) == target


async def test_a_refusal_is_the_same_for_known_and_unknown_logins(desk: Desk) -> None:
    await desk.add("xiaolin")
    pages = []
    for login in ("xiaolin", "nobody"):
        page = await desk.browser(**{"X-Forwarded-For": "198.51.100.9"}).log_in(login, "wrong password")
        assert page.status == 403
        assert "账号或密码不正确" in page.text
        pages.append(re.sub(r'value="[^"]*"', "", page.text))
    assert pages[0] == pages[1]
    assert [(e.action, e.agent_id == "-") for e in await desk.log()] == [
        ("login_refused", False),
        ("login_refused", True),
    ]


@pytest.mark.parametrize("login", ["xiaolin", "nobody"])
async def test_guessing_is_locked_and_told_with_the_time_left(desk: Desk, login: str) -> None:
    await desk.add("xiaolin")
    for number in range(5):
        browser = desk.browser(**{"X-Forwarded-For": f"198.51.100.{number}"})
        assert (await browser.log_in(login, "wrong password")).status == 403
    browser = desk.browser(**{"X-Forwarded-For": "198.51.100.99"})
    locked = await browser.log_in(login)
    assert (locked.status, locked.headers["Retry-After"]) == (429, "900")
    assert "15 分钟 后再试" in locked.text
    desk.clock.advance(minutes=14, seconds=30)
    assert "30 秒 后再试" in (await browser.log_in(login)).text
    desk.clock.advance(seconds=30)
    assert (await browser.log_in(login)).status == (303 if login == "xiaolin" else 403)


async def test_an_address_is_locked_for_all_logins(desk: Desk) -> None:
    await desk.add("xiaolin")
    guesser = desk.browser(**{"X-Forwarded-For": "198.51.100.1"})
    for number in range(5):
        await guesser.log_in(f"user{number}", "wrong password")
    assert (await guesser.log_in("xiaolin")).status == 429
    assert (await desk.browser(**{"X-Forwarded-For": "198.51.100.2"}).log_in("xiaolin")).status == 303


async def test_what_is_typed_comes_back_as_text(desk: Desk) -> None:
    page = await desk.browser().log_in('"><script>alert(1)</script>', "wrong password")
    assert page.status == 403
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text


@pytest.mark.parametrize("body", [b"login=%ff%fe&password=x&csrf=", b"login=a\0b&password=\0&csrf="])
async def test_garbage_is_refused_without_a_fault(desk: Desk, body: bytes) -> None:
    browser = desk.browser()
    form = await browser.get("/desk/login")
    got = await browser.request(
        "POST",
        "/desk/login",
        data=body + form.csrf.encode(),
        headers={
            "Origin": desk.origin,
            "Accept": "text/html",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    assert got.status in {400, 403}


async def test_a_login_that_another_site_prepared_is_refused(desk: Desk) -> None:
    await desk.add("attacker")
    victim, attacker = desk.browser(), desk.browser()
    form = await attacker.get("/desk/login")
    data = {"login": "attacker", "password": PASSWORD}
    no_cookie = await victim.post("/desk/login", data, csrf=form.csrf)
    assert (no_cookie.status, "页面已经过期" in no_cookie.text) == (403, True)
    own = await victim.get("/desk/login")
    assert own.csrf != form.csrf
    assert (await victim.post("/desk/login", data, csrf=form.csrf)).status == 403
    cross = await victim.post("/desk/login", data, csrf=own.csrf, Origin="https://evil.example")
    assert cross.status == 403
    assert await desk.log() == []
    assert (await victim.post("/desk/login", data, csrf=own.csrf)).status == 303


async def test_each_login_gets_a_new_session_and_ends_the_one_before(desk: Desk, agent: Browser) -> None:
    def token() -> str:
        return {c.key: c.value for c in agent.session.cookie_jar}["zhixin_desk"]

    first = token()
    data = {"login": "xiaolin", "password": PASSWORD}
    agent.session.cookie_jar.update_cookies({"zhixin_desk_entry": "e" * 43})
    got = await agent.post("/desk/login", data, csrf="e" * 43)
    assert got.status == 303
    assert token() != first
    assert await desk.accounts.session(first) is None


async def test_cookies_of_a_demo_on_this_machine(desk: Desk) -> None:
    await desk.add("xiaolin")
    got = await desk.browser().log_in("xiaolin")
    assert cookie(got, "zhixin_desk") == {"path": "/desk", "httponly": "True", "samesite": "Lax"}
    assert len(got.cookies["zhixin_desk"].value) >= 43
    assert got.cookies["zhixin_desk_entry"]["max-age"] == "0"


async def test_cookies_of_a_shop_travel_over_tls_alone(record_url: str, rasa: RasaStub) -> None:
    async with Desk(record_url, rasa.port, demo=False) as desk:
        await desk.add("xiaolin")
        browser = desk.browser(**{"X-Forwarded-Proto": "https"})
        form = await browser.get("/desk/login")
        entry = form.cookies["__Secure-zhixin_desk_entry"]
        assert cookie(form, "__Secure-zhixin_desk_entry")["secure"] == "True"
        # The client of this test speaks plain HTTP and so keeps no Secure cookies: it is told them.
        browser.extra["Cookie"] = f"__Secure-zhixin_desk_entry={entry.value}"
        origin = {"Origin": desk.origin.replace("http:", "https:")}
        data = {"login": "xiaolin", "password": PASSWORD}
        plain = await browser.post("/desk/login", data, csrf=form.csrf)
        assert plain.status == 403  # http is another origin than https
        got = await browser.post("/desk/login", data, csrf=form.csrf, **origin)
        assert got.status == 303
        session = got.cookies["__Secure-zhixin_desk"]
        assert cookie(got, "__Secure-zhixin_desk") == {
            "path": "/desk",
            "httponly": "True",
            "samesite": "Lax",
            "secure": "True",
        }
        browser.extra["Cookie"] = (
            f"zhixin_desk={session.value}"  # without the prefix: anybody may have set it
        )
        assert (await browser.get("/desk/account")).status == 303
        browser.extra["Cookie"] = f"__Secure-zhixin_desk={session.value}"
        assert (await browser.get("/desk/account")).status == 200


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Host": "desk.shop.example"}, True),
        ({"Host": "desk.shop.example", "X-Forwarded-Proto": "https"}, False),
        ({"Host": "desk.shop.example", "Sec-Fetch-Site": "none"}, False),
        ({"Host": "127.0.0.1:8080"}, False),
    ],
)
async def test_a_login_that_no_browser_would_keep_is_told(
    record_url: str, rasa: RasaStub, headers: dict[str, str], told: bool
) -> None:
    async with Desk(record_url, rasa.port, demo=False) as desk:
        page = await desk.browser().get("/desk/login", **headers)
        assert ("请改用 https://" in page.text) is told


async def test_the_word_of_a_stranger_about_tls_does_not_count(record_url: str, rasa: RasaStub) -> None:
    async with Desk(record_url, rasa.port, trusted_proxies=()) as desk:
        await desk.add("xiaolin")
        got = await desk.browser(**{"X-Forwarded-Proto": "https"}).log_in("xiaolin")
        assert cookie(got, "zhixin_desk").get("secure") is None


async def test_own_origins_behind_a_proxy_that_changes_the_host(record_url: str, rasa: RasaStub) -> None:
    own = "https://desk.shop.example"
    async with Desk(record_url, rasa.port, desk_origins=(own,), desk_cookies=SecureCookies.OFF) as desk:
        browser = await desk.logged_in("xiaolin")
        assert (await browser.post("/desk/presence", {"presence": "busy"}, Origin=own)).status == 303
        other = await browser.post("/desk/presence", {"presence": "busy"}, Origin=own + ".evil.example")
        assert other.status == 403


async def test_logging_out_ends_the_session_and_takes_the_cookie(desk: Desk, agent: Browser) -> None:
    token = next(c.value for c in agent.session.cookie_jar if c.key == "zhixin_desk")
    got = await agent.post("/desk/logout")
    assert (got.status, got.headers["Location"]) == (303, "/desk/login?out=1")
    assert "已安全退出" in (await agent.get("/desk/login?out=1")).text
    assert got.cookies["zhixin_desk"]["max-age"] == "0"
    assert await desk.accounts.session(token) is None
    assert (await agent.get("/desk/account")).status == 303
    assert [e.action for e in await desk.log()] == ["login", "logout"]


async def test_logging_out_everywhere(desk: Desk, agent: Browser) -> None:
    elsewhere = desk.browser()
    await elsewhere.log_in("xiaolin")
    assert (await agent.post("/desk/logout-everywhere")).status == 303
    assert (await elsewhere.get("/desk/session")).status == 303
    assert (await elsewhere.get("/desk/session", Accept="*/*")).status == 401


async def test_sessions_end_after_twelve_idle_hours(desk: Desk, agent: Browser) -> None:
    desk.clock.advance(hours=6)
    assert (await agent.get("/desk/account")).status == 200
    for _ in range(12):  # the page asks by itself: nobody is there
        desk.clock.advance(hours=1)
        last = await agent.get("/desk/session", **{"X-Desk-Background": "1"})
    assert SessionLimits().idle.total_seconds() == 12 * 3600
    assert last.status == 303


async def test_the_own_password_is_changed_with_a_new_session(desk: Desk, agent: Browser) -> None:
    elsewhere = desk.browser()
    await elsewhere.log_in("xiaolin")
    fields = {"old": PASSWORD, "new": NEW, "again": NEW}
    for wrong, sentence in (
        ({"old": "wrong password"}, "当前密码不正确"),
        ({"again": "another one 12"}, "两次输入的新密码不一样"),
        ({"new": "short", "again": "short"}, "密码至少 10 个字符"),
        ({"new": "qwertyuiop", "again": "qwertyuiop"}, "这个密码太常见"),
    ):
        page = await agent.post("/desk/password", {**fields, **wrong})
        assert (page.status, sentence in page.text) == (422, True)
    page = await agent.post("/desk/password", fields)
    assert (page.status, "密码已修改" in page.text) == (200, True)
    assert (await elsewhere.get("/desk/account")).status == 303
    after = await agent.get("/desk/account")
    assert after.status == 200
    assert after.csrf == page.csrf != agent.csrf  # the page that was shown works on
    assert [e.action for e in await desk.log()].count("change_password") == 1
    assert (await desk.browser().log_in("xiaolin")).status == 403
    assert (await desk.browser().log_in("xiaolin", NEW)).status == 303


async def test_presence_is_switched_with_and_without_scripts(desk: Desk, agent: Browser) -> None:
    got = await agent.post("/desk/presence", {"presence": "online", "next": "/desk/account"})
    assert (got.status, got.headers["Location"]) == (303, "/desk/account")
    [account] = await desk.accounts.accounts()
    assert account.agent.presence.value == "online"
    part = await agent.post("/desk/presence", {"presence": "busy"}, **{"HX-Request": "true"})
    assert part.status == 200
    assert re.search(r'value="busy" aria-pressed="true"', part.text)
    assert "<html" not in part.text
    assert (await agent.post("/desk/presence", {"presence": "asleep"})).status == 400
    away = await agent.post("/desk/presence", {"presence": "away", "next": "https://evil.example/"})
    assert away.headers["Location"] == "/desk/"
