"""Every address of the desk against everybody who should not get there; the table is the router's own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import pytest
from aiohttp import web

from bot.app.desk import DESK
from bot.conversation.desk_types import Role
from bot.desk.access import Access, UndeclaredRouteError, access_of, check_routes
from bot.desk.words import words
from tests.bot.desk.harness import Browser, Desk

#: What stands for the variable parts of addresses.
PARTS = {"cid": "c_unknown", "agent_id": "a_unknown", "path": "desk.css", "request_id": "1", "topic": "t"}

#: Each address, the least role, its line in the audit log. A new route needs a line here.
TABLE = """
GET /desk agent none
GET /desk/ agent view_queue
GET /desk/queue agent view_queue
GET /desk/requests agent view_requests
POST /desk/requests/{request_id}/done agent request_done
GET /desk/c/{cid} agent view_conversation
GET /desk/c/{cid}/messages agent view_conversation
GET /desk/c/{cid}/canned agent none
GET /desk/c/{cid}/products agent none
GET /desk/c/{cid}/customer agent view_customer
GET /desk/leave agent none
POST /desk/c/{cid}/take agent take_over
POST /desk/c/{cid}/reply agent reply
POST /desk/c/{cid}/picture agent picture
POST /desk/c/{cid}/note agent note
POST /desk/c/{cid}/back agent hand_back
POST /desk/c/{cid}/close agent close
POST /desk/c/{cid}/transfer agent transfer
POST /desk/c/{cid}/snooze agent snooze
POST /desk/c/{cid}/tag agent tag
POST /desk/c/{cid}/flag agent flag
POST /desk/c/{cid}/rate agent rate
POST /desk/c/{cid}/correct agent correct
POST /desk/c/{cid}/seen agent none
POST /desk/c/{cid}/draft agent none
POST /desk/c/{cid}/reveal agent reveal
POST /desk/c/{cid}/order agent order_action
GET /desk/figures agent none
GET /desk/figures.csv agent export_figures
GET /desk/static/{path} public none
GET /desk/login public none
POST /desk/login public none
POST /desk/logout agent logout
POST /desk/logout-everywhere agent logout_everywhere
GET /desk/session agent none
GET /desk/account agent none
POST /desk/password agent change_password
POST /desk/presence agent presence
GET /desk/live agent none
GET /desk/audit supervisor view_audit
GET /desk/figures agent none
GET /desk/figures.csv agent export_figures
GET /desk/policies agent none
GET /desk/policies/{topic} agent none
POST /desk/policies/{topic} supervisor change_policy
POST /desk/policies/{topic}/form supervisor none
POST /desk/policies/{topic}/restore supervisor restore_policy
GET /desk/accounts admin view_accounts
POST /desk/accounts admin add_account
POST /desk/accounts/{agent_id}/disable admin disable_account
POST /desk/accounts/{agent_id}/enable admin enable_account
POST /desk/accounts/{agent_id}/role admin change_role
POST /desk/accounts/{agent_id}/name admin rename_account
POST /desk/accounts/{agent_id}/password admin reset_password
POST /desk/accounts/{agent_id}/end admin end_sessions
"""
#: Writes that the log leaves out: which message was read last; and what stores nothing: a draft's check, a
#: form that is changed about.
UNLOGGED = {"/desk/c/{cid}/seen", "/desk/c/{cid}/draft", "/desk/policies/{topic}/form"}
EXPECTED = {tuple(line.split()[:2]): tuple(line.split()[2:]) for line in TABLE.strip().splitlines()}


def routes(desk: Desk) -> Iterator[tuple[str, str, Access]]:
    """Yield method, pattern and declaration of each route of the real application."""
    for route in desk.front.app[DESK].router.routes():
        access = access_of(route.handler)
        assert access is not None
        assert route.resource is not None
        if route.method != "HEAD":
            yield route.method, re.sub(r"\{(\w+):[^}]*\}", r"{\1}", route.resource.canonical), access


def filled(pattern: str) -> str:
    return pattern.format(**PARTS)


async def call(browser: Browser, method: str, pattern: str, **options: str) -> int:
    """Send what a page would send, less what the test leaves out; return the status."""
    address = filled(pattern)
    if method == "GET":
        return (await browser.get(address, **options)).status
    return (await browser.post(address, **options)).status


async def test_every_route_stands_in_the_table(desk: Desk) -> None:
    found = {
        (method, pattern): (access.role.value if access.role else "public", access.audit or "none")
        for method, pattern, access in routes(desk)
    }
    assert found == EXPECTED


async def test_what_changes_something_is_a_write_and_is_logged(desk: Desk) -> None:
    for method, pattern, access in routes(desk):
        assert access.write == (method != "GET"), pattern
        if access.write and access.role is not None and pattern not in UNLOGGED:
            assert access.audit is not None, f"{pattern} changes something that the audit log never tells"
        if access.audit is not None:
            assert access.audit in words("audit"), f"{access.audit} has no Chinese name in words.yml"


async def test_without_a_login_there_is_nothing(desk: Desk) -> None:
    for method, pattern, access in routes(desk):
        if access.role is None:
            continue
        status = await call(desk.browser(), method, pattern)
        assert status == (303 if method == "GET" else 401), pattern
        script = await desk.browser().request(method, filled(pattern), headers={"Origin": desk.origin})
        assert script.status == 401, pattern
        assert script.text == "登录已失效，请重新登录。"
    assert await desk.log() == []


async def test_a_lesser_role_is_refused(desk: Desk, agent: Browser, supervisor: Browser) -> None:
    ranks = list(Role)
    tried = 0
    for browser, role in ((agent, Role.AGENT), (supervisor, Role.SUPERVISOR)):
        for method, pattern, access in routes(desk):
            if access.role is not None and ranks.index(access.role) > ranks.index(role):
                assert await call(browser, method, pattern) == 403, pattern
                tried += 1
    assert "没有权限" in (await agent.get("/desk/accounts")).text
    assert tried > 10
    assert {entry.action for entry in await desk.log()} == {"login"}


async def test_a_write_without_the_token_of_the_session_is_refused(desk: Desk, admin: Browser) -> None:
    other = await desk.logged_in("bo")
    for (method, pattern, access), token in itertools.product(routes(desk), ("", "x" * 43, other.csrf)):
        if access.write:
            page = await admin.post(filled(pattern), csrf=token)
            assert page.status == 403, (method, pattern)
            header = await admin.request(
                "POST", filled(pattern), headers={"Origin": desk.origin, "X-CSRF-Token": token}
            )
            assert (header.status, header.text) == (403, "页面已经过期，请刷新后再试。")
    assert (await admin.get("/desk/account")).status == 200  # it is still logged in


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {},
    ],
)
async def test_a_write_from_elsewhere_is_refused(desk: Desk, admin: Browser, headers: dict[str, str]) -> None:
    for method, pattern, access in routes(desk):
        if access.write:
            sent = {**headers, "X-CSRF-Token": admin.csrf}
            assert (await admin.request(method, filled(pattern), headers=sent)).status == 403, pattern
    assert (await admin.get("/desk/account")).status == 200


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_the_live_connection_is_for_own_pages(
    desk: Desk, agent: Browser, headers: dict[str, str]
) -> None:
    live = [pattern for _, pattern, access in routes(desk) if access.live]
    assert live == ["/desk/live"]
    assert (await agent.get("/desk/live", **headers)).status == 403


#: Fields with which each write would be done by whoever holds the conversation.
FIELDS = {
    "reply": {"text": "您好", "key": "key-00000001"},
    "back": {"outcome": "solved"},
    "close": {"outcome": "solved"},
    "transfer": {"to": ""},
    "snooze": {"until": "30m"},
}


@pytest.mark.parametrize("what", FIELDS)
async def test_a_colleagues_conversation_is_not_written_to(desk: Desk, agent: Browser, what: str) -> None:
    shopper = await desk.front.open("C0001")
    holder = await desk.add("holder", name="小何")
    await desk.handover.take_over(shopper.conversation_id, holder.agent_id)
    before = await desk.reader.conversation(shopper.conversation_id, holder.agent_id)
    got = await agent.post(f"/desk/c/{shopper.conversation_id}/{what}", FIELDS[what])
    assert got.status == 403, got.text
    assert "不由您接待" in got.text
    after = await desk.reader.conversation(shopper.conversation_id, holder.agent_id)
    assert after == before
    assert what not in {entry.action for entry in await desk.log()}


async def test_taking_what_a_colleague_has_names_the_colleague(desk: Desk, agent: Browser) -> None:
    shopper = await desk.front.open("C0001")
    holder = await desk.add("holder", name="小何")
    await desk.handover.take_over(shopper.conversation_id, holder.agent_id)
    got = await agent.post(f"/desk/c/{shopper.conversation_id}/take")
    assert (got.status, "小何" in got.text) == (409, True)


async def test_other_methods_and_unknown_addresses_are_told_in_chinese(desk: Desk, agent: Browser) -> None:
    for browser in (agent, desk.browser()):
        missing = await browser.get("/desk/no-such-page")
        assert (missing.status, "页面不存在" in missing.text) == (404, True)
        wrong = await browser.request("DELETE", "/desk/login", headers={"Accept": "text/html"})
        assert (wrong.status, "操作不支持" in wrong.text) == (405, True)
        assert "Traceback" not in missing.text + wrong.text


async def test_pages_are_kept_by_nobody_and_load_own_files_only(desk: Desk, admin: Browser) -> None:
    for method, pattern, access in routes(desk):
        if method != "GET" or access.live:
            continue
        page = await admin.get(filled(pattern))
        policy = dict(
            part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        if "{path}" in pattern:
            assert page.headers["Cache-Control"] == "no-cache"
            continue
        assert page.headers["Cache-Control"] == "no-store", pattern
        assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|<style|javascript:", page.text), (
            pattern
        )
        assert not re.search(r"(?:src|href)=\"(?!/desk/|\?|#)", page.text), pattern


def test_a_route_that_declares_nothing_does_not_start() -> None:
    async def open_door(_request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/door", open_door)
    with pytest.raises(UndeclaredRouteError, match="door"):
        check_routes(app)
