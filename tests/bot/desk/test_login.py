"""Logging in and out, as a browser sees it."""

from __future__ import annotations

from tests.bot.desk.harness import Desk


async def test_login_leads_to_the_page_that_was_asked_for(desk: Desk) -> None:
    await desk.add("xiaolin")
    browser = desk.browser()
    asked = await browser.get("/desk/account")
    assert (asked.status, asked.headers["Location"]) == (303, "/desk/login?next=%2Fdesk%2Faccount")
    got = await browser.log_in("xiaolin", next="/desk/account")
    assert (got.status, got.headers["Location"]) == (303, "/desk/account")
    page = await browser.get("/desk/account")
    assert page.status == 200
    assert "客服xiaolin" in page.text
    assert [e.action for e in await desk.log()] == ["login"]
