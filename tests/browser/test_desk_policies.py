"""The manager's page of policies in a real browser: nothing typed is lost, and nobody is shut out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actions.shop.policy_models import Clause, Part, Policy, Tone
from bot.conversation.desk_types import Role
from tests.bot.desk.stage import Stage
from tests.browser.conftest import LOOP
from tests.browser.test_desk_axe import findings
from tests.browser.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope=LOOP)]

FEE = Policy(
    "return_fee",
    "退货运费",
    (
        Clause(Part.CONCLUSION, "这一单运费我们出。", tone=Tone.YES, states=("delivered",), when=("late",)),
        Clause(Part.CONCLUSION, "寄回运费由您承担。", tone=Tone.NO),
        Clause(Part.DEADLINE, "最晚 {return_until} 前申请。", states=("delivered",), categories=("food",)),
    ),
)


@pytest_asyncio.fixture(loop_scope=LOOP)
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr("actions.shop.sql_policies.delivered_topics", lambda: {FEE.topic: FEE})
    async with Stage(tmp_path) as made:
        await made.agent("zhou", "周主管", Role.SUPERVISOR)
        await made.agent("lin", "小林")
        yield made


async def opened(browser: Any, stage: Stage, login: str, faults: list[str], **options: Any) -> Any:
    """Return a page that is logged in and tells its faults."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN", **options)
    page = await stage.log_in(context, login)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.extend([m.text] if "Content Security Policy" in m.text else []))
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_page_of_policies_shuts_anybody_out(browser: Any, stage: Stage, scheme: str) -> None:
    shop = stage.shop
    faults: list[str] = []
    wrong: dict[str, list[str]] = {}
    stored = await shop.policy("return_fee")
    await shop.change_policy(stored, by="zhou", key="k1")
    manager = await opened(browser, stage, "zhou", faults, color_scheme=scheme)
    agent = await opened(browser, stage, "lin", faults, color_scheme=scheme)
    for name, page in (("manager", manager), ("agent", agent)):
        for path in ("/desk/policies", "/desk/policies/return_fee"):
            await page.goto(stage.origin + path)
            await page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
            wrong[f"{name} {path}"] = await findings(page)
    await manager.fill("textarea >> nth=1", "没有句号")
    await shop.change_policy(await shop.policy("return_fee"), by="lin", key="k2")
    await manager.get_by_role("button", name="保存", exact=True).click()
    await manager.get_by_role("alert").wait_for()
    wrong["wrong"] = await findings(manager)
    await manager.fill("textarea >> nth=1", "写成一句话。")
    await manager.get_by_role("button", name="保存", exact=True).click()
    await manager.locator(".overtaken").wait_for()
    wrong["overtaken"] = await findings(manager)
    for page in (manager, agent):
        await page.context.close()
    assert {path: found for path, found in wrong.items() if found} == {}
    assert faults == []


async def test_clauses_are_written_moved_heard_and_saved(browser: Any, stage: Stage) -> None:
    faults: list[str] = []
    page = await opened(browser, stage, "zhou", faults)
    await page.goto(f"{stage.origin}/desk/policies/return_fee")
    await page.fill("textarea >> nth=1", "没有质量问题的，寄回运费由您承担。")
    await page.click("text=添加一条")
    await page.locator("textarea >> nth=3").wait_for()
    assert await page.input_value("textarea >> nth=1") == "没有质量问题的，寄回运费由您承担。"
    await page.fill("textarea >> nth=3", "定制商品除外。")
    await page.select_option("[name='3.part']", "exception")
    await page.click("#up-3")
    await until(page, "document.querySelectorAll('textarea')[2].value === '定制商品除外。'")
    await page.select_option("[name='case.state']", "none")
    await page.click("text=看看怎么说")
    await until(page, "document.querySelectorAll('.spoken article').length === 5")
    assert "定制商品除外" in await page.inner_text(".spoken")
    assert (await stage.shop.policy("return_fee")).version == 1
    await page.press("[name=title]", "Enter")  # saves, and removes or moves nothing
    await page.locator("text=已保存，现在是第 2 版").wait_for()
    stored = await stage.shop.policy("return_fee")
    assert [clause.text for clause in stored.clauses] == [
        "这一单运费我们出。",
        "没有质量问题的，寄回运费由您承担。",
        "定制商品除外。",
        "最晚 {return_until} 前申请。",
    ]
    assert stored.clauses[2].part is Part.EXCEPTION
    await page.click("text=恢复这一版")
    await page.locator("text=已保存，现在是第 3 版").wait_for()
    assert (await stage.shop.policy("return_fee")).clauses == FEE.clauses
    await page.context.close()
    assert faults == []
