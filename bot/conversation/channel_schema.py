"""Tables of messaging channels: who writes there, what has come and waits, what platforms gave us to keep.

A shopper's id at the platform is sealed, and blind where it is looked for; what she sent is sealed until it
stands in her conversation, and gone from here then.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from bot.conversation.events_schema import ASIDE, WAITING
from bot.conversation.schema import Moment, metadata

#: States of a link. The latter two rest until she writes again: she has left, or the time to answer is over.
ACTIVE, BLOCKED, CLOSED = "active", "blocked", "closed"

channel_links = Table(
    "channel_links",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("channel", String(16), nullable=False),
    Column("account", String(128), nullable=False),
    Column("user_key", String(64), nullable=False),  # blind
    Column("user", Text, nullable=False),  # sealed JSON: the platform's id, and what it wants back
    Column("conversation_id", String(40), ForeignKey("conversations.id", ondelete="CASCADE"), index=True),
    Column("customer_id", String(128), index=True),  # bound to
    Column("delivered_seq", Integer, nullable=False),  # of the conversation: all up to here were delivered
    Column("part", Integer, nullable=False),  # parts of the next message that were delivered
    # The last message of the part that is being sent; null: none is. Left behind, nobody knows how it ended.
    Column("sending", Integer),
    Column("state", String(8), nullable=False),
    Column("heard_at", Moment, nullable=False),  # when she last sent or did something
    Column("sent", Integer, nullable=False),  # parts since then
    Column("since", Moment),  # when the present trouble began
    Column("tries", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("trouble", String(120)),  # of the last try, no content
    Column("lease_holder", String(160)),
    Column("lease_until", Moment),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("channel", "account", "user_key", name="uq_channel_links_user_key"),
)

#: What has come and is not in a conversation yet; a hint waits here like a message. Kept a week, so that a
#: repeat is known again.
#: Ends the lane of what concerns a shopper and is nothing of hers.
GONE_LANE = "/gone"

channel_inbox = Table(
    "channel_inbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # the order of arrival
    Column("channel", String(16), nullable=False),
    Column("key", String(64), nullable=False),  # blind: the platform's id of the message
    Column("lane", String(80), nullable=False),  # messages of one shopper keep their order
    Column("body", Text),  # sealed JSON; null once it is done
    Column("received_at", Moment, nullable=False, index=True),
    Column("state", String(8), nullable=False),  # waiting, done, aside
    Column("tries", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("lease_holder", String(160)),
    Column("lease_until", Moment),
    Column("done_at", Moment),
    Column("trouble", String(120)),
    UniqueConstraint("channel", "key", name="uq_channel_inbox_key"),
)
Index(
    "ix_channel_inbox_waiting",
    channel_inbox.c.channel,
    channel_inbox.c.lane,
    channel_inbox.c.id,
    sqlite_where=channel_inbox.c.state == WAITING,
    postgresql_where=channel_inbox.c.state == WAITING,
)

Index(
    "ix_channel_inbox_aside",
    channel_inbox.c.channel,
    sqlite_where=channel_inbox.c.state == ASIDE,
    postgresql_where=channel_inbox.c.state == ASIDE,
)

channel_cursors = Table(
    "channel_cursors",
    metadata,
    Column("channel", String(16), primary_key=True),
    Column("account", String(128), primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("changed_at", Moment, nullable=False),
)

channel_tokens = Table(
    "channel_tokens",
    metadata,
    Column("name", String(160), primary_key=True),  # channel/name
    Column("token", Text, nullable=False),  # sealed
    Column("expires_at", Moment, nullable=False),
)

#: Who was bound to whom, and how it ended.
channel_bindings = Table(
    "channel_bindings",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("channel", String(16), nullable=False),
    Column("account", String(128), nullable=False),
    Column("user_key", String(64), nullable=False),
    Column("customer_id", String(128), nullable=False, index=True),
    Column("act", String(12), nullable=False),  # bound, merged (her words came along), unbound
    Column("how", String(12), nullable=False),  # link, verified, chat
    Column("conversation_id", String(40)),  # that came along; no key: the row outlives it
    Column("at", Moment, nullable=False),
)
