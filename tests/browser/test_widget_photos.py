"""Pictures that a shopper sends from the widget."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import expect

from tests.browser.conftest import LOOP
from tests.browser.test_widget import phone
from tests.browser.widget_stage import WidgetStage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]


def photo(size: tuple[int, int] = (64, 48)) -> dict[str, Any]:
    """A file to choose."""
    made = BytesIO()
    Image.new("RGB", size, "teal").save(made, "PNG")
    return {"name": "鞋子.png", "mimeType": "image/png", "buffer": made.getvalue()}


async def test_a_picture_is_sent_and_shown(widget: WidgetStage) -> None:
    chat = await phone(widget)
    chooser = chat.view.locator("input[type=file]")
    await chooser.set_input_files({"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"})
    await expect(chat.view.locator("#count")).to_have_text("这种文件发不了，请发 JPG、PNG 或 WebP 图片。")
    await chooser.set_input_files(
        {"name": "a.png", "mimeType": "image/png", "buffer": b"x" * ((10 << 20) + 1)}
    )
    await expect(chat.view.locator("#count")).to_contain_text("图片太大")
    await chooser.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    failed = chat.mine(state="failed")
    await failed.get_by_role("button", name="删除").click()
    await chooser.set_input_files(photo())
    shown = chat.view.locator('.message.mine[data-kind="picture"] img')
    await expect(shown).to_have_js_property("complete", True)
    assert await shown.evaluate("image => image.naturalWidth") == 64
    await chat.ask("您看看")
    assert await chat.mine().count() == 2


async def test_a_picture_waits_for_the_line_and_says_when_it_is_lost(widget: WidgetStage) -> None:
    chat = await phone(widget)
    context = chat.view.context
    chooser = chat.view.locator("input[type=file]")
    await context.set_offline(True)
    await chooser.set_input_files(photo())
    await chat.mine(state="sending").get_by_role("img", name="我发的图片").wait_for()
    await context.set_offline(False)
    await expect(chat.view.locator('.message.mine[data-kind="picture"]')).to_have_count(1)
    await chat.view.route("**/pictures", lambda route: route.abort())
    await chooser.set_input_files(photo())
    await chat.mine(state="sending").wait_for()
    await chat.view.reload()
    await chat.mine(state="failed").get_by_text("页面刷新后图片不在了，请重新选").wait_for()
    await chat.mine(state="failed").get_by_role("button", name="删除").click()
    await expect(chat.mine()).to_have_count(1)
