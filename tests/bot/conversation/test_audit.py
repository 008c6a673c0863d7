"""The audit log: codes and ids, never words; filters and pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.conversation.audit import NOBODY, Audit, AuditFilter
from bot.conversation.database import Database
from bot.conversation.desk_schema import agents
from bot.conversation.migrate import upgrade
from bot.conversation.schema import SHANGHAI

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'record.db'}"
    upgrade(url)
    made = Database(url)
    yield made
    await made.close()


@pytest.fixture
def audit(database: Database, clock: Clock) -> Audit:
    return Audit(database, clock)


async def test_lines_come_back_newest_first_with_names(
    audit: Audit, database: Database, clock: Clock
) -> None:
    row = {
        "id": "a_1",
        "login": "lin",
        "name": "小林",
        "role": "agent",
        "password_hash": "",
        "active": True,
        "presence": "away",
        "presence_at": NOW,
        "most": 5,
        "created_at": NOW,
    }
    await database.write(lambda c: c.execute(agents.insert().values(**row)))
    await audit.write("a_1", "take_over", conversation_id="c_1", customer_id="C7", net="n" * 40)
    clock.now += timedelta(minutes=1)
    await audit.write("a_gone", "reveal", conversation_id="c_1", detail={"field": "phone", "seqs": [3, 4]})
    await audit.write(NOBODY, "login_refused")
    refused, reveal, taken = await audit.read()
    assert (refused.agent_id, refused.agent_name, refused.detail) == (NOBODY, "", {})
    assert (reveal.agent_name, reveal.detail, reveal.at) == (
        "",
        {"field": "phone", "seqs": [3, 4]},
        NOW + timedelta(minutes=1),
    )
    assert (taken.agent_name, taken.customer_id, taken.net) == ("小林", "C7", "n" * 32)


@pytest.mark.parametrize(
    "detail",
    [
        {"text": "我的快递到哪了"},
        {"reason": "two words"},
        {"phone": "13800138000"},
        {"小林": "x"},
        {"many": ["ok", "不行"]},
        {"nested": {"a": 1}},
        {"long": "x" * 129},
        {"price": 1.5},
    ],
)
async def test_words_and_telephone_numbers_are_refused(audit: Audit, detail: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="codes"):
        await audit.write("a_1", "note", detail=detail)
    assert await audit.read() == ()


async def test_an_action_is_a_code(audit: Audit) -> None:
    for action in ("", "Take over", "查看", "x" * 41, "1st"):
        with pytest.raises(ValueError, match="no action"):
            await audit.write("a_1", action)


async def test_filters_together(audit: Audit, clock: Clock) -> None:
    for day in range(3):
        for agent in ("a_1", "a_2"):
            await audit.write(agent, "view_conversation", conversation_id=f"c_{day}", customer_id="C1")
        clock.now += timedelta(days=1)

    async def found(**wanted: object) -> list[tuple[str, str | None]]:
        return [(e.agent_id, e.conversation_id) for e in await audit.read(AuditFilter(**wanted))]  # type: ignore[arg-type]

    assert await found(agent_id="a_1", conversation_id="c_1") == [("a_1", "c_1")]
    assert await found(since=NOW + timedelta(days=1), until=NOW + timedelta(days=2)) == [
        ("a_2", "c_1"),
        ("a_1", "c_1"),
    ]
    assert await found(customer_id="C2") == []
    assert await found(action="take_over") == []


async def test_pages_follow_each_other_without_gap_or_repeat(audit: Audit) -> None:
    for number in range(25):
        await audit.write("a_1", "view_queue", detail={"number": number})
    seen: list[int] = []
    before = None
    while page := await audit.read(AuditFilter(before=before, limit=10)):
        seen += [entry.detail["number"] for entry in page]
        before = page[-1].entry_id
    assert seen == list(reversed(range(25)))


async def test_a_page_that_asks_again_is_one_look(audit: Audit, clock: Clock) -> None:
    fold = timedelta(minutes=10)

    async def look(agent: str = "a_1", cid: str = "c_1") -> int:
        await audit.write(agent, "view_conversation", conversation_id=cid, fold=fold)
        return len(await audit.read())

    assert [await look(), await look(), await look("a_2"), await look(cid="c_2")] == [1, 1, 2, 3]
    clock.now += timedelta(minutes=9, seconds=59)
    assert await look() == 3
    clock.now += timedelta(seconds=1)
    assert await look() == 4


async def test_the_log_is_committed_before_the_call_returns(audit: Audit, tmp_path: Path) -> None:
    await audit.write("a_1", "reveal", conversation_id="c_1")
    other = sa.create_engine(f"sqlite:///{tmp_path / 'record.db'}")
    with other.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM audit_log")).scalar() == 1
    other.dispose()
