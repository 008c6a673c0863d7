"""The page with the real front: what the stand-in promises is what the front does."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.browser.conftest import LOOP

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

BUTTON = {"title": "催一下", "payload": '/urge_shipment{"order_number": "202611200001"}'}


def speak(turn: dict[str, Any]) -> dict[str, Any]:
    if turn.get("text") == "物流":
        return answer(turn, [{"text": "明天到。", "buttons": [BUTTON]}])
    return answer(turn)


@pytest_asyncio.fixture(loop_scope=LOOP)
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    rasa = RasaStub()
    rasa.script = speak
    await rasa.start()
    async with Front(f"sqlite:///{tmp_path / 'record.db'}", rasa.port) as made:
        yield made
    await rasa.stop()


async def test_a_conversation_from_the_picker_to_a_tapped_step(browser: Any, front: Front) -> None:
    page = await browser.new_page(viewport={"width": 360, "height": 740})
    page.set_default_timeout(10000)
    refused: list[str] = []
    page.on("console", lambda m: "Refused" in m.text and refused.append(m.text))
    sockets: list[str] = []
    page.on("websocket", lambda s: sockets.append(s.url))
    await page.goto(front.url("/"))
    await page.locator("#shoppers button").first.click()
    await page.get_by_text("答：opened").wait_for()
    await page.get_by_text("utter_privacy_notice").wait_for()
    await page.locator("#input").fill("物流")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="催一下").click()
    await page.get_by_text("答：/urge_shipment").wait_for()
    assert await page.locator(".message.mine .bubble").all_inner_texts() == ["物流", "催一下"]
    await expect(page.locator("#typing")).to_be_hidden()
    await expect(page.locator("#link")).to_be_empty()
    await page.locator("html[data-style=power]").wait_for()
    await page.get_by_role("button", name="看看它怎么读我").click()
    await expect(page.locator(".turn .percent").first).to_have_text("70%")
    await page.reload()
    await page.get_by_text("答：/urge_shipment").wait_for()
    assert await page.locator(".message.mine .bubble").all_inner_texts() == ["物流", "催一下"]
    assert len(sockets) == 2
    assert refused == []
    await page.close()
