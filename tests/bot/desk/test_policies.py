"""The manager's page of what the shop allows: nobody overwrites, nothing typed is lost, all is kept."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from actions.shop.errors import NotOfferedError, ShopTimeoutError
from actions.shop.policy_models import Clause, Part, Policy, Tone
from bot.conversation.desk_types import Role
from bot.desk.policy_forms import changes
from tests.bot.desk.harness import Browser, Desk, Page
from tests.bot.desk.stage import Stage

FEE = Policy(
    "return_fee",
    "退货运费",
    (
        Clause(
            Part.CONCLUSION,
            "这一单寄回运费由我们承担。",
            tone=Tone.YES,
            states=("delivered",),
            when=("late",),
        ),
        Clause(Part.CONCLUSION, "寄回运费由您承担。", tone=Tone.NO),
        Clause(Part.DEADLINE, "最晚 {return_until} 前申请。", states=("delivered",), categories=("food",)),
        Clause(Part.FEE, "有运费险的，由保险公司按保单赔付。", core=False),
    ),
)
AREA = Policy("delivery_area", "配送范围", (Clause(Part.CONCLUSION, "全国都送。"),))
ADDRESS = "/desk/policies/return_fee"
STYLES = ("力量型", "完美型", "和平型", "活泼型")


@pytest.fixture(autouse=True)
def _two_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    """These two policies alone are delivered."""
    delivered = {policy.topic: policy for policy in (FEE, AREA)}
    monkeypatch.setattr("actions.shop.sql_policies.delivered_topics", lambda: delivered)


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as made:
        await made.agent("zhou", "周主管", Role.SUPERVISOR)
        yield made


@pytest_asyncio.fixture
async def manager(stage: Stage) -> Browser:
    return await stage.browser("zhou")


def form(policy: Policy, **more: str) -> list[tuple[str, str]]:
    """What a browser sends of a policy's form."""
    fields = [("key", "key-00000001"), ("version", str(policy.version)), ("title", policy.title)]
    fields.append(("count", str(len(policy.clauses))))
    for at, clause in enumerate(policy.clauses):
        fields += [(f"{at}.part", clause.part.value), (f"{at}.tone", clause.tone.value)]
        fields += [(f"{at}.text", clause.text), (f"{at}.when", ", ".join(clause.when)), (f"{at}.more", "")]
        fields += [(f"{at}.core", "1")] if clause.core else []
        fields += [(f"{at}.states", state) for state in clause.states]
        fields += [(f"{at}.categories", category) for category in clause.categories]
    changed = dict(more)
    return [(name, changed.pop(name, value)) for name, value in fields] + list(changed.items())


async def send(browser: Browser, path: str, fields: list[tuple[str, str]], **headers: str) -> Page:
    """Send a form with fields that may stand in it several times."""
    sent = {"Accept": "text/html", "Origin": browser.desk.origin, **headers}
    return await browser.request("POST", path, data=[("csrf", browser.csrf), *fields], headers=sent)


def texts(page: Page) -> list[str]:
    """The texts of the clauses as they stand in the form of a page."""
    return [unescape(text) for text in re.findall(r"<textarea[^>]*>(.*?)</textarea>", page.text, re.DOTALL)]


def value(page: Page, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page.text)
    assert found is not None, name
    return unescape(found[1])


async def test_everybody_reads_and_finds_them(stage: Stage) -> None:
    await stage.agent("lin", "小林")
    agent = await stage.browser("lin")
    page = await agent.get("/desk/policies")
    assert page.status == 200
    assert f'href="{ADDRESS}"' in page.text and "配送范围" in page.text
    for search, found in (("运费险", True), ("return FEE", True), ("全国", False)):
        page = await agent.get(f"/desk/policies?q={search.replace(' ', '+')}")
        assert ("退货运费" in page.text) == found, search
    page = await agent.get("/desk/policies?q=<b>")
    assert "没有找到含“&lt;b&gt;”的政策" in page.text
    one = await agent.get(ADDRESS)
    assert "寄回运费由您承担" in one.text and "已签收 · 已超过承诺送达时间" in one.text
    assert "<textarea" not in one.text and "恢复这一版" not in one.text
    assert (await agent.get("/desk/policies/nothing")).status == 404


async def test_a_change_is_stored_once_and_logged(stage: Stage, manager: Browser) -> None:
    page = await manager.get(ADDRESS)
    assert texts(page) == [clause.text for clause in FEE.clauses]
    assert value(page, "version") == "1"
    typed = form(
        FEE, **{"title": "谁出运费", "1.text": "  没有质量问题的，寄回运费由您承担。\r\n", "3.more": "toys"}
    )
    for _ in range(2):  # the same key: pressed twice
        got = await send(manager, ADDRESS, typed)
        assert (got.status, got.headers["Location"]) == (303, f"{ADDRESS}?saved=2")
    stored = await stage.shop.policy("return_fee")
    assert (stored.title, stored.version, stored.changed_by) == ("谁出运费", 2, "zhou")
    assert stored.clauses == (
        FEE.clauses[0],
        replace(FEE.clauses[1], text="没有质量问题的，寄回运费由您承担。"),
        FEE.clauses[2],
        replace(FEE.clauses[3], categories=("toys",)),
    )
    page = await manager.get(got.headers["Location"])
    assert "已保存，现在是第 2 版" in page.text and "周主管" in page.text
    lines = [entry for entry in await stage.desk.log() if entry.action == "change_policy"]
    assert [line.detail for line in lines] == [{"topic": "return_fee", "version": 2}] * 2


async def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(
    stage: Stage, manager: Browser
) -> None:
    typed = form(FEE, **{"title": "", "1.text": "寄回<b>运费</b>{nothing}", "2.when": "foo, late"})
    page = await send(manager, ADDRESS, typed)
    assert page.status == 422
    assert "有 5 处需要改" in page.text  # title, sentence, gap, flag; and so no general conclusion
    assert 'id="w--title"' in page.text
    for field, said in (("text", "没有“nothing”这个空位"), ("when", "没有“foo”这个情形")):
        clause = {"text": 1, "when": 2}[field]
        assert f'aria-describedby="w-{clause}-{field}"' in page.text
        beside = re.search(rf'id="w-{clause}-{field}">([^<]*)<', page.text)
        assert beside is not None and said in beside[1]
    assert texts(page)[1] == "寄回<b>运费</b>{nothing}"
    assert "<b>运费</b>" not in page.text
    assert value(page, "2.when") == "foo, late"
    assert await stage.shop.policy("return_fee") == FEE
    assert "change_policy" not in {entry.action for entry in await stage.desk.log()}


async def test_who_comes_second_is_told_and_keeps_what_was_typed(stage: Stage, manager: Browser) -> None:
    await manager.get(ADDRESS)
    theirs = replace(FEE, clauses=(Clause(Part.CONCLUSION, "同事写的一句。"),))
    await stage.shop.change_policy(theirs, by="li", key="theirs")
    typed = form(FEE, **{"1.text": "我写的一句。"})
    page = await send(manager, ADDRESS, typed)
    assert page.status == 409
    assert "现在是第 2 版" in page.text and "同事写的一句。" in page.text
    assert texts(page)[1] == "我写的一句。" and len(texts(page)) == 4
    assert (await stage.shop.policy("return_fee")).version == 2
    again = await send(manager, ADDRESS, [*form(FEE, **{"1.text": "我写的一句。", "key": "key-00000002"})])
    assert again.status == 409  # pressing the old button again overwrites nobody
    over = form(FEE, **{"1.text": "我写的一句。", "key": "key-00000003", "over": value(page, "over")})
    assert (await send(manager, ADDRESS, over)).status == 303
    stored = await stage.shop.policy("return_fee")
    assert (stored.version, stored.clauses[1].text) == (3, "我写的一句。")
    kept = await stage.shop.earlier_policies("return_fee")
    assert [policy.clauses for policy in kept] == [theirs.clauses, FEE.clauses]


async def test_clauses_come_go_and_move_without_being_stored(stage: Stage, manager: Browser) -> None:
    first, second, third, fourth = (clause.text for clause in FEE.clauses)
    for act, wanted in (
        ("add", [first, second, third, fourth, ""]),
        ("remove:0", [second, third, fourth]),
        ("up:2", [first, third, second, fourth]),
        ("down:0", [second, first, third, fourth]),
        ("up:0", [first, second, third, fourth]),
        ("down:3", [first, second, third, fourth]),
        ("remove:99", [first, second, third, fourth]),
        ("preview", [first, second, third, fourth]),
    ):
        page = await send(manager, f"{ADDRESS}/form", form(FEE, act=act))
        assert (page.status, texts(page)) == (200, wanted), act
    part = await send(manager, f"{ADDRESS}/form", form(FEE, act="add"), **{"HX-Request": "true"})
    assert part.text.lstrip().startswith('<div id="policy-edit">') and "<html" not in part.text
    assert await stage.shop.policy("return_fee") == FEE


async def test_the_preview_speaks_in_five_styles(manager: Browser) -> None:
    fields = [*form(FEE, act="preview"), ("case.state", "delivered"), ("case.category", "food")]
    page = await send(manager, f"{ADDRESS}/form", fields)
    spoken = re.findall(r"<article[^>]*><h3[^>]*>(.*?)</h3><p>(.*?)</p>", page.text, re.DOTALL)
    assert {name for name, _ in spoken} >= set(STYLES) and len(spoken) == 5
    for name, text in spoken:
        assert "寄回运费由您承担" in text and "11月26日 24:00" in text and "退货运费" in text, name
    assert len({text for _, text in spoken}) == 5
    late = await send(manager, f"{ADDRESS}/form", [*fields, ("case.when", "late")])
    assert "这一单寄回运费由我们承担" in late.text.split('class="spoken"')[1]
    none = await send(manager, f"{ADDRESS}/form", [*form(FEE, act="preview"), ("case.state", "none")])
    assert "11月26日" not in none.text.split('class="spoken"')[1].split("</fieldset>")[0]


async def test_an_earlier_version_comes_back(stage: Stage, manager: Browser) -> None:
    changed = replace(FEE, title="谁出运费", clauses=FEE.clauses[1:])
    await stage.shop.change_policy(changed, by="li", key="theirs")
    page = await manager.get(ADDRESS)
    assert "名称由“退货运费”改为“谁出运费”" in page.text
    assert FEE.clauses[0].text in page.text.split('class="gone"')[1]
    fields = [("key", "key-00000009"), ("version", "2"), ("earlier", "1")]
    assert (await send(manager, f"{ADDRESS}/restore", fields)).status == 303
    stored = await stage.shop.policy("return_fee")
    assert (stored.title, stored.clauses, stored.version) == (FEE.title, FEE.clauses, 3)
    stale = [("key", "key-00000010"), ("version", "2"), ("earlier", "2")]
    assert (await send(manager, f"{ADDRESS}/restore", stale)).status == 409
    gone = [("key", "key-00000011"), ("version", "3"), ("earlier", "9")]
    assert (await send(manager, f"{ADDRESS}/restore", gone)).status == 404
    lines = [entry.detail for entry in await stage.desk.log() if entry.action == "restore_policy"]
    assert lines == [{"topic": "return_fee", "earlier": 1, "version": 3}]


async def test_a_shop_that_does_not_answer_costs_nothing_that_was_typed(
    stage: Stage, manager: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = form(FEE, **{"1.text": "我写的一句。"})

    async def lost(*_: Any, **__: Any) -> None:
        raise ShopTimeoutError("lost")

    async def not_offered(*_: Any, **__: Any) -> None:
        raise NotOfferedError("no")

    with monkeypatch.context() as patch:
        patch.setattr(stage.shop, "change_policy", lost)
        page = await send(manager, ADDRESS, typed)
        assert (page.status, texts(page)[1]) == (503, "我写的一句。")
        assert value(page, "key") == "key-00000001"  # pressing again is the same write
        patch.setattr(stage.shop, "change_policy", not_offered)
        page = await send(manager, ADDRESS, typed)
        assert (page.status, texts(page)[1]) == (409, "我写的一句。")
        patch.setattr(stage.shop, "policies", lost)
        assert (await manager.get("/desk/policies")).status == 503
        patch.setattr(stage.shop, "policies", not_offered)
        assert "没有提供政策" in (await manager.get("/desk/policies")).text
        patch.setattr(stage.shop, "earlier_policies", not_offered)
        assert "修改记录" not in (await manager.get(ADDRESS)).text
    same = await send(manager, ADDRESS, form(FEE))
    assert (same.status, "没有需要保存的" in same.text) == (200, True)


@pytest.mark.parametrize(
    "spoiled",
    [{"0.part": "nonsense"}, {"count": "999"}, {"version": "x"}, {"title": "长" * 1001}, {"1.text": "a\0"}],
)
async def test_what_no_form_of_ours_sends_is_refused(manager: Browser, spoiled: dict[str, str]) -> None:
    assert (await send(manager, ADDRESS, form(FEE, **spoiled))).status == 400


async def test_without_a_shop_the_list_says_so(desk: Desk, agent: Browser) -> None:
    page = await agent.get("/desk/policies")
    assert (page.status, "没有提供政策" in page.text) == (200, True)


def test_the_history_tells_what_each_version_changed() -> None:
    other_order = replace(FEE, clauses=FEE.clauses[::-1], version=3)
    shorter = replace(FEE, clauses=FEE.clauses[1:], version=2)
    first, second, last = changes(other_order, [replace(FEE, version=2), replace(shorter, version=1)])
    assert (first.current, first.moved, first.added, first.removed) == (True, True, (), ())
    assert (second.added, second.removed, second.moved) == (FEE.clauses[:1], (), False)
    assert last.added == last.removed == ()
