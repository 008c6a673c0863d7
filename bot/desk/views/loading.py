"""What the views of one conversation begin with: what the agent sees of it, and what she may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp_jinja2
from aiohttp import web

from bot.conversation.desk_types import (
    Agent,
    DeskConversation,
    DeskMessage,
    Escalation,
    EscalationState,
    Role,
)
from bot.conversation.errors import NotHeldError
from bot.conversation.types import Owner
from bot.desk.access import add_to_audit, agent_of, has_role
from bot.desk.assist.labels import label
from bot.desk.assist.reading import message_readings
from bot.desk.bubbles import Bubble, bubbles
from bot.desk.listing import stranger
from bot.desk.names import NAMES
from bot.desk.parts import parts_of
from bot.desk.pieces import Mark

CID = "/c/{cid:[A-Za-z0-9_-]{1,40}}"

#: Messages that a page shows at first; earlier ones are fetched on demand.
SHOWN = 200
#: A weight from which evidence is called strong, and clear; in nats.
_STRONG, _CLEAR = 1.5, 0.5


@dataclass(frozen=True)
class State:
    """Where a conversation stands for the agent who looks at it.

    Attributes:
        escalation: the open one, or None.
        holder: the colleague who has it, "" where none has.
        mine: the agent has it.
        may_take: it can be taken over now.
        may_steer: she may transfer and close it: who has it, and supervisors.
        here: names of colleagues who have it open now.
        last_seq: number of the last message.
    """

    conversation: DeskConversation
    escalation: Escalation | None
    who: str
    holder: str
    mine: bool
    may_take: bool
    may_steer: bool
    here: tuple[str, ...]
    asleep: bool
    last_seq: int


async def load(request: web.Request) -> DeskConversation:
    """Return the conversation that the address names, and note its customer for the audit log; 404."""
    cid = request.match_info["cid"]
    return _found(request, await parts_of(request).reader.conversation(cid, agent_of(request).agent_id))


async def load_talk(request: web.Request, *, after: int = 0) -> DeskConversation:
    """Return of the conversation what transcript and head need, as :meth:`DeskReader.talk` does; 404."""
    cid = request.match_info["cid"]
    reader = parts_of(request).reader
    return _found(request, await reader.talk(cid, agent_of(request).agent_id, after=after))


def _found(request: web.Request, found: DeskConversation | None) -> DeskConversation:
    if found is None:
        raise web.HTTPNotFound
    add_to_audit(request, customer_id=found.customer_id)
    return found


def open_escalation(conversation: DeskConversation) -> Escalation | None:
    """Return the escalation that has not ended."""
    return next((e for e in conversation.escalations if e.state is not EscalationState.ENDED), None)


def holds(conversation: DeskConversation, agent: Agent) -> bool:
    """Say whether the agent has the conversation."""
    found = open_escalation(conversation)
    return conversation.owner is Owner.HUMAN and found is not None and found.agent_id == agent.agent_id


def require_held(conversation: DeskConversation, agent: Agent) -> None:
    """Raise NotHeldError unless the agent has the conversation."""
    if not holds(conversation, agent):
        raise NotHeldError


async def state_of(request: web.Request, conversation: DeskConversation) -> State:
    """Return where the conversation stands for who asks."""
    me, now = agent_of(request), parts_of(request).clock()
    names = await request.app[NAMES].of([conversation.customer_id])
    found = open_escalation(conversation)
    mine = holds(conversation, me)
    held = conversation.owner is Owner.HUMAN and found is not None
    supervisor = has_role(me, Role.SUPERVISOR)
    return State(
        conversation=conversation,
        escalation=found,
        who=names.get(conversation.customer_id or "") or stranger(conversation.conversation_id),
        holder=(found.agent_name or "") if held and not mine and found is not None else "",
        mine=mine,
        may_take=conversation.owner in (Owner.BOT, Owner.WAITING),
        may_steer=mine or (supervisor and conversation.owner is not Owner.CLOSED),
        here=tuple(agent.name for agent in conversation.here),
        asleep=conversation.snoozed_until is not None and conversation.snoozed_until > now,
        last_seq=conversation.next_seq - 1,
    )


def transcript(request: web.Request, conversation: DeskConversation, **choice: Any) -> Sequence[Bubble]:
    """Return messages as they are shown; `choice` as :func:`bot.desk.bubbles.bubbles` takes it."""
    read = message_readings(conversation)

    def marks(message: DeskMessage) -> Sequence[Mark]:
        found = read.get(message.seq)
        if found is None:
            return ()
        out, at = [], 0
        for segment in found.segments:
            if segment.marks:
                first = segment.marks[0]
                tip = "；".join(_tip(m.type_label, m.label, m.weight) for m in segment.marks)
                out.append(Mark(at, at + len(segment.text), first.type, tip))
            at += len(segment.text)
        return out

    return bubbles(conversation, conversation.names, marks, parts_of(request).clock(), **choice)


def _tip(kind: str, name: str, weight: float) -> str:
    size = abs(weight)
    strength = "strong" if size >= _STRONG else "clear" if size >= _CLEAR else "slight"
    words = label("strength", f"against_{strength}" if weight < 0 else strength)
    return f"{kind} · {name} · {words}（{weight:+.1f}）"


def fragment(request: web.Request, template: str, context: Mapping[str, Any]) -> str:
    """Return a part of a page as text."""
    return aiohttp_jinja2.render_string(template, request, dict(context))
