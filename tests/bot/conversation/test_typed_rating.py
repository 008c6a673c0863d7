"""A figure typed right after the question for a rating is the rating, and only there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from bot.channels.platforms.signed import Settings
from bot.conversation.asking import IdleWatch
from bot.conversation.channel_schema import channel_links
from bot.conversation.entry import Entry
from bot.conversation.rating_rows import Rating
from bot.conversation.ratings import put
from bot.conversation.schema import conversations, messages
from tests.bot.conversation.desk_harness import Clock, Desk
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.fakes.signed import KEY, Receiver, signed
from tests.support.waiting import eventually

ASKED = "utter_rate_by_number/power"
BYE = {"custom": {"type": "directive", "directive": "closed"}}
SAID: dict[str, dict[str, Any]] = {
    "再见": {"intent": {"name": "goodbye", "confidence": 1.0}, "replies": [{"text": "再见"}, BYE]},
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def receiver(clock: Clock) -> AsyncIterator[Receiver]:
    async with Receiver(clock) as made:
        yield made


class Stage:
    """A front with the signed channel without buttons, and one shopper who writes there."""

    def __init__(self, front: Front, receiver: Receiver, clock: Clock, rasa: RasaStub) -> None:
        self.front, self.receiver, self.clock, self.rasa = front, receiver, clock, rasa
        self.number = 0

    @property
    def texts(self) -> list[str]:
        return self.receiver.texts("u1")

    async def write(self, text: str, **more: Any) -> None:
        self.number += 1
        body = {"user": "u1", "message_id": f"m{self.number}", "text": text, **more}
        got = await self.front.request("POST", "/channels/signed", **signed(body, self.clock()))
        assert got.status == 202

    async def gets(self, text: str, count: int = 1) -> None:
        """Wait until she has got a text so often, and the record knows it."""
        await eventually(lambda: sum(text in one for one in self.texts) == count)
        await eventually(self._all_delivered)

    async def _all_delivered(self) -> bool:
        query = select(channel_links.c.delivered_seq, conversations.c.next_seq).join(
            conversations, conversations.c.id == channel_links.c.conversation_id
        )
        found = await self.rows(query)
        return bool(found) and all(seq == head - 1 for seq, head in found)

    async def waits(self) -> bool:
        """Return whether her link waits for its next try: what is on its way now would move that on."""
        failed = channel_links.c.tries > 0, channel_links.c.lease_holder.is_(None)
        return bool(await self.rows(select(channel_links.c.id).where(*failed)))

    async def rows(self, query: Any) -> list[Any]:
        database = self.front.conversations._store.database
        return list(await database.read(lambda c: c.execute(query).all()))

    async def conversation_id(self) -> str:
        ((found,),) = await self.rows(select(channel_links.c.conversation_id))
        return str(found)

    async def is_asked(self) -> str:
        """A wish, and goodbye: she is asked; return the conversation."""
        await self.write("快递到哪了")
        await self.gets("答：快递到哪了")
        await self.write("再见")
        await self.gets(ASKED)
        return await self.conversation_id()

    async def score(self, conversation_id: str) -> int | None:
        """What the desk shows."""
        desk = Desk(self.front)
        rated = (await desk.see(conversation_id)).rating
        return None if rated is None else rated.rating.score


@pytest_asyncio.fixture
async def stage(url: str, rasa: RasaStub, receiver: Receiver, clock: Clock) -> AsyncIterator[Stage]:
    rasa.script = lambda turn: answer(turn, **{"form_open": False, **SAID.get(turn.get("text", ""), {})})
    channels = {"signed": Settings(keys=(KEY,), url=receiver.url, buttons=0)}
    async with Front(url, rasa.port, clock=clock, channels=channels) as front:
        await Desk(front).hire("小林")
        yield Stage(front, receiver, clock, rasa)


async def test_a_figure_after_the_question_is_the_rating_once(stage: Stage, rasa: RasaStub) -> None:
    cid = await stage.is_asked()
    assert sum(ASKED in one for one in stage.texts) == 1
    await stage.write("打5分")
    await stage.gets("utter_rated/power")
    assert await stage.score(cid) == 5
    assert "打5分" not in [call.get("text") for call in rasa.calls]
    said = await stage.rows(
        select(messages.c.author, messages.c.kind, messages.c.state)
        .where(messages.c.conversation_id == cid)
        .order_by(messages.c.seq.desc())
        .limit(3)
    )
    assert [tuple(one) for one in reversed(said)] == [
        ("system", "rating", "answered"),
        ("shopper", "text", "answered"),
        ("system", "notice", "answered"),
    ]
    await stage.write("3")  # a figure like any other by now
    await stage.gets("答：3")
    assert await stage.score(cid) == 5
    await stage.write("再见")
    await stage.gets("答：再见", 0)
    await stage.gets("再见", 2)
    assert sum(ASKED in one for one in stage.texts) == 1


async def test_a_repeated_call_rates_once(stage: Stage) -> None:
    await stage.is_asked()
    await stage.write("4", message_id="twice")
    await stage.write("4", message_id="twice")
    await stage.gets("utter_rated/power")
    await stage.write("好的")
    await stage.gets("答：好的")
    assert not any(one == "答：4" for one in stage.texts)
    assert sum("utter_rated" in one for one in stage.texts) == 1


async def test_a_low_score_is_asked_what_went_wrong_and_what_follows_goes_to_the_bot(stage: Stage) -> None:
    cid = await stage.is_asked()
    await stage.write("2️⃣")
    await stage.gets("utter_rated_low/power")
    assert await stage.score(cid) == 2
    await stage.write("等了三天没人理")
    await stage.gets("答：等了三天没人理")
    rated = (await Desk(stage.front).see(cid)).rating
    assert rated is not None and rated.rating.comment is None


@pytest.mark.parametrize("text", ["6", "12", "0", "5个", "5号", "۵", "第五个", "5分钟"])
async def test_what_is_no_figure_of_one_to_five_goes_to_the_bot(stage: Stage, text: str) -> None:
    cid = await stage.is_asked()
    await stage.write(text)
    await stage.gets(f"答：{text}")
    await stage.write("5")  # the bot has spoken since: no answer to the question any more
    await stage.gets("答：5")
    assert await stage.score(cid) is None


async def test_a_figure_without_the_question_is_no_rating(stage: Stage) -> None:
    await stage.write("快递到哪了")
    await stage.gets("答：快递到哪了")
    await stage.write("5")
    await stage.gets("答：5")
    assert await stage.score(await stage.conversation_id()) is None


async def test_a_figure_typed_before_the_question_is_none(stage: Stage, clock: Clock) -> None:
    await stage.write("快递到哪了")
    await stage.gets("答：快递到哪了")
    typed = clock()
    clock.pass_by(minutes=11)
    hands = stage.front.conversations.handover
    await IdleWatch(hands._database, hands._writing, hands._handing.asking, hands._after).look()
    await stage.gets(ASKED)
    await stage.write("2", at=typed.isoformat())  # on its way for eleven minutes
    await stage.gets("答：2")
    assert await stage.score(await stage.conversation_id()) is None


async def test_a_question_not_delivered_yet_is_not_answered(stage: Stage, receiver: Receiver) -> None:
    await stage.write("快递到哪了")
    await stage.gets("答：快递到哪了")
    receiver.statuses = [200, *[503] * 400]
    await stage.write("再见")
    await eventually(lambda: len(receiver.statuses) < 400)
    await stage.write("4")
    hers = select(messages.c.seq).where(messages.c.author == "shopper", messages.c.state == "answered")

    async def answered() -> bool:
        return len(await stage.rows(hers)) == 3

    await eventually(answered)
    await eventually(stage.waits)
    receiver.statuses.clear()
    stage.clock.pass_by(minutes=6)
    await stage.gets("答：4")
    assert await stage.score(await stage.conversation_id()) is None


async def test_a_question_that_waited_long_is_not_asked_any_more(stage: Stage, receiver: Receiver) -> None:
    await stage.write("快递到哪了")
    await stage.gets("答：快递到哪了")
    receiver.statuses = [200, 410]  # goodbye reaches her, the question does not: she has left
    await stage.write("再见")
    resting = select(channel_links.c.id).where(channel_links.c.state == "blocked")
    await eventually(lambda: stage.rows(resting))
    stage.clock.pass_by(hours=2)
    await stage.write("还有件事")
    await stage.gets("答：还有件事")
    assert not any("utter_rate" in text for text in stage.texts)


@pytest.mark.parametrize("why", ["late", "refused"])
async def test_a_question_that_never_reached_her_takes_no_figure_and_closes_no_choices(
    stage: Stage, receiver: Receiver, why: str
) -> None:
    steps = [{"title": "退货", "payload": "/return"}, {"title": "换货", "payload": "/exchange"}]
    offered = {"text": "要哪一样", "buttons": steps}
    stage.rasa.script = lambda turn: answer(
        turn, [offered] if turn.get("text") == "鞋子不合脚" else None, form_open=False
    )
    await stage.write("鞋子不合脚")
    await stage.gets("要哪一样")
    cid, seen = await stage.conversation_id(), len(stage.texts)
    stage.clock.pass_by(minutes=11)
    receiver.statuses = [503] * 10_000 if why == "late" else [400]  # a platform that is down for an hour
    hands = stage.front.conversations.handover
    await IdleWatch(hands._database, hands._writing, hands._handing.asking, hands._after).look()
    if why == "late":
        await eventually(stage.waits)
        stage.clock.pass_by(minutes=31)
    await eventually(stage._all_delivered)
    receiver.statuses.clear()
    assert len(stage.texts) == seen
    await stage.write("1")
    await stage.gets("答：/return")
    assert await stage.score(cid) is None
    assert not any("utter_rate" in text for text in stage.texts)


async def test_a_form_or_a_person_takes_figures_first(stage: Stage) -> None:
    cid = await stage.is_asked()
    database = stage.front.conversations._store.database
    await database.write(
        lambda c: (
            c.execute(conversations.update().where(conversations.c.id == cid).values(form_open=True)).rowcount
        )
    )
    await stage.write("5")
    await stage.gets("答：5")
    assert await stage.score(cid) is None


async def test_a_person_in_charge_reads_the_figure(stage: Stage) -> None:
    cid = await stage.is_asked()
    desk = Desk(stage.front)
    agent = await desk.hire("小周")
    await desk.hands.take_over(cid, agent)
    await stage.write("5")
    query = select(messages.c.seq).where(messages.c.conversation_id == cid, messages.c.author == "shopper")

    async def heard() -> bool:
        return len(await stage.rows(query)) == 3

    await eventually(heard)
    assert await stage.score(cid) is None


async def test_a_conversation_that_an_agent_has_closed_is_rated_and_none_is_opened(stage: Stage) -> None:
    await stage.write("快递到哪了")
    await stage.gets("答：快递到哪了")
    cid = await stage.conversation_id()
    desk = Desk(stage.front)
    agent = await desk.hire("小周")
    await desk.hands.take_over(cid, agent)
    await desk.hands.close(cid, agent, outcome="solved")
    await stage.gets(ASKED)
    await stage.write("四分")
    await stage.gets("utter_rated/power")
    assert await stage.score(cid) == 4
    assert await stage.rows(select(conversations.c.id)) == [(cid,)]
    await stage.write("还有件事")
    await stage.gets("答：还有件事")
    assert await stage.conversation_id() != cid


async def test_days_later_a_figure_is_something_else(stage: Stage, clock: Clock) -> None:
    cid = await stage.is_asked()
    clock.now += timedelta(days=4)
    await stage.write("5")
    await stage.gets("答：5")
    assert await stage.score(cid) is None


async def test_what_was_said_on_the_page_stays_when_a_figure_follows(stage: Stage) -> None:
    cid = await stage.is_asked()
    database = stage.front.conversations._store.database

    def on_the_page(connection: Any) -> None:
        entry = Entry.of(connection, stage.front.conversations._store.writing, cid)
        assert entry is not None
        put(entry, Rating(3, {"service": 2}, "等得久"))
        entry.save()

    await database.write(on_the_page)
    await stage.write("4")
    await stage.gets("utter_rated/power")
    rated = (await Desk(stage.front).see(cid)).rating
    assert rated is not None
    assert (rated.rating.score, rated.rating.comment, rated.rating.dimensions) == (
        4,
        "等得久",
        {"service": 2},
    )
