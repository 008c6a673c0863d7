"""The widget where she logs in or out: what becomes hers, what stays in no browser, in which tabs."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.chat import Chat, at_least, on_phone
from tests.browser.conftest import LOOP
from tests.browser.waiting import until
from tests.browser.widget_stage import WidgetStage, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]


STORED = "Object.keys(localStorage).filter(k => k.startsWith('zhixin.v1.c.'))"
HEARD = (
    "<script>window.heard = []; window.Zhixin = [(z) => ['identified', 'token', 'error']"
    ".forEach((n) => z.on(n, () => heard.push(n)))];</script>"
)


async def test_what_she_wrote_before_logging_in_is_hers_on_another_device(widget: WidgetStage) -> None:
    page = await widget.page(head=HEARD)
    chat = Chat(await widget.open_widget(page))
    await chat.greeted()
    await chat.ask("还没登录")
    token = widget.token("u1001")
    await page.evaluate("token => Zhixin.identify(token)", token)
    await until(page, "heard.includes('identified')")
    await chat.ask("登录了")
    assert await chat.said() == ["还没登录", "登录了"]
    other = Chat(await widget.open_widget(await widget.page(token=token)))
    await other.hears("答：登录了")
    assert await other.said() == ["还没登录", "登录了"]
    await other.ask("换了设备")
    await chat.hears("答：换了设备")


async def test_logging_out_hides_what_was_said(widget: WidgetStage) -> None:
    page = await widget.page(token=widget.token("u1001"), head=HEARD)
    frame = await widget.open_widget(page)
    chat = Chat(frame)
    await chat.greeted()
    await chat.ask("我的订单")
    await page.evaluate("Zhixin.identify(null)")
    await expect(chat.mine()).to_have_count(0)
    await chat.greeted()
    await chat.ask("谁都能说")
    await page.evaluate("token => Zhixin.identify(token)", widget.token("u1002"))
    await chat.hears("答：谁都能说")  # what was written in this tab before is hers now
    await page.evaluate("token => Zhixin.identify(token)", widget.token("u1001"))
    await chat.hears("答：我的订单")
    assert await chat.said() == ["我的订单"]


async def test_nothing_of_a_customer_stays_in_the_browser_after_logout(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    shop = f"{widget.origin}/shop"
    body = f"<!doctype html>{widget.line(token=widget.token('u1001'))}"
    await context.route(shop, lambda route: route.fulfill(body=body, content_type="text/html"))
    page = await widget.visit(shop, context)
    chat = Chat(await widget.open_widget(page))
    await chat.greeted()
    await chat.ask("我的订单")
    assert await page.evaluate(STORED) != []
    await page.reload()
    chat = Chat(await widget.open_widget(page))
    await chat.hears("答：我的订单")
    await page.evaluate("Zhixin.identify(null)")
    await expect(chat.mine()).to_have_count(0)
    assert await page.evaluate(STORED) == []


async def test_a_logout_in_the_middle_of_a_login_counts(widget: WidgetStage) -> None:
    page = await widget.page(head=HEARD)
    chat = Chat(await widget.open_widget(page))
    await chat.greeted()
    await chat.ask("还没登录")
    held: list[Any] = []

    async def hold(route: Any) -> None:
        held.append(route)

    await page.route("**/identify", hold)
    await page.evaluate("token => Zhixin.identify(token)", widget.token("u1001"))
    await eventually(lambda: at_least(held, 1))
    await page.evaluate("Zhixin.identify(null)")
    await expect(chat.mine()).to_have_count(0)
    async with page.expect_response("**/identify"):
        await held[0].continue_()
    await chat.greeted()
    await chat.ask("谁都能说")
    assert await chat.said() == ["谁都能说"]
    assert await page.evaluate("heard") == []
    assert await chat.view.evaluate(STORED) == []


async def test_what_is_written_while_she_logs_in_with_the_page_is_sent(widget: WidgetStage) -> None:
    page = await widget.page(head=HEARD)
    chat = Chat(await widget.open_widget(page))
    await chat.greeted()
    await chat.ask("还没登录")
    held: list[Any] = []

    async def hold(route: Any) -> None:
        held.append(route)

    await page.route("**/identify", hold)
    widget.host.pages["/"] = f"<!doctype html>{HEARD}{widget.line(token=widget.token('u1001'))}"
    await page.reload()
    chat = Chat(await widget.open_widget(page))
    await eventually(lambda: at_least(held, 1))
    await chat.say("正在登录")
    await chat.mine("正在登录", "sending").wait_for()
    await held[0].continue_()
    await chat.hears("答：正在登录")
    assert await chat.said() == ["还没登录", "正在登录"]
    await until(page, "heard.includes('identified')")


async def test_a_logout_counts_in_the_other_tabs(widget: WidgetStage) -> None:
    token = widget.token("u1001")
    context = await widget.context()
    one, two = [await widget.page(context=context, head=HEARD, token=token) for _ in range(2)]
    first = Chat(await widget.open_widget(one))
    await first.greeted()
    await first.ask("我的订单")
    second = Chat(await widget.open_widget(two))
    await second.hears("答：我的订单")
    await one.evaluate("Zhixin.identify(null)")
    for chat in (first, second):
        await expect(chat.mine()).to_have_count(0)
        await chat.greeted()
    await second.ask("谁都能说")
    assert await second.said() == ["谁都能说"]
    assert await second.view.evaluate(STORED) == []
    assert "token" not in await two.evaluate("heard")


async def test_a_logout_counts_where_the_chat_is_not_loaded(widget: WidgetStage) -> None:
    context = await widget.context()
    page = await widget.page(context=context, token=widget.token("u1001"))
    chat = Chat(await widget.open_widget(page))
    await chat.greeted()
    assert await chat.view.evaluate(STORED) != []
    await page.close()
    page = await widget.page(context=context, path="/out")  # a new tab, without a token
    await until(page, "typeof window.Zhixin?.identify === 'function'")
    assert len(page.frames) == 1
    await page.evaluate("Zhixin.identify(null)")
    frame = await widget.frame(page)
    await until(frame, f"{STORED}.length === 0")
    assert await page.evaluate("localStorage.length") == 0  # nothing is left to be cleared


async def test_a_token_that_is_refused_again_and_again_is_asked_for_less_often(widget: WidgetStage) -> None:
    head, body, _ = widget.token("u1001").split(".")
    bad = f"{head}.{body}.{'A' * 43}"
    again = f"<script>window.Zhixin.push((z) => z.on('token', () => z.identify('{bad}')))</script>"
    page = await widget.page(token=bad, head=HEARD + again)
    await widget.open_widget(page)
    counted = "heard.filter((name) => name === 'token').length"
    await until(page, f"{counted} === 2")
    await page.wait_for_timeout(1500)  # the next comes after two seconds
    assert await page.evaluate(counted) == 2


async def test_an_expired_token_is_asked_for_anew(widget: WidgetStage) -> None:
    good = widget.token("u1001")
    head, body, _ = good.split(".")
    page = await widget.page(token=f"{head}.{body}.{'A' * 43}", head=HEARD)
    chat = Chat(await widget.open_widget(page))
    await until(page, "heard.includes('token')")
    await chat.greeted()  # until then she is nobody
    await page.evaluate("token => Zhixin.identify(token)", good)
    await until(page, "heard.includes('identified')")
    await chat.ask("现在是我")
