"""Neither the chat, in any dress, light or dark, nor the demo shop has a serious finding of axe-core."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import LOOP
from tests.browser.test_desk_axe import findings
from tests.browser.widget_stage import DESKTOP, PHONE, WidgetStage
from tests.browser.widget_talk import CARDS, STYLES, Talk, card, talk

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]
#: A phone in every dress; what a wide page does otherwise, in the dress that shows most.
LOOKS: Mapping[str, tuple[Mapping[str, Any], str, tuple[str, ...]]] = {
    "light": (PHONE, "light", STYLES),
    "dark": (PHONE, "dark", STYLES),
    "desktop": (DESKTOP, "light", ("perfect",)),
}

RATING: Mapping[str, Any] = {
    **{"type": "rating", "author": "bot", "at": "2026-11-22T10:00:00+08:00", "in_reply_to": None, "seq": 900},
    **{"text": "这次服务，您打几分？", "comment_label": "还想说的（选填）"},
    "dimensions": [{"name": "service", "label": "服务"}, {"name": "emotion", "label": "情感"}],
}
CHOICES = {
    "text": "要办哪件？ 详见 https://shop.example/help",
    "buttons": [{"title": "查物流", "payload": "/a"}],
}
UNFOLD = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


async def panel(chat: Talk) -> Any:
    await chat.page.locator("#menu").click()
    await chat.page.get_by_role("button", name="我们怎么和您沟通").click()
    opened = chat.page.get_by_role("dialog", name="我们怎么和您沟通")
    await opened.get_by_role("radio").nth(1).wait_for()
    return opened


@pytest.mark.parametrize("look", LOOKS)
async def test_the_chat_shuts_nobody_out_in_any_dress(widget: WidgetStage, look: str) -> None:
    size, scheme, styles = LOOKS[look]
    plain = {**size, "has_touch": size is PHONE, "is_mobile": size is PHONE}
    chat = await talk(widget, **plain, color_scheme=scheme, reduced_motion="reduce")
    for number, name in enumerate(CARDS):
        await chat.say(f"看看{number}", card(name))
    await chat.say("选项", CHOICES)
    await chat.tell(RATING)
    form = chat.page.get_by_role("group", name="评价", exact=True)
    await form.get_by_role("radio", name="不满意", exact=True).first.check()  # the whole form is there
    wrong: dict[str, list[str]] = {}
    for style in styles:
        await chat.wear(style)
        await chat.page.evaluate(UNFOLD)
        await chat.settled()
        wrong[style] = await findings(chat.page)
        opened = await panel(chat)
        await chat.page.evaluate(UNFOLD)
        await chat.settled()
        wrong[f"{style}, panel"] = await findings(chat.page, "dialog[open]")
        await chat.page.keyboard.press("Escape")
        await expect(opened).to_have_count(0)
    assert {where: found for where, found in wrong.items() if found} == {}


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop"])
async def test_the_demo_shop_shuts_nobody_out(
    browser: Any, tmp_path: Path, size: Mapping[str, Any], scheme: str
) -> None:
    async with WidgetStage(tmp_path, browser, with_shop=True) as shop:
        options = {**size, "color_scheme": scheme, "reduced_motion": "reduce"}
        page = await shop.visit(shop.origin + "/demo/", options=options)
        await page.locator(".tile").first.wait_for()
        wrong = {"list": await findings(page)}
        await page.locator("#who").click()
        await page.get_by_role("dialog").get_by_role("button", name="陈锐").wait_for()
        wrong["picker"] = await findings(page)
        await page.get_by_role("dialog").get_by_role("button", name="陈锐").click()
        await expect(page.locator("#who-name")).to_have_text("陈锐")
        for path, there in (
            ("p/p301", ".product"),
            ("p/p999", ".empty"),
            ("orders", ".order"),
        ):
            await page.goto(f"{shop.origin}/demo/{path}")
            await page.locator(there).first.wait_for()
            wrong[path] = await findings(page)
        await page.get_by_role("link", name="订单 2026").nth(1).click()
        await page.locator(".sheets").wait_for()
        frame = await shop.open_widget(page)
        await frame.locator(".theirs").first.wait_for()
        wrong["order, chat open"] = await findings(page)
        shop.check()
    assert {where: found for where, found in wrong.items() if found} == {}
