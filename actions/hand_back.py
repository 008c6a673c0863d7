"""After a person: the bot forgets what was under way, and knows what was settled.

The front tells it by the event ``handed_back`` before any later message, see docs/architecture.md. Nothing is
said then: the front's own line has told her who answers now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rasa_sdk.events import ActiveLoop, SlotSet
from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.complaint import TEXT
from actions.human import contact_settled, reason_of, request_human
from actions.interruptions import COUNT
from actions.order_choice import own_orders
from actions.write_form import REQUESTED, WRITE_SLOTS

#: Slot: what the last hand-over settled, as the front told it.
SETTLED = "settled"
#: What was under way before: a form, a question that waits, a contact that was asked for.
_UNDER_WAY = (
    *WRITE_SLOTS,
    REQUESTED,
    COUNT,
    TEXT,
    "pending_task",
    "offered_orders",
    "offered_intent",
    "verify_order",
    "verify_tail",
    "bind_order",
    "bind_phone",
    "human_answer_by",
    "unsure_write",
)
#: Outcomes that an agent gives after having looked at the matter.
_LOOKED_AT = frozenset({"solved", "follow_up", "not_solved"})


@dataclass(frozen=True)
class Settled:
    """What the last hand-over came to.

    Attributes:
        outcome: how it ended, see ``labels.yml`` group ``handover_outcome``.
        by_person: an agent looked at the matter; else the wait ended before one came, or nobody answered.
        agent: the agent's name, where it was told.
        order_number: the order it was about, where there was one.
    """

    outcome: str
    by_person: bool
    agent: str | None = None
    order_number: str | None = None

    @classmethod
    def of(cls, turn: TurnContext) -> Settled | None:
        """Return what was settled last in this conversation, None where no person was asked yet."""
        data = turn.slot(SETTLED)
        if not isinstance(data, Mapping) or not data.get("outcome"):
            return None
        outcome = str(data["outcome"])
        by_person = data.get("by") == "agent" and outcome in _LOOKED_AT
        return cls(outcome, by_person, data.get("agent") or None, data.get("order_number") or None)

    async def facts(self, turn: TurnContext) -> dict[str, Any]:
        """Return the facts to tell; the order only where it is the sender's."""
        facts: dict[str, Any] = {"outcome": self.outcome}
        if self.agent:
            facts["agent"] = self.agent
        if self.order_number and self.order_number in {o.order_number for o in await own_orders(turn)}:
            facts["order_number"] = self.order_number
        return facts


class HandedBack(ShopAction):
    """Ends what was under way when the person took over, and keeps what was settled; says nothing."""

    @override
    def name(self) -> str:
        return "action_handed_back"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        settled = (turn.message.get("metadata") or {}).get("settled") or {}
        events: Events = [ActiveLoop(None), *(SlotSet(name, None) for name in _UNDER_WAY), *contact_settled()]
        number = settled.get("order_number")
        if number:
            events.append(SlotSet("order_number", number))  # 我的退款呢 means this one
        return [*events, SlotSet(SETTLED, dict(settled) or None)]


class AskSettled(ShopAction):
    """Tells what a person settled: who, with which outcome, for which order."""

    @override
    def name(self) -> str:
        return "action_ask_settled"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        settled = Settled.of(turn)
        if settled is None:
            turn.say("utter_nothing_settled", options=[option("ask_human"), option("ask_aftersale_progress")])
            return None
        facts = await settled.facts(turn)
        if not settled.by_person:
            turn.say("utter_no_result", options=[option("ask_human"), option("ask_callback")])
            return None
        number = facts.get("order_number")
        steps = [option("ask_order_status", order_number=number)] if number else []
        turn.say("utter_settled", facts, [option("not_solved"), *steps])
        return None


class NotSolved(ShopAction):
    """Takes up again what a person left unsolved; without one before, offers a person."""

    @override
    def name(self) -> str:
        return "action_not_solved"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        settled = Settled.of(turn)
        if settled is None:
            turn.say("utter_not_solved_offer", options=[option("ask_human")])
            return None
        if settled.by_person:
            turn.say("utter_not_solved", await settled.facts(turn))
        return await request_human(turn, reason_of(turn))
