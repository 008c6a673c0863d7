"""The line that a shop puts into its pages: launcher, frame, and what the two pages tell each other."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import expect

from tests.bot.conversation.harness import shanghai_now
from tests.bot.conversation.harness import token as signed
from tests.browser.conftest import LOOP
from tests.browser.waiting import until
from tests.browser.widget_stage import LAUNCHER, PHONE, WidgetStage
from tests.browser.widget_talk import card

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

PANEL = "zhixin-chat .panel"
BODY = """<h1>跑鞋</h1><p>一双 <a href="#x">好鞋</a></p><button id="ask">问客服</button>
<input><div id="app">商品</div>"""

#: What the page is told, in order, kept in `window.heard`.
LISTEN = """() => {
  window.heard = [];
  for (const name of ["ready", "open", "close", "unread", "message", "token", "identified", "error"]) {
    Zhixin.on(name, (detail) => window.heard.push([name, detail]));
  }
}"""

#: How each element of the page looks, and where it is.
STYLES = """() => [...document.querySelectorAll("html, body, body *")].map((element) => {
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const looks = [...style].map((name) => style.getPropertyValue(name));
  return [element.tagName, looks.join(), JSON.stringify(box)];
})"""


async def names(page: Any) -> list[str]:
    """What the page was told so far."""
    heard: list[str] = await page.evaluate("window.heard.map(([name]) => name)")
    return heard


async def told(page: Any, name: str) -> Any:
    """Wait for an event; return its detail."""
    await until(page, "(name) => window.heard.some(([n]) => n === name)", name)
    return await page.evaluate("(name) => window.heard.find(([n]) => n === name)[1]", name)


async def box(page: Any, selector: str) -> tuple[float, float, float, float]:
    found = await page.locator(selector).bounding_box()
    return found["x"], found["y"], found["width"], found["height"]


async def say(frame: Any, text: str) -> None:
    await frame.locator("textarea").fill(text)
    await frame.locator("textarea").press("Enter")


async def leave(frame: Any, name: str) -> None:
    await frame.locator("header").get_by_role("button", name=name).click()


async def test_the_line_leaves_one_name_and_changes_nothing_of_the_page(widget: WidgetStage) -> None:
    head = '<!doctype html><html lang="zh-CN"><title>店铺</title>'
    widget.host.pages["/plain"] = f"{head}<body>{BODY}</body></html>"
    plain = await widget.visit(widget.host.origin + "/plain")
    asked: list[str] = []
    context = await widget.context(closed=True)
    context.on("request", lambda r: asked.append(r.url))
    page = await widget.page(BODY, context=context)
    await until(page, "document.querySelector('zhixin-chat') !== null")
    window = "Object.getOwnPropertyNames(window).sort()"
    assert set(await page.evaluate(window)) - set(await plain.evaluate(window)) == {"Zhixin"}
    assert await page.evaluate("document.querySelector('zhixin-chat').shadowRoot") is None
    assert await page.evaluate(STYLES) == await plain.evaluate(STYLES)
    # Nobody chats, so nothing but the one file is loaded, and nothing is kept.
    assert [url for url in asked if url.startswith(widget.origin)] == [f"{widget.origin}/widget.js"]
    stored = "[document.cookie, localStorage.length, sessionStorage.length]"
    assert await page.evaluate(stored) == ["", 0, 0]
    await page.evaluate("Zhixin.open()")
    await until(page, "document.activeElement.localName === 'zhixin-chat'")
    assert await page.evaluate(STYLES) == await plain.evaluate(STYLES)


async def test_it_opens_and_closes_by_keys_and_gives_the_focus_back(widget: WidgetStage) -> None:
    page = await widget.page(BODY)
    launcher = page.locator(LAUNCHER)
    await expect(launcher).to_have_accessible_name("在线客服")
    await page.evaluate(LISTEN)
    await page.evaluate("() => { Zhixin.on('open', () => { throw new Error('a listener of the page'); }); }")
    await page.evaluate("() => { Zhixin.on('open', () => window.heard.push(['later'])); }")
    await launcher.focus()
    await page.keyboard.press("Enter")
    frame = await widget.frame(page)
    await expect(launcher).to_have_attribute("aria-expanded", "true")
    await expect(page.locator("zhixin-chat iframe")).to_be_focused()
    await expect(frame.get_by_text("答：opened")).to_be_visible()
    await leave(frame, "关闭")
    await expect(page.locator(PANEL)).to_be_hidden()
    await expect(launcher).to_be_focused()
    await page.keyboard.press("Enter")
    await frame.locator("textarea").press("Escape")
    await expect(page.locator(PANEL)).to_be_hidden()
    await expect(launcher).to_be_focused()
    # A button of the page that opens it gets the focus back; one that is elsewhere keeps it.
    await page.evaluate("() => { document.getElementById('ask').onclick = () => Zhixin.open(); }")
    await page.locator("#ask").click()
    await expect(page.locator("zhixin-chat iframe")).to_be_focused()
    await launcher.focus()
    await page.keyboard.press("Escape")
    await expect(page.locator("#ask")).to_be_focused()
    await page.evaluate("Zhixin.open()")
    await page.locator("input").focus()
    await page.evaluate("Zhixin.close()")
    await expect(page.locator("input")).to_be_focused()
    once = [name for name in await names(page) if name in {"open", "ready", "close", "later"}]
    assert once == ["open", "later", "ready", "close"] + ["open", "later", "close"] * 3
    assert widget.faults == ["error: a listener of the page"] * 4
    widget.faults.clear()


async def test_who_she_is_and_what_she_looks_at_go_with_her_words(widget: WidgetStage) -> None:
    page = await widget.page(BODY, token=widget.token("u1001"))
    await page.evaluate(LISTEN)
    await page.evaluate("Zhixin.context({ product_id: 'p201', page: '/p/p201', other: 'x' })")
    frame = await widget.open_widget(page)
    await told(page, "identified")
    await say(frame, "有我的码吗")
    await expect(frame.get_by_text("答：有我的码吗")).to_be_visible()
    assert widget.rasa.calls[-1]["looking_at"] == {"product_id": "p201"}
    await until(page, "heard.some(([name, detail]) => name === 'message' && detail.author === 'bot')")
    await page.evaluate("Zhixin.context(null)")
    await say(frame, "那这个呢")
    await expect(frame.get_by_text("答：那这个呢")).to_be_visible()
    assert "looking_at" not in widget.rasa.calls[-1]
    # Logged out: nothing of hers is seen any more; an old token is told of, a fresh one is hers again.
    await page.evaluate("Zhixin.identify(null)")
    await expect(frame.get_by_text("答：那这个呢")).to_have_count(0)
    old = signed("u1001", lambda: shanghai_now().replace(year=2020))
    await page.evaluate("(token) => Zhixin.identify(token)", old)
    await told(page, "token")
    await page.evaluate("(token) => Zhixin.identify(token)", widget.token("u1001"))
    await expect(frame.get_by_text("答：那这个呢")).to_be_visible()


async def test_an_answer_that_comes_while_it_is_closed_is_counted(
    widget: WidgetStage,
) -> None:
    page = await widget.page(BODY)
    await page.evaluate(LISTEN)
    frame = await widget.open_widget(page)
    await expect(frame.get_by_text("答：opened")).to_be_visible()
    widget.rasa.gate.clear()
    await say(frame, "物流")
    await expect(frame.locator(".mine, [data-author=shopper]").last).to_be_visible()
    await page.evaluate("Zhixin.close()")
    widget.rasa.gate.set()
    launcher = page.locator(LAUNCHER)
    await expect(launcher).to_have_accessible_name("在线客服，1 条未读消息")
    await expect(page.locator("zhixin-chat .badge")).to_have_text("1")
    await expect(page.locator("zhixin-chat [role=status]").first).to_have_text("在线客服，1 条未读消息")
    counts = await page.evaluate("heard.filter(([name]) => name === 'unread')")
    assert counts[-1] == ["unread", {"count": 1}]
    # Another page of the shop in this tab: the chat stays closed, and still says that there is an answer.
    await page.goto(widget.host.origin + "/?next")
    await expect(launcher).to_have_accessible_name("在线客服，1 条未读消息")
    await expect(page.locator(PANEL)).to_be_hidden()
    await launcher.click()
    await expect(launcher).to_have_accessible_name("在线客服")
    await expect((await widget.frame(page)).get_by_text("答：物流")).to_be_visible()


async def test_a_customer_keeps_her_chat_where_the_browser_refuses_all_storage(widget: WidgetStage) -> None:
    page = await widget.page(BODY, origin=widget.host.far, token=widget.token("u1001"))
    frame = await widget.open_widget(page)
    with pytest.raises(PlaywrightError, match="Access is denied"):
        await frame.evaluate("localStorage.length")
    await say(frame, "物流")
    await expect(frame.get_by_text("答：物流")).to_be_visible()
    await page.reload()
    await expect((await widget.open_widget(page)).get_by_text("答：物流")).to_be_visible()
    # Who is not logged in is not known again, and is served all the same.
    page = await widget.page(BODY, origin=widget.host.far)
    frame = await widget.open_widget(page)
    await say(frame, "在吗")
    await expect(frame.get_by_text("答：在吗")).to_be_visible()


CARD = {
    "type": "card",
    "card": "products",
    "data": {"products": [{"product_id": "p201", "name": "轻量跑鞋", "price": "399.00", "rating": 4.8}]},
}


async def test_a_product_is_shown_by_the_page_that_listens_else_by_its_own_page(widget: WidgetStage) -> None:
    widget.says["推荐"] = {"replies": [{"custom": CARD}]}
    page = await widget.page(BODY, options=PHONE)
    frame = await widget.open_widget(page)
    await say(frame, "推荐")
    await page.evaluate("() => { Zhixin.on('product', (shown) => { window.shown = shown; }); }")
    await frame.get_by_role("link", name="轻量跑鞋").click()
    await until(page, "window.shown?.product_id === 'p201'")
    await expect(page.locator(PANEL)).to_be_hidden()  # on a phone it would cover what is shown
    assert page.url == widget.host.origin + "/"
    await page.reload()
    frame = await widget.open_widget(page)
    await frame.get_by_role("link", name="轻量跑鞋").click()
    await page.wait_for_url(f"{widget.origin}/demo/p/p201")


async def test_escape_closes_the_chat_though_a_comparison_is_unfolded(widget: WidgetStage) -> None:
    widget.says["对比"] = {"replies": [card("comparison")]}
    page = await widget.page(BODY)
    frame = await widget.open_widget(page)
    await say(frame, "对比")
    more = frame.locator(".z-comparison button[aria-expanded]")
    await more.click()
    await expect(more).to_have_attribute("aria-expanded", "true")
    await frame.locator("#menu").click()
    await frame.locator("#menu").press("Escape")  # the menu alone
    await expect(frame.locator("#menu")).to_have_attribute("aria-expanded", "false")
    await expect(page.locator(PANEL)).to_be_visible()
    await frame.locator("textarea").press("Escape")
    await expect(page.locator(PANEL)).to_be_hidden()


async def test_another_origin_can_neither_embed_nor_speak(widget: WidgetStage) -> None:
    # The same shop under an origin that is not named: the browser refuses the frame, and she is told.
    context = await widget.context()
    await context.clock.install()
    refused = await widget.page(BODY, context=context, origin=widget.host.foreign)
    await refused.evaluate(LISTEN)
    await refused.locator(LAUNCHER).click()
    await expect(refused.locator("zhixin-chat .wait p")).to_have_text("正在打开…")
    await context.clock.run_for(11_000)
    await expect(refused.locator("zhixin-chat .wait p")).to_have_text("暂时打不开，请检查网络。")
    await expect(refused.locator("zhixin-chat .wait button")).to_have_text("重试")
    assert await told(refused, "error") == {"code": "unreachable"}
    assert len(widget.faults) == 1 and "frame-ancestors 'self'" in widget.faults[0]
    widget.faults.clear()
    await context.close()

    # A page within the named one, and the named one itself, say what only the frame may say.
    false = ("{ zhixin: 1, type: 'close' }", "{ zhixin: 1, type: 'unread', count: 9 }")
    posts = "".join(f"parent.postMessage({message}, '*');" for message in false)
    widget.host.pages["/foreign"] = f"<script>{posts} parent.postMessage('done', '*')</script>"
    page = await widget.page(BODY)
    frame = await widget.open_widget(page)
    await page.evaluate(LISTEN)
    await page.evaluate(
        """(url) => new Promise((done) => {
          addEventListener("message", (event) => event.data === "done" && done());
          const frame = document.createElement("iframe");
          frame.src = url;
          document.body.append(frame);
        })""",
        widget.host.foreign + "/foreign",
    )
    for garbage in (*false, "null", "'x'", "7", "{ zhixin: 2, type: 'close' }", "[]"):
        await page.evaluate(f"postMessage({garbage}, '*')")
    await page.evaluate("new Promise((done) => { addEventListener('message', done); postMessage(0, '*'); })")
    assert await page.evaluate("heard.filter(([n, d]) => n === 'close' || d.count === 9)") == []
    await expect(page.locator(PANEL)).to_be_visible()

    # The frame speaks to nobody who embeds it in another's name, and believes nobody who does.
    token = widget.token("u1001")
    widget.host.pages["/thief"] = (
        "<!doctype html><script>heard = []; addEventListener('message', (e) => heard.push(e.data));</script>"
        f"<iframe src='{widget.origin}/widget/?host=https%3A%2F%2Fshop.example' width=400 height=600>"
    )
    thief = await widget.visit(widget.host.origin + "/thief")
    await expect(thief.frame_locator("iframe").get_by_text("答：opened")).to_be_visible()
    await thief.evaluate(
        "(token) => frames[0].postMessage({ zhixin: 1, type: 'identify', token }, '*')",
        token,
    )
    box_of_hers = thief.frame_locator("iframe").locator("textarea")
    await box_of_hers.fill("我是谁")
    await box_of_hers.press("Enter")
    await expect(thief.frame_locator("iframe").get_by_text("答：我是谁")).to_be_visible()
    assert await thief.evaluate("heard") == []
    del frame


HOSTILE = """<style>
@layer first { * { all: unset !important; } html { zoom: 1 } }
html { font-size: 4px !important; }
body *, zhixin-chat, html > *:not(head):not(body), div, iframe, button, svg, span {
  display: none !important; visibility: hidden !important; position: static !important; opacity: 0 !important;
  transform: scale(0) !important; font: 80px serif !important; filter: blur(9px) !important;
  pointer-events: none !important; color: red !important; z-index: -1 !important; width: 3px !important;
  height: 3px !important; margin: 99px !important; clip-path: inset(50%) !important;
  animation: spin 1s infinite !important; contain: strict !important; direction: rtl !important;
}
@keyframes spin { to { transform: rotate(1turn); } }
body { transform: rotate(3deg); overflow: hidden; position: fixed; }
</style>"""


async def test_hostile_styles_and_a_strict_policy_do_nothing(widget: WidgetStage) -> None:
    page = await widget.page("<h1>店</h1>", head=HOSTILE)
    await page.locator(LAUNCHER).wait_for()
    await page.evaluate("""() => {
      const host = document.querySelector("zhixin-chat");
      host.style.setProperty("display", "none", "important");
      host.style.setProperty("transform", "scale(0)", "important");
      host.hidden = true;
    }""")
    assert await box(page, LAUNCHER) == (1204, 724, 56, 56)
    frame = await widget.open_widget(page)
    assert await box(page, PANEL) == (876, 72, 384, 640)
    await expect(frame.get_by_text("答：opened")).to_be_visible()

    origin = widget.origin
    rules = f"default-src 'none'; script-src {origin}; frame-src {origin}; base-uri 'none'"
    policy = {"Content-Security-Policy": rules + "; require-trusted-types-for 'script'; trusted-types 'none'"}
    page = await widget.page("<h1>店</h1>", path="/strict", headers=policy)
    await page.locator(LAUNCHER).wait_for()
    assert await box(page, LAUNCHER) == (1204, 724, 56, 56)
    frame = await widget.open_widget(page)
    await expect(frame.get_by_text("答：opened")).to_be_visible()


async def test_pages_that_change_themselves_and_lines_that_come_twice(widget: WidgetStage) -> None:
    early = "<script>Zhixin = [(z) => { window.early = [typeof z.open, z === Zhixin]; }]</script>"
    page = await widget.page(BODY, head=early)
    await page.locator(LAUNCHER).wait_for()
    assert await page.evaluate("window.early") == ["function", True]
    assert (
        await page.evaluate(
            "() => { Zhixin.push((z) => { window.late = z === Zhixin; }); return window.late; }"
        )
        is True
    )
    frame = await widget.open_widget(page)
    await say(frame, "还在写")
    await expect(frame.get_by_text("答：还在写")).to_be_visible()
    # The body is another one and the address too, and the line is run again, now with her token.
    line = widget.line(token=widget.token("u1001"))
    await page.evaluate(LISTEN)
    await page.evaluate(
        """(line) => {
          history.pushState({}, "", "/p/2");
          const body = document.createElement("body");
          body.innerHTML = "<h1>另一页</h1>";
          document.body.replaceWith(body);
          const given = new DOMParser().parseFromString(line, "text/html").querySelector("script");
          const script = document.createElement("script");
          script.dataset.token = given.dataset.token;
          script.src = given.src;
          document.body.append(script);
        }""",
        line,
    )
    await until(page, "window.heard.some(([name]) => name === 'ready')")
    await page.wait_for_load_state("networkidle")
    assert await page.locator("zhixin-chat").count() == 1
    await expect(frame.get_by_text("答：还在写")).to_be_visible()
    assert not frame.is_detached()
    # Taken out by the page, it is there again when it is wanted.
    await page.evaluate("document.querySelector('zhixin-chat').remove(), Zhixin.close(), Zhixin.open()")
    frame = await widget.frame(page)
    await expect(frame.get_by_text("答：还在写")).to_be_visible()


async def test_a_phone_gets_the_whole_screen_a_desktop_a_panel(widget: WidgetStage) -> None:
    page = await widget.page(BODY, options=PHONE, lang="zh-TW", position="left")
    launcher = page.locator(LAUNCHER)
    await expect(launcher).to_have_accessible_name("線上客服")
    assert await box(page, LAUNCHER) == (20, 664, 56, 56)
    frame = await widget.open_widget(page)
    assert "lang=zh-Hant" in frame.url
    assert await box(page, PANEL) == (0, 0, 360, 740)
    await expect(launcher).to_be_hidden()
    await leave(frame, "關閉")
    await expect(launcher).to_be_focused()

    # 1280 x 800 at 200 %: everything within the window, and a way out.
    zoomed = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2, "reduced_motion": "reduce"}
    page = await widget.page(BODY, options=zoomed, lang="en-GB")
    await expect(page.locator(LAUNCHER)).to_have_accessible_name("Customer service")
    frame = await widget.open_widget(page)
    assert await box(page, PANEL) == (0, 0, 640, 400)
    moving = "(panel) => getComputedStyle(panel).transitionDuration"
    assert await page.locator(PANEL).evaluate(moving) == "0s"
    await leave(frame, "Close")
    await expect(page.locator(PANEL)).to_be_hidden()
