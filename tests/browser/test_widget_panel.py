"""How the chat asks for a rating, and the panel 我们怎么和您沟通."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import LOOP
from tests.browser.waiting import until
from tests.browser.widget_stage import WidgetStage
from tests.browser.widget_talk import Talk, talk

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

ASKED: Mapping[str, Any] = {
    **{"type": "rating", "author": "bot", "at": "2026-11-22T10:00:00+08:00", "in_reply_to": None, "seq": 900},
    **{"text": "这次服务，您打几分？", "comment_label": "还想说的（选填）"},
    "dimensions": [{"name": "service", "label": "服务"}, {"name": "emotion", "label": "情感"}],
}
STYLES = {
    "power": "简洁直接",
    "perfect": "详尽严谨",
    "peace": "温和稳妥",
    "lively": "轻快有趣",
    "neutral": "标准",
}


async def test_a_rating_is_given_once_kept_and_changed(widget: WidgetStage) -> None:
    chat = await talk(widget)
    await chat.say("在吗")
    await chat.tell(ASKED)
    page = chat.page
    sent: list[Any] = []

    def hear(request: Any) -> None:
        if request.method == "PUT" and request.url.endswith("/rating"):
            sent.append(request.post_data_json)

    page.on("request", hear)
    form = page.get_by_role("group", name="评价", exact=True)
    overall = form.get_by_role("group", name="这次服务，您打几分？")
    await expect(form.get_by_role("button", name="提交评价")).to_have_count(0)
    await overall.get_by_role("radio", name="不满意", exact=True).check()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await expect(overall.get_by_role("radio", name="满意", exact=True)).to_be_checked()
    await form.locator("summary").click()
    await form.get_by_role("group", name="服务", exact=True).get_by_role("radio", name="很满意").check()
    await form.get_by_label("还想说的（选填）").fill("<b>回得快</b>")

    await page.route("**/rating", lambda route: route.abort())  # the line is down: nothing gets lost
    await form.get_by_role("button", name="提交评价").click()
    await expect(form.get_by_role("alert")).to_have_text("没有提交成功，您填的都还在。")
    await page.unroute("**/rating")
    sent.clear()
    await form.get_by_role("button", name="再试一次").dblclick()
    thanks = form.get_by_role("status")
    await expect(thanks).to_have_text("收到您的评价，谢谢。")
    await expect(thanks).to_be_focused()
    assert sent == [{"score": 4, "dimensions": {"service": 5}, "comment": "<b>回得快</b>"}]

    await page.reload()
    await expect(page.locator('.line[data-line="ws"]')).to_be_attached()
    await expect(page.locator(".bubble", has_text="答：在吗")).to_be_visible()
    await chat.tell(ASKED)
    await expect(form.locator("blockquote")).to_have_text("<b>回得快</b>")
    assert await form.locator("[role=img]").evaluate_all("(all) => all.map((s) => s.ariaLabel)") == [
        "满意",
        "很满意",
    ]
    await form.get_by_role("button", name="修改评价").click()
    await overall.get_by_role("radio", name="很满意").check()
    await form.get_by_role("button", name="提交评价").click()
    await expect(thanks).to_be_visible()
    assert len(sent) == 2 and sent[1]["score"] == 5 and sent[1]["comment"] == "<b>回得快</b>"


async def test_the_panel_says_what_is_done_and_lets_her_choose(widget: WidgetStage) -> None:
    chat = await talk(widget)
    page, panel = chat.page, await _open(chat)
    await expect(panel).to_contain_text("价格、规则、您的权利和等待的先后，对每个人都一样。")
    choices = panel.get_by_role("group", name="换一种").get_by_role("radio")
    follow = panel.get_by_role("radio", name="跟着聊天来")
    await expect(follow).to_be_checked()
    assert await choices.count() >= 5
    assert await page.evaluate("document.documentElement.scrollWidth") == 360

    await panel.get_by_role("radio").nth(2).check()  # after 跟着聊天来 and the neutral one
    await expect(panel.get_by_role("status")).to_have_text("已按您选的来。")
    await until(page, "document.documentElement.dataset.style !== 'neutral'")
    worn = await page.evaluate("document.documentElement.dataset.style")
    assert worn in STYLES
    await page.keyboard.press("Escape")
    await expect(panel).to_have_count(0)
    await expect(page.locator("#menu")).to_be_focused()

    panel = await _open(chat)
    await expect(panel.get_by_role("radio").nth(2)).to_be_checked()
    await follow.check()
    await expect(panel.get_by_role("status")).to_have_text("已按您选的来。")
    switch = panel.get_by_role("switch", name="个性化")
    await expect(switch).to_have_attribute("aria-checked", "true")
    await switch.click()
    await expect(panel.get_by_role("status")).to_have_text("已关闭，推断过的内容已删除。")
    await expect(switch).to_have_attribute("aria-checked", "false")
    await expect(choices.first).to_be_disabled()
    await expect(panel).to_contain_text("先打开个性化，再选口吻。")
    await switch.press("Space")
    await expect(choices.first).to_be_enabled()


async def test_the_panel_keeps_the_focus_and_says_what_fails(widget: WidgetStage) -> None:
    chat = await talk(widget)
    page = chat.page
    answers: list[Any] = [
        None,
        {
            "personalisation": 1,
            "style": ["x"],
            "line": "<b>x</b>",
            "choices": [None, {"style": 5}, {"style": "power", "name": "<i>直</i>", "line": {}}],
        },
    ]

    async def manner(route: Any) -> None:
        answer = answers.pop(0) if answers else None
        await (route.abort() if answer is None else route.fulfill(json=answer))

    await page.route("**/manner", manner)
    panel = await _open(chat)
    await expect(panel.get_by_role("alert")).to_contain_text("没有成功，请稍后再试。")
    await panel.get_by_role("button", name="再试一次").click()
    await expect(panel).to_contain_text("<b>x</b>")
    await expect(panel.get_by_role("radio")).to_have_count(2)
    for _ in range(8):
        await page.keyboard.press("Tab")
        assert await page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )
    await panel.get_by_role("radio").nth(1).click()  # refused: what held before still holds
    await expect(panel.get_by_role("alert")).to_contain_text("没有成功")
    await expect(panel.get_by_role("radio").first).to_be_checked()
    await panel.get_by_role("button", name="关闭").click()
    await expect(panel).to_have_count(0)


async def test_the_demo_shows_what_was_read(browser: Any, tmp_path: Any) -> None:
    evidence = [
        {"cue": "lexicon:快点", "text": "快点", "start": 1, "end": 3, "type": "power", "weight": 1.4},
        {"cue": "style:short", "type": "power", "weight": 0.6, "text": "", "start": 0, "end": 0},
        {"cue": "lexicon:x", "text": "没有这个词", "start": 0, "end": 2, "type": "<b>", "weight": "NaN"},
    ]
    probabilities = {"power": 0.71, "perfect": 0.12, "peace": 0.05, "lively": 0.12}
    reading = {"temperament": "power", "secondary": None, "probabilities": probabilities, "mood": "angry",
               "evidence": evidence, "signals": []}  # fmt: skip
    async with WidgetStage(tmp_path, browser) as stage:
        stage.says["😀快点"] = {"reading": reading}
        chat = await talk(stage)
        await chat.say("😀快点")
        panel = await _open(chat)
        await panel.locator(".z-demo summary").click()
        turn = panel.locator(".z-turn-read")
        await expect(turn.locator(".z-quote mark")).to_have_text("快点")
        await expect(turn.locator(".z-verdict")).to_contain_text("情绪：生气")
        await expect(turn.locator(".z-percent")).to_have_text(["71%", "12%", "5%", "12%"])
        await expect(turn.locator(".z-evidence li")).to_have_text(
            ["快点用词偏力量型 +1.4", "写得短写法偏力量型 +0.6"]
        )
        stage.check()


async def _open(chat: Talk) -> Any:
    """Open the panel by the menu."""
    await chat.page.locator("#menu").click()
    await chat.page.get_by_role("button", name="我们怎么和您沟通").click()
    return chat.page.get_by_role("dialog", name="我们怎么和您沟通")
