"""No page of the desk has a serious or critical finding of axe-core, in light and in dark."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.conversation.desk_types import Outcome, Presence, Role
from tests.bot.conversation.rasa_stub import RasaStub
from tests.bot.desk.harness import PASSWORD, Desk
from tests.browser.conftest import LOOP

pytestmark = pytest.mark.browser
in_session = pytest.mark.asyncio(loop_scope=LOOP)

VENDOR = Path(__file__).parent / "vendor"
SERIOUS = {"serious", "critical"}
#: Address -> its status: a page that is not there would have no findings either.
PAGES = {
    "/desk/?view=mine": 200,
    "/desk/?view=waiting": 200,
    "/desk/?view=all": 200,
    "/desk/requests": 200,
    "/desk/c/{cid}": 200,
    "/desk/figures": 200,
    "/desk/figures?period=custom": 422,
    "/desk/accounts": 200,
    "/desk/audit": 200,
    "/desk/account": 200,
    "/desk/nowhere": 404,
}


@pytest_asyncio.fixture(loop_scope=LOOP)
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    rasa = RasaStub()
    await rasa.start()
    async with Desk(f"sqlite:///{tmp_path / 'record.db'}", rasa.port) as made:
        yield made
    await rasa.stop()


@pytest_asyncio.fixture(loop_scope=LOOP)
async def held(desk: Desk) -> str:
    """A desk at work; the id of a conversation that its admin holds."""
    admin = await desk.add("guanli", Role.ADMIN, "管理员")
    colleague = await desk.add("xiaolin", Role.AGENT, "小林")
    await desk.handover.set_presence(colleague.agent_id, Presence.BUSY)
    settled = (await desk.front.open("u1")).conversation_id
    await desk.handover.take_over(settled, colleague.agent_id)
    await desk.handover.reply(settled, colleague.agent_id, key="k-settled", text="已经办好了")
    desk.clock.advance(minutes=6)
    await desk.handover.hand_back(settled, colleague.agent_id, outcome=Outcome.SOLVED)
    shopper = await desk.front.open("u2")
    cid = shopper.conversation_id
    await shopper.say("快点！我的快递到底到哪了，电话 13800005678，看 https://example.com/x")
    await desk.handover.take_over(cid, admin.agent_id)
    await shopper.say("都说了三遍了，还没人管？")
    await desk.handover.reply(cid, admin.agent_id, key="k-reply", text="正在查，五分钟内给您结果。")
    await desk.handover.note(cid, admin.agent_id, key="k-note", text="仓库说下午补发")
    await desk.handover.tag(cid, admin.agent_id, tag="物流", on=True)
    await desk.handover.flag(cid, admin.agent_id, reason="机器人没看懂")
    await desk.front.open("u3")
    return cid


async def findings(page: Any, within: str = "html") -> list[str]:
    """Rule, impact and place of each serious finding on a page, or in a part of it."""
    await page.evaluate((VENDOR / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    result = await page.evaluate("(part) => axe.run(part, {resultTypes: ['violations']})", within)
    return [
        f"{found['impact']} {found['id']}: {node['target']} {node['html'][:120]}"
        for found in result["violations"]
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]


@in_session
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_shuts_anybody_out(browser: Any, desk: Desk, held: str, scheme: str) -> None:
    context = await browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=scheme, locale="zh-CN", reduced_motion="reduce"
    )
    page = await context.new_page()
    refused: list[str] = []
    page.on("console", lambda m: "Content Security Policy" in m.text and refused.append(m.text))
    page.on("pageerror", lambda error: refused.append(str(error)))
    wrong: dict[str, list[str]] = {}
    await page.goto(f"{desk.origin}/desk/login")
    wrong["login"] = await findings(page)
    await page.fill("[name=login]", "guanli")
    await page.fill("[name=password]", "wrong password")
    await page.keyboard.press("Enter")
    await page.get_by_role("alert").wait_for()
    wrong["login refused"] = await findings(page)
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk/")
    for path, status in PAGES.items():
        opened = await page.goto(desk.origin + path.format(cid=held))
        assert opened is not None and opened.status == status, path
        await page.locator("main, .entry").first.wait_for()
        await page.wait_for_timeout(300)  # what the page fetches for itself
        await page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        wrong[path] = await findings(page)
    await context.close()
    assert {path: found for path, found in wrong.items() if found} == {}
    assert refused == [], "the policy for scripts and styles was broken, or a script failed"


@in_session
async def test_axe_finds_what_is_wrong(browser: Any, desk: Desk) -> None:
    page = await browser.new_page()
    await page.goto(f"{desk.origin}/desk/login")
    await page.evaluate("document.querySelector('main, form').append(document.createElement('input'))")
    assert any("label" in found for found in await findings(page))
    await page.close()
