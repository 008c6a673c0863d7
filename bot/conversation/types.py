"""The vocabulary of the conversation record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.conversation.desk_types import Wish
    from bot.conversation.pictures import SealedPicture

#: Ids of messages that the front itself makes (``front-opened``); clients may not use the prefix.
FRONT_PREFIX = "front-"


class Owner(str, Enum):
    """Who answers in a conversation."""

    BOT = "BOT"
    WAITING = "WAITING"  # in the queue for a person
    HUMAN = "HUMAN"
    CLOSED = "CLOSED"


class Author(str, Enum):
    """Who wrote a message."""

    SHOPPER = "shopper"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"


class Audience(str, Enum):
    """Who may read a message."""

    ALL = "all"
    #: Notes of agents, answers of the bot that came when a person had taken over, a question for a rating
    #: that never reached her.
    DESK = "desk"


class Kind(str, Enum):
    """What a message is. The shopper's are text, button, picture and event; the others are replies' forms."""

    TEXT = "text"
    BUTTON = "button"
    EVENT = "event"  # opened, identified: made by the front, never shown
    BUTTONS = "buttons"
    CARD = "card"
    NOTICE = "notice"
    NOTE = "note"  # an agent's, for colleagues only
    PICTURE = "picture"  # a shopper's or an agent's
    RATING = "rating"  # asks for one


class State(str, Enum):
    """How far a shopper's message is; what others write is answered from the start."""

    ACCEPTED = "accepted"  # stored, owed an answer
    ANSWERED = "answered"


class Trouble(str, Enum):
    """What went wrong with the bot's answer to a message."""

    MISUNDERSTOOD = "misunderstood"  # nothing of what was written was recognised
    FAILED = "failed"  # an action failed, or no answer came at all


class RequestKind(str, Enum):
    """What a service request asks for."""

    HUMAN = "human"
    COMPLAINT = "complaint"
    CALLBACK = "callback"
    PRAISE = "praise"  # for the shop to read: nobody is called, so it is done when it is stored


@dataclass(frozen=True)
class Incoming:
    """One message of a shopper as a channel hands it over: exactly one of text, button and picture.

    Attributes:
        message_id: the channel's id; the same id is the same message.
        text: what was typed, verbatim, at most 1,000 code points.
        button: opaque id of an offered button.
        picture: made fit and sealed.
        net: blind hash of the network address.
        trace: ``traceparent`` of a trusted caller; "" where the trace follows from the message's ids.
        context: what she looked at when she sent it: ``product_id``, ``order_id``, ``page``, where known.
    """

    message_id: str
    text: str | None = None
    button: str | None = None
    picture: SealedPicture | None = None
    net: str = ""
    trace: str = ""
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OutButton:
    """A button as it is about to be offered; it gets its opaque id when it is stored."""

    title: str
    payload: str


@dataclass(frozen=True)
class OutReply:
    """One reply about to be stored.

    Attributes:
        kind: TEXT, BUTTONS, CARD or NOTICE.
        text: what is read; for a card the plain fallback.
        buttons: offered with it.
        card: name of the card.
        data: content of the card.
        code: response name of a system line, so that it is said once per message; "" otherwise.
        told: ``{"response", "facts"}`` that a text of the bot was made of, for people who take over; clients
            never see it.
    """

    kind: Kind
    text: str = ""
    buttons: tuple[OutButton, ...] = ()
    card: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    code: str = ""
    author: Author = Author.BOT
    told: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ServiceRequest:
    """A wish for a person, a complaint or a call back. The contact is personal data.

    `completes` says that it adds to the open request of its kind in this conversation (the contact that was
    asked for, the story of a complaint) instead of being another one; `withdraws` that the shopper takes the
    open one back.
    """

    kind: RequestKind
    reason: str
    contact: str | None
    answer_by: datetime | None
    order_number: str | None = None
    completes: bool = False
    withdraws: bool = False


@dataclass(frozen=True)
class Conversation:
    """The state of one conversation as a turn needs it.

    Attributes:
        conversation_id: ``c_`` and 22 characters.
        channel: where it takes place.
        customer_id: the logged-in customer, or None.
        orders: numbers of orders opened by verification.
        owner: who answers.
        belief: JSON form of the belief so far, or None.
        style: the style served now: ``neutral`` or a type.
        personalisation: whether anything may be inferred and kept.
        history_held_for: the customer whose history is in the belief, or None.
        shop_at: when the shop last told something of the customer.
        earlier: what the customer's earlier conversations gave the prior; None before the history was read.
    """

    conversation_id: str
    channel: str
    customer_id: str | None
    orders: tuple[str, ...]
    owner: Owner
    belief: Mapping[str, Any] | None
    style: str
    personalisation: bool
    history_held_for: str | None
    shop_at: datetime | None = None
    earlier: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Pending:
    """A stored message of a shopper that is owed an answer.

    Attributes:
        content: ``{"text"}``, ``{"button", "title", "payload"}``, of a picture ``{"text", "url", "width",
            "height", "sha"}``, or ``{"event"}``; with ``context`` where she was looking at something (see
            :class:`Incoming`).
    """

    message_id: str
    seq: int
    kind: Kind
    content: Mapping[str, Any]
    net: str
    at: datetime


@dataclass(frozen=True)
class Work:
    """What a worker needs for one turn.

    Attributes:
        message: the oldest unanswered one.
        earlier: of the customer's earlier conversations, where their history is to be read: ``belief`` with
            its time ``at``, ``corrected`` (a person's last correction) with ``corrected_at``; each pair or
            none. None where there is neither.
    """

    conversation: Conversation
    message: Pending
    earlier: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Accepted:
    """The outcome of handing in a message.

    Attributes:
        state: ANSWERED where it had been answered before or needs none.
        owner: who answers.
        work: set where this process now holds the lease and must work on the conversation.
        repeated: the message had been stored before.
        style: the style served in the conversation now.
        replies: what was answered, where the message is answered.
        queue: ``{"position", "minutes"}`` while the conversation waits for a person.
        agent: ``{"name"}`` of the agent who answers.
    """

    seq: int
    state: State
    owner: Owner
    work: Work | None = None
    repeated: bool = False
    style: str = "neutral"
    replies: tuple[Mapping[str, Any], ...] = ()
    queue: Mapping[str, int] | None = None
    agent: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Shown:
    """What one message of a shopper shows to whoever decides whether a person is needed.

    Attributes:
        mood: :class:`persona.temperament.types.Mood` as text.
        signals: names of the signals that it carries.
    """

    mood: str
    signals: frozenset[str]


@dataclass(frozen=True)
class Proven:
    """That a channel's user proved in this turn to be a customer.

    Attributes:
        customer_id: the customer; "" where the proof is not believed.
        refused: what is said instead of the answer where she cannot be bound.
    """

    customer_id: str
    refused: OutReply


@dataclass(frozen=True)
class Answer:
    """All that one turn changes; it is stored in one transaction.

    Attributes:
        replies: in order.
        intent: what Rasa understood, or None.
        reading: JSON form of the reading, or None.
        shown: mood and signals where there is no reading (personalisation is off). The hand-over is decided
            by them; they are stored nowhere.
        belief: JSON form of the belief after the turn, or None to keep what there is.
        history_held: the belief now holds the customer's history.
        orders: order numbers proven in this turn.
        requests: wishes to record.
        personalisation: None leaves it as it is.
        said_goodbye: the shopper took leave.
        care: who needs care, as she mentioned it in this turn (codes); kept while personalisation is on.
        wish: the hand-over that a directive asks for, or None.
        trouble: what went wrong with the answer, or None.
        form_open: a form of the bot waits for its next answer; None where that is not known.
        proven: the channel's user is to be bound to a customer, or None.
    """

    replies: tuple[OutReply, ...]
    intent: Mapping[str, Any] | None = None
    reading: Mapping[str, Any] | None = None
    shown: Shown | None = None
    belief: Mapping[str, Any] | None = None
    history_held: bool = False
    orders: tuple[str, ...] = ()
    requests: tuple[ServiceRequest, ...] = ()
    personalisation: bool | None = None
    said_goodbye: bool = False
    care: tuple[str, ...] = ()
    wish: Wish | None = None
    trouble: Trouble | None = None
    form_open: bool | None = None
    proven: Proven | None = None


@dataclass(frozen=True)
class Answered:
    """The outcome of storing an answer: the replies as clients see them, and the next work if any."""

    replies: tuple[Mapping[str, Any], ...]
    owner: Owner
    next: Work | None


@dataclass(frozen=True)
class Opened:
    """A conversation just opened (or opened before under the same key), or one that was running."""

    conversation_id: str
    secret: str
    work: Work | None
    repeated: bool = False
    resumed: bool = False
