"""The hand-over on both kinds of database: transitions, races, migrations, privacy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from bot.conversation.database import make_engine
from bot.conversation.desk_copy import own_tables
from bot.conversation.desk_schema import audit_log, corrections
from bot.conversation.desk_types import Outcome
from bot.conversation.errors import (
    AccessDeniedError,
    AlreadyHeldError,
    ConversationClosedError,
    ConversationError,
    NotHeldError,
    PersonalisationOffError,
    UnknownAgentError,
    UnknownMessageError,
    UnknownRequestError,
)
from bot.conversation.migrate import MIGRATIONS, upgrade
from bot.conversation.owner import TRANSITIONS
from bot.conversation.privacy import erase_customer, export_customer
from bot.conversation.schema import conversations, shoppers
from bot.conversation.types import Author, Owner
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import QUICK, Front, Shopper, until, vault
from tests.bot.conversation.rasa_stub import BELIEF, RasaStub, answer

pytestmark = pytest.mark.slow

ASK = {"type": "directive", "directive": "request_human", "reason": "我要退款", "live": True}


@pytest_asyncio.fixture
async def pair(url: str, rasa: RasaStub) -> AsyncIterator[tuple[Front, Front]]:
    """Two fronts at one record."""
    still = replace(QUICK, sweep=3600.0)  # nothing is tended behind a test's back
    async with (
        Front(url, rasa.port, patience=still) as first,
        Front(url, rasa.port, patience=still) as second,
    ):
        yield first, second


@pytest_asyncio.fixture
async def made(pair: tuple[Front, Front]) -> Front:
    return pair[0]


async def bring(front: Front, rasa: RasaStub, owner: Owner, agent_id: str) -> Shopper:
    """Return a conversation that this owner has."""
    desk, shopper = Desk(front), await front.open("u1")
    cid = shopper.conversation_id
    if owner is Owner.WAITING:
        rasa.script = lambda request: answer(request, [{"custom": ASK}])
        await shopper.say("转人工", "m_ask")
        rasa.script = answer
    elif owner is not Owner.BOT:
        await desk.hands.take_over(cid, agent_id)
        if owner is Owner.CLOSED:
            await desk.hands.close(cid, agent_id, outcome="solved")
    assert await desk.owner(cid) == owner.value
    return shopper


Call = Callable[[Desk, str, str, str], Coroutine[Any, Any, Any]]

#: Every write that may change the owner: by the agent who has the conversation, a colleague, a supervisor.
WRITES: dict[str, Call] = {
    "take": lambda desk, cid, who, _to: desk.hands.take_over(cid, who),
    "back": lambda desk, cid, who, _to: desk.hands.hand_back(cid, who, outcome="solved"),
    "close": lambda desk, cid, who, _to: desk.hands.close(cid, who, outcome="solved"),
    "pass": lambda desk, cid, who, to: desk.hands.transfer(cid, who, to=to),
    "queue": lambda desk, cid, who, _to: desk.hands.transfer(cid, who, to=None),
    "reply": lambda desk, cid, who, _to: desk.hands.reply(cid, who, key="k", text="在"),
}
#: (owner, write, who) -> the owner after it, or the error. What is not named is NotHeldError.
OUTCOMES: dict[tuple[Owner, str, str], Owner | type[ConversationError]] = {
    **{(Owner.BOT, "take", who): Owner.HUMAN for who in ("holder", "other", "boss")},
    **{(Owner.WAITING, "take", who): Owner.HUMAN for who in ("holder", "other", "boss")},
    (Owner.HUMAN, "take", "holder"): Owner.HUMAN,
    (Owner.HUMAN, "take", "other"): AlreadyHeldError,
    (Owner.HUMAN, "take", "boss"): AlreadyHeldError,
    **{(Owner.CLOSED, "take", who): ConversationClosedError for who in ("holder", "other", "boss")},
    (Owner.HUMAN, "back", "holder"): Owner.BOT,
    (Owner.HUMAN, "close", "holder"): Owner.CLOSED,
    **{(owner, "close", "boss"): Owner.CLOSED for owner in (Owner.BOT, Owner.WAITING, Owner.HUMAN)},
    (Owner.CLOSED, "close", "boss"): ConversationClosedError,
    **{(Owner.HUMAN, write, who): Owner.WAITING for write in ("pass", "queue") for who in ("holder", "boss")},
    **{(Owner.WAITING, write, "boss"): Owner.WAITING for write in ("pass", "queue")},
    (Owner.HUMAN, "reply", "holder"): Owner.HUMAN,
}


@pytest.mark.parametrize("owner", list(Owner))
async def test_every_writer_in_every_state(made: Front, rasa: RasaStub, owner: Owner) -> None:
    desk = Desk(made)
    people = {
        "holder": await desk.hire("小林"),
        "other": await desk.hire("小王"),
        "boss": await desk.hire("老陈", role="supervisor"),
    }
    for write, call in WRITES.items():
        for who, agent_id in people.items():
            shopper = await bring(made, rasa, owner, people["holder"])
            cid = shopper.conversation_id
            before = await desk.see(cid)
            expected = OUTCOMES.get((owner, write, who), NotHeldError)
            if isinstance(expected, Owner):
                await call(desk, cid, agent_id, people["other"])
                after = await desk.see(cid)
                assert after.owner is expected, (owner, write, who)
            else:
                with pytest.raises(expected):
                    await call(desk, cid, agent_id, people["other"])
                after = await desk.see(cid)
                assert after == before, (owner, write, who)  # nothing was changed
            for change in after.owner_changes[1:]:
                assert change.before is not None and change.after in TRANSITIONS[change.before]
                assert change.changed_by and change.reason
            chain = [change.after for change in after.owner_changes]
            assert [c.before for c in after.owner_changes] == [None, *chain[:-1]]


async def test_of_two_agents_at_two_fronts_one_wins(pair: tuple[Front, Front], rasa: RasaStub) -> None:
    one, two = Desk(pair[0]), Desk(pair[1])
    lin, wang = await one.hire("小林"), await one.hire("小王")
    for owner in (Owner.BOT, Owner.WAITING) * 3:
        cid = (await bring(pair[0], rasa, owner, lin)).conversation_id
        results = await asyncio.gather(
            one.hands.take_over(cid, lin), two.hands.take_over(cid, wang), return_exceptions=True
        )
        (lost,) = [r for r in results if isinstance(r, BaseException)]
        (won,) = [r for r in results if not isinstance(r, BaseException)]
        assert isinstance(lost, AlreadyHeldError) and lost.name == won.agent_name
        found = await one.see(cid)
        assert found.escalations[0].agent_id == won.agent_id and len(found.escalations) == 1


async def test_a_reply_repeated_at_two_fronts_is_one(pair: tuple[Front, Front], rasa: RasaStub) -> None:
    one, two = Desk(pair[0]), Desk(pair[1])
    lin = await one.hire("小林")
    shopper = await bring(pair[0], rasa, Owner.HUMAN, lin)
    cid = shopper.conversation_id
    sent = await asyncio.gather(
        *(desk.hands.reply(cid, lin, key=f"k{n}", text=f"第{n}句") for n in range(5) for desk in (one, two))
    )
    assert len({message.seq for message in sent}) == 5
    said = [m["text"] for m in await shopper.messages() if m["author"] == "agent"]
    assert sorted(said) == [f"第{n}句" for n in range(5)]
    seqs = [m["seq"] for m in await shopper.messages()]
    assert seqs == sorted(set(seqs))


async def test_both_write_at_once_and_nothing_is_lost(pair: tuple[Front, Front], rasa: RasaStub) -> None:
    desk = Desk(pair[0])
    lin = await desk.hire("小林")
    shopper = await bring(pair[0], rasa, Owner.HUMAN, lin)
    there = Shopper(pair[1], shopper.conversation_id, shopper.secret, [])
    await asyncio.gather(
        *(there.say(f"问{n}", f"m_{n}") for n in range(10)),
        *(
            desk.hands.reply(shopper.conversation_id, lin, key=f"k{n}", text=f"答{n}", card=None)
            for n in range(10)
        ),
    )
    texts = [m["text"] for m in await shopper.messages()]
    assert {f"问{n}" for n in range(10)} | {f"答{n}" for n in range(10)} <= set(texts)
    assert len(texts) == len(await shopper.messages())
    found = await desk.see(shopper.conversation_id)
    assert [m.seq for m in found.messages] == sorted({m.seq for m in found.messages})
    assert found.belief is not None and found.belief["turns"] == 11  # the opening's and ten messages


async def test_what_does_not_exist_is_said_so(made: Front, rasa: RasaStub) -> None:
    desk = Desk(made)
    lin = await desk.hire("小林")
    with pytest.raises(AccessDeniedError):
        await desk.hands.take_over("c_none", lin)
    cid = (await bring(made, rasa, Owner.BOT, lin)).conversation_id
    with pytest.raises(UnknownAgentError):
        await desk.hands.take_over(cid, "a_none")
    with pytest.raises(UnknownMessageError):
        await desk.hands.rate(cid, lin, seq=999, good=True)
    with pytest.raises(UnknownRequestError):
        await desk.hands.done(999, lin)
    with pytest.raises(ValueError, match="nonsense"):
        await desk.hands.hand_back(cid, lin, outcome="nonsense")
    with pytest.raises(ValueError, match="key"):
        await desk.hands.reply(cid, lin, key="", text="在")
    with pytest.raises(ValueError, match="surrogate"):
        await desk.hands.reply(cid, lin, key="k", text="\ud800")
    for picture in (
        {"url": "https://elsewhere/x.png", "width": 1, "height": 1},
        {"url": "//elsewhere/x.png", "width": 1, "height": 1},
        {"url": "/p.png", "width": True, "height": 1},
    ):
        with pytest.raises(ValueError, match="picture"):
            await desk.hands.reply(cid, lin, key="k", picture=picture)


async def test_pictures_and_cards(made: Front, rasa: RasaStub) -> None:
    desk = Desk(made)
    lin = await desk.hire("小林")
    shopper = await bring(made, rasa, Owner.HUMAN, lin)
    cid = shopper.conversation_id
    picture = {"url": "/pictures/p_1.png", "width": 640, "height": 480}
    kept = await desk.hands.reply(cid, lin, key="k1", text="看这里", picture=picture)
    assert kept.content["picture"] == picture
    await desk.hands.reply(cid, lin, key="k2", card="order", data={"order_number": "1"})
    seen, card = (await shopper.messages())[-2:]
    assert seen["type"] == "picture" and {k: seen[k] for k in picture} == picture
    assert seen["text"] == "看这里"
    assert card["card"] == "order" and card["data"] == {"order_number": "1"} and card["author"] == "agent"


async def test_marks_tags_and_ratings(made: Front, rasa: RasaStub) -> None:
    desk = Desk(made)
    lin, wang = await desk.hire("小林"), await desk.hire("小王")
    shopper = await bring(made, rasa, Owner.HUMAN, lin)
    cid = shopper.conversation_id
    said = next(m for m in (await desk.see(cid)).messages if m.author is Author.BOT)
    until = made.conversations._store.writing.now() + timedelta(hours=1)
    for _ in "12":  # each twice: a repeat changes nothing
        await desk.hands.snooze(cid, lin, until=until)
        await desk.hands.tag(cid, lin, tag=" 发票  问题 ", on=True)
        await desk.hands.flag(cid, lin, reason="说错了政策")
        await desk.hands.rate(cid, lin, seq=said.seq, good=False, comment="答非所问")
    found = await desk.see(cid, lin)
    assert found.tags == ("发票 问题",) and found.flagged and found.flag_reason == "说错了政策"
    assert found.ratings == {said.seq: False} and found.snoozed_until is not None
    for call in (
        desk.hands.tag(cid, wang, tag="x", on=True),
        desk.hands.flag(cid, wang, reason="x"),
        desk.hands.snooze(cid, wang, until=None),
    ):
        with pytest.raises(NotHeldError):
            await call
    await shopper.say("还在吗")
    assert (await desk.see(cid)).snoozed_until is None  # taken up again
    await desk.hands.tag(cid, lin, tag="发票 问题", on=False)
    await desk.hands.flag(cid, lin, reason=None)
    await desk.hands.rate(cid, lin, seq=said.seq, good=None)
    found = await desk.see(cid, lin)
    assert (found.tags, found.flagged, found.flag_reason, found.ratings) == ((), False, None, {})


async def test_a_correction_is_served_at_once_kept_and_repeated_harmlessly(
    made: Front, rasa: RasaStub
) -> None:
    desk = Desk(made)
    lin = await desk.hire("小林")
    shopper = await bring(made, rasa, Owner.HUMAN, lin)
    cid = shopper.conversation_id
    for _ in "12":
        await desk.hands.correct(cid, by=f"agent:{lin}", label="peace", key="k1")
    found = await desk.see(cid)
    assert found.style == "peace" and found.correction == "peace"
    assert found.belief is not None and found.belief["served"] == "peace"
    database = made.conversations._store.database

    def stored(connection: sa.engine.Connection) -> tuple[list[Any], Any]:
        rows = connection.execute(sa.select(corrections)).all()
        return rows, connection.execute(sa.select(shoppers.c.belief)).scalar()

    rows, kept = await database.read(stored)
    assert [(r.label, r.before, r.corrected_by, r.customer_id) for r in rows] == [
        ("peace", "power", f"agent:{lin}", "u1")
    ]
    assert kept == found.belief
    await desk.hands.correct(cid, by="shopper", label="none", key="k2")
    assert (await desk.see(cid)).style == "neutral"
    with pytest.raises(ValueError, match="hothead"):
        await desk.hands.correct(cid, by="shopper", label="hothead", key="k3")
    path = f"/api/v1/conversations/{cid}/personalisation"
    await made.request("PUT", path, json={"on": False}, headers=shopper.headers)
    with pytest.raises(PersonalisationOffError):
        await desk.hands.correct(cid, by=f"agent:{lin}", label="power", key="k4")
    found = await desk.see(cid)
    assert found.correction is None and found.style == "neutral" and found.belief is None


async def test_a_correction_while_the_bot_answers_is_not_undone(made: Front, rasa: RasaStub) -> None:
    desk = Desk(made)
    lin = await desk.hire("小林")
    shopper = await made.open("u1")
    rasa.gate.clear()
    asking = asyncio.create_task(shopper.say("在吗", "m_1"))
    await until(lambda: any(call["message_id"] == "m_1" for call in rasa.calls))
    await desk.hands.correct(shopper.conversation_id, by=f"agent:{lin}", label="peace", key="k")
    rasa.gate.set()
    assert (await asking)[-1]["text"] == "答：在吗"
    found = await desk.see(shopper.conversation_id)
    # The turn came back with what it had begun with; the message is read from the corrected belief instead.
    assert found.belief is not None and found.belief["evidence"][0] < BELIEF["evidence"][0]
    assert found.belief["turns"] == 1


async def test_a_call_back_that_was_made_ends_what_waited_for_it(made: Front, rasa: RasaStub) -> None:
    desk = Desk(made)
    lin = await desk.hire("小林")
    shopper = await made.open("u1")
    cid = shopper.conversation_id
    rasa.script = lambda request: answer(request, [{"custom": {**ASK, "live": False}}])
    await shopper.say("找人工")
    (row,) = await desk.queue(lin)
    assert row.requests == 1 and row.owner is Owner.BOT
    found = await desk.see(cid)
    (request,) = found.requests
    assert request.reason == "我要退款"
    await desk.hands.done(request.request_id, lin)
    with pytest.raises(UnknownRequestError):
        await desk.hands.done(request.request_id, lin)
    assert await desk.queue(lin) == ()
    assert (await desk.see(cid)).escalations[0].outcome is Outcome.CALL_BACK


# -- privacy ------------------------------------------------------------------------------------------------


async def test_the_copy_holds_the_hand_over_and_erasure_leaves_nothing(made: Front, rasa: RasaStub) -> None:
    desk = Desk(made)
    lin = await desk.hire("小林")
    shopper = await bring(made, rasa, Owner.WAITING, lin)
    other = await made.open("u2")
    cid = shopper.conversation_id
    await desk.hands.take_over(cid, lin)
    said = next(m for m in (await desk.see(cid)).messages if m.author is Author.BOT)
    await desk.hands.note(cid, lin, key="n", text="这位之前投诉过别家", mentions=[lin])
    await desk.hands.reply(cid, lin, key="k", text="您好")
    await desk.hands.tag(cid, lin, tag="退款", on=True)
    await desk.hands.flag(cid, lin, reason="看一下")
    await desk.hands.rate(cid, lin, seq=said.seq, good=True, comment="好")
    await desk.hands.correct(cid, by=f"agent:{lin}", label="power", key="c")
    await desk.hands.seen(cid, lin, seq=3)
    database = made.conversations._store.database
    audit = {"at": made.conversations._store.writing.now(), "agent_id": lin, "net": "n"}

    def log(connection: sa.engine.Connection) -> None:
        for more in ({"conversation_id": cid, "customer_id": "u1"}, {"customer_id": "u1"}, {}):
            connection.execute(
                audit_log.insert().values(action="view", detail={"order": "1"}, **audit, **more)
            )

    await database.write(log)
    copy = await database.read(lambda c: export_customer(c, vault(), "u1"))
    (found,) = copy["conversations"]
    assert found["escalations"][0]["detail"] == "我要退款"
    assert found["corrections"][0]["label"] == "power" and found["corrections"][0]["by"] == "agent"
    assert found["ratings"] == [{"seq": said.seq, "good": True, "at": found["ratings"][0]["at"]}]
    assert found["tags"] == ["退款"]
    texts = [m.get("text") for m in found["messages"]]
    assert "您好" in texts and "这位之前投诉过别家" not in texts
    assert lin not in str(copy)

    ids = await database.write(lambda c: erase_customer(c, "u1"))
    assert ids == (cid,)

    def left(connection: sa.engine.Connection) -> dict[str, set[str]]:
        return {
            table.name: set(connection.execute(sa.select(table.c.conversation_id)).scalars())
            for table in own_tables()
        }

    tables = await database.read(left)
    assert {"messages", "escalations", "desk_reads", "mentions", "corrections"} <= set(tables)
    assert set().union(*tables.values()) <= {other.conversation_id}

    def lines(connection: sa.engine.Connection) -> list[Any]:
        columns = (audit_log.c.action, audit_log.c.customer_id, audit_log.c.conversation_id)
        return [tuple(row) for row in connection.execute(sa.select(*columns))]

    assert await database.read(lines) == [("view", None, None)] * 3


# -- migrations ---------------------------------------------------------------------------------------------


def migrate(url: str, revision: str, *, up: bool) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = make_engine(url)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, revision)
    engine.dispose()


async def test_up_and_down_and_up_with_data(url: str, rasa: RasaStub) -> None:
    """What a shop has recorded before the desk is there after it, and after going back."""
    async with Front(url, rasa.port) as front:
        desk = Desk(front)
        lin = await desk.hire("小林")
        held = await bring(front, rasa, Owner.HUMAN, lin)
        waiting = await bring(front, rasa, Owner.WAITING, lin)
        closed = await bring(front, rasa, Owner.CLOSED, lin)
        await held.say("在吗")
        await desk.hands.note(held.conversation_id, lin, key="n", text="内部")
        await desk.hands.reply(held.conversation_id, lin, key="k", text="在的")
        before = await held.messages()
    migrate(url, "0001", up=False)
    engine = make_engine(url)
    tables = set(sa.inspect(engine).get_table_names())
    assert "escalations" not in tables and "agents" not in tables
    with engine.connect() as connection:
        owners = dict(connection.execute(sa.text("SELECT id, owner FROM conversations")).all())
        count = connection.execute(sa.text("SELECT count(*) FROM messages")).scalar()
    engine.dispose()
    assert owners == {
        held.conversation_id: "BOT",
        waiting.conversation_id: "BOT",
        closed.conversation_id: "CLOSED",
    }
    assert upgrade(url) is True
    engine = make_engine(url)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM messages")).scalar() == count
        rows = connection.execute(sa.select(conversations.c.changed_at, conversations.c.last_at)).all()
    engine.dispose()
    assert all(row.changed_at == row.last_at for row in rows)
    async with Front(url, rasa.port) as front:
        again = Shopper(front, held.conversation_id, held.secret, [])
        assert await again.messages() == before
        replies = await again.say("还在吗", "m_new")
        assert [reply["text"] for reply in replies] == ["答：还在吗"]
        lin = await Desk(front).hire("小林")
        await Desk(front).hands.take_over(held.conversation_id, lin)
