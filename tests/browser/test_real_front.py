"""The page with the real front: what the stand-in promises is what the front does."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.browser.conftest import LOOP

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

BUTTON = {"title": "催一下", "payload": '/urge_shipment{"order_number": "202611200001"}'}

WISH = {"type": "directive", "directive": "request_human", "reason": "转人工", "live": True, "level": None}


def speak(turn: dict[str, Any]) -> dict[str, Any]:
    if turn.get("text") == "转人工":
        return answer(turn, [{"text": "现在转人工。"}, {"custom": WISH}])
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


async def test_from_the_queue_to_a_person_and_back(browser: Any, front: Front) -> None:
    page = await browser.new_page(viewport={"width": 360, "height": 740})
    page.set_default_timeout(10000)
    desk = Desk(front)
    agent = await desk.hire("小陈", presence="busy")
    await page.goto(front.url("/"))
    async with page.expect_response("**/api/v1/conversations") as opening:
        await page.locator("#shoppers button").first.click()
    cid = (await (await opening.value).json())["conversation_id"]
    shown = page.locator("#answering")
    await expect(shown).to_have_text("智能助手为您服务")

    async def say(line: str) -> None:
        await page.locator("#input").fill(line)
        await page.keyboard.press("Enter")
        await page.locator(".mine .bubble", has_text=line).last.wait_for()

    await say("转人工")
    await expect(shown).to_contain_text("排队中，下一位就是您")
    await page.get_by_role("button", name="取消排队").click()
    await expect(shown).to_have_text("智能助手为您服务")
    await say("转人工")
    await expect(shown).to_contain_text("排队中")
    await desk.hands.take_over(cid, agent)
    await expect(shown).to_have_text("人工客服 小陈")
    await say("鞋子开胶了")
    await expect(page.locator("#typing")).to_be_hidden()
    await desk.hands.reply(cid, agent, key="k1", text="我给您换一双")
    bubble = page.locator(".message.agent", has_text="我给您换一双")
    await expect(bubble.locator(".author")).to_have_text("人工客服 小陈")
    await desk.hands.hand_back(cid, agent, outcome="solved")
    await expect(shown).to_have_text("智能助手为您服务")
    await say("好的谢谢")
    await page.get_by_text("答：好的谢谢").wait_for()
    assert await page.get_by_text("答：鞋子开胶了").count() == 0
    await page.close()
