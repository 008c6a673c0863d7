"""The vocabulary of the hand-over and of the agents' desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from bot.conversation.rating_rows import Rated
from bot.conversation.types import Audience, Author, Kind, Owner


class Reason(str, Enum):
    """Why a conversation goes to a person. Temperament is none of them and never will be."""

    CUSTOMER_REQUEST = "customer_request"
    COMPLAINT = "complaint"
    DISPUTE = "dispute"  # she and a seller cannot agree, and she asks us to step in
    ANGER = "anger"
    SAFETY = "safety"  # somebody may be in danger
    THREAT = "threat"  # 12315, exposure, legal action
    REPEATED_MISUNDERSTANDING = "repeated_misunderstanding"
    POLICY_EXCEPTION = "policy_exception"  # the rules say no, the shopper insists
    TOOL_FAILURE = "tool_failure"  # the bot could not do what it should
    AGENT = "agent"  # an agent stepped in unasked


@dataclass(frozen=True)
class Wish:
    """A hand-over that is asked for.

    Attributes:
        live: within the service hours; None where whoever asks cannot know.
        detail: what it is about, in the shopper's words. Personal.
        level: published membership level, None where it is not known.
        answer_by: by when an answer was promised, outside of the service hours.
    """

    reason: Reason
    live: bool | None = None
    detail: str | None = None
    order_number: str | None = None
    level: str | None = None
    answer_by: datetime | None = None


class EscalationState(str, Enum):
    """How far an escalation is."""

    WAITING = "waiting"
    HELD = "held"  # an agent has it
    ENDED = "ended"


class Outcome(str, Enum):
    """How an escalation ended."""

    SOLVED = "solved"
    FOLLOW_UP = "follow_up"  # something is still to be done, by the shop
    NOT_SOLVED = "not_solved"
    NO_REPLY = "no_reply"  # the shopper said nothing more
    SPAM = "spam"
    WAIT_CANCELLED = "wait_cancelled"  # by the shopper
    CALL_BACK = "call_back"  # the shopper preferred to be called


class Role(str, Enum):
    """What an account may do; each includes the ones before."""

    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class Presence(str, Enum):
    """Whether an agent takes conversations: 在线, 忙碌, 离开."""

    ONLINE = "online"
    BUSY = "busy"  # keeps what is there, gets nothing new
    AWAY = "away"


@dataclass(frozen=True)
class Agent:
    """An account of the desk.

    Attributes:
        agent_id: ``a_`` and 12 characters.
        name: what colleagues and shoppers read.
        most: conversations at a time.
        load: conversations held now.
        here: a page of the agent showed a sign of life within the last minute.
    """

    agent_id: str
    login: str
    name: str
    role: Role
    presence: Presence
    most: int
    active: bool = True
    load: int = 0
    here: bool = False


@dataclass(frozen=True)
class Escalation:
    """One hand-over, from its reason to its outcome; `detail` is personal.

    Attributes:
        waits_since: the oldest message of the shopper that no person has answered, or None.
        level: published membership level; "" where there is none, None while it has not been asked.
        place_at: the place among those of its rank in the queue.
        wanted_agent_id: the colleague whom it was transferred to and who has not taken it yet.
    """

    escalation_id: int
    conversation_id: str
    reason: Reason
    state: EscalationState
    rank: int
    opened_at: datetime
    opened_by: str
    seq: int
    detail: str | None = None
    order_number: str | None = None
    agent_id: str | None = None
    agent_name: str | None = None
    held_at: datetime | None = None
    first_reply_at: datetime | None = None
    waits_since: datetime | None = None
    level: str | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    outcome: Outcome | None = None
    wanted_agent_id: str | None = None
    place_at: datetime | None = None


class View(str, Enum):
    """The lists of the queue."""

    MINE = "mine"
    WAITING = "waiting"
    ALL = "all"  # everything open, the bot's conversations too
    CLOSED = "closed"


@dataclass(frozen=True)
class QueueFilter:
    """What a list shows. None does not filter.

    Attributes:
        text: found in the last messages, a customer's id or an order's number.
        only: none but these conversations, for pages that know the others already.
    """

    view: View = View.MINE
    reason: Reason | None = None
    style: str | None = None  # neutral, power, perfect, peace, lively
    mood: str | None = None
    channel: str | None = None
    text: str | None = None
    only: tuple[str, ...] | None = None
    limit: int = 200


@dataclass(frozen=True)
class QueueRow:
    """One conversation in a list.

    Attributes:
        last_text: the last line, personal data masked, at most 60 characters.
        waits_since: the oldest message of the shopper that no person has answered; None where none waits.
        unread: messages that the agent has not seen.
        requests: open service requests (call back, complaint).
        rating: the shopper's score of the conversation, where she gave one.
    """

    conversation_id: str
    owner: Owner
    channel: str
    customer_id: str | None
    style: str
    mood: str | None
    escalation: Escalation | None
    last_at: datetime
    last_author: Author | None
    last_text: str
    waits_since: datetime | None
    unread: int
    tags: tuple[str, ...] = ()
    flagged: bool = False
    snoozed_until: datetime | None = None
    requests: int = 0
    mentioned: bool = False
    rating: int | None = None


@dataclass(frozen=True)
class DeskMessage:
    """A message as the desk sees it, opened.

    Attributes:
        content: as clients see it: ``text``, ``buttons``, ``card``, ``data``, for pictures ``picture``;
            a tapped button has its ``payload``, a bot's text what it was made of (``told``).
        reading: JSON form of the reading (:meth:`persona.temperament.types.Reading.to_json`) or None.
        intent: ``{"name", "confidence"}`` or None.
        message_id: the channel's id of a shopper's message, the desk's key of an agent's.
        code: response name of a system line.
    """

    seq: int
    author: Author
    kind: Kind
    audience: Audience
    at: datetime
    content: Mapping[str, Any]
    code: str = ""
    message_id: str | None = None
    in_reply_to: str | None = None
    intent: Mapping[str, Any] | None = None
    reading: Mapping[str, Any] | None = None
    agent_id: str | None = None


@dataclass(frozen=True)
class OwnerChange:
    """One transition of the owner."""

    at: datetime
    before: Owner | None
    after: Owner
    changed_by: str
    reason: str


@dataclass(frozen=True)
class OpenRequest:
    """A call back, complaint or wish for a person that waits to be done; reason and contact are personal."""

    request_id: int
    kind: str
    reason: str
    contact: str | None
    order_number: str | None
    answer_by: datetime | None
    created_at: datetime
    done_at: datetime | None = None


@dataclass(frozen=True)
class DeskConversation:
    """Everything that the record knows of one conversation."""

    conversation_id: str
    owner: Owner
    channel: str
    customer_id: str | None
    orders: tuple[str, ...]
    style: str
    mood: str | None
    personalisation: bool
    belief: Mapping[str, Any] | None
    created_at: datetime
    last_at: datetime
    next_seq: int
    messages: tuple[DeskMessage, ...]
    escalations: tuple[Escalation, ...]  # newest first; the first may be open
    owner_changes: tuple[OwnerChange, ...]
    requests: tuple[OpenRequest, ...] = ()
    tags: tuple[str, ...] = ()
    ratings: Mapping[int, bool] = field(default_factory=dict)  # seq of a bot's answer -> good?
    flagged: bool = False
    flag_reason: str | None = None
    snoozed_until: datetime | None = None
    here: tuple[Agent, ...] = ()  # colleagues who have it open now
    correction: str | None = None  # the last label that a person gave
    seen_seq: int = 0  # the last message that the asking agent has seen
    names: Mapping[str, str] = field(default_factory=dict)  # of the agents who wrote, by id
    asked_seq: int = 0  # the shopper's last message
    shop_at: datetime | None = None  # when the shop last told something of the customer
    care: tuple[str, ...] = ()  # who needs care, as the shopper mentioned it (codes); personal
    rating: Rated | None = None  # the shopper's
    rating_asked_at: datetime | None = None  # when she was asked for it
    earlier: tuple[
        Mapping[str, Any], ...
    ] = ()  # {"conversation_id", "created_at", "last_at", "outcome", "style"}
