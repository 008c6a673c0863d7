"""What the desk reads: lists, searches, counts, one conversation, figures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event

from bot.conversation.desk_types import Outcome, QueueFilter, Reason, View
from bot.conversation.figures import Spread
from bot.conversation.types import Author, Owner
from tests.bot.conversation.desk_harness import NOON, Clock, Desk, Hours
from tests.bot.conversation.harness import QUICK, Front, Shopper
from tests.bot.conversation.rasa_stub import RasaStub, answer

STILL = replace(QUICK, sweep=3600.0)
PHONE = "13812345678"


class Shop:
    """A front with agents and shoppers in every state."""

    def __init__(self, front: Front, clock: Clock, rasa: RasaStub) -> None:
        self.front, self.clock, self.rasa = front, clock, rasa
        self.desk = Desk(front)
        self.reader = front.conversations.desk

    async def ask(self, customer: str | None = None, **directive: Any) -> Shopper:
        await self.desk.stay()
        shopper = await self.front.open(customer)
        ask = {"type": "directive", "directive": "request_human", "reason": "退款", "live": True, **directive}
        self.rasa.script = lambda request: answer(request, [{"custom": ask}])
        await shopper.say("转人工", "m_ask")
        self.rasa.script = answer
        self.clock.pass_by(minutes=1)
        return shopper


@pytest_asyncio.fixture
async def shop(url: str, rasa: RasaStub) -> AsyncIterator[Shop]:
    clock = Clock()
    async with Front(url, rasa.port, patience=STILL, clock=clock, duty=Hours()) as front:
        yield Shop(front, clock, rasa)


async def ids(shop: Shop, agent_id: str, view: View, **more: Any) -> list[str]:
    return [row.conversation_id for row in await shop.desk.queue(agent_id, view, **more)]


async def test_the_lists_and_their_order(shop: Shop) -> None:
    lin, wang = await shop.desk.hire("小林"), await shop.desk.hire("小王")
    plain, first, second = await shop.front.open("u1"), await shop.ask("u2"), await shop.ask("u3")
    mine, closed = await shop.ask("u4"), await shop.ask("u5")
    await shop.desk.hands.take_over(mine.conversation_id, lin)
    await shop.desk.hands.take_over(closed.conversation_id, wang)
    await shop.desk.hands.close(closed.conversation_id, wang, outcome="spam")
    assert await ids(shop, lin, View.WAITING) == [first.conversation_id, second.conversation_id]
    assert await ids(shop, lin, View.MINE) == [mine.conversation_id]
    assert await ids(shop, wang, View.MINE) == []
    assert await ids(shop, lin, View.CLOSED) == [closed.conversation_id]
    open_ones = await ids(shop, lin, View.ALL)
    assert set(open_ones) == {s.conversation_id for s in (plain, first, second, mine)}
    assert await ids(shop, lin, View.ALL, limit=2) == open_ones[:2]
    counts = await shop.reader.counts(lin)
    assert (counts["mine"], counts["waiting"], counts["all"]) == (1, 2, 4)
    assert counts["unread"] == 1 and counts["owed"] == 1


async def test_who_would_be_called_waits_in_the_list_too(shop: Shop) -> None:
    lin = await shop.desk.hire("小林")
    shopper = await shop.front.open("u1")
    call = {
        "type": "directive",
        "directive": "callback",
        "reason": "退款",
        "contact": PHONE,
        "answer_by": "2026-11-23T18:00:00+08:00",
        "completes": False,
    }
    shop.rasa.script = lambda request: answer(request, [{"custom": call}])
    await shopper.say("给我回电")
    (row,) = await shop.desk.queue(lin)
    assert row.owner is Owner.BOT and row.escalation is None and row.requests == 1
    (request,) = (await shop.desk.see(shopper.conversation_id)).requests
    assert request.contact == PHONE
    await shop.desk.hands.done(request.request_id, lin)
    assert await shop.desk.queue(lin) == ()


async def test_what_a_row_says(shop: Shop) -> None:
    lin = await shop.desk.hire("小林")
    shopper = await shop.ask("u1", order_number="202611200001", level="gold")
    cid = shopper.conversation_id
    await shopper.say(f"我气死了，我的电话是{PHONE}，" + "快点处理" * 30)
    (row,) = await shop.desk.queue(lin)
    assert PHONE not in row.last_text and row.last_text.startswith("我气死了") and len(row.last_text) == 60
    assert row.last_author is Author.SHOPPER and row.mood == "angry" and row.style == "perfect"
    assert row.escalation is not None and row.escalation.reason is Reason.CUSTOMER_REQUEST
    assert row.escalation.order_number == "202611200001" and row.escalation.level == "gold"
    assert row.waits_since is not None and row.unread == 2 and row.channel == "web"
    await shop.desk.hands.take_over(cid, lin)
    await shop.desk.hands.seen(cid, lin, seq=(await shop.desk.see(cid)).next_seq)
    await shop.desk.hands.reply(cid, lin, key="k", text="马上处理")
    await shop.desk.hands.note(cid, lin, key="n", text="内部的话")
    (row,) = await shop.desk.queue(lin, View.MINE)
    assert row.unread == 0 and row.waits_since is None
    assert row.last_text == "马上处理" and row.last_author is Author.AGENT  # a note is not said
    shop.clock.pass_by(minutes=2)
    await shopper.say("好")
    await shopper.say("谢谢")
    (row,) = await shop.desk.queue(lin, View.MINE)
    assert row.unread == 2 and row.waits_since == shop.clock.now


async def test_filters(shop: Shop) -> None:
    lin = await shop.desk.hire("小林")
    calm, angry = await shop.ask("u1"), await shop.ask("u2")
    await angry.say("气死了")
    for wanted, expected in (
        ({"mood": "angry"}, [angry]),
        ({"mood": "cheerful"}, []),
        ({"style": "perfect"}, [angry]),
        ({"style": "power"}, [calm]),
        ({"reason": Reason.CUSTOMER_REQUEST}, [calm, angry]),
        ({"reason": Reason.SAFETY}, []),
        ({"channel": "web"}, [calm, angry]),
        ({"channel": "wechat"}, []),
    ):
        found = await ids(shop, lin, View.WAITING, **wanted)
        assert found == [shopper.conversation_id for shopper in expected], wanted


async def test_search_by_words_customer_and_order(shop: Shop) -> None:
    lin = await shop.desk.hire("小林")
    one = await shop.ask("u1", order_number="202611200001")
    two = await shop.ask("u20")
    await two.say("我的 Pad Pro 屏幕碎了")

    async def search(text: str) -> list[str]:
        return await ids(shop, lin, View.WAITING, text=text)

    assert await search("u1") == [one.conversation_id]  # the customer, not a part of another's id
    assert await search(" 202611200001 ") == [one.conversation_id]
    assert await search(one.conversation_id) == [one.conversation_id]
    assert await search("pad pro") == [two.conversation_id]
    assert await search("转人工") == [one.conversation_id, two.conversation_id]
    assert await search("%") == [] and await search("' OR 1=1 --") == []
    for number in range(21):
        await two.say(f"补充{number}")
    assert await search("pad pro") == []  # only in the last messages
    assert await search("补充5") == [two.conversation_id]


async def test_many_conversations_cost_no_more_statements(shop: Shop) -> None:
    lin = await shop.desk.hire("小林", most=99)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            statements.append(statement)

    engine = shop.front.conversations._store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    counts = []
    for _ in range(2):
        for _ in range(6):
            await shop.ask()
        statements.clear()
        rows = await shop.reader.queue(lin, QueueFilter(View.WAITING))
        counts.append((len(rows), len(statements)))
    event.remove(engine, "before_cursor_execute", note)
    assert [rows for rows, _ in counts] == [6, 12]
    assert counts[0][1] == counts[1][1] <= 3


async def test_changes_are_seen_whoever_made_them(shop: Shop) -> None:
    lin = await shop.desk.hire("小林")
    one, two = await shop.front.open("u1"), await shop.front.open("u2")
    shop.clock.pass_by(minutes=1)
    since = shop.clock.now
    assert await shop.reader.changed(since) == ()
    shop.clock.pass_by(seconds=5)
    await two.say("在吗")
    shop.clock.pass_by(seconds=5)
    await shop.desk.hands.tag(one.conversation_id, lin, tag="发票", on=True)
    assert await shop.reader.changed(since) == (two.conversation_id, one.conversation_id)
    shop.clock.pass_by(seconds=30)
    assert await shop.reader.changed(shop.clock.now) == ()


async def test_one_conversation(shop: Shop) -> None:
    lin, wang = await shop.desk.hire("小林"), await shop.desk.hire("小王")
    before = await shop.ask("u1")
    await shop.desk.hands.take_over(before.conversation_id, lin)
    await shop.desk.hands.hand_back(before.conversation_id, lin, outcome="solved")
    shopper = await shop.ask("u1", reason="杯子碎了")
    cid = shopper.conversation_id
    await shop.desk.hands.take_over(cid, lin)
    await shop.desk.hands.seen(cid, wang, seq=2)
    found = await shop.reader.conversation(cid, lin)
    assert found is not None and found.customer_id == "u1" and found.escalations[0].detail == "杯子碎了"
    assert [agent.name for agent in found.here] == ["小王"]
    theirs = await shop.reader.conversation(cid, wang)
    assert theirs is not None and theirs.here == () and theirs.seen_seq == 2
    assert found.earlier[0]["conversation_id"] == before.conversation_id
    assert found.earlier[0]["outcome"] == Outcome.SOLVED.value
    shop.clock.pass_by(minutes=2)
    assert (await shop.desk.see(cid, lin)).here == ()
    assert await shop.reader.conversation("c_none", lin) is None
    last = found.messages[-1].seq
    assert await shop.reader.messages(cid, last - 1) == (found.messages[-1],)
    assert all(message.seq for message in found.messages)


async def test_what_a_transcript_needs_is_part_of_everything(shop: Shop) -> None:
    lin = await shop.desk.hire("小林")
    shopper = await shop.ask("u1")
    cid = shopper.conversation_id
    await shop.desk.hands.take_over(cid, lin)
    for number in range(3):
        await shop.desk.hands.reply(cid, lin, key=f"k{number}", text=f"第{number}句")
    await shopper.say("好的")
    whole = await shop.reader.conversation(cid, lin)
    assert whole is not None and whole.names == {lin: "小林"}
    assert whole.asked_seq == max(m.seq for m in whole.messages if m.author is Author.SHOPPER)
    nothing: dict[str, Any] = {"owner_changes": (), "requests": (), "tags": (), "earlier": ()}
    assert await shop.reader.talk(cid, lin) == replace(whole, **nothing)
    for last in (m.seq for m in whole.messages):
        news = await shop.reader.talk(cid, lin, after=last)
        assert news is not None and news.asked_seq == whole.asked_seq
        assert news.messages == tuple(m for m in whole.messages if m.seq >= last)
    assert await shop.reader.talk(cid, lin, after=-5) == replace(whole, **nothing)
    assert await shop.reader.talk("c_none", lin) is None


async def test_figures(shop: Shop) -> None:
    lin = await shop.desk.hire("小林", most=9)
    for minutes in (1, 2, 3, 4):
        shopper = await shop.ask()
        cid = shopper.conversation_id
        await shop.desk.hands.take_over(cid, lin)
        shop.clock.pass_by(minutes=minutes)
        await shop.desk.hands.reply(cid, lin, key="k1", text="您好")
        shop.clock.pass_by(minutes=10)
        await shop.desk.hands.reply(cid, lin, key="k2", text="好了")  # not the first
        await shop.desk.hands.hand_back(cid, lin, outcome="solved" if minutes < 4 else "spam")
    waiting = await shop.ask()
    start, end = NOON - timedelta(hours=12), NOON + timedelta(days=1)
    found = await shop.reader.figures(start, end)
    assert (found.open, found.waiting, found.conversations, found.escalations) == (5, 1, 5, 5)
    # Each waited a minute before it was taken.
    assert found.first_response == Spread(4, 210.0, 300.0)
    assert found.handling == Spread(4, 750.0, 840.0)
    assert found.by_reason == {"customer_request": 5} and found.by_channel == {"web": 5}
    assert found.by_outcome == {"solved": 3, "spam": 1}
    assert found.by_day == {"2026-11-23": 5, "2026-11-24": 0}
    assert sum(found.by_style.values()) == 5
    nothing = await shop.reader.figures(start - timedelta(days=2), start)
    assert nothing.escalations == 0 and nothing.first_response == Spread() and nothing.open == 5
    assert nothing.by_day == {"2026-11-21": 0, "2026-11-22": 0}
    with pytest.raises(ValueError, match="end"):
        await shop.reader.figures(end, start)
    assert waiting


@pytest.mark.parametrize(
    ("seconds", "spread"),
    [
        ([], Spread()),
        ([5.0], Spread(1, 5.0, 5.0)),
        ([4.0, 1.0], Spread(2, 2.5, 4.0)),
        ([float(n) for n in range(1, 11)], Spread(10, 5.5, 9.0)),
    ],
)
def test_spreads(seconds: list[float], spread: Spread) -> None:
    assert Spread.of(seconds) == spread
