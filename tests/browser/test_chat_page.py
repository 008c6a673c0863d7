"""The chat page in a real browser, on a phone's 360 pixels unless said otherwise."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import LOOP, OpenPage
from tests.browser.stand_in import HOSTILE, StandIn

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
MINE, THEIRS = ".message.mine", ".message.theirs"


async def enter(page: Any, name: str = "赵磊") -> None:
    await page.get_by_role("button", name=name).click()
    await page.locator(THEIRS).first.wait_for()


async def say(page: Any, line: str) -> None:
    await page.locator("#input").fill(line)
    await page.keyboard.press("Enter")


async def fits(page: Any) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def test_a_shopper_is_picked_and_greeted_with_her_order(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await page.get_by_role("button", name="赵磊").wait_for()
    assert await page.locator("#shoppers button").count() == 4
    await enter(page)
    assert server.authorizations == ["Bearer t.u01"]
    card = page.locator(".card-order")
    shown = await card.inner_text()
    for fact in ("202611200001", "已发货", "轻量缓震跑鞋 女款", "¥399", "¥379", "11月24日 18:00", "免运费"):
        assert fact in shown
    assert await page.locator(".option:enabled").all_inner_texts() == [
        "关闭个性化", "查物流", "改地址", "申请退货", "找人工客服"
    ]  # fmt: skip
    assert await fits(page)


async def test_a_message_is_sent_and_answered_once(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    await say(page, "我的物流到哪了")
    await page.get_by_text("11月24日 18:00 前到").wait_for()
    assert await page.locator(MINE).count() == 1
    assert [m["text"] for m in server.received] == ["我的物流到哪了"]
    assert await page.locator("#typing").is_hidden()
    trace = page.locator(".trace li")
    assert "已发出，下一站：上海" in await trace.first.inner_text()
    assert await page.locator(".trace details li").first.is_hidden()
    await page.get_by_text("更早的 2 条").click()
    assert await page.get_by_text("订单已出库").is_visible()
    assert await fits(page)


async def test_a_tapped_button_sends_its_opaque_id_and_old_ones_go(
    open_page: OpenPage, server: StandIn
) -> None:
    page = await open_page()
    await enter(page)
    await say(page, "我想退")
    await page.get_by_role("button", name="确认", exact=True).click()
    await page.get_by_text("收到：确认").wait_for()
    assert server.received[-1]["button"] == "b_确认"
    assert "text" not in server.received[-1]
    assert await page.locator(".option:enabled").count() == 0
    assert await page.locator(MINE).last.locator(".bubble").inner_text() == "确认"


async def test_what_is_said_is_text_and_never_markup(open_page: OpenPage) -> None:
    page = await open_page()
    await enter(page)
    await say(page, f"标签 {HOSTILE}")
    bubble = page.locator(THEIRS).last.locator(".bubble")
    await page.locator(".option", has_text="onerror").wait_for()
    assert await bubble.inner_text() == HOSTILE
    assert await page.locator(MINE).locator(".bubble").inner_text() == f"标签 {HOSTILE}"
    assert await page.locator(".bubble *, .option *, .log [onerror]").count() == 0
    assert await page.title() == "知心 · 购物助手"


async def test_a_picture_from_elsewhere_is_not_loaded(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    await say(page, "推荐一下")
    await page.get_by_text("轻量腰包").wait_for()
    assert await page.locator(".products li").count() == 2
    assert "¥89.50" in await page.locator(".products").inner_text()
    assert await page.locator("img[src*=evil]").count() == 0
    ours = page.locator(".product-picture")
    await expect(ours).to_have_js_property("complete", True)
    assert await ours.evaluate("image => image.naturalWidth") > 0
    assert server.outside == []


async def test_other_cards_show_what_they_hold(open_page: OpenPage) -> None:
    page = await open_page()
    await enter(page)
    await say(page, "售后")
    await page.get_by_text("退货退款").wait_for()
    shown = await page.locator(".card-aftersale").inner_text()
    assert "尺码不合适" in shown
    assert "¥379" in shown
    await say(page, "怪卡")
    await page.get_by_text("看不懂的卡片也有文字").wait_for()


async def test_enter_that_confirms_a_word_in_an_input_method_does_not_send(
    open_page: OpenPage, server: StandIn
) -> None:
    page = await open_page()
    await enter(page)
    box = page.locator("#input")
    await box.fill("wuliu")
    await box.dispatch_event("keydown", {"key": "Enter", "isComposing": True})
    await box.dispatch_event("keydown", {"key": "Enter", "keyCode": 229})
    await page.keyboard.press("Shift+Enter")
    assert await page.locator(MINE).count() == 0
    assert await box.input_value() == "wuliu\n"
    await box.fill("物流")
    await page.keyboard.press("Enter")
    await page.get_by_text("11月24日 18:00 前到").wait_for()
    assert [m["text"] for m in server.received] == ["物流"]


async def test_empty_and_too_long_messages_stay_in_the_box(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    await say(page, "   ")
    assert await page.locator("#send").is_disabled()
    await say(page, "好" * 999 + "😀😀")
    assert await page.locator("#count").inner_text() == "超出 1 字，请分成几条发"
    assert await page.locator("#send").is_disabled()
    await say(page, "好" * 999 + "😀")
    await page.get_by_text("收到：好好").wait_for()
    assert [len(m["text"]) for m in server.received] == [1000]


async def test_without_a_websocket_it_works_over_http(open_page: OpenPage, server: StandIn) -> None:
    server.sockets = False
    page = await open_page()
    await enter(page)
    await page.get_by_text("正在重连").wait_for()
    await say(page, "物流")
    await page.get_by_text("11月24日 18:00 前到").wait_for()
    assert await page.locator(MINE).count() == 1
    assert len(server.received) == 1


async def test_what_is_said_while_the_line_is_down_is_caught_up(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    await server.drop_sockets()
    await server.say("agent", {"type": "text", "text": "您好，我是客服小陈"}, in_reply_to=None)
    await page.get_by_text("我是客服小陈").wait_for()
    assert await page.locator(".message.agent .author").inner_text() == "人工客服"
    await expect(page.locator("#link")).to_be_empty()
    assert await page.get_by_text("我是客服小陈").count() == 1


async def test_a_refused_message_can_be_sent_again_under_its_id(open_page: OpenPage, server: StandIn) -> None:
    server.sockets = False
    server.refuse = [500, 429]
    page = await open_page()
    await enter(page)
    await say(page, "物流")
    failed = page.locator('.mine[data-state="failed"]')
    await failed.get_by_text("歇一歇").wait_for()
    await failed.get_by_role("button", name="重发").click()
    await failed.get_by_text("7 秒后再发").wait_for()
    await failed.get_by_role("button", name="重发").click()
    await page.get_by_text("11月24日 18:00 前到").wait_for()
    assert await failed.count() == 0
    assert await page.locator(MINE).count() == 1
    assert len(server.received) == 1


async def test_messages_leave_in_the_order_they_were_written(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    for line in ("在吗", "我的鞋", "到哪了"):
        await say(page, line)
    await page.get_by_text("收到：到哪了").wait_for()
    assert [m["text"] for m in server.received] == ["在吗", "我的鞋", "到哪了"]


async def test_it_shows_that_an_answer_is_being_written(open_page: OpenPage, server: StandIn) -> None:
    server.silent = True
    page = await open_page()
    await enter(page)
    await say(page, "在吗")
    await page.locator("#typing").wait_for()
    message_id = server.received[-1]["message_id"]
    await server.say("bot", {"type": "notice", "text": "正在查询"}, in_reply_to=message_id)
    await page.get_by_text("正在查询").wait_for()
    assert await page.locator("#typing").is_visible()
    await server.say("bot", {"type": "text", "text": "查到了"}, in_reply_to=message_id)
    await page.get_by_text("查到了").wait_for()
    assert await page.locator("#typing").is_hidden()


async def test_a_reload_keeps_the_conversation_and_another_shopper_starts_anew(
    open_page: OpenPage, server: StandIn
) -> None:
    page = await open_page()
    await enter(page)
    await say(page, "物流")
    await page.get_by_text("11月24日 18:00 前到").wait_for()
    await page.reload()
    await page.get_by_text("11月24日 18:00 前到").wait_for()
    assert server.opened == 1
    assert await page.locator(MINE).locator(".bubble").inner_text() == "物流"
    assert await page.locator(".option:enabled").all_inner_texts() == ["催一下"]
    await page.get_by_role("button", name="换个身份").click()
    await enter(page, "林小满")
    assert server.opened == 2
    assert await page.locator(MINE).count() == 0


async def test_a_conversation_that_is_gone_is_opened_anew(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    server.opened = 7  # the record was reset: the kept conversation is nobody's
    await page.reload()
    await page.get_by_role("button", name="赵磊").wait_for()


async def test_without_a_demo_the_page_is_anonymous(open_page: OpenPage, server: StandIn) -> None:
    server.demo = False
    page = await open_page()
    await page.get_by_text("您好，请说要办什么。").wait_for()
    assert server.authorizations == [None]
    assert await page.locator("#reading-toggle").is_hidden()
    assert await page.locator("#picker").is_hidden()
    await say(page, "在吗")
    await page.get_by_text("收到：在吗").wait_for()


async def test_the_panel_shows_what_was_read_and_where(open_page: OpenPage) -> None:
    page = await open_page(viewport={"width": 1200, "height": 800})
    await enter(page)
    await say(page, "😀马上查物流")
    toggle = page.get_by_role("button", name="看看它怎么读我")
    await toggle.click()
    assert await toggle.get_attribute("aria-expanded") == "true"
    turn = page.locator(".turn").first
    await turn.wait_for()
    assert await turn.locator(".quote mark").all_inner_texts() == ["马上"]
    assert "71%" in await turn.locator(".bars li").first.inner_text()
    width = await turn.locator(".fill").first.evaluate("e => e.offsetWidth / e.parentElement.offsetWidth")
    assert width == pytest.approx(0.71, abs=0.02)
    evidence = await turn.locator(".evidence").inner_text()
    assert "偏力量型 +1.6" in evidence.replace("\n", " ")
    assert "常选加急" in evidence
    assert "写得短" in evidence
    assert "不像完美型 −0.4" in evidence.replace("\n", " ")
    assert re.search("现在的口吻：\\s*简洁直接", await turn.inner_text())
    await page.keyboard.press("Escape")
    assert await page.locator("#reading").is_hidden()
    assert await toggle.evaluate("e => e === document.activeElement")


async def test_the_page_takes_the_colours_of_the_style(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    colour = "getComputedStyle(document.documentElement).getPropertyValue('--accent')"
    before = await page.evaluate(colour)
    server.style = "lively"
    await say(page, "在吗")
    await page.locator("html[data-style=lively]").wait_for()
    assert await page.evaluate(colour) != before


async def test_it_is_used_by_keyboard_alone(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await page.get_by_role("button", name="赵磊").wait_for()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.locator(THEIRS).first.wait_for()
    await expect(page.locator("#input")).to_be_focused()
    await page.keyboard.type("退")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="确认", exact=True).wait_for()
    await page.keyboard.press("Shift+Tab")
    assert await page.evaluate("document.activeElement.textContent") == "不了"
    await page.keyboard.press("Enter")
    await page.get_by_text("收到：不了").wait_for()
    log = page.get_by_role("log")
    assert await log.get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_is_tapped_is_large_enough_and_nothing_overflows(open_page: OpenPage, scheme: str) -> None:
    page = await open_page(color_scheme=scheme)
    await enter(page)
    await say(page, "推荐" + "很长的一串字母abcdefghijklmnopqrstuvwxyz0123456789" * 3)
    await page.get_by_text("轻量腰包").wait_for()
    assert await fits(page)
    small = await page.evaluate(
        "[...document.querySelectorAll('button')].filter(b => b.offsetParent && b.offsetHeight < 36)"
        ".map(b => b.textContent)"
    )
    assert small == []


ANSWERING, STEP = "#answering", "#owner-step"
QUEUE_LINE = {
    "type": "notice",
    "text": "您排第 3 位，预计 6 分钟。",
    "buttons": [{"id": "b_不等了", "title": "不等了"}],
}


@pytest.mark.parametrize("sockets", [True, False])
async def test_who_answers_is_shown_from_the_queue_to_the_person_and_back(
    open_page: OpenPage, server: StandIn, sockets: bool
) -> None:
    server.sockets = sockets
    page = await open_page()
    await enter(page)
    shown = page.locator(ANSWERING)
    assert await shown.get_attribute("role") == "status"
    await expect(shown).to_have_text("智能助手为您服务")
    assert await page.locator(STEP).is_hidden()
    await server.hand("WAITING", queue={"position": 3, "minutes": 6})
    await server.say("system", QUEUE_LINE, in_reply_to=None)
    await expect(shown).to_have_text("排队中，前面还有 2 位，预计 6 分钟")
    await server.hand("WAITING", queue={"position": 1, "minutes": 2})
    await expect(shown).to_have_text("排队中，下一位就是您，预计 2 分钟")
    await server.hand("HUMAN", agent={"name": "小陈"})
    await server.say("agent", {"type": "text", "text": "我来处理"}, in_reply_to=None, agent={"name": "小陈"})
    await expect(shown).to_have_text("人工客服 小陈")
    await expect(page.locator(".message.agent .author")).to_have_text("人工客服 小陈")
    assert await page.locator(STEP).is_hidden()
    await server.hand("BOT")
    await expect(shown).to_have_text("智能助手为您服务")
    assert await fits(page)


async def test_the_wait_is_cancelled_from_the_head_of_the_page(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    await server.hand("WAITING", queue={"position": 3, "minutes": 6})
    await page.get_by_role("button", name="取消排队").click()
    await expect(page.locator(MINE).locator(".bubble")).to_have_text("取消排队")
    assert [m["text"] for m in server.received] == ["取消排队"]
    await server.hand("BOT")
    await expect(page.locator(STEP)).to_be_hidden()


async def test_a_step_of_the_queue_is_tapped_like_any_other(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    await server.hand("WAITING", queue={"position": 3, "minutes": 6})
    await server.say("system", QUEUE_LINE, in_reply_to=None)
    await page.get_by_role("button", name="不等了").click()
    await expect(page.locator(MINE)).to_have_count(1)
    assert server.received[-1]["button"] == "b_不等了"


async def test_nobody_seems_to_type_while_a_person_is_waited_for(
    open_page: OpenPage, server: StandIn
) -> None:
    page = await open_page()
    await enter(page)
    await server.hand("WAITING", queue={"position": 2, "minutes": 4})
    await expect(page.locator(ANSWERING)).to_contain_text("排队中")
    await say(page, "我先说下情况")
    await page.locator('.mine[data-state="sent"]').wait_for()
    assert await page.locator("#typing").is_hidden()


async def test_a_reload_shows_who_answers_now(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    await server.hand("HUMAN", agent={"name": "小陈"})
    await page.reload()
    await expect(page.locator(ANSWERING)).to_have_text("人工客服 小陈")


async def test_a_closed_conversation_takes_nothing_and_leads_to_a_new_one(
    open_page: OpenPage, server: StandIn
) -> None:
    page = await open_page()
    await enter(page)
    await server.hand("CLOSED")
    await expect(page.locator(ANSWERING)).to_have_text("这次对话已经结束")
    await expect(page.locator("#input")).to_be_disabled()
    await page.get_by_role("button", name="开始新对话").click()
    await enter(page, "林小满")
    await expect(page.locator("#input")).to_be_enabled()
    await expect(page.locator(ANSWERING)).to_have_text("智能助手为您服务")


async def test_an_agents_picture_is_shown_from_here_alone(open_page: OpenPage, server: StandIn) -> None:
    page = await open_page()
    await enter(page)
    sent = {"type": "picture", "width": 64, "height": 64, "text": "换货地址截图"}
    by = {"in_reply_to": None, "agent": {"name": HOSTILE}}
    await server.say("agent", {**sent, "url": "/static/pictures/p101.svg"}, **by)
    picture = page.get_by_role("img", name="换货地址截图")
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.evaluate("image => image.naturalWidth") > 0
    assert await page.locator(".message.agent .author").inner_text() == f"人工客服 {HOSTILE}"
    for url in (
        "https://evil.example/x.png", "//evil.example/x.png", "javascript:alert(1)",
        "data:text/html,x", "blob:https://evil.example/1", "http://[", None,
    ):  # fmt: skip
        await server.say("agent", {**sent, "url": url}, **by)
    await expect(page.locator(".message.agent")).to_have_count(8)
    assert await page.locator(".picture").count() == 1
    await expect(page.locator(".message.agent .bubble")).to_have_count(7)
    await server.say("agent", {**sent, "url": "/static/pictures/none.svg", "text": "看不到的图"}, **by)
    await page.locator(".message.agent .bubble", has_text="看不到的图").wait_for()
    assert await fits(page)
    assert server.outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_shuts_nobody_out_whoever_answers(
    open_page: OpenPage, server: StandIn, scheme: str
) -> None:
    page = await open_page(color_scheme=scheme)
    await page.evaluate(AXE.read_text(encoding="utf-8"))

    async def findings() -> list[str]:
        found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{v['id']}: {[n['target'] for n in v['nodes']]}" for v in found["violations"]]

    assert await findings() == []  # the choice of a shopper
    await enter(page)
    assert await findings() == []
    states: list[dict[str, Any]] = [
        {"owner": "WAITING", "queue": {"position": 3, "minutes": 6}},
        {"owner": "HUMAN", "agent": {"name": "小陈"}},
        {"owner": "CLOSED"},
    ]
    await server.say("system", QUEUE_LINE, in_reply_to=None)
    await server.say("agent", {"type": "text", "text": "您好"}, in_reply_to=None, agent={"name": "小陈"})
    await page.get_by_text("您好", exact=True).wait_for()
    for state in states:
        await server.hand(**state)
        await page.locator(f'#owner[data-owner="{state["owner"]}"]').wait_for()
        assert await findings() == [], state
