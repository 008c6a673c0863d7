"""Tables of the conversation record (SQLAlchemy Core, SQLite and PostgreSQL).

Bodies of messages, readings (they quote the shopper), payloads of buttons, contacts and secrets are sealed;
customer and order numbers are the shop's opaque ids and stay readable, so that they can be looked up.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.types import TypeDecorator

#: The shop's time zone. China has had no daylight saving since 1991, so a fixed offset is exact.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, stored as milliseconds since the epoch, read back in the shop's time zone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        """Turn a datetime into milliseconds; naive ones are refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the record takes aware datetimes only")
        return (value - _EPOCH) // timedelta(milliseconds=1)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        """Turn milliseconds into a datetime."""
        # A double holds milliseconds of some thousand years to the microsecond: nothing is rounded away.
        return None if value is None else datetime.fromtimestamp(value / 1000, SHANGHAI)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("secret_hash", String(64), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("customer_id", String(128), index=True),
    Column("orders", JSON, nullable=False),  # numbers of verified orders
    Column("owner", String(8), nullable=False),
    Column("next_seq", Integer, nullable=False),
    Column("pending", Integer, nullable=False),  # messages owed an answer
    Column("belief", JSON(none_as_null=True)),
    Column("style", String(16), nullable=False),
    Column("personalisation", Boolean(create_constraint=False), nullable=False),
    Column("history_held_for", String(128)),
    Column("lease_holder", String(160)),
    Column("lease_until", Moment),
    Column("created_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("goodbye_at", Moment),
    Column("escalated_at", Moment),  # when it was last handed to the desk
    Column("handed_seq", Integer),  # turns of the bot on messages up to here are no longer said
    Column("mood", String(12)),  # of the last message that was read
    Column("changed_at", Moment, nullable=False, index=True),  # whatever changed: live pages look for it
    Column("shop_at", Moment),  # when the shop last told something of the customer
    Column("earlier", JSON(none_as_null=True)),  # what earlier conversations gave its prior; {}: nothing
    Column("care", Text),  # sealed: who needs care, see caring.py
    Column("dress", String(16), nullable=False, server_default="neutral"),  # how the page looks, see dress.py
    Column("form_open", Boolean(create_constraint=False), nullable=False, server_default=false()),
    Column("rating_asked_at", Moment),  # once, see asking.py
)

owner_changes = Table(
    "owner_changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation_id", String(40), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("before", String(8)),  # null: opened
    Column("after", String(8), nullable=False),
    Column("changed_by", String(128), nullable=False),  # shopper, bot, system or agent:<id>
    Column("reason", String(200), nullable=False),
    Index("ix_owner_changes_conversation_id", "conversation_id"),
)

messages = Table(
    "messages",
    metadata,
    Column(
        "conversation_id", String(40), ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("author", String(8), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("channel_message_id", String(80)),  # shopper's messages only
    Column("in_reply_to", String(80)),  # channel id of the message that this one answers
    Column("state", String(8), nullable=False),
    Column("code", String(64), nullable=False),  # response name of system lines
    Column("audience", String(8), nullable=False),  # all, or desk: notes, and answers the bot held back
    Column("agent_id", String(24)),  # the agent who wrote it
    Column("body", Text, nullable=False),  # sealed JSON
    Column("reading", Text),  # sealed JSON
    Column("intent", JSON(none_as_null=True)),
    Column("trouble", String(16)),  # what went wrong with the answer: misunderstood, failed
    Column("net", String(32), nullable=False),  # blind hash of the network address
    Column("at", Moment, nullable=False),
    UniqueConstraint("conversation_id", "channel_message_id", name="uq_messages_channel_message_id"),
)

offered_buttons = Table(
    "offered_buttons",
    metadata,
    Column(
        "conversation_id", String(40), ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("id", String(24), primary_key=True),
    Column("seq", Integer, nullable=False),  # of the reply that offered it
    Column("title", Text, nullable=False),  # sealed
    Column("payload", Text, nullable=False),  # sealed
)

service_requests = Table(
    "service_requests",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("conversation_id", String(40), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("customer_id", String(128), index=True),
    Column("kind", String(12), nullable=False),
    Column("reason", Text, nullable=False),  # sealed: it may be the shopper's own words
    Column("contact", Text),  # sealed
    Column("order_number", String(64)),
    Column("answer_by", Moment),
    Column("created_at", Moment, nullable=False),
    Column("done_at", Moment),
    Index("ix_service_requests_conversation_id", "conversation_id"),
)

shoppers = Table(
    "shoppers",
    metadata,
    Column("customer_id", String(128), primary_key=True),
    Column("personalisation", Boolean(create_constraint=False), nullable=False),
    Column("belief", JSON(none_as_null=True)),
    Column("belief_at", Moment),
)

openings = Table(
    "openings",
    metadata,
    Column("key", String(64), primary_key=True),  # hash of who asked and the idempotency key
    Column(
        "conversation_id",
        String(40),
        ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("secret", Text, nullable=False),  # sealed, so that a repeated request gets it again
    Column("at", Moment, nullable=False, index=True),
)

#: Further secrets that open a conversation: one for each browser in which its customer goes on with it.
conversation_keys = Table(
    "conversation_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # the order in which they were made
    Column("conversation_id", String(40), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("made_at", Moment, nullable=False),
    UniqueConstraint("conversation_id", "secret_hash"),
)

Index("ix_conversations_owner", conversations.c.owner, conversations.c.last_at)
Index(
    "ix_conversations_pending",
    conversations.c.pending,
    sqlite_where=conversations.c.pending > 0,
    postgresql_where=conversations.c.pending > 0,
)
