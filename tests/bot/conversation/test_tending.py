"""The queue is looked after: who gets what, who is told what, and each thing once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.conversation.desk_types import Presence, View
from bot.conversation.duty import ServiceTime
from bot.conversation.escalation import Rules
from bot.conversation.queueing import OnDuty
from bot.conversation.tending import Act, Case, Scene, plan
from bot.conversation.types import Owner
from tests.bot.conversation.desk_harness import NOON, Clock, Desk, Hours
from tests.bot.conversation.harness import QUICK, Front, Shopper
from tests.bot.conversation.rasa_stub import RasaStub, answer

RULES = Rules.load()
WISH = {"type": "directive", "directive": "request_human", "reason": "退款"}
STILL = replace(QUICK, sweep=3600.0)  # the tests tend by hand


def agent(name: str, **more: Any) -> OnDuty:
    given: dict[str, Any] = {
        "agent_id": name,
        "name": name,
        "presence": Presence.ONLINE,
        "here": True,
        "most": 2,
        "load": 0,
        "routed_at": None,
        "seen_at": NOON,
        **more,
    }
    return OnDuty(**given)


def case(number: int, owner: Owner = Owner.WAITING, **more: Any) -> Case:
    given: dict[str, Any] = {"rank": 1, "place_at": NOON - timedelta(minutes=10 - number), "since": NOON}
    return Case(number, f"c_{number}", owner, **{**given, **more})


def steps(cases: list[Case], staff: list[OnDuty], *, open_now: bool = True) -> list[tuple[Any, ...]]:
    scene = Scene(NOON, ServiceTime(open_now), tuple(staff), tuple(cases))
    return [(s.act, s.case.escalation_id, *([s.agent_id] if s.agent_id else [])) for s in plan(scene, RULES)]


def test_the_first_go_to_the_least_loaded_and_then_the_longest_idle() -> None:
    staff = [
        agent("a", load=1, routed_at=None),
        agent("b", routed_at=NOON - timedelta(minutes=1)),
        agent("c", routed_at=NOON - timedelta(minutes=9)),
    ]
    waiting = [case(3), case(1), case(2), case(4)]
    assert steps(waiting, staff) == [
        (Act.ROUTE, 1, "c"),
        (Act.ROUTE, 2, "b"),
        (Act.ROUTE, 3, "a"),  # all have one now, and a has never been given any
        (Act.ROUTE, 4, "b"),  # b and c were given theirs at this very moment
    ]


def test_nobody_gets_more_than_there_is_room_for() -> None:
    found = steps([case(n) for n in range(1, 6)], [agent("a"), agent("b", most=1)])
    assert [s[0] for s in found].count(Act.ROUTE) == 3
    per_agent = [s[2] for s in found if s[0] is Act.ROUTE]
    assert per_agent.count("a") == 2 and per_agent.count("b") == 1


@pytest.mark.parametrize(
    "unfit",
    [
        {"presence": Presence.BUSY},
        {"presence": Presence.AWAY},
        {"here": False},
        {"load": 2},
    ],
)
def test_who_does_not_take_gets_nothing(unfit: dict[str, Any]) -> None:
    assert all(s[0] is not Act.ROUTE for s in steps([case(1)], [agent("a", **unfit)]))


def test_danger_first_whenever_it_came() -> None:
    found = steps([case(1), case(9, rank=0)], [agent("a", most=1)])
    assert found[0] == (Act.ROUTE, 9, "a")


def test_whom_it_was_passed_to_gets_it_and_others_only_later() -> None:
    wanted = case(1, wanted_agent_id="b")
    assert steps([wanted], [agent("a"), agent("b", load=1)]) == [(Act.ROUTE, 1, "b")]
    full = [agent("a"), agent("b", load=2)]
    assert steps([wanted], full) == []
    late = replace(wanted, since=NOON - RULES.wanted)
    assert steps([late], full)[0] == (Act.ROUTE, 1, "a")


def test_who_gave_it_back_does_not_get_it_again_at_once() -> None:
    back = case(1, left_agent_id="a")
    assert steps([back], [agent("a"), agent("b", load=1)]) == [(Act.ROUTE, 1, "b")]
    assert steps([back], [agent("a")]) == []
    assert steps([replace(back, since=NOON - RULES.wanted)], [agent("a")])[0] == (Act.ROUTE, 1, "a")


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("waits", "nudged", "expected"),
    [
        (1.9, None, []),
        (2.0, None, [(Act.REMIND, 1)]),
        (5.9, 3.9, []),
        (6.0, 4.0, [(Act.IDLE, 1)]),
        (60.0, None, [(Act.REMIND, 1)]),  # the front was away: the agent is warned before
        (60.0, 3.9, []),
        (60.0, 4.0, [(Act.IDLE, 1)]),
    ],
)
def test_an_agent_who_does_not_answer(waits: float, nudged: float | None, expected: list[Any]) -> None:
    held = case(
        1,
        Owner.HUMAN,
        agent_id="a",
        held_at=NOON - minutes(90),
        waits_since=NOON - minutes(waits),
        nudged_at=None if nudged is None else NOON - minutes(nudged),
    )
    assert steps([held], [agent("a")]) == expected
    assert steps([replace(held, snoozed_until=NOON + minutes(1))], [agent("a")]) == []
    assert steps([replace(held, waits_since=None)], [agent("a")]) == []
    assert steps([replace(held, held_at=NOON - minutes(1))], [agent("a")]) == []  # has just got it


def test_an_agent_whose_page_is_closed() -> None:
    held = case(1, Owner.HUMAN, agent_id="a", held_at=NOON - minutes(90))
    gone = agent("a", here=False, seen_at=NOON - RULES.gone)
    assert steps([held], [gone]) == [(Act.GONE, 1)]
    assert steps([held], [replace(gone, seen_at=NOON - RULES.gone + minutes(0.1))]) == []
    assert steps([held], []) == [(Act.GONE, 1)]  # the account was switched off


def test_the_shopper_is_told_at_each_step_once() -> None:
    busy = [agent("a", load=2)]
    waiting = case(1, since=NOON - minutes(9), told_at=NOON - minutes(9))
    assert steps([waiting], busy) == [(Act.TELL_AGAIN, 1)]  # the steps at 3 and 8 minutes are one line
    assert steps([replace(waiting, told_at=NOON - minutes(0.9))], busy) == []
    assert steps([replace(waiting, told_at=NOON - minutes(1.1))], busy) == [(Act.TELL_AGAIN, 1)]


GONE = {"here": False, "left_at": NOON - minutes(9)}


@pytest.mark.parametrize(
    ("staff", "told", "expected"),
    [
        ([], None, Act.TELL_NOBODY),
        ([agent("a", presence=Presence.AWAY)], None, Act.TELL_NOBODY),
        ([agent("a", **GONE)], None, Act.TELL_NOBODY),
        ([], 2.9, None),
        ([], 3, Act.DESERTED),
        ([agent("a", **GONE)], 3, Act.DESERTED),
        # Somebody was there again in between.
        ([agent("a", **GONE), agent("b", here=False, left_at=NOON - minutes(2.9))], 8, None),
        ([agent("a", **GONE), agent("b", here=False, left_at=NOON - minutes(3))], 8, Act.DESERTED),
        # Who is at the desk is somebody, whatever was told before.
        ([agent("a", load=2)], None, None),
        ([agent("a", presence=Presence.BUSY)], None, None),
        ([agent("a", presence=Presence.BUSY)], 30, None),
    ],
)
def test_nobody_at_the_desk_is_told_once_and_not_waited_for(
    staff: list[OnDuty], told: float | None, expected: Act | None
) -> None:
    waiting = case(1, nobody_at=None if told is None else NOON - minutes(told))
    assert steps([waiting], staff) == ([] if expected is None else [(expected, 1)])


def test_after_hours_go_back_except_who_is_served_now() -> None:
    found = steps([case(1), case(2)], [agent("a", most=1)], open_now=False)
    assert found == [(Act.ROUTE, 1, "a"), (Act.AFTER_HOURS, 2)]
    held = case(3, Owner.HUMAN, agent_id="a", held_at=NOON)
    assert steps([held], [agent("a")], open_now=False) == []


# -- through the front, on the record -----------------------------------------------------------------------


class Queue:
    """A front whose queue is tended when the test says so."""

    def __init__(self, front: Front, clock: Clock, hours: Hours, rasa: RasaStub) -> None:
        self.front, self.clock, self.hours, self.rasa = front, clock, hours, rasa
        self.desk = Desk(front)

    async def join(self, *, live: bool = True, customer: str | None = None) -> Shopper:
        """Open a conversation whose shopper asks for a person."""
        shopper = await self.front.open(customer)
        ask = {**WISH, "live": live}
        self.rasa.script = lambda request: answer(request, [{"text": "好的"}, {"custom": ask}])
        await shopper.say("转人工", "m_ask")
        self.rasa.script = answer
        self.clock.pass_by(seconds=1)
        return shopper

    async def tend(self) -> None:
        await self.front.conversations.handover.tend()

    async def said(self, shopper: Shopper) -> list[str]:
        """The names of the queue's lines that the shopper has seen."""
        return [
            message["text"].split("/")[0].removeprefix("utter_queue_")
            for message in await shopper.messages()
            if message["text"].startswith("utter_queue_")
        ]

    async def owner(self, shopper: Shopper) -> str:
        return await self.desk.owner(shopper.conversation_id)

    async def alive(self, *agents: str) -> None:
        for agent_id in agents:
            await self.desk.hands.sign_of_life(agent_id)


@pytest_asyncio.fixture
async def queue(rasa: RasaStub, tmp_path: Path) -> AsyncIterator[Queue]:
    clock, hours = Clock(), Hours()
    url = f"sqlite:///{tmp_path / 'record.db'}"
    async with Front(url, rasa.port, patience=STILL, clock=clock, duty=hours) as front:
        yield Queue(front, clock, hours, rasa)


async def test_who_waits_gets_the_next_agent_and_hears_who(queue: Queue) -> None:
    await queue.desk.hire("小忙")
    shopper = await queue.join()
    await queue.tend()
    assert await queue.said(shopper) == ["joined"] and await queue.owner(shopper) == "WAITING"
    lin = await queue.desk.hire("小林", presence="online")
    await queue.tend()
    await queue.tend()
    assert await queue.said(shopper) == ["joined", "agent"] and await queue.owner(shopper) == "HUMAN"
    (row,) = await queue.desk.queue(lin, View.MINE)
    assert row.conversation_id == shopper.conversation_id and row.unread > 0
    assert "agent=小林" in (await shopper.messages())[-1]["text"]


async def test_two_fronts_tend_one_queue(queue: Queue, rasa: RasaStub) -> None:
    url = queue.front.settings.record_url
    async with Front(url, rasa.port, patience=STILL, clock=queue.clock, duty=queue.hours) as second:
        await queue.desk.hire("小忙")
        shoppers = [await queue.join() for _ in range(5)]
        lin = await queue.desk.hire("小林", presence="online", most=3)
        await asyncio.gather(*(f.conversations.handover.tend() for f in (queue.front, second) for _ in "12"))
        owners = [await queue.owner(shopper) for shopper in shoppers]
        assert owners == ["HUMAN"] * 3 + ["WAITING"] * 2
        assert len(await queue.desk.queue(lin, View.MINE)) == 3
        for shopper in shoppers[:3]:
            assert (await queue.said(shopper)).count("agent") == 1


async def test_a_long_wait_is_told_again_at_its_steps(queue: Queue) -> None:
    lin = await queue.desk.hire("小林", presence="online", most=1)
    first = await queue.join()
    await queue.tend()
    second = await queue.join()
    assert await queue.said(second) == ["joined"]
    for _ in range(20):
        queue.clock.pass_by(minutes=1)
        await queue.alive(lin)
        await queue.desk.hands.reply(first.conversation_id, lin, key=queue.clock.now.isoformat(), text="在")
        await queue.tend()
    assert await queue.said(second) == ["joined", "still", "still", "still"]  # at 3, 8 and 15 minutes
    assert await queue.said(first) == ["joined", "agent"]


async def test_an_idle_agent_is_reminded_and_then_relieved(queue: Queue) -> None:
    lin = await queue.desk.hire("小林", presence="online")
    shopper = await queue.join()
    await queue.tend()
    wang = await queue.desk.hire("小王", presence="online")
    other = await queue.join()
    await queue.tend()
    for _ in range(7):
        queue.clock.pass_by(minutes=1)
        await queue.alive(lin, wang)
        await queue.desk.hands.reply(other.conversation_id, wang, key=queue.clock.now.isoformat(), text="在")
        await queue.tend()
    await queue.tend()
    assert await queue.said(shopper) == ["joined", "agent", "reassigned", "colleague"]
    found = await queue.desk.see(shopper.conversation_id)
    assert found.escalations[0].agent_id == wang
    (lins,) = [a for a in await queue.front.conversations.desk.agents() if a.agent_id == lin]
    assert lins.presence is Presence.AWAY and lins.load == 0
    assert [c.reason for c in found.owner_changes][-2:] == ["agent_idle", "routed"]


async def test_whose_page_is_closed_loses_the_conversation_to_the_queue(queue: Queue) -> None:
    lin = await queue.desk.hire("小林", presence="online")
    shopper = await queue.join()
    await queue.tend()
    queue.clock.pass_by(minutes=2)
    await queue.tend()
    assert await queue.owner(shopper) == "HUMAN"
    queue.clock.pass_by(minutes=2)
    await queue.tend()
    assert await queue.owner(shopper) == "WAITING"
    queue.clock.pass_by(minutes=1)
    await queue.tend()
    assert await queue.said(shopper) == ["joined", "agent", "reassigned", "nobody"]
    await queue.desk.hands.set_presence(lin, "online")
    queue.clock.pass_by(minutes=RULES.wanted.total_seconds() / 60)
    await queue.alive(lin)
    await queue.tend()
    assert (await queue.said(shopper))[-1] == "colleague"  # nobody else came


async def test_the_end_of_the_service_hours_gives_it_back_with_a_promise(
    queue: Queue, rasa: RasaStub
) -> None:
    lin = await queue.desk.hire("小林")
    shopper = await queue.join()
    queue.hours.open_now = False
    await queue.tend()
    await queue.tend()
    assert await queue.owner(shopper) == "BOT"
    assert await queue.said(shopper) == ["joined", "after_hours"]
    (row,) = await queue.desk.queue(lin, View.WAITING)  # it is not forgotten
    assert row.owner is Owner.BOT and row.escalation is not None
    replies = await shopper.say("那我问问物流")
    assert [r["text"] for r in replies] == ["答：那我问问物流"]
    assert rasa.calls[-2]["event"] == "handed_back"
    await queue.desk.hands.take_over(shopper.conversation_id, lin)
    assert await queue.owner(shopper) == "HUMAN"


async def test_whom_all_have_left_is_told_and_then_given_the_bot(queue: Queue, rasa: RasaStub) -> None:
    lin = await queue.desk.hire("小林")
    shopper, after = await queue.join(), await queue.join()
    await queue.desk.hands.set_presence(lin, "away")
    await queue.tend()
    assert await queue.said(shopper) == ["joined", "nobody"]
    for minute in range(3):
        assert await queue.owner(shopper) == "WAITING", minute
        queue.clock.pass_by(minutes=1)
        await queue.tend()
    await queue.tend()
    for one in (shopper, after):
        assert await queue.owner(one) == "BOT"
        assert await queue.said(one) == ["joined", "nobody", "noted"]
    found = await queue.desk.see(shopper.conversation_id)
    assert found.owner_changes[-1].reason == "deserted" and found.escalations[0].outcome is None
    assert [r["text"] for r in await shopper.say("我的快递到哪了")] == ["答：我的快递到哪了"]
    assert rasa.calls[-2]["event"] == "handed_back" and rasa.calls[-1]["people"] is False
    # Who comes on duty finds both in the queue, in their old places, and takes over.
    await queue.desk.hands.set_presence(lin, "online")
    waiting = [row.conversation_id for row in await queue.desk.queue(lin, View.WAITING)]
    assert waiting == [shopper.conversation_id, after.conversation_id]
    await queue.tend()
    assert await queue.owner(shopper) == "BOT"  # she talks to the bot: nobody is put in between unasked
    await queue.desk.hands.take_over(shopper.conversation_id, lin)
    assert await queue.owner(shopper) == "HUMAN" and (await queue.said(shopper))[-1] == "agent"
    # Who asks again is waited with again, and told again when that ends.
    await queue.desk.hands.set_presence(lin, "busy")
    rasa.script = lambda request: answer(request, [{"custom": {**WISH, "live": True}}])
    await after.say("转人工", "m_again")
    await queue.desk.hands.set_presence(lin, "away")
    await queue.tend()
    assert await queue.owner(after) == "WAITING"
    assert (await queue.said(after))[-2:] == ["joined", "nobody"]


async def test_who_keeps_waiting_for_nobody_is_given_the_same_time_again(queue: Queue) -> None:
    lin = await queue.desk.hire("小林")
    shopper = await queue.join()
    await queue.desk.hands.set_presence(lin, "away")
    await queue.tend()
    queue.clock.pass_by(minutes=2)
    assert (await keep_waiting(queue, shopper))["owner"] == "WAITING"
    assert await queue.said(shopper) == ["joined", "nobody", "nobody"]  # no place and minutes that are none
    queue.clock.pass_by(minutes=2)
    await queue.tend()
    assert await queue.owner(shopper) == "WAITING"
    queue.clock.pass_by(minutes=1)
    await queue.tend()
    assert await queue.owner(shopper) == "BOT" and (await queue.said(shopper))[-1] == "noted"


async def keep_waiting(queue: Queue, shopper: Shopper) -> dict[str, Any]:
    """Tap the button of the last line; return the answer."""
    buttons = [b for m in await shopper.messages() for b in m.get("buttons", ()) if b["title"] == "继续等"]
    got = await shopper.post(button=buttons[-1]["id"], message_id="m_keep")
    assert got.status == 200
    answered: dict[str, Any] = got.json
    return answered


async def test_with_nobody_at_the_desk_the_bot_goes_on(queue: Queue, rasa: RasaStub) -> None:
    """The bot believed that somebody was there: the last look decides, and the shopper hears what holds."""
    lin = await queue.desk.hire("小林", here=False)
    shopper = await queue.join(live=True)
    assert await queue.owner(shopper) == "BOT" and await queue.said(shopper) == ["noted"]
    (row,) = await queue.desk.queue(lin, View.WAITING)
    assert row.conversation_id == shopper.conversation_id and row.owner is Owner.BOT
    assert [r["text"] for r in await shopper.say("我的快递到哪了")] == ["答：我的快递到哪了"]
    await queue.alive(lin)
    await queue.join(live=True)
    asked = await queue.join(live=True)
    assert await queue.owner(asked) == "WAITING" and await queue.said(asked) == ["joined"]


async def test_every_turn_says_whether_anybody_is_at_the_desk(queue: Queue, rasa: RasaStub) -> None:
    async def told() -> bool | None:
        shopper = await queue.front.open()
        await shopper.say("在吗")
        said: bool | None = rasa.calls[-1].get("people")
        return said

    await queue.tend()
    assert await told() is False
    lin = await queue.desk.hire("小林", presence="away")
    await queue.desk.hands.set_presence(lin, "busy")
    assert await told() is None  # at once, without a look at the queue
    queue.clock.pass_by(seconds=61)  # the page was closed
    assert await told() is None
    await queue.tend()
    assert await told() is False
    await queue.alive(lin)
    assert await told() is None
    await queue.desk.hands.set_presence(lin, "away")
    assert await told() is False


async def test_outside_of_the_hours_the_bot_goes_on(queue: Queue) -> None:
    await queue.desk.hire("小林")
    queue.hours.open_now = False
    shopper = await queue.join(live=False)
    assert await queue.owner(shopper) == "BOT" and await queue.said(shopper) == []  # the bot has said it
    queue.hours.open_now = True
    await queue.tend()
    assert await queue.owner(shopper) == "BOT"
    again = {"type": "directive", "directive": "request_human", "reason": "还是要人", "live": True}
    queue.rasa.script = lambda request: answer(request, [{"custom": again}])
    await shopper.say("现在能转人工吗", "m_again")
    found = await queue.desk.see(shopper.conversation_id)
    assert found.owner is Owner.WAITING and len(found.escalations) == 1


async def test_members_come_earlier_as_published_and_the_shop_is_asked_once(queue: Queue) -> None:
    queue.hours.levels = {"u2": "diamond"}
    queue.hours.away = True
    lin = await queue.desk.hire("小林", most=1)
    first, second = await queue.join(customer="u1"), await queue.join(customer="u2")
    await queue.tend()
    order = [row.conversation_id for row in await queue.desk.queue(lin)]
    assert order == [first.conversation_id, second.conversation_id]
    queue.hours.away = False
    queue.clock.pass_by(seconds=31)
    await queue.tend()
    await queue.tend()
    assert sorted(queue.hours.asked) == ["u1", "u2"]
    order = [row.conversation_id for row in await queue.desk.queue(lin)]
    assert order == [second.conversation_id, first.conversation_id]


async def test_a_transfer_goes_to_the_colleague(queue: Queue) -> None:
    lin = await queue.desk.hire("小林", presence="online")
    shopper = await queue.join()
    await queue.tend()
    wang = await queue.desk.hire("小王", presence="online", most=1)
    await queue.desk.hands.transfer(shopper.conversation_id, lin, to=wang)
    assert await queue.owner(shopper) == "WAITING"
    await queue.tend()
    found = await queue.desk.see(shopper.conversation_id)
    assert found.escalations[0].agent_id == wang and found.owner is Owner.HUMAN
    assert await queue.said(shopper) == ["joined", "agent", "colleague"]
    await queue.desk.hands.transfer(shopper.conversation_id, wang, to=None)
    assert await queue.said(shopper) == ["joined", "agent", "colleague", "joined"]
    await queue.tend()
    assert (await queue.desk.see(shopper.conversation_id)).escalations[0].agent_id == lin


async def test_a_step_whose_line_cannot_be_spoken_is_done_all_the_same(queue: Queue) -> None:
    speaker = queue.front.conversations.lines._speaker
    said = speaker.say
    speaker.say = lambda response, facts, style: (  # type: ignore[method-assign]
        1 / 0 if response == "utter_queue_agent" else said(response, facts, style)
    )
    await queue.desk.hire("小林", presence="online")
    shopper = await queue.join()
    await queue.tend()
    assert await queue.owner(shopper) == "HUMAN"
