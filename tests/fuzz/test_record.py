"""The record of a conversation under any order of events: messages, repeats, agents, restarts, cut calls."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bot.conversation.errors import ConversationError
from bot.conversation.owner import TRANSITIONS
from bot.conversation.types import Owner
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import QUICK, Front, Shopper, rows, until
from tests.bot.conversation.rasa_stub import RasaStub, answer
from tests.fuzz.pace import pace

PATIENT = replace(QUICK, looking=20.0, apology=30.0, first_retry=0.01, longest_retry=0.05)
ASK = {
    "custom": {
        "type": "directive", "directive": "request_human", "reason": "顾客要求", "contact": None,
        "answer_by": None, "completes": False, "live": True, "level": None,
    }
}  # fmt: skip


class Talk(RuleBasedStateMachine):
    """One conversation, two agents, and a front that may be killed and started anew on the same record."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "record.db"
        self.sent: dict[str, str] = {}
        self.rasa = RasaStub()
        self.rasa.script = lambda turn: answer(
            turn, [{"custom": ASK}] if "人工" in str(turn.get("text")) else None
        )

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 60))

    @initialize()
    def begin(self) -> None:
        async def work() -> None:
            await self.rasa.start()
            await self.start_front()
            self.shopper: Shopper = await self.front.open("u1")
            self.agents = [await Desk(self.front).hire(name) for name in ("李敏", "王杰")]

        self.run(work())

    async def start_front(self) -> None:
        self.front = await Front(f"sqlite:///{self.path}", self.rasa.port, patience=PATIENT).__aenter__()

    @rule(text=st.sampled_from(["在吗", "我的快递呢", "转人工", "😀", "{{ x }}"]), twice=st.booleans())
    def says(self, text: str, twice: bool) -> None:
        message_id = f"m_{len(self.sent)}"

        async def work() -> None:
            calls = [self.shopper.post(text=text, message_id=message_id) for _ in range(1 + twice)]
            got = await asyncio.gather(*calls)
            assert {one.status for one in got} <= ({200} if not self.closed else {409}), got
            if got[0].status == 200:
                self.sent[message_id] = text

        self.run(work())

    @rule(data=st.data())
    def says_again(self, data: st.DataObject) -> None:
        if self.sent:
            message_id = data.draw(st.sampled_from(sorted(self.sent)))
            got = self.run(self.shopper.post(text=self.sent[message_id], message_id=message_id))
            assert got.status in (200, 409)
            other = self.run(self.shopper.post(text="anders", message_id=message_id))
            assert other.status == 409

    @rule(
        who=st.integers(0, 1),
        what=st.sampled_from(["take", "take", "reply", "note", "back", "close", "pass", "queue", "tend"]),
        rare=st.integers(0, 9),
    )
    def agent(self, who: int, what: str, rare: int) -> None:
        if what == "close" and rare:  # the end of a conversation ends the test
            what = "reply"
        hands, cid, me = Desk(self.front).hands, self.shopper.conversation_id, self.agents[who]
        does = {
            "take": lambda: hands.take_over(cid, me),
            "reply": lambda: hands.reply(cid, me, key=f"key-{rare}", text="在的"),
            "note": lambda: hands.note(cid, me, key=f"note-{rare}", text="看一下"),
            "back": lambda: hands.hand_back(cid, me, outcome="solved"),
            "close": lambda: hands.close(cid, me, outcome="solved"),
            "pass": lambda: hands.transfer(cid, me, to=self.agents[1 - who]),
            "queue": lambda: hands.transfer(cid, me, to=None),
            "tend": hands.tend,
        }
        with suppress(ConversationError):
            self.run(does[what]())

    @rule(times=st.integers(1, 2))
    def rasa_cuts_off(self, times: int) -> None:
        self.rasa.drop = times

    @rule()
    def front_is_started_anew(self) -> None:
        async def work() -> None:
            await self.front.__aexit__()
            await self.start_front()
            self.shopper.front = self.front

        self.run(work())

    @property
    def closed(self) -> bool:
        return rows(self.path, "select owner from conversations")[0][0] == "CLOSED"

    @invariant()
    def the_record_is_whole(self) -> None:
        if not hasattr(self, "agents"):
            return
        self.run(until(lambda: not rows(self.path, "select 1 from messages where state = 'accepted'")))
        found = rows(
            self.path,
            "select seq, author, channel_message_id, in_reply_to, code, audience from messages order by seq",
        )
        (following,) = rows(self.path, "select next_seq from conversations")[0]
        assert [row[0] for row in found] == list(range(1, following))  # dense, none twice
        ids = [row[2] for row in found if row[1] == "shopper" and str(row[2]).startswith("m_")]
        assert ids == list(self.sent)  # each message once, in the order of its coming
        answers = Counter(row[3] for row in found if row[1] == "bot" and row[3])
        assert not [m for m, count in answers.items() if count > 1]
        told = Counter((row[3], row[4]) for row in found if row[1] == "system" and row[3])
        assert not [line for line, count in told.items() if count > 1]
        changes = rows(self.path, "select before, after from owner_changes order by id")
        assert changes[0][0] is None
        for (_, reached), (left, went) in itertools.pairwise(changes):
            assert reached == left and Owner(went) in TRANSITIONS[Owner(left)]
        assert changes[-1][1] == rows(self.path, "select owner from conversations")[0][0]

    def teardown(self) -> None:
        async def work() -> None:
            if hasattr(self, "front"):
                heard = await self.shopper.messages()
                assert [m["seq"] for m in heard] == sorted({m["seq"] for m in heard})
                await self.front.__aexit__()
            await self.rasa.stop()

        self.run(work())
        self.loop.close()
        self.folder.cleanup()


def test_the_record_under_any_order_of_events() -> None:
    run_state_machine_as_test(
        Talk, settings=settings(pace(4), stateful_step_count=15, phases=[Phase.generate])
    )
