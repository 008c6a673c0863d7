"""Tables of the hand-over and the agents' desk; they live beside the conversations in the record.

Sealed like the rest: what shoppers and agents wrote (details, notes, comments). Logins, names of agents and
codes stay readable. Deleting a conversation takes everything here about it along; the audit log stays, it
holds no shopper's words.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from bot.conversation.schema import Moment, metadata


def _conversation(*, primary_key: bool = False) -> Column[Any]:
    """Return the column that ties a row to its conversation."""
    return Column(
        "conversation_id",
        String(40),
        ForeignKey("conversations.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


agents = Table(
    "agents",
    metadata,
    Column("id", String(24), primary_key=True),  # "a_" and 12 characters
    Column("login", String(64), nullable=False, unique=True),  # lower case
    Column("name", String(64), nullable=False),  # what colleagues and shoppers read
    Column("role", String(12), nullable=False),  # agent, supervisor, admin
    Column("password_hash", String(200), nullable=False),  # argon2id
    Column("active", Boolean(create_constraint=False), nullable=False),
    Column("presence", String(8), nullable=False),  # online, busy, away
    Column("presence_at", Moment, nullable=False),
    Column("seen_at", Moment),  # last sign of life of one of the agent's pages
    Column("most", Integer, nullable=False),  # conversations at a time
    Column("routed_at", Moment),  # when the last conversation was routed to the agent
    Column("created_at", Moment, nullable=False),
)

#: Wrong passwords in a row, by account name and by network address. Names that no account has are counted
#: the same way, so that nobody learns from a lock-out which ones there are.
login_failures = Table(
    "login_failures",
    metadata,
    Column("key", String(40), primary_key=True),  # blind hash of what is counted
    Column("failures", Integer, nullable=False),
    Column("locked_until", Moment),
    Column("at", Moment, nullable=False, index=True),  # of the last one: old rows are forgotten
)

agent_sessions = Table(
    "agent_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("agent_id", String(24), ForeignKey("agents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("net", String(32), nullable=False),  # blind hash of the network address
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False, index=True),
    Column("agent_id", String(24), nullable=False, index=True),  # no key: the log outlives accounts
    Column("action", String(40), nullable=False),  # view_conversation, reveal_phone, take_over, ...
    Column("conversation_id", String(40), index=True),
    Column("customer_id", String(128), index=True),
    Column("detail", JSON(none_as_null=True)),  # codes and ids, never a shopper's words
    Column("net", String(32), nullable=False),
)

escalations = Table(
    "escalations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _conversation(),
    Column("reason", String(24), nullable=False),
    Column("rank", Integer, nullable=False),  # 0: somebody may be in danger, before all others; else 1
    Column("place_at", Moment, nullable=False),  # opened_at less the head start: the place among its rank
    Column("state", String(8), nullable=False),  # waiting, held, ended
    Column("opened_at", Moment, nullable=False),
    Column("opened_by", String(128), nullable=False),  # shopper, bot, system or agent:<id>
    Column("seq", Integer, nullable=False),  # of the message that led to it; 0: none
    Column("detail", Text),  # sealed: what it is about, in the shopper's words
    Column("order_number", String(64)),
    Column("agent_id", String(24), ForeignKey("agents.id")),
    Column("wanted_agent_id", String(24), ForeignKey("agents.id")),  # transferred to: routed there first
    Column("left_agent_id", String(24)),  # who gave it back last: it is not routed there again at once
    Column("held_at", Moment),  # since when that agent has it
    Column("first_reply_at", Moment),
    Column("waits_since", Moment),  # the oldest message of the shopper that no person has answered
    Column("level", String(16)),  # published membership level; "": none; null: not asked yet
    Column("told_at", Moment),  # when the shopper was last told how long it takes
    Column("nobody_at", Moment),  # when the shopper was told that nobody is on duty
    Column("nudged_at", Moment),  # when the agent was last reminded of a waiting shopper
    Column("ended_at", Moment),
    Column("ended_by", String(128)),
    Column("outcome", String(24)),
    Index("ix_escalations_conversation_id", "conversation_id"),
)
#: One escalation at a time: the database itself refuses a second open one.
Index(
    "uq_escalations_open",
    escalations.c.conversation_id,
    unique=True,
    sqlite_where=escalations.c.state != "ended",
    postgresql_where=escalations.c.state != "ended",
)
Index("ix_escalations_queue", escalations.c.state, escalations.c.rank, escalations.c.place_at)
Index("ix_escalations_agent", escalations.c.agent_id, escalations.c.state)
Index("ix_escalations_ended", escalations.c.ended_at)

desk_marks = Table(
    "desk_marks",
    metadata,
    _conversation(primary_key=True),
    Column("snoozed_until", Moment),
    Column("flagged_at", Moment),  # for review
    Column("flagged_by", String(24)),
    Column("flag_reason", Text),  # sealed
)

desk_reads = Table(
    "desk_reads",
    metadata,
    _conversation(primary_key=True),
    Column("agent_id", String(24), ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, nullable=False),  # the last message that the agent has seen
    Column("here_at", Moment),  # last sign that the agent has the conversation open: colleagues see it
)

conversation_tags = Table(
    "conversation_tags",
    metadata,
    _conversation(primary_key=True),
    Column("tag", String(32), primary_key=True),
    Column("agent_id", String(24), nullable=False),
    Column("at", Moment, nullable=False),
)

mentions = Table(
    "mentions",
    metadata,
    _conversation(primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # of the note
    Column("agent_id", String(24), ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True),
    Column("read_at", Moment),
)

answer_ratings = Table(
    "answer_ratings",
    metadata,
    _conversation(primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # of the bot's answer
    Column("agent_id", String(24), primary_key=True),
    Column("good", Boolean(create_constraint=False), nullable=False),
    Column("comment", Text),  # sealed
    Column("at", Moment, nullable=False),
)

#: Pictures that agents send, sealed: every process of the front serves them, and erasure finds them.
desk_pictures = Table(
    "desk_pictures",
    metadata,
    Column("id", String(40), primary_key=True),
    _conversation(),
    Column("kind", String(4), nullable=False),  # jpg, png, webp
    Column("body", Text, nullable=False),  # sealed base64
    Column("created_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False, index=True),
    Index("ix_desk_pictures_conversation_id", "conversation_id"),
)

corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    _conversation(),
    Column("customer_id", String(128), index=True),
    Column("label", String(8), nullable=False),  # power, perfect, peace, lively, none, lifted
    Column("before", String(8)),  # what was served
    Column("corrected_by", String(128), nullable=False),  # shopper or agent:<id>
    Column("seq", Integer, nullable=False),  # the last message that was there
    Column("key", String(80), nullable=False),  # of the request, so that a repeat changes nothing
    Column("at", Moment, nullable=False),
    Index("ix_corrections_conversation_id", "conversation_id"),
    UniqueConstraint("conversation_id", "key", name="uq_corrections_key"),
)
