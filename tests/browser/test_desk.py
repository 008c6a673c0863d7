"""The desk in a real browser: lists and conversations live, two agents at once, sending, keys, notes."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image

from bot.conversation.desk_types import Presence
from tests.bot.conversation.harness import Shopper
from tests.bot.desk.stage import Stage, directive, reading
from tests.browser.conftest import LOOP
from tests.browser.waiting import until
from tests.support.photographs import photograph, send

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

URGENT = "赶紧的，别废话"
#: A browser logs what the server refuses and what is cut off; the pages handle both.
NETWORK = ("Failed to load resource",)

LogIn = Callable[..., Awaitable[Any]]


@pytest_asyncio.fixture(loop_scope=LOOP)
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as made:
        yield made


@pytest_asyncio.fixture(loop_scope=LOOP)
async def log_in(browser: Any, stage: Stage) -> AsyncIterator[LogIn]:
    """Log in with an account of the stage; errors of a page and requests elsewhere fail the test."""
    faults: list[str] = []
    contexts = []

    async def opened(login: str, **options: Any) -> Any:
        context = await browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "locale": "zh-CN", **options}
        )
        contexts.append(context)
        page = await stage.log_in(context, login)
        page.on("pageerror", lambda error: faults.append(f"error: {error}"))
        page.on(
            "console",
            lambda m: m.type == "error" and not m.text.startswith(NETWORK) and faults.append(m.text),
        )
        page.on(
            "request",
            lambda r: (
                r.url.startswith((stage.origin, "data:", "blob:")) or faults.append(f"outside: {r.url}")
            ),
        )
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert faults == []


async def escalate(stage: Stage, customer_id: str | None = "u1002", words: str = "找人工") -> Shopper:
    stage.says[words] = {"replies": [directive()]}
    shopper = await stage.shopper(customer_id)
    await shopper.say(words)
    return shopper


async def held(stage: Stage, login: str = "limin", name: str = "李敏") -> Shopper:
    """A conversation that an agent has; the agent takes no more."""
    me = await stage.agent(login, name)
    shopper = await stage.shopper("u1002")
    await shopper.say(URGENT)
    await stage.desk.handover.set_presence(me.agent_id, Presence.BUSY)
    await stage.desk.handover.take_over(shopper.conversation_id, me.agent_id)
    return shopper


async def open_talk(page: Any, shopper: Shopper) -> None:
    await page.goto(f"{shopper.front.url('')}/desk/c/{shopper.conversation_id}")
    await page.wait_for_selector("#side .side-tabs", state="attached")


async def texts(shopper: Shopper, author: str = "agent") -> list[str]:
    return [m["text"] for m in await shopper.messages() if m["author"] == author]


async def test_the_queue_lives(stage: Stage, log_in: LogIn) -> None:
    me = await stage.agent("limin", "李敏")
    await stage.desk.handover.set_presence(me.agent_id, Presence.BUSY)
    quiet = await escalate(stage, "u1006", "转人工客服")
    page = await log_in("limin")
    await page.goto(f"{stage.origin}/desk/?view=waiting")
    await page.wait_for_selector(f"#row-{quiet.conversation_id}")
    await page.evaluate("document.querySelector('.row-item').dataset.untouched = '1'")
    shopper = await escalate(stage)
    row = f"#row-{shopper.conversation_id}"
    await page.wait_for_selector(row)
    assert "赵**" in await page.inner_text(row)
    assert "等" in await page.inner_text(row)
    await until(page, "() => document.title.startsWith('(2) ')")
    assert await page.inner_text('.tabs [data-count="waiting"]') == "2"
    await shopper.say("还要等多久")
    await until(page, "([row]) => document.querySelector(row)?.textContent.includes('还要等多久')", [row])
    other = await page.get_attribute(f"#row-{quiet.conversation_id}", "data-untouched")
    assert other == "1", "a row that did not change was replaced"
    await stage.desk.handover.take_over(shopper.conversation_id, me.agent_id)
    await page.wait_for_selector(row, state="detached")


async def test_two_take_it_at_once(stage: Stage, log_in: LogIn) -> None:
    names = {"limin": "李敏", "wangjie": "王杰"}
    for login, name in names.items():
        agent = await stage.agent(login, name)
        await stage.desk.handover.set_presence(agent.agent_id, Presence.BUSY)
    shopper = await escalate(stage)
    pages = {login: await log_in(login) for login in names}
    for page in pages.values():
        await open_talk(page, shopper)
    await pages["wangjie"].wait_for_selector("#head >> text=李敏正在看")
    for page in pages.values():
        await page.wait_for_selector('#head [data-do="take"]')
    # Neither page has heard of the other's click when it sends its own.
    for page in pages.values():
        await page.evaluate("setTimeout(() => document.querySelector('#head [data-do=take]').click(), 300)")
    for page in pages.values():
        await until(page, "() => document.querySelector('#head .chip.owner').matches('.mine, .other')")
    mine = {login: await page.is_visible("#head .chip.owner.mine") for login, page in pages.items()}
    assert sorted(mine.values()) == [False, True]
    winner = next(names[login] for login, won in mine.items() if won)
    loser = next(page for login, page in pages.items() if not mine[login])
    await loser.wait_for_selector(f"#head >> text={winner}正在处理")
    await loser.wait_for_selector(f"#toasts >> text={winner}已经接待了这位顾客")
    assert not await loser.is_visible("#words")


async def test_both_ways_live(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.fill("#words", "您好，我来处理")
    await page.press("#words", "Enter")
    await page.wait_for_selector("#log .agent >> text=您好，我来处理")
    assert await texts(shopper) == ["您好，我来处理"]
    await shopper.say("那什么时候能到")
    await page.wait_for_selector("#log .shopper >> text=那什么时候能到")
    assert await page.evaluate(
        "(() => { const s = document.getElementById('scroll');"
        " return s.scrollHeight - s.scrollTop - s.clientHeight < 80; })()"
    )
    await page.fill("#words", "第一行")
    await page.press("#words", "Shift+Enter")
    await page.type("#words", "第二行")
    await page.press("#words", "Enter")
    await page.wait_for_selector("#log .agent >> text=第二行")
    assert (await texts(shopper))[-1] == "第一行\n第二行"
    assert await page.locator("#outbox li").count() == 0


async def test_the_reader_s_place_is_kept(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    for n in range(30):
        await shopper.say(f"第 {n} 条")
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.evaluate("document.getElementById('scroll').scrollTop = 100")
    await page.wait_for_timeout(100)
    before = await page.evaluate("document.getElementById('scroll').scrollTop")
    await shopper.say("最新的一条")
    await page.wait_for_selector("#newer:visible")
    assert await page.evaluate("document.getElementById('scroll').scrollTop") == before
    await page.click("#newer")
    assert await page.is_visible("#log >> text=最新的一条")
    assert not await page.is_visible("#newer")


async def test_what_fails_stays_and_is_sent_once(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    lost = {"left": 1}

    async def cut(route: Any) -> None:
        # The request arrives, its answer is lost: the worst case.
        if lost["left"]:
            lost["left"] -= 1
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/reply", cut)
    await page.fill("#words", "今天 18 点前送到")
    await page.press("#words", "Enter")
    # What the record has stored comes live and takes the place of what seemed lost.
    await page.wait_for_selector("#log .agent >> text=今天 18 点前送到")
    await until(page, "() => document.querySelectorAll('#outbox li').length === 0")

    await page.unroute("**/reply")
    await page.route("**/reply", lambda route: route.abort())
    await page.fill("#words", "第二句")
    await page.press("#words", "Enter")
    await page.wait_for_selector("#outbox .failed >> text=未发送")
    await page.unroute("**/reply")
    await page.reload()
    await page.wait_for_selector("#outbox .failed >> text=第二句")
    await page.click("#outbox button >> text=重试")
    await page.wait_for_selector("#log .agent >> text=第二句")
    await until(page, "() => document.querySelectorAll('#outbox li').length === 0")
    assert await texts(shopper) == ["今天 18 点前送到", "第二句"]


async def test_a_draft_outlives_a_reload(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.fill("#words", "写了一半")
    await page.click("#mode-note")
    await page.fill("#words", "备注也写了一半")
    await page.reload()
    assert await page.input_value("#words") == "写了一半"
    await page.click("#mode-note")
    assert await page.input_value("#words") == "备注也写了一半"


async def test_choosing_a_word_sends_nothing(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.fill("#words", "nihao")
    await page.focus("#words")
    client = await page.context.new_cdp_session(page)
    await client.send("Input.imeSetComposition", {"text": "你好", "selectionStart": 2, "selectionEnd": 2})
    # The key that chooses a word, as browsers report it with an input method at work.
    await page.evaluate(
        "document.getElementById('words').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', keyCode: 229, isComposing: true, bubbles: true, cancelable: true}))"
    )
    await page.evaluate(
        "document.getElementById('words').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', keyCode: 13, bubbles: true, cancelable: true}))"
    )
    await client.send("Input.insertText", {"text": "你好"})
    await page.wait_for_timeout(100)
    assert await texts(shopper) == []
    assert "你好" in await page.input_value("#words")
    await page.press("#words", "Enter")
    await page.wait_for_selector("#log .agent >> text=你好")


async def test_keys(stage: Stage, log_in: LogIn) -> None:
    first = await held(stage)
    second = await stage.shopper("u1006")
    me = next(a for a in await stage.desk.reader.agents() if a.login == "limin")
    await second.say("还有我")
    await stage.desk.handover.take_over(second.conversation_id, me.agent_id)
    page = await log_in("limin")
    await page.press("body", "j")
    assert await page.evaluate("document.activeElement.classList.contains('row-link')")
    await page.press("body", "/")
    assert await page.evaluate("document.activeElement.id") == "search"
    await page.keyboard.type("jk?t")
    assert await page.input_value("#search") == "jk?t"
    await page.keyboard.press("Tab")
    await page.keyboard.press("?")
    assert await page.is_visible("#keys >> text=下一个、上一个会话")
    await page.keyboard.press("Escape")

    await open_talk(page, first)
    here = page.url
    await page.press("body", "j")
    await until(page, "here => location.href !== here", here)
    await page.wait_for_selector("#side .side-tabs", state="attached")
    await page.press("body", "k")
    await until(page, "here => location.href === here", here)
    await page.wait_for_selector("#side .side-tabs", state="attached")
    await page.press("body", "r")
    assert await page.evaluate("document.activeElement.id") == "words"
    await page.keyboard.type("ebn")
    assert await page.input_value("#words") == "ebn"
    assert await page.locator("dialog[open]").count() == 0
    await page.keyboard.press("Escape")
    await page.press("body", "n")
    assert await page.get_attribute("#mode-note", "aria-pressed") == "true"
    await page.keyboard.press("Escape")
    await page.press("body", "c")
    await page.wait_for_selector("#picker-found .choice")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.press("body", "e")
    assert await page.is_visible("#close-dialog")
    await page.click("#close-dialog [data-cancel]")
    await page.press("body", "?")
    await page.uncheck("#keys-on")
    await page.click("#keys >> text=知道了")
    await page.press("body", "e")
    assert not await page.is_visible("#close-dialog")


async def test_canned_replies_by_shortcut(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.focus("#words")
    await page.keyboard.type("/wl")
    await page.wait_for_selector('#picker-found [data-shortcut="/wl"]')
    await page.keyboard.press("Enter")
    assert not await page.is_visible("#picker")
    filled = await page.input_value("#words")
    assert len(filled) > 5
    assert "/wl" not in filled
    assert await texts(shopper) == []


async def test_suggestions_fill_the_box(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    assert await page.locator("#suggestions .suggestion").count() == 3
    await page.click("#suggestions .suggestion >> nth=0")
    assert await page.input_value("#words") == await page.get_attribute(
        "#suggestions .suggestion >> nth=0", "data-fill"
    )
    assert await page.evaluate("document.activeElement.id") == "words"
    assert await texts(shopper) == []


async def test_a_draft_that_clashes_is_warned_of(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.click("#tab-type")
    await page.click('[data-correct="perfect"]')
    await page.wait_for_selector("#head .style-mark.perfect")
    await page.fill("#words", "大概这两天就能到了")
    await page.wait_for_selector("#preview >> text=完美型客户：请给出具体时间和依据")
    await page.press("#words", "Enter")
    await page.wait_for_selector("#log .agent >> text=大概这两天就能到了")


async def test_a_note_is_for_colleagues(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    wang = await stage.agent("wangjie", "王杰")
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.click("#mode-note")
    await page.keyboard.type("@王")
    await page.wait_for_selector("#mentions li >> text=王杰")
    await page.keyboard.press("Enter")
    await page.keyboard.type("盯一下派送")
    assert await page.input_value("#words") == "@王杰 盯一下派送"
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#log .memo >> text=盯一下派送")
    assert "盯一下派送" not in str(await shopper.messages())
    assert (await stage.desk.reader.counts(wang.agent_id))["mentions"] == 1


async def test_hand_back_and_the_bot_goes_on(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.press("body", "b")
    await page.check('#back-dialog [value="follow_up"]')
    await page.fill('#back-dialog [name="order"]', "202611140584")
    await page.click("#back-dialog .primary")
    await page.wait_for_selector("#head .chip.owner.bot")
    await page.wait_for_selector("#cannot >> text=智能助手正在接待")
    answers = await shopper.say("我的订单呢")
    assert answers[-1]["author"] == "bot"
    settled = next(call["settled"] for call in stage.rasa.calls if call.get("event") == "handed_back")
    assert (settled["outcome"], settled["order_number"]) == ("follow_up", "202611140584")
    await page.wait_for_selector("#log .bot >> text=我的订单呢")


async def test_a_picture_travels(stage: Stage, log_in: LogIn, tmp_path: Path) -> None:
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    body = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(body, "PNG")
    await page.set_input_files(
        "#picture", {"name": "a.png", "mimeType": "image/png", "buffer": body.getvalue()}
    )
    await page.wait_for_selector("#log .agent .picture img")
    await until(page, "() => document.querySelector('#log .picture img').naturalWidth === 300")
    sent = [m for m in await shopper.messages() if m["type"] == "picture"]
    assert (sent[0]["width"], sent[0]["height"]) == (300, 200)
    await page.set_input_files("#picture", {"name": "a.png", "mimeType": "image/png", "buffer": b"<svg/>"})
    await page.wait_for_selector("#outbox .failed >> text=只能发送 JPG、PNG 或 WebP 图片")
    assert (await send(shopper, photograph())).status == 200
    await page.wait_for_selector("#log .shopper .picture img[alt='顾客发来的图片']")
    await until(page, "() => document.querySelector('#log .shopper .picture img').naturalHeight === 640")
    assert await page.locator("#log .shopper >> text=[图片]").count() == 0
    await page.reload()
    await page.wait_for_selector("#panel-brief >> text=发来 1 张图片", state="attached")


async def test_evidence_is_told_on_focus(stage: Stage, log_in: LogIn) -> None:
    stage.says[URGENT] = {
        "reading": reading(URGENT, [("lexicon:power.hurry", "赶紧", "power", 2.4)], power=0.8)
    }
    shopper = await held(stage)
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.focus("mark.evidence")
    assert "力量型" in await page.inner_text("#tip")
    await page.keyboard.press("Escape")
    assert not await page.is_visible("#tip")
    await page.click("#tab-type")
    await page.wait_for_selector("#course canvas")
    await page.click("text=看数据表")
    assert await page.is_visible(".course-table >> text=80%")


async def test_an_order_is_settled_in_the_panel(stage: Stage, log_in: LogIn) -> None:
    me = await stage.agent("limin", "李敏")
    shopper = await stage.shopper("u1015")
    await shopper.say("不想要了")
    await stage.desk.handover.take_over(shopper.conversation_id, me.agent_id)
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.click("#tab-orders")
    await page.click('[data-act="cancel_order"][data-order="202611190806"]')
    assert "202611190806" in await page.inner_text("#order-dialog")
    await page.click("#order-dialog .primary")
    await page.wait_for_selector("#log .memo >> text=已办理：取消订单")
    await page.wait_for_selector('[data-act="cancel_order"][data-order="202611190806"][disabled]')
    assert await texts(shopper) == []


async def test_the_shopper_s_words_run_nowhere(stage: Stage, log_in: LogIn) -> None:
    nasty = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"
    stage.says[nasty] = {"reading": reading(nasty, [("lexicon:a.b", "<img", "power", 1.0)]), "replies": []}
    me = await stage.agent("limin", "李敏")
    shopper = await stage.shopper("u1002")
    await shopper.say(nasty)
    await stage.desk.handover.take_over(shopper.conversation_id, me.agent_id)
    page = await log_in("limin")
    await open_talk(page, shopper)
    for tab in ("type", "orders", "history", "notes", "brief"):
        await page.click(f"#tab-{tab}")
    await page.goto(f"{stage.origin}/desk/?view=all")
    await page.wait_for_selector(".row-item")
    assert "hit" not in await page.title()
    assert await page.locator("img[src=x]").count() == 0


@pytest.mark.parametrize("size", [(1280, 800), (1024, 768), (640, 400)])
async def test_everything_can_be_reached(stage: Stage, log_in: LogIn, size: tuple[int, int]) -> None:
    shopper = await held(stage)
    page = await log_in("limin", viewport={"width": size[0], "height": size[1]})
    await open_talk(page, shopper)
    wide = await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wide, "the page scrolls sideways"
    await page.locator("#send").scroll_into_view_if_needed()
    await page.fill("#words", "够得着")
    await page.click("#send")
    await page.wait_for_selector("#log .agent >> text=够得着")
    if size[0] < 800:
        await page.click('[data-pane="side"]')
    await page.click("#tab-orders")
    assert await page.is_visible("#panel-orders")


async def test_the_end_stays_in_sight_when_the_box_grows(stage: Stage, log_in: LogIn) -> None:
    shopper = await held(stage)
    for n in range(15):
        await shopper.say(f"第 {n} 条")
    page = await log_in("limin")
    await open_talk(page, shopper)
    await page.click("#canned-open")
    await page.wait_for_selector("#picker-found .choice")
    await until(
        page,
        "() => { const s = document.getElementById('scroll');"
        " return s.scrollHeight - s.scrollTop - s.clientHeight < 2; }",
    )
