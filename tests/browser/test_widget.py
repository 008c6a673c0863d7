"""The widget's chat with the real front, on a phone's 360 pixels unless said otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import QUICK
from tests.browser.chat import Chat
from tests.browser.conftest import LOOP
from tests.browser.waiting import until
from tests.browser.widget_stage import PHONE, WidgetStage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

HOSTILE = '<img src=x onerror="document.title=1"><b>粗</b>&amp;{{7*7}}'
URGE = {"title": "催一下", "payload": '/urge_shipment{"order_number": "202611200001"}'}
WISH = {"type": "directive", "directive": "request_human", "reason": "转人工", "live": True, "level": None}
LONG = "很长的一串字母abcdefghijklmnopqrstuvwxyz0123456789" * 4


async def phone(widget: WidgetStage, query: str = "", **options: Any) -> Chat:
    chat = Chat(await widget.alone(query, **{**PHONE, **options}))
    await chat.greeted()
    return chat


async def refuse_storage(context: Any, *names: str) -> None:
    """Refuse storage as a browser does to pages of others."""
    refuse = "() => { throw new DOMException('denied', 'SecurityError'); }"
    for name in names:
        await context.add_init_script(f"Object.defineProperty(window, '{name}', {{ get: {refuse} }})")


async def test_a_message_is_sent_and_answered_once(widget: WidgetStage) -> None:
    widget.says["物流"] = {"replies": [{"text": "明天到。", "buttons": [URGE]}]}
    chat = await phone(widget, timezone_id="America/New_York")
    assert await chat.view.title() == "知心 · 购物助手"
    await expect(chat.answering).to_have_text("智能助手")
    await chat.ask("物流", "明天到。")
    await expect(chat.mine(state="sent")).to_have_count(1)
    await expect(chat.typing).to_be_hidden()
    moment = chat.mine("物流").locator("time")
    at = datetime.fromisoformat(await moment.get_attribute("datetime") or "")
    assert at.utcoffset() == timedelta(hours=8)
    assert await moment.inner_text() == f"今天 {at:%H:%M}"  # the shop's time, wherever she is
    assert await chat.fits()


async def test_a_tapped_choice_sends_its_id_and_old_ones_retire(widget: WidgetStage) -> None:
    widget.says["物流"] = {"replies": [{"text": "明天到。", "buttons": [URGE]}]}
    chat = await phone(widget)
    await chat.ask("物流", "明天到。")
    await chat.view.get_by_role("button", name="催一下").click()
    await chat.hears(f"答：{URGE['payload']}")
    assert await chat.said() == ["物流", "催一下"]
    assert await chat.view.locator(".option:enabled").count() == 0
    await expect(chat.input).not_to_be_focused()  # no keyboard folds out over the answer


async def test_what_is_said_is_text_and_never_markup(widget: WidgetStage) -> None:
    button = {"title": HOSTILE, "payload": "/affirm"}
    widget.says[HOSTILE] = {"replies": [{"text": HOSTILE, "buttons": [button]}, {"text": "完了"}]}
    chat = await phone(widget)
    await chat.ask(HOSTILE, "完了")
    assert await chat.said() == [HOSTILE]
    await chat.hears(HOSTILE)
    assert await chat.view.locator(".option", has_text="onerror").last.inner_text() == HOSTILE
    assert await chat.view.locator(".log img, .bubble :not(p), .option *, .log [onerror]").count() == 0
    assert await chat.view.title() == "知心 · 购物助手"


async def test_only_safe_addresses_of_the_assistant_become_links(widget: WidgetStage) -> None:
    said = "看 https://shop.example/a?b=1，别点 javascript:alert(1) 和 http://u:p@evil.example 。"
    widget.says["链接 https://mine.example"] = {"replies": [{"text": said}]}
    chat = await phone(widget)
    await chat.say("链接 https://mine.example")
    link = chat.view.locator(".log a")
    await expect(link).to_have_count(1)
    assert await link.get_attribute("href") == "https://shop.example/a?b=1"
    assert await link.get_attribute("rel") == "noopener noreferrer"
    assert await link.get_attribute("target") == "_blank"


async def test_fast_messages_keep_their_order(widget: WidgetStage) -> None:
    chat = await phone(widget)
    lines = [f"第{n}句" for n in range(6)]
    for line in lines:
        await chat.say(line)
    await chat.hears(f"答：{lines[-1]}")
    assert await chat.said() == lines
    assert [call["text"] for call in widget.rasa.calls if "text" in call] == lines


async def test_enter_that_confirms_a_word_in_an_input_method_does_not_send(widget: WidgetStage) -> None:
    chat = await phone(widget)
    page = chat.view
    devtools = await page.context.new_cdp_session(page)
    await chat.input.focus()
    await devtools.send("Input.imeSetComposition", {"text": "wuliu", "selectionStart": 5, "selectionEnd": 5})
    await expect(chat.input).to_have_value("wuliu")
    # While a word is composed a browser hands Enter on as key 229; others say `isComposing`.
    enter = {"key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229}
    await devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    await devtools.send("Input.insertText", {"text": "物流"})
    await devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    for told in ({"keyCode": 229}, {"isComposing": True}):
        await chat.input.dispatch_event("keydown", {"key": "Enter", "bubbles": True, **told})
    await expect(chat.input).to_have_value("物流")
    assert await chat.mine().count() == 0
    await page.keyboard.press("Shift+Enter")
    await expect(chat.input).to_have_value("物流\n")
    await page.keyboard.press("Backspace")
    await page.keyboard.press("Enter")
    await chat.hears("答：物流")
    assert await chat.said() == ["物流"]


async def test_a_message_that_is_too_long_is_counted_and_kept(widget: WidgetStage) -> None:
    chat = await phone(widget)
    count, send = chat.view.locator("#count"), chat.view.locator("#send")
    await chat.say("   ")
    await expect(send).to_be_disabled()
    await chat.input.fill("好" * 899)
    await expect(count).to_be_empty()
    await chat.say("好" * 999 + "😀😀")
    await expect(count).to_have_text("超出 1 字，请分成几条发")
    await expect(send).to_be_disabled()
    await chat.say("好" * 999 + "😀")
    await chat.mine(state="sent").wait_for()
    assert [len(call["text"]) for call in widget.rasa.calls if "text" in call] == [1000]


async def test_it_shows_that_an_answer_is_owed(widget: WidgetStage) -> None:
    chat = await phone(widget)
    widget.rasa.gate.clear()
    await chat.say("在吗")
    await chat.typing.wait_for()
    widget.rasa.gate.set()
    await chat.hears("答：在吗")
    await expect(chat.typing).to_be_hidden()


async def test_a_line_that_it_is_looking_is_no_answer(browser: Any, tmp_path: Path) -> None:
    impatient = replace(QUICK, looking=0.2, apology=30.0)
    async with WidgetStage(tmp_path, browser, patience=impatient) as widget:
        chat = await phone(widget)
        widget.rasa.gate.clear()
        await chat.say("在吗")
        await chat.view.get_by_text("utter_still_looking").wait_for()
        await expect(chat.typing).to_be_visible()
        widget.rasa.gate.set()
        await chat.hears("答：在吗")
        await expect(chat.typing).to_be_hidden()
        widget.check()


async def test_from_the_queue_to_a_person_and_back(widget: WidgetStage) -> None:
    widget.says["转人工"] = {"replies": [{"text": "现在转人工。"}, {"custom": WISH}]}
    desk = Desk(widget.front)
    agent = await desk.hire("小陈", presence="busy")
    page = await widget.visit(f"{widget.origin}/healthz", options=PHONE)
    async with page.expect_response("**/api/v1/conversations") as opening:
        await page.goto(f"{widget.origin}/widget/")
    cid = (await (await opening.value).json())["conversation_id"]
    chat = Chat(page)
    await chat.say("转人工")
    await expect(chat.answering).to_contain_text("排队中，下一位就是您，约")
    await page.get_by_role("button", name="取消排队").click()
    await expect(chat.answering).to_have_text("智能助手")
    await chat.say("转人工")
    await expect(chat.answering).to_contain_text("排队中")
    await desk.hands.take_over(cid, agent)
    await expect(chat.answering).to_have_text("人工客服 小陈")
    await chat.say("鞋子开胶了")
    await chat.mine("鞋子开胶了", "sent").wait_for()
    await expect(chat.typing).to_be_hidden()
    await desk.hands.reply(cid, agent, key="k1", text=f"我给您换一双 {HOSTILE}")
    bubble = page.locator(".message.agent", has_text="我给您换一双")
    await expect(bubble.locator(".author")).to_have_text("人工客服 小陈")
    assert await bubble.locator("img, b").count() == 0
    await desk.hands.hand_back(cid, agent, outcome="solved")
    await expect(chat.answering).to_have_text("智能助手")
    await chat.ask("好的谢谢")
    assert await page.get_by_text("答：鞋子开胶了").count() == 0


async def test_a_closed_conversation_leads_to_a_new_one(widget: WidgetStage) -> None:
    desk = Desk(widget.front)
    agent = await desk.hire("小陈", presence="busy")
    chat = await phone(widget)
    await chat.ask("在吗")
    kept = "JSON.parse(localStorage.getItem('zhixin.v1.-.conversation')).id"
    cid = await chat.view.evaluate(kept)
    await desk.hands.take_over(cid, agent)
    await desk.hands.close(cid, agent, outcome="solved")
    await expect(chat.answering).to_have_text("这次对话已经结束")
    await expect(chat.input).to_have_count(0)
    await chat.view.get_by_role("button", name="新对话").click()
    await expect(chat.input).to_be_enabled()
    await chat.greeted()
    assert await chat.said() == []
    assert await chat.view.evaluate(kept) != cid
    await chat.ask("又来了")


async def test_a_new_conversation_is_begun_from_the_menu_by_keyboard(widget: WidgetStage) -> None:
    chat = await phone(widget)
    page = chat.view
    await chat.ask("在吗")
    await page.keyboard.press("Shift+Tab")  # from where one writes back to the menu
    await page.locator("#menu").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="我们怎么和您沟通")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.locator("#menu")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="开始", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(chat.mine()).to_have_count(0)
    await chat.greeted()


async def test_who_reads_further_up_is_told_and_not_moved(widget: WidgetStage) -> None:
    chat = await phone(widget)
    page = chat.view
    for n in range(8):
        await chat.ask(f"第{n}问")
    scroll = page.locator("#scroll")
    at_end = "e => e.scrollHeight - e.scrollTop - e.clientHeight < 4"
    assert await scroll.evaluate(at_end)
    widget.rasa.gate.clear()
    await chat.say("慢一点")
    await chat.mine("慢一点", "sent").wait_for()
    await scroll.evaluate("e => { e.scrollTop = 0; }")
    await until(page, "document.querySelector('#scroll').scrollTop === 0")
    widget.rasa.gate.set()
    await page.get_by_role("button", name="有新消息").click()
    await chat.hears("答：慢一点")
    assert await scroll.evaluate(at_end)
    await expect(page.locator("#newest")).to_have_count(0)


async def test_the_host_hears_of_unread_messages_and_of_answers(widget: WidgetStage) -> None:
    heard = (
        "<script>window.heard = []; window.Zhixin = [(z) => ['unread', 'message', 'owner'].forEach("
        "(n) => z.on(n, (d) => heard.push([n, d])))];</script>"
    )
    page = await widget.page(head=heard)
    frame = await widget.open_widget(page)
    chat = Chat(frame)
    await chat.greeted()
    widget.rasa.gate.clear()
    await chat.say("在吗")
    await chat.mine("在吗", "sent").wait_for()
    await chat.input.press("Escape")  # closes the widget
    widget.rasa.gate.set()
    await until(page, "heard.some(([n, d]) => n === 'unread' && d.count > 0)")
    await until(page, "heard.some(([n, d]) => n === 'message' && d.author === 'bot' && d.type === 'text')")
    await page.evaluate("Zhixin.open()")
    await until(page, "heard.filter(([n]) => n === 'unread').at(-1)[1].count === 0")
    assert "在吗" not in json.dumps(await page.evaluate("heard"), ensure_ascii=False)


async def test_a_page_that_is_merely_looked_at_opens_no_conversation(widget: WidgetStage) -> None:
    context = await widget.context()
    await refuse_storage(context, "localStorage")  # so that the reload finds nothing to take up
    page = await widget.page(context=context)
    chat = Chat(await widget.open_widget(page))
    await chat.greeted()
    opened: list[str] = []

    def asked(request: Any) -> None:
        if request.url.endswith("/conversations"):
            opened.append(request.url)

    page.on("request", asked)
    await page.reload()  # used before in this tab: the frame is loaded early
    chat = Chat(await widget.frame(page))
    await chat.input.wait_for(state="attached")
    assert opened == []
    await page.evaluate("Zhixin.open()")
    await chat.greeted()
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("asked", "locale", "lang", "send"),
    [("", "zh-CN", "zh-CN", "发送"), ("?lang=zh-TW", "zh-CN", "zh-TW", "傳送"), ("", "en-GB", "en", "Send")],
)
async def test_the_page_speaks_three_languages(
    widget: WidgetStage, asked: str, locale: str, lang: str, send: str
) -> None:
    chat = await phone(widget, asked, locale=locale)
    assert await chat.view.locator("html").get_attribute("lang") == lang
    await chat.view.get_by_role("button", name=send, exact=True).wait_for()
    assert await chat.fits()


async def test_every_language_says_all_that_is_to_be_said(widget: WidgetStage) -> None:
    page = await widget.alone()
    shapes = await page.evaluate(
        """async () => {
          const base = document.querySelector("script[type=module]").src.replace(/[^/]+$/, "words/");
          const shape = (value) => typeof value === "function" ? `function/${value.length}`
            : typeof value !== "object" ? typeof value
            : Object.fromEntries(Object.entries(value).filter(([k]) => k !== "styles")  // the front's words
              .map(([k, v]) => [k, shape(v)]).sort());
          const found = {};
          for (const lang of ["zh-Hans", "zh-Hant", "en"]) {
            const { WORDS } = await import(`${base}${lang}.js`);
            const { VIEWS } = await import(`${base}views-${lang}.js`);
            found[lang] = JSON.stringify(shape({ ...WORDS, views: VIEWS }), null, 1);
          }
          return found;
        }"""
    )
    assert shapes["zh-Hans"] == shapes["zh-Hant"]
    assert shapes["zh-Hans"] == shapes["en"]


@pytest.mark.parametrize("size", [{"width": 360, "height": 740}, {"width": 180, "height": 370}])
async def test_long_words_wrap_also_at_twice_the_size(widget: WidgetStage, size: dict[str, int]) -> None:
    widget.says[LONG] = {"replies": [{"text": LONG, "buttons": [{"title": LONG, "payload": "/affirm"}]}]}
    chat = await phone(widget, viewport=size, device_scale_factor=2)
    await chat.ask(LONG, LONG)
    assert await chat.fits()
    assert await chat.input.is_visible()
    small = await chat.view.evaluate(
        "[...document.querySelectorAll('button')].filter(b => b.offsetParent && b.offsetHeight < 28)"
        ".map(b => b.textContent)"
    )
    assert small == []


async def test_nothing_moves_where_that_is_not_wanted(widget: WidgetStage) -> None:
    chat = await phone(widget, reduced_motion="reduce")
    widget.rasa.gate.clear()
    await chat.say("在吗")
    dot = chat.view.locator(".Typing-dot").first
    await dot.wait_for()
    assert await dot.evaluate("e => getComputedStyle(e).animationName") == "none"
    widget.rasa.gate.set()
    await chat.hears("答：在吗")


async def test_it_is_used_by_keyboard_alone_and_names_its_parts(widget: WidgetStage) -> None:
    widget.says["退"] = {
        "replies": [{"text": "确认取消吗？", "buttons": [{"title": "确认", "payload": "/affirm"}]}]
    }
    chat = Chat(await widget.alone())  # on a desktop
    await chat.greeted()
    page = chat.view
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="跳到输入框")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(chat.input).to_be_focused()
    await page.keyboard.type("退")
    await page.keyboard.press("Enter")
    choice = page.get_by_role("button", name="确认")
    await choice.focus()
    outline = await choice.evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Enter")
    await chat.hears("答：/affirm")
    await expect(chat.input).to_be_focused()
    assert await page.get_by_role("log").get_attribute("aria-live") == "polite"
    assert await chat.answering.get_attribute("role") == "status"
    nameless = await page.evaluate(
        "[...document.querySelectorAll('button, textarea, input:not([hidden])')]"
        ".filter(e => !(e.ariaLabel || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert nameless == []


async def test_a_draft_survives_a_reload(widget: WidgetStage) -> None:
    chat = await phone(widget)
    await chat.input.fill("写到一半")
    await chat.view.reload()
    await expect(chat.input).to_have_value("写到一半")
    await chat.input.press("Enter")
    await chat.hears("答：写到一半")
    await chat.view.reload()
    await chat.greeted()
    await expect(chat.input).to_have_value("")


async def test_a_card_that_nobody_knows_is_its_text(widget: WidgetStage) -> None:
    card = {"custom": {"type": "card", "card": "hologram", "data": {"x": 1}, "text": "看不懂的卡片也有文字"}}
    widget.says["怪卡"] = {"replies": [card]}
    chat = await phone(widget)
    await chat.ask("怪卡", "看不懂的卡片也有文字")
