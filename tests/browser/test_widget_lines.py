"""The widget where the line fails: offline, blocked, restarted; two tabs, two devices, login and logout."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.chat import MINE, THEIRS, Chat, asked, at_least, on_phone
from tests.browser.conftest import LOOP
from tests.browser.test_widget import phone, refuse_storage
from tests.browser.widget_stage import WidgetStage, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]


async def block_sockets(context: Any) -> list[str]:
    """Let no WebSocket through; returns the list of those that were tried."""
    tried: list[str] = []

    async def refuse(socket: Any) -> None:
        tried.append(socket.url)
        await socket.close()

    await context.route_web_socket(re.compile("/api/v1/ws$"), refuse)
    return tried


async def test_what_is_written_offline_is_sent_once_when_the_line_is_back(widget: WidgetStage) -> None:
    chat = await phone(widget)
    await chat.ask("在吗")
    context = chat.view.context
    await context.set_offline(True)
    await expect(chat.line).to_have_text("网络断开了，写下的话会在恢复后发出。")
    await chat.say("第一句")
    await chat.say("第二句")
    waiting = chat.mine(state="sending")
    await expect(waiting).to_have_count(2)
    await expect(waiting.first.locator(".state")).to_have_text("等网络恢复后发出")
    await context.set_offline(False)
    await chat.hears("答：第二句")
    await chat.hears("答：第一句")
    await expect(chat.mine(state="sent")).to_have_count(3)
    await expect(chat.line).to_be_empty()
    assert asked(widget) == ["在吗", "第一句", "第二句"]
    assert await chat.said() == ["在吗", "第一句", "第二句"]


async def test_where_websocket_is_blocked_plain_http_does(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    tried = await block_sockets(context)
    chat = Chat(await widget.alone(context=context))
    await chat.greeted()
    await chat.ask("在吗")
    await chat.ask("还在吗")
    assert await chat.said() == ["在吗", "还在吗"]
    await expect(chat.line).to_be_empty()  # it works: nothing to worry her with
    assert asked(widget) == ["在吗", "还在吗"]
    await eventually(lambda: at_least(tried, 2))  # it is tried again beside


async def test_a_message_goes_from_sending_over_failed_and_retry_to_sent(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    await block_sockets(context)
    chat = Chat(await widget.alone(context=context))
    await chat.greeted()
    answers = [(400, {"error": {"code": "bad", "message": "歇一歇再发"}})]
    held: list[Any] = []

    async def refuse(route: Any) -> None:
        if answers:
            held.append(route)
        else:
            await route.continue_()

    await context.route("**/api/v1/chat", refuse)
    await chat.say("物流")
    await chat.mine("物流", "sending").wait_for()
    await eventually(lambda: at_least(held, 1))
    status, body = answers.pop()
    await held[0].fulfill(status=status, json=body)
    failed = chat.mine("物流", "failed")
    await failed.get_by_role("alert").get_by_text("歇一歇再发").wait_for()
    await chat.view.reload()  # it is not lost, and not sent by itself
    await chat.greeted()
    await failed.wait_for()
    assert asked(widget) == []
    await failed.get_by_role("button", name="重试").click()
    await chat.hears("答：物流")
    await chat.mine("物流", "sent").wait_for()
    assert await chat.mine().count() == 1
    assert asked(widget) == ["物流"]


async def test_a_failed_message_can_be_deleted(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    await block_sockets(context)
    refused = {"error": {"code": "text_empty", "message": "是空的"}}
    await context.route("**/api/v1/chat", lambda route: route.fulfill(status=422, json=refused))
    chat = Chat(await widget.alone(context=context))
    await chat.greeted()
    await chat.say("物流")
    await chat.mine("物流", "failed").get_by_role("button", name="删除").click()
    await expect(chat.mine()).to_have_count(0)


async def test_a_server_that_breaks_is_asked_again_by_itself(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    await block_sockets(context)
    broken = [503, 500]

    async def breaks(route: Any) -> None:
        if broken:
            await route.fulfill(status=broken.pop(), json={"error": {"code": "internal", "message": ""}})
        else:
            await route.continue_()

    await context.route("**/api/v1/chat", breaks)
    chat = Chat(await widget.alone(context=context))
    await chat.greeted()
    await chat.ask("在吗")
    assert broken == []
    assert await chat.said() == ["在吗"]


async def test_a_reload_in_the_middle_loses_nothing(widget: WidgetStage) -> None:
    chat = await phone(widget)
    await chat.ask("在吗")
    widget.rasa.gate.clear()
    await chat.say("物流")
    await chat.mine("物流", "sent").wait_for()
    await chat.view.reload()
    await chat.mine("物流", "sent").wait_for()
    await chat.typing.wait_for()  # the answer is still owed
    widget.rasa.gate.set()
    await chat.hears("答：物流")
    await expect(chat.typing).to_be_hidden()
    assert await chat.said() == ["在吗", "物流"]
    assert asked(widget) == ["在吗", "物流"]


async def test_what_waited_is_sent_after_a_reload(widget: WidgetStage) -> None:
    chat = await phone(widget)
    page = chat.view
    await page.route("**/api/v1/chat", lambda route: route.abort())
    await page.context.set_offline(True)
    await chat.say("写在断网时")
    await chat.mine("写在断网时", "sending").wait_for()
    await page.context.set_offline(False)
    await page.reload()
    await chat.hears("答：写在断网时")
    assert asked(widget) == ["写在断网时"]


async def test_a_front_that_restarts_in_the_middle_loses_nothing(widget: WidgetStage) -> None:
    chat = await phone(widget)
    await chat.ask("在吗")
    await widget.stop()
    await chat.say("你还在吗")
    await expect(chat.mine("你还在吗", "sending").locator(".state")).to_have_text("等网络恢复后发出")
    await expect(chat.line).to_contain_text("网络断开了")
    retry = chat.mine("你还在吗").get_by_role("button", name="重试")
    await expect(retry).to_be_visible()
    await widget.start()
    # It may go by itself first: then there is nothing to tap any more.
    await retry.evaluate_all("(found) => found.forEach((button) => button.click())")
    await chat.hears("答：你还在吗")
    await expect(chat.line).to_be_empty(timeout=20000)
    await expect(chat.mine(state="sent")).to_have_count(2)
    assert asked(widget) == ["在吗", "你还在吗"]


async def test_a_front_that_is_away_at_first_is_found_by_itself(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    away = [True]

    async def lost(route: Any) -> None:
        await (route.abort() if away else route.continue_())

    await context.route("**/api/v1/conversations", lost)
    chat = Chat(await widget.alone(context=context))
    await expect(chat.line).to_have_text("暂时连不上，正在重试。")
    await chat.say("在吗")
    away.clear()
    await chat.view.get_by_role("button", name="现在重试").click()
    await chat.hears("答：在吗")
    await expect(chat.line).to_be_empty()


async def test_the_greeting_comes_with_the_opening(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    await block_sockets(context)
    await context.route("**/messages?after=*", lambda route: route.abort())
    page = await widget.alone(context=context)
    await expect(page.locator(THEIRS)).to_have_text([re.compile("opened")])
    await context.unroute_all()
    await expect(page.locator('.log[aria-busy="false"]')).to_be_attached()
    await expect(page.locator(THEIRS)).to_have_count(1)


async def test_two_tabs_show_the_same_and_send_once(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    one = Chat(await widget.alone(context=context))
    await one.greeted()
    two = Chat(await widget.alone(context=context))
    await two.greeted()
    await one.ask("第一页说")
    await two.hears("答：第一页说")
    await two.ask("第二页说")
    await one.hears("答：第二页说")
    await context.set_offline(True)
    await one.say("断网时说")
    await two.mine("断网时说", "sending").wait_for()
    await context.set_offline(False)
    for chat in (one, two):
        await chat.hears("答：断网时说")
        assert await chat.said() == ["第一页说", "第二页说", "断网时说"]
    assert asked(widget) == ["第一页说", "第二页说", "断网时说"]
    await one.view.locator("#menu").click()
    await one.view.get_by_role("button", name="新对话").click()
    await one.view.get_by_role("button", name="开始", exact=True).click()
    await expect(two.mine()).to_have_count(0)
    await one.ask("新的一段")
    await two.hears("答：新的一段")


async def test_what_another_tab_left_unsent_is_sent_by_this_one(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    one = Chat(await widget.alone(context=context))
    await one.greeted()
    two = Chat(await widget.alone(context=context))
    await two.greeted()
    await context.set_offline(True)
    await one.say("没发完")
    await two.mine("没发完", "sending").wait_for()
    await one.view.close()
    await context.set_offline(False)
    await two.hears("答：没发完")
    assert asked(widget) == ["没发完"]


async def test_earlier_conversations_come_when_she_scrolls_up(widget: WidgetStage) -> None:
    token = widget.token("u1001")
    page = await widget.page(token=token)
    chat = Chat(await widget.open_widget(page))
    await chat.greeted()
    await chat.ask("从前的话")
    await chat.view.locator("#menu").click()
    await chat.view.get_by_role("button", name="新对话").click()
    await chat.view.get_by_role("button", name="开始", exact=True).click()
    await expect(chat.mine()).to_have_count(0)
    await chat.greeted()
    await chat.ask("现在的话")
    await chat.view.get_by_role("button", name="看更早的消息").click()
    earlier = chat.view.locator(".earlier")
    await earlier.get_by_text("从前的话", exact=True).wait_for()
    await earlier.get_by_text("答：从前的话").wait_for()
    assert await chat.view.locator(MINE).count() == 1
    assert await chat.view.locator(".earlier button").count() == 0


async def test_storage_that_is_refused_is_done_without(widget: WidgetStage) -> None:
    context = await on_phone(widget)
    await refuse_storage(context, "localStorage", "sessionStorage")
    chat = Chat(await widget.alone(context=context))
    await chat.greeted()
    await chat.ask("在吗")
    await context.set_offline(True)
    await chat.say("断网")
    await chat.mine("断网", "sending").wait_for()
    await context.set_offline(False)
    await chat.hears("答：断网")


async def test_the_context_of_the_page_goes_with_the_message(widget: WidgetStage) -> None:
    page = await widget.page()
    await page.evaluate("(window.Zhixin ||= []).push((z) => z.context({product_id: 'p101', page: '跑鞋'}))")
    chat = Chat(await widget.open_widget(page))
    await chat.greeted()
    await chat.ask("这双鞋有货吗")
    turn = next(call for call in widget.rasa.calls if call.get("text"))
    assert turn["looking_at"]["product_id"] == "p101"


async def test_a_conversation_that_is_gone_is_opened_anew(widget: WidgetStage) -> None:
    chat = await phone(widget)
    await chat.ask("从前的话")
    page = chat.view
    await page.evaluate(
        """() => {
          const name = "zhixin.v1.-.conversation";
          const kept = JSON.parse(localStorage.getItem(name));
          localStorage.setItem(name, JSON.stringify({ ...kept, secret: "x".repeat(43) }));
        }"""
    )
    await page.reload()
    await expect(chat.mine()).to_have_count(0)
    await chat.greeted()
    await chat.ask("新的话")
    assert await chat.said() == ["新的话"]
