"""Statements of the record, built once, and the translation between rows and types."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.engine import Connection, Row

from bot.conversation.correcting import LIFTED
from bot.conversation.desk_schema import corrections
from bot.conversation.schema import conversations, messages, offered_buttons, shoppers
from bot.conversation.spoken import spoken
from bot.conversation.types import (
    FRONT_PREFIX,
    Audience,
    Author,
    Conversation,
    Kind,
    OutReply,
    Owner,
    Pending,
    State,
    Work,
)
from persona.privacy.vault import Vault

_c, _m, _b = conversations.c, messages.c, offered_buttons.c

#: Part of a stored reply that no client sees: ``{"response", "facts"}`` it was made of.
TOLD = "told"
#: Part of a stored message of hers: what she was looking at, see :class:`Incoming`.
CONTEXT = "context"

CONVERSATION = select(
    _c.id,
    _c.secret_hash,
    _c.channel,
    _c.customer_id,
    _c.orders,
    _c.owner,
    _c.next_seq,
    _c.pending,
    _c.belief,
    _c.style,
    _c.mood,
    _c.personalisation,
    _c.history_held_for,
    _c.lease_holder,
    _c.lease_until,
    _c.handed_seq,
    _c.escalated_at,
    _c.shop_at,
    _c.earlier,
    _c.dress,
    _c.form_open,
    _c.rating_asked_at,
).where(_c.id == bindparam("cid"))
#: The same, locked until the transaction ends (SQLite's writers are alone anyway).
LOCKED_CONVERSATION = CONVERSATION.with_for_update()

#: The locked conversation with what is known of a message id, in one go: (…, known_seq, known_body).
LOCKED_WITH_MESSAGE = (
    CONVERSATION.add_columns(_m.seq.label("known_seq"), _m.body.label("known_body"))
    .select_from(
        conversations.outerjoin(
            messages, and_(_m.conversation_id == _c.id, _m.channel_message_id == bindparam("mid"))
        )
    )
    .with_for_update(of=conversations)
)

BY_MESSAGE_ID = select(_m.seq, _m.kind, _m.body, _m.state).where(
    _m.conversation_id == bindparam("cid"), _m.channel_message_id == bindparam("mid")
)
OLDEST_PENDING = (
    select(_m.seq, _m.kind, _m.body, _m.channel_message_id, _m.net, _m.at)
    .where(_m.conversation_id == bindparam("cid"), _m.state == State.ACCEPTED.value)
    .order_by(_m.seq)
    .limit(1)
)
#: What the desk writes for itself reaches no shopper: both statements that clients read by say so.
_SHOPPERS = Audience.ALL.value
REPLY_COLUMNS = (_m.seq, _m.kind, _m.author, _m.body, _m.channel_message_id, _m.in_reply_to, _m.at)
REPLIES_TO = (
    select(*REPLY_COLUMNS)
    .where(
        _m.conversation_id == bindparam("cid"), _m.in_reply_to == bindparam("mid"), _m.audience == _SHOPPERS
    )
    .order_by(_m.seq)
)
MESSAGES_AFTER = (
    select(*REPLY_COLUMNS)
    .where(
        _m.conversation_id == bindparam("cid"),
        _m.seq > bindparam("after"),
        _m.kind != Kind.EVENT.value,
        _m.audience == _SHOPPERS,
    )
    .order_by(_m.seq)
    .limit(bindparam("count"))
)
SAID = select(_m.seq).where(
    _m.conversation_id == bindparam("cid"), _m.in_reply_to == bindparam("mid"), _m.code == bindparam("code")
)
BUTTON = select(_b.title, _b.payload).where(_b.conversation_id == bindparam("cid"), _b.id == bindparam("bid"))
SHOPPER = select(shoppers).where(shoppers.c.customer_id == bindparam("customer"))
#: When the customer last took back what had been said of her, in any conversation.
_LIFTED_AT = (
    select(func.max(corrections.c.at))
    .join(conversations, _c.id == corrections.c.conversation_id)
    .where(_c.customer_id == bindparam("customer"), corrections.c.label == LIFTED)
    .scalar_subquery()
)
#: What a person said last of a customer, in another conversation: what was said in this one is in its belief.
LAST_CORRECTION = (
    select(corrections.c.label, corrections.c.at)
    .join(conversations, _c.id == corrections.c.conversation_id)
    .where(
        _c.customer_id == bindparam("customer"),
        _c.id != bindparam("cid"),
        corrections.c.label != LIFTED,
        or_(_LIFTED_AT.is_(None), corrections.c.at > _LIFTED_AT),
    )
    .order_by(corrections.c.at.desc(), corrections.c.id.desc())
    .limit(1)
)

INSERT_MESSAGE = messages.insert()
INSERT_BUTTON = offered_buttons.insert()
MARK_ANSWERED = (
    messages.update()
    .where(
        and_(
            _m.conversation_id == bindparam("cid"),
            _m.seq == bindparam("own_seq"),
            _m.state == State.ACCEPTED.value,
        )
    )
    .values(
        state=State.ANSWERED.value,
        reading=bindparam("sealed_reading"),
        intent=bindparam("own_intent"),
        trouble=bindparam("own_trouble"),
    )
)

SET_LEASE = (
    conversations.update()
    .where(_c.id == bindparam("cid"))
    .values(lease_holder=bindparam("v_holder"), lease_until=bindparam("v_until"))
)
TAKE_MESSAGE = (
    conversations.update()
    .where(_c.id == bindparam("cid"))
    .values(
        next_seq=bindparam("v_next_seq"),
        pending=bindparam("v_pending"),
        lease_holder=bindparam("v_holder"),
        lease_until=bindparam("v_until"),
        last_at=bindparam("v_now"),
        changed_at=bindparam("v_now"),
    )
)
KEEP_ANSWER = (
    conversations.update()
    .where(_c.id == bindparam("cid"))
    .values(
        next_seq=bindparam("v_next_seq"),
        pending=bindparam("v_pending"),
        lease_holder=bindparam("v_holder"),
        lease_until=bindparam("v_until"),
        last_at=bindparam("v_now"),
        changed_at=bindparam("v_now"),
        orders=bindparam("v_orders"),
        belief=bindparam("v_belief"),
        style=bindparam("v_style"),
        dress=bindparam("v_dress"),
        form_open=bindparam("v_form"),
        mood=bindparam("v_mood"),
        history_held_for=bindparam("v_held"),
    )
)


def body_context(conversation_id: str, seq: int) -> str:
    """Return what binds a sealed body to its place."""
    return f"messages.body/{conversation_id}/{seq}"


def reading_context(conversation_id: str, seq: int) -> str:
    """Return what binds a sealed reading to its place."""
    return f"messages.reading/{conversation_id}/{seq}"


def dump(value: Any) -> str:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def to_conversation(row: Row) -> Conversation:
    """Return the state of a conversation from its row."""
    return Conversation(
        conversation_id=row.id,
        channel=row.channel,
        customer_id=row.customer_id,
        orders=tuple(row.orders),
        owner=Owner(row.owner),
        belief=row.belief,
        style=row.style,
        personalisation=row.personalisation,
        history_held_for=row.history_held_for,
        shop_at=row.shop_at,
        earlier=row.earlier,
    )


def to_work(connection: Connection, conversation: Conversation, message: Pending) -> Work:
    """Return the work of one turn; with what the customer's earlier conversations left where it is wanted."""
    customer = conversation.customer_id
    if customer is None or not conversation.personalisation or conversation.history_held_for == customer:
        return Work(conversation, message)
    if conversation.earlier is not None:
        # The history is read again. By now the customer's stored belief holds what she said here, which must
        # not count twice: what went into the prior the first time goes into it again.
        earlier = dict(conversation.earlier)
    else:
        earlier = _stored_belief(connection, customer)
    here = conversation.conversation_id
    said = connection.execute(LAST_CORRECTION, {"customer": customer, "cid": here}).first()
    if said is not None:
        earlier.update(corrected=said.label, corrected_at=said.at.isoformat())
    return Work(conversation, message, earlier or None)


def _stored_belief(connection: Connection, customer: str) -> dict[str, Any]:
    earlier: dict[str, Any] = {}
    shopper = connection.execute(SHOPPER, {"customer": customer}).first()
    if shopper is not None and shopper.belief and shopper.belief_at is not None:
        earlier.update(belief=shopper.belief, at=shopper.belief_at.isoformat())
    return earlier


def oldest_pending(connection: Connection, vault: Vault, conversation_id: str) -> Pending | None:
    """Return the oldest message of a conversation that is owed an answer."""
    row = connection.execute(OLDEST_PENDING, {"cid": conversation_id}).first()
    if row is None:
        return None
    content = json.loads(vault.open(row.body, body_context(conversation_id, row.seq)))
    return Pending(row.channel_message_id, row.seq, Kind(row.kind), content, row.net, row.at)


def message_row(
    vault: Vault,
    conversation_id: str,
    seq: int,
    content: Mapping[str, Any],
    *,
    author: Author,
    kind: Kind,
    at: datetime,
    state: State = State.ANSWERED,
    message_id: str | None = None,
    in_reply_to: str | None = None,
    code: str = "",
    audience: Audience = Audience.ALL,
    agent_id: str | None = None,
    net: str = "",
) -> dict[str, Any]:
    """Return the values of a new row of ``messages`` with its body sealed."""
    return {
        "conversation_id": conversation_id,
        "seq": seq,
        "author": author.value,
        "kind": kind.value,
        "channel_message_id": message_id,
        "in_reply_to": in_reply_to,
        "state": state.value,
        "code": code,
        "body": vault.seal(dump(content), body_context(conversation_id, seq)),
        "audience": audience.value,
        "agent_id": agent_id,
        "net": net,
        "at": at,
    }


def reply_content(reply: OutReply, button_ids: Sequence[str]) -> dict[str, Any]:
    """Return what a client sees of a reply, without its place in the conversation."""
    content: dict[str, Any] = {"text": reply.text}
    if reply.buttons:
        content["buttons"] = [
            {"id": button_id, "title": button.title}
            for button_id, button in zip(button_ids, reply.buttons, strict=True)
        ]
    if reply.kind is Kind.CARD:
        content["card"] = reply.card
        content["data"] = dict(reply.data)
    if reply.kind is Kind.RATING:
        content |= reply.data
    if reply.told is not None:
        content[TOLD] = dict(reply.told)
    return content


def view(
    content: Mapping[str, Any],
    *,
    seq: int,
    kind: Kind,
    author: Author,
    at: datetime,
    in_reply_to: str | None = None,
    message_id: str | None = None,
) -> dict[str, Any]:
    """Return a message as clients see it; the shopper's own are texts and pictures with their message id."""
    if author is Author.SHOPPER:
        shown = {"text": content["title"] if kind is Kind.BUTTON else content["text"]}
        if kind is Kind.BUTTON:
            shown["button"] = content["button"]
        if kind is Kind.PICTURE:
            shown |= {name: content[name] for name in ("url", "width", "height")}
        return {
            "seq": seq,
            "type": Kind.PICTURE.value if kind is Kind.PICTURE else Kind.TEXT.value,
            **shown,
            "author": author.value,
            "at": at.isoformat(timespec="milliseconds"),
            "message_id": message_id,
            "in_reply_to": None,
        }
    shown = {name: value for name, value in content.items() if name != TOLD}
    if TOLD in content:
        shown["text"] = spoken(content["text"], content[TOLD])
    return {
        "seq": seq,
        "type": kind.value,
        **shown,
        "author": author.value,
        "at": at.isoformat(timespec="milliseconds"),
        "in_reply_to": in_reply_to,
    }


def opened(vault: Vault, conversation_id: str, row: Row) -> dict[str, Any]:
    """Return the content of a stored message, from a row with `seq` and `body`."""
    return parsed(vault, row.body, body_context(conversation_id, row.seq))


def parsed(vault: Vault, sealed: str, context: str) -> dict[str, Any]:
    """Return the object whose JSON was sealed."""
    content: dict[str, Any] = json.loads(vault.open(sealed, context))
    return content


def row_view(vault: Vault, conversation_id: str, row: Row) -> dict[str, Any]:
    """Return a stored message as clients see it."""
    return view(
        json.loads(vault.open(row.body, body_context(conversation_id, row.seq))),
        seq=row.seq,
        kind=Kind(row.kind),
        author=Author(row.author),
        at=row.at,
        in_reply_to=public_id(row.in_reply_to),
        message_id=row.channel_message_id,
    )


def public_id(message_id: str | None) -> str | None:
    """Return the id of a message as clients know it: the front's own events have none."""
    return None if message_id is None or message_id.startswith(FRONT_PREFIX) else message_id
