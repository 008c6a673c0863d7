"""A person takes over and hands back, with the real three processes: nothing lost, doubled or talked over."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest

from bot.app import prepare
from bot.app.client import FrontUnreachableError
from tests.stack.agent import AgentClient, Got, surely
from tests.stack.harness import Shopper, Stack, until

pytestmark = pytest.mark.stack

#: A customer with one parcel under way.
CUSTOMER = "u1016"
ROUND_THE_CLOCK = ("00:00", "00:00")


def open_shop(stack: Stack, hours: tuple[str, str]) -> None:
    """Set the shop's service hours; the same time twice means around the clock."""
    opens, closes = hours
    value = f'{{"opens": "{opens}", "closes": "{closes}", "answer_minutes": 30}}'
    with closing(sqlite3.connect(stack.settings.data_dir / "shop.db")) as shop, shop:
        done = shop.execute("UPDATE settings SET value = ? WHERE name = 'service_hours'", (value,))
        assert done.rowcount == 1


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own, whose people are there at any time."""
    stack = Stack(tmp_path_factory.mktemp("desk") / "data")
    stack.settings.logs_dir.mkdir(parents=True, exist_ok=True)
    prepare.everything(stack.settings, print, lambda: None)
    open_shop(stack, ROUND_THE_CLOCK)
    with stack:
        yield stack


@pytest.fixture(scope="module")
def lin(desk: Stack) -> AgentClient:
    return AgentClient.hired(desk, "xiaolin", "小林")


@pytest.fixture(scope="module")
def chen(desk: Stack) -> AgentClient:
    return AgentClient.hired(desk, "laochen", "老陈")


@pytest.fixture(autouse=True)
def stack(desk: Stack, lin: AgentClient, chen: AgentClient) -> Iterator[Stack]:
    """The stack, whole again, with somebody at the desk whom nothing is given unasked."""
    desk.heal()
    done(chen.post("/desk/presence", {"presence": "busy"}))
    with chen.at_the_desk():
        yield desk


def done(got: Got) -> Got:
    """Expect that the desk did it."""
    assert got.status in {200, 204, 303}, got
    return got


def spoken(shopper: Shopper) -> list[tuple[str, str]]:
    """Author and words of what was typed or said in the conversation, in order; notices left out."""
    return [
        (str(m["author"]), str(m["text"])) for m in shopper.messages() if m["type"] in {"text", "buttons"}
    ]


def after(messages: list[tuple[str, str]], first: str) -> list[tuple[str, str]]:
    """What follows a message."""
    places = [n for n, (_, text) in enumerate(messages) if text == first]
    assert len(places) == 1, f"{first!r} is there {len(places)} times: {messages}"
    return messages[places[0] + 1 :]


def owner(shopper: Shopper) -> str:
    session = shopper.session
    path = f"/api/v1/conversations/{session.conversation_id}/messages?after=0"
    answer = session.client.request("GET", path, headers={"X-Conversation-Secret": session.secret})
    return str(answer["owner"])


def waiting(stack: Stack) -> Shopper:
    """A shopper who has asked for a person and waits."""
    shopper = stack.shopper(CUSTOMER)
    shopper.say("转人工")
    assert shopper.session.owner == "WAITING", shopper.last.text
    return shopper


def waiting_or_held(stack: Stack) -> Shopper:
    """A shopper who has asked for a person while somebody may be free."""
    shopper = stack.shopper(CUSTOMER)
    shopper.say("转人工")
    assert shopper.session.owner in {"WAITING", "HUMAN"}, shopper.last.text
    return shopper


def asks_the_bot(shopper: Shopper) -> None:
    """The very next message is the bot's to answer, once."""
    question = "我的快递到哪了"
    surely(lambda: shopper.say(question, "after-the-hand-back"))
    until(lambda: [m for m in shopper.messages() if m.get("in_reply_to") == "after-the-hand-back"], 40)
    answered = [m for m in shopper.messages() if m.get("in_reply_to") == "after-the-hand-back"]
    assert {m["author"] for m in answered} <= {"bot", "system"}
    assert "card" in {m["type"] for m in answered}, answered
    said = [m for m in answered if m["type"] in {"text", "buttons"}]
    assert len(said) == 1, said
    assert owner(shopper) == "BOT"


# -- the way there and back ---------------------------------------------------------------------------------


def test_ten_messages_each_way_and_the_bot_takes_up_again(stack: Stack, lin: AgentClient) -> None:
    shopper = waiting(stack)
    cid = shopper.session.conversation_id
    assert cid in lin.queue("waiting") and cid not in lin.queue("mine")
    done(lin.take(cid))
    assert cid in lin.queue("mine")
    expected: list[tuple[str, str]] = []
    shopper.say("在吗")
    for n in range(10):
        question = f'第{n}个问题：<b>{n}</b> & "引号" 🙂'
        answer = f"第{n}个回答，\n换行也要留住 {{{{ {n} }}}}"
        shopper.say(question)
        done(lin.reply(cid, answer))
        expected += [("shopper", question), ("agent", answer)]
    assert after(spoken(shopper), "在吗") == expected, "the shopper's side"
    mine = [(line.side, line.text) for line in lin.transcript(cid)]
    assert [pair for pair in mine if pair[0] in {"shopper", "agent"}][-20:] == expected, "the agent's side"
    assert "bot" not in [side for side, _ in mine[-22:]], "the bot talked over the agent"
    names = {m["agent"]["name"] for m in shopper.messages() if m["author"] == "agent"}
    assert names == {"小林"}
    done(lin.back(cid))
    assert lin.reply(cid, "还在吗").status == 403, "who has handed back says nothing more"
    asks_the_bot(shopper)


def test_who_is_there_is_told_and_may_write_while_waiting(stack: Stack, lin: AgentClient) -> None:
    shopper = waiting(stack)
    cid = shopper.session.conversation_id
    before = len(spoken(shopper))
    shopper.say("我先把事情说了：鞋子开胶了")
    assert shopper.session.owner == "WAITING"
    assert spoken(shopper)[before:] == [("shopper", "我先把事情说了：鞋子开胶了")], "the bot keeps silent"
    done(lin.take(cid))
    until(lambda: any("小林" in str(m["text"]) for m in shopper.messages() if m["author"] == "system"))
    told = [m for m in shopper.messages() if m["author"] == "system" and "小林" in str(m["text"])]
    assert len(told) == 1, "who has joined is told once"
    assert "鞋子开胶了" in lin.transcript(cid)[-2].text + lin.transcript(cid)[-1].text
    done(lin.back(cid))


def test_a_wait_that_is_cancelled_leads_back_to_the_bot(stack: Stack, lin: AgentClient) -> None:
    shopper = waiting(stack)
    shopper.say("不等了")
    assert shopper.session.owner == "BOT"
    assert shopper.session.conversation_id not in lin.queue("waiting")
    asks_the_bot(shopper)


def test_who_is_online_is_given_the_next_one(stack: Stack, lin: AgentClient) -> None:
    done(lin.post("/desk/presence", {"presence": "online"}))
    try:
        with lin.at_the_desk():
            shopper = waiting_or_held(stack)
            cid = shopper.session.conversation_id
            until(lambda: owner(shopper) == "HUMAN")
            assert cid in lin.queue("mine")
            told = [str(m["text"]) for m in shopper.messages() if m["author"] == "system"]
            assert sum("小林" in text for text in told) == 1, told
            done(lin.reply(cid, "您好，我是小林"))
            assert spoken(shopper)[-1] == ("agent", "您好，我是小林")
            done(lin.back(cid))
    finally:
        done(lin.post("/desk/presence", {"presence": "away"}))


def test_of_two_who_take_over_at_once_one_wins(stack: Stack, lin: AgentClient, chen: AgentClient) -> None:
    for _ in range(3):
        cid = waiting(stack).session.conversation_id
        barrier = threading.Barrier(2)

        def take(
            agent: AgentClient, cid: str = cid, barrier: threading.Barrier = barrier
        ) -> tuple[AgentClient, Got]:
            barrier.wait()
            return agent, agent.take(cid)

        with ThreadPoolExecutor(2) as both:
            results = list(both.map(take, (lin, chen)))
        won = [agent for agent, got in results if got.status in {200, 204}]
        lost = [(agent, got) for agent, got in results if got.status == 409]
        assert len(won) == len(lost) == 1, [got for _, got in results]
        name = "小林" if won[0] is lin else "老陈"
        assert name in lost[0][1].text, "who is late hears who was first"
        assert lost[0][0].reply(cid, "我来").status == 403
        done(won[0].reply(cid, "您好"))
        done(won[0].back(cid))


def test_outside_of_the_hours_it_is_noted_and_the_bot_stays(stack: Stack, lin: AgentClient) -> None:
    now = datetime.now(timezone(timedelta(hours=8)))
    hours = tuple((now + timedelta(hours=n)).strftime("%H:00") for n in (3, 5))
    open_shop(stack, (hours[0], hours[1]))
    try:
        shopper = stack.shopper(CUSTOMER)
        shopper.say("转人工")
        assert shopper.session.owner == "BOT"
        assert hours[0] in shopper.last.text, "it says when people are there"
        assert shopper.session.conversation_id in lin.queue("waiting")
        asks_the_bot(shopper)
    finally:
        open_shop(stack, ROUND_THE_CLOCK)


# -- kill -9 at each step -----------------------------------------------------------------------------------


@dataclass
class Crash:
    """Kills a process at one step of the journey; what the next steps do not need comes back meanwhile."""

    stack: Stack
    victim: str
    step: str
    under_way: bool = False

    def at(self, step: str, act: Callable[[], object]) -> None:
        """Do what the step does; in the crash's own step the process dies meanwhile."""
        if step != self.step:
            act()
            return
        doing = threading.Thread(target=_quietly, args=(act,), daemon=True)
        doing.start()
        doing.join(0.02)  # the request is under way
        self.stack.kill(self.victim)
        doing.join(30)
        self.stack.begin(self.victim)
        self.under_way = True
        if self.victim == "front":
            self.settle()

    def settle(self) -> None:
        """Wait until everything runs again."""
        if self.under_way:
            self.stack.wait(self.victim)


def _quietly(act: Callable[[], object]) -> None:
    with suppress(FrontUnreachableError):
        act()


@pytest.mark.parametrize("step", ["waiting", "held", "replied", "handing back"])
@pytest.mark.parametrize("victim", ["front", "actions", "rasa"])
def test_a_killed_process_loses_and_doubles_nothing(
    stack: Stack, lin: AgentClient, victim: str, step: str
) -> None:
    crash = Crash(stack, victim, step)
    shopper = waiting(stack)
    cid = shopper.session.conversation_id
    first, second, third = f"等待时说的话 {step}", "接入后说的话", "回答之后的话"

    crash.at("waiting", lambda: shopper.say(first, "m-first"))
    surely(lambda: shopper.say(first, "m-first"))
    crash.at("held", lambda: lin.take(cid))
    taken = surely(lambda: lin.take(cid))
    done(taken)
    surely(lambda: shopper.say(second, "m-second"))
    crash.at("replied", lambda: lin.reply(cid, "第一句回答", key="key-first-reply"))
    done(surely(lambda: lin.reply(cid, "第一句回答", key="key-first-reply")))
    surely(lambda: shopper.say(third, "m-third"))
    done(surely(lambda: lin.reply(cid, "第二句回答", key="key-second-reply")))
    expected = [
        ("shopper", first),
        ("shopper", second),
        ("agent", "第一句回答"),
        ("shopper", third),
        ("agent", "第二句回答"),
    ]
    assert spoken(shopper)[-5:] == expected
    assert [(line.side, line.text) for line in lin.transcript(cid) if line.side in {"shopper", "agent"}][
        -5:
    ] == expected
    crash.at("handing back", lambda: lin.back(cid))
    again = surely(lambda: lin.back(cid))
    assert again.status in {200, 403}, "either the first request had done it, or this one did"
    crash.settle()
    shopper = stack.returning(shopper)
    assert owner(shopper) == "BOT"
    asks_the_bot(shopper)
    whole = spoken(shopper)
    assert after(whole, first)[: len(expected) - 1] == expected[1:]
    for _, text in expected:
        assert [t for _, t in whole].count(text) == 1
