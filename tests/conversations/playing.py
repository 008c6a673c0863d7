"""Plays a case through the real stack in one style."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from tests.conversations.cases import Case
from tests.conversations.recorded import Answered, CaseRecord
from tests.conversations.shop_rows import CaseShop
from tests.stack.agent import AgentClient
from tests.stack.harness import Stack
from tests.support.photographs import photograph

#: What an agent calls a shopper at the desk -> the style that is served from then on.
STYLES = {"none": "neutral", "power": "power", "perfect": "perfect", "peace": "peace", "lively": "lively"}


@dataclass(frozen=True)
class Run:
    """What became of a case in one style."""

    style: str
    answers: tuple[Answered, ...]
    changes: dict[str, dict[str, Any]]
    record: dict[str, Any]


@dataclass
class Theatre:
    """The stack with all that a run needs."""

    stack: Stack
    shop: CaseShop
    record: CaseRecord
    agent: AgentClient

    def play(self, case: Case, label: str) -> Run:
        """Play a case as a shopper whom an agent called `label` at the desk before her first word.

        That is the stack's own way to a style which needs no words of hers: the belief is corrected, the
        front serves it from the next message on. She is somebody new, with the orders of the demo customer.
        """
        name = self.shop.put_back(case.who)
        shopper = self.stack.shopper(name or None)
        cid = shopper.session.conversation_id
        corrected = self.agent.post(f"/desk/c/{cid}/correct", {"label": label, "key": uuid.uuid4().hex})
        assert corrected.status == 200, corrected
        names, ids = self.shop.names(case.who), []
        try:
            for turn in case.turns:
                if turn.fault is not None:
                    self.stack.fault(turn.fault)
                ids.append(f"m_{uuid.uuid4().hex}")
                if turn.say:
                    seen = {part: value.format_map(names) for part, value in (turn.looks_at or {}).items()}
                    shopper.say(turn.say.format_map(names), ids[-1], seen)
                elif turn.picture:
                    shopper.send_picture(photograph(), ids[-1])
                else:
                    shopper.tap(turn.tap.format_map(names), ids[-1])
        finally:
            self.stack.fault("")
        answers = self.record.answers(cid)
        return Run(
            STYLES[label],
            tuple(answers[one] for one in ids),
            self.shop.changes(),
            self.record.state(cid),
        )
