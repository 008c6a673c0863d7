"""Conversations as the desk reads them, made line by line; the shop behind them is the demo shop."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from actions.shop.models import Order, OrderState
from actions.shop.sql import SqlShop
from bot.conversation.desk_types import (
    DeskConversation,
    DeskMessage,
    Escalation,
    EscalationState,
    OpenRequest,
    Reason,
)
from bot.conversation.types import Audience, Author, Kind, Owner
from tests.support.shop import NOW

START = NOW - timedelta(minutes=20)


@dataclass
class Talk:
    """Writes a conversation: one message a minute."""

    customer_id: str | None = None
    style: str = "neutral"
    mood: str | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    messages: list[DeskMessage] = field(default_factory=list)

    @property
    def _next(self) -> tuple[int, datetime]:
        seq = len(self.messages) + 1
        return seq, START + timedelta(minutes=seq)

    def _add(self, author: Author, kind: Kind, content: dict[str, Any], **more: Any) -> Talk:
        seq, at = self._next
        audience = more.pop("audience", Audience.ALL)
        self.messages.append(DeskMessage(seq, author, kind, audience, at, content, **more))
        return self

    def shopper(self, text: str, intent: str | None = None, reading: dict[str, Any] | None = None) -> Talk:
        understood = {"name": intent, "confidence": 0.9} if intent else None
        return self._add(Author.SHOPPER, Kind.TEXT, {"text": text}, intent=understood, reading=reading)

    def looks_at(self, **page: str) -> Talk:
        """Say what she was looking at with her last message."""
        last = self.messages[-1]
        self.messages[-1] = replace(last, content={**last.content, "context": page})
        return self

    def taps(self, title: str, payload: str, intent: str) -> Talk:
        content = {"text": title, "payload": payload}
        return self._add(Author.SHOPPER, Kind.BUTTON, content, intent={"name": intent, "confidence": 1.0})

    def bot(self, response: str, **facts: Any) -> Talk:
        told = {"response": response, "facts": json.loads(json.dumps(facts, default=_plain))}
        return self._add(Author.BOT, Kind.TEXT, {"text": f"（{response}）", "told": told})

    def card(self, kind: str, **data: Any) -> Talk:
        return self._add(Author.BOT, Kind.CARD, {"text": "", "card": kind, "data": data})

    def agent(self, text: str) -> Talk:
        return self._add(Author.AGENT, Kind.TEXT, {"text": text}, agent_id="a_1")

    def note(self, text: str) -> Talk:
        return self._add(Author.AGENT, Kind.NOTE, {"text": text}, audience=Audience.DESK)

    def notice(self, code: str) -> Talk:
        return self._add(Author.SYSTEM, Kind.NOTICE, {"text": code}, code=code)

    def escalated(self, reason: Reason, **more: Any) -> Talk:
        seq, at = self._next
        made = Escalation(1, "c_1", reason, EscalationState.WAITING, 1, at, "bot", seq - 1, **more)
        self.changes |= {"escalations": (made,), "owner": Owner.WAITING}
        return self

    def request(self, kind: str, answer_by: datetime | None, **more: Any) -> Talk:
        made = OpenRequest(1, kind, "", more.pop("contact", None), None, answer_by, START, **more)
        self.changes["requests"] = (*self.changes.get("requests", ()), made)
        return self

    def made(self, **changes: Any) -> DeskConversation:
        base = DeskConversation(
            conversation_id="c_1",
            owner=Owner.BOT,
            channel="web",
            customer_id=self.customer_id,
            orders=(),
            style=self.style,
            mood=self.mood,
            personalisation=True,
            belief=None,
            created_at=START,
            last_at=START,
            next_seq=len(self.messages) + 1,
            messages=tuple(self.messages),
            escalations=(),
            owner_changes=(),
        )
        return replace(base, **{**self.changes, **changes})


async def order_under(shop: SqlShop, customer_id: str, rule: str) -> Order:
    """Return a customer's newest order at home to which a clause of the return terms applies."""
    for order in await shop.orders(customer_id):
        terms = await shop.return_terms(order.order_number, customer_id=customer_id)
        if order.state is OrderState.DELIVERED and terms.rule == rule:
            return order
    raise LookupError(f"no order of {customer_id} is under {rule}")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
