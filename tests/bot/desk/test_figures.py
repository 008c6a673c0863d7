"""The page of figures and its file: right numbers, for the right eyes, in words."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest

from bot.conversation.desk_schema import escalations
from bot.conversation.desk_types import Role
from bot.conversation.schema import SHANGHAI, conversations
from bot.desk.figure_tables import Period, PeriodError, duration
from tests.bot.desk.harness import NOW, Browser, Desk, Page

TODAY = NOW.date()


@dataclass
class Book:
    """Writes conversations and hand-overs of the past into the record."""

    desk: Desk
    number: int = 0

    async def conversation(
        self, at: datetime, *, owner: str = "BOT", style: str = "neutral", channel: str = "web"
    ) -> str:
        self.number += 1
        cid = f"c_{self.number:04d}"
        row = {
            "id": cid,
            "secret_hash": "x",
            "channel": channel,
            "orders": [],
            "owner": owner,
            "next_seq": 1,
            "pending": 0,
            "style": style,
            "personalisation": True,
            "created_at": at,
            "last_at": at,
            "changed_at": at,
        }
        await self.desk.database.write(lambda c: c.execute(conversations.insert().values(row)))
        return cid

    async def handed_over(
        self,
        at: datetime,
        *,
        agent: str | None = None,
        reason: str = "anger",
        response_s: float | None = None,
        handling_s: float | None = None,
        owner: str = "BOT",
        style: str = "neutral",
        channel: str = "web",
    ) -> None:
        cid = await self.conversation(at, owner=owner, style=style, channel=channel)
        held = at + timedelta(seconds=10) if agent else None
        ended = None if held is None or handling_s is None else held + timedelta(seconds=handling_s)
        row = {
            "conversation_id": cid,
            "reason": reason,
            "rank": 1,
            "place_at": at,
            "state": "ended" if ended else "held" if held else "waiting",
            "opened_at": at,
            "opened_by": "bot",
            "seq": 1,
            "agent_id": agent,
            "held_at": held,
            "first_reply_at": None if response_s is None else at + timedelta(seconds=response_s),
            "ended_at": ended,
            "outcome": "solved" if ended else None,
        }
        await self.desk.database.write(lambda c: c.execute(escalations.insert().values(row)))


@pytest.fixture
def book(desk: Desk) -> Book:
    return Book(desk)


async def id_of(desk: Desk, login: str) -> str:
    return (await desk.accounts.by_login(login)).agent_id


def text_of(page: Page) -> str:
    """What a reader sees of a page's main part, in one line."""
    main = page.text.split("<main", 1)[1].split("</main>", 1)[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)).replace("> ", "")


def tile(page: Page, name: str) -> str:
    """The tile of a figure, as it is read."""
    found = re.search(rf"<dt>{name}</dt>(.*?)</div>", page.text, re.DOTALL)
    assert found, name
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1])).strip()


def table(page: Page, key: str) -> dict[str, list[str]]:
    """A table of the page: code of the row -> its cells."""
    part = page.text.split(f'id="t-{key}"', 1)[1].split("</section>", 1)[0]
    rows = re.findall(r'<tr data-code="([^"]*)">(.*?)</tr>', part, re.DOTALL)
    return {code: re.findall(r"<td[^>]*>(.*?)</td>", row) for code, row in rows}


async def file_of(browser: Browser, query: str = "") -> list[list[str]]:
    got = await browser.get(f"/desk/figures.csv{query}")
    assert got.status == 200, got.text
    return list(csv.reader(io.StringIO(got.text.removeprefix("﻿"))))


# -- the numbers ----------------------------------------------------------------------------------------


async def test_the_figures_are_those_of_the_record(desk: Desk, book: Book, agent: Browser) -> None:
    me = await id_of(desk, "xiaolin")
    morning = NOW.replace(hour=9)
    for seconds in (60, 120, 180, 240):
        await book.handed_over(morning, agent=me, response_s=seconds, handling_s=600, style="power")
    await book.handed_over(morning - timedelta(days=2), reason="safety", owner="WAITING", style="peace")
    await book.handed_over(morning - timedelta(days=8), agent=me, response_s=9000, handling_s=1)
    await book.conversation(morning, owner="CLOSED")
    page = await agent.get("/desk/figures")
    assert page.status == 200
    assert tile(page, "现在未结束").startswith("6"), "six are not closed, whatever their day"
    assert tile(page, "现在排队").startswith("1")
    assert tile(page, "新会话").startswith("6")
    assert tile(page, "转人工") == "5 占新会话 83%"
    assert tile(page, "首次响应") == "2 分 30 秒 中位数 九成不超过 4 分 0 秒 · 共 4 次"
    assert tile(page, "处理时长") == "10 分 0 秒 中位数 九成不超过 10 分 0 秒 · 共 4 次"
    assert table(page, "by_reason") == {"anger": ["4", "80%"], "safety": ["1", "20%"]}
    assert table(page, "by_style") == {"power": ["4", "80%"], "peace": ["1", "20%"]}
    assert table(page, "by_channel") == {"web": ["5", "100%"]}
    assert table(page, "by_outcome") == {"solved": ["4", "100%"]}
    days = table(page, "by_day")
    assert list(days) == [(TODAY - timedelta(days=n)).isoformat() for n in range(6, -1, -1)]
    assert [cells[0] for cells in days.values()] == ["0", "0", "0", "0", "1", "0", "4"]
    assert table(page, "first_response")[TODAY.isoformat()] == ["2 分 30 秒", "4 分 0 秒"]
    assert table(page, "handling")[(TODAY - timedelta(days=1)).isoformat()] == ["暂无", "暂无"]


async def test_a_day_is_the_shops_day(desk: Desk, book: Book, agent: Browser) -> None:
    midnight = NOW.replace(hour=0)
    await book.handed_over(midnight)
    await book.handed_over(midnight - timedelta(milliseconds=1))
    page = await agent.get("/desk/figures?period=today")
    assert table(page, "by_day") == {TODAY.isoformat(): ["1"]}


async def test_periods(desk: Desk, book: Book, agent: Browser) -> None:
    for days in (0, 6, 7, 29, 30):
        await book.handed_over(NOW - timedelta(days=days))

    async def counted(query: str) -> int:
        return int(tile(await agent.get(f"/desk/figures{query}"), "转人工").split()[0])

    assert await counted("") == await counted("?period=7") == 2
    assert await counted("?period=today") == 1
    assert await counted("?period=30") == 4
    first, last = (TODAY - timedelta(days=30)), (TODAY - timedelta(days=7))
    assert await counted(f"?period=custom&from={first}&to={last}") == 3


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("period=never", "没有这个时间段"),
        ("period=custom", "日期没有填对"),
        ("period=custom&from=2026-11-31&to=2026-12-01", "日期没有填对"),
        ("period=custom&from=2026-11-22&to=2026-11-21", "结束日期早于开始日期"),
        ("period=custom&from=2027-01-01&to=2027-01-02", "还没到"),
        ("period=custom&from=2025-01-01&to=2026-11-22", "366 天"),
        ("period=custom&from=%3Cscript%3E&to=9999-12-31", "日期没有填对"),
    ],
)
async def test_what_cannot_be_shown_is_said(agent: Browser, query: str, sentence: str) -> None:
    page = await agent.get(f"/desk/figures?{query}")
    assert page.status == 422 and sentence in text_of(page)
    assert "<script>" not in page.text.split("<main", 1)[1]
    refused = await agent.get(f"/desk/figures.csv?{query}")
    assert refused.status == 422 and sentence in refused.text


def test_the_longest_period_holds_366_days() -> None:
    whole = Period.of("custom", "2025-11-24", "2026-11-24", date(2026, 11, 24))
    assert (whole.end - whole.start).days == 366
    with pytest.raises(PeriodError, match="too_long"):
        Period.of("custom", "2025-11-23", "2026-11-24", date(2026, 11, 24))


async def test_days_to_come_are_no_error(agent: Browser) -> None:
    page = await agent.get(f"/desk/figures?period=custom&from={TODAY}&to=9999-12-31")
    assert page.status == 422
    page = await agent.get(f"/desk/figures?period=custom&from={TODAY}&to={TODAY + timedelta(days=3)}")
    assert page.status == 200


async def test_without_figures_the_page_says_so(agent: Browser) -> None:
    page = await agent.get("/desk/figures")
    assert "这段时间没有人工接待" in text_of(page)
    assert tile(page, "首次响应") == "暂无 中位数 还没有可以统计的"
    assert "data-plot" not in page.text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "暂无"),
        (0.4, "0 秒"),
        (59.6, "1 分 0 秒"),
        (3599.7, "1 小时 0 分"),
        (3601, "1 小时 0 分"),
        (93_000, "25 小时 50 分"),
    ],
)
def test_lengths_are_said_as_people_say_them(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


# -- who sees what --------------------------------------------------------------------------------------


async def test_an_agent_sees_her_own_work_and_a_supervisor_everybodys(
    desk: Desk, book: Book, agent: Browser, supervisor: Browser
) -> None:
    mine = await id_of(desk, "xiaolin")
    other = (await desk.add("other", Role.AGENT, "别的同事")).agent_id
    await book.handed_over(NOW, agent=mine, response_s=30, handling_s=90)
    await book.handed_over(NOW, agent=other, response_s=50, owner="HUMAN")
    own, all_of_them = await agent.get("/desk/figures"), await supervisor.get("/desk/figures")
    assert tile(own, "转人工").startswith("2"), "the totals are the team's"
    assert "别的同事" not in own.text and "小林" in text_of(own)
    assert re.search(r"小林 0 1 1 30 秒 30 秒 1 分 30 秒 1 分 30 秒", text_of(all_of_them))
    assert re.search(r"别的同事 1 1 0 50 秒 50 秒 暂无 暂无", text_of(all_of_them))
    names = {row[1] for row in await file_of(agent) if row[0] == "每位客服"}
    assert names == {"小林"}
    names = {row[1] for row in await file_of(supervisor) if row[0] == "每位客服"}
    assert names == {"小林", "别的同事", "周主管"}


async def test_an_account_that_was_disabled_stays_where_it_worked(
    desk: Desk, book: Book, supervisor: Browser
) -> None:
    gone, idle = await desk.add("gone", name="已离职"), await desk.add("idle", name="没来过")
    await book.handed_over(NOW, agent=gone.agent_id, response_s=1, handling_s=1)
    for account in (gone, idle):
        await desk.accounts.set_active(account.agent_id, False)
    page = text_of(await supervisor.get("/desk/figures"))
    assert "已离职" in page and "没来过" not in page


async def test_nobody_looks_without_a_login(desk: Desk) -> None:
    for path in ("/desk/figures", "/desk/figures.csv"):
        got = await desk.browser().get(path)
        assert got.status in {303, 401}, path


# -- the file -------------------------------------------------------------------------------------------


async def test_the_file_holds_what_the_page_shows(desk: Desk, book: Book, agent: Browser) -> None:
    me = await id_of(desk, "xiaolin")
    await book.handed_over(NOW, agent=me, response_s=75.5, handling_s=600, style="lively")
    got = await agent.get("/desk/figures.csv?period=today")
    assert got.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert got.headers["Content-Disposition"].endswith(f'"zhixin-figures-{TODAY}-{TODAY}.csv"')
    rows = await file_of(agent, "?period=today")
    assert rows[0] == ["分组", "项目", "指标", "数值（时长单位为秒）"]
    assert all(len(row) == 4 for row in rows)
    assert ["总览", "首次响应", "中位数", "75.5"] in rows
    assert ["顾客类型", "活泼型", "会话数", "1"] in rows
    assert ["每天转人工", TODAY.isoformat(), "会话数", "1"] in rows
    assert ["每位客服", "小林", "处理时长 九成不超过", "600.0"] in rows


@pytest.mark.parametrize("name", ['=cmd|"/c calc"!A1', "@SUM(1)", "+1", "-1", 'a "b", c'])
async def test_no_name_becomes_a_formula(desk: Desk, supervisor: Browser, name: str) -> None:
    await desk.add("sneaky", name=name)
    rows = await file_of(supervisor)
    (written,) = {row[1] for row in rows if row[0] == "每位客服" and row[1] != "周主管"}
    assert written[0] not in "=+-@" and written.lstrip("'") == name


async def test_taking_the_file_along_is_logged(desk: Desk, agent: Browser) -> None:
    await agent.get("/desk/figures")
    await file_of(agent, "?period=30")
    (line,) = [entry for entry in await desk.log() if entry.action == "export_figures"]
    assert line.detail == {"from": str(TODAY - timedelta(days=29)), "to": str(TODAY)}
    assert not [entry for entry in await desk.log() if entry.action == "view_figures"]


async def test_the_page_keeps_to_the_policy_for_scripts(book: Book, agent: Browser) -> None:
    await book.handed_over(NOW)
    page = await agent.get("/desk/figures")
    assert " style=" not in page.text and not re.search(r"<script(?![^>]*\bsrc=)", page.text)
    assert not re.search(r"\son\w+=", page.text)
    assert SHANGHAI.utcoffset(NOW) == NOW.utcoffset()
