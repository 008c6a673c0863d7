"""Tables of what the shop tells, what shoppers are told of it, what others are told, and how they rate.

Sealed like the rest: the content of an event (a review's words, a new phone number), the facts of a notice, a
rating's comment. Numbers, ids, kinds and times stay readable. A webhook's body holds ids and codes only.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from bot.conversation.schema import Moment, metadata

#: States of what waits to be worked on or sent.
WAITING, DONE, ASIDE = "waiting", "done", "aside"

shop_events = Table(
    "shop_events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # the order of arrival
    Column("event_id", String(128), nullable=False, unique=True),  # the shop's
    Column("lane", String(144), nullable=False),  # events of one customer (or product) keep their order
    Column("kind", String(16), nullable=False),
    Column("customer_id", String(128), index=True),
    Column("order_number", String(64)),
    Column("product_id", String(64)),
    Column("body", Text, nullable=False),  # sealed JSON: the whole event
    Column("happened_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False, index=True),
    Column("state", String(8), nullable=False),  # waiting, done, aside
    Column("tries", Integer, nullable=False),  # that failed by a fault of the event or of ours
    Column("delays", Integer, nullable=False),  # that found the shop away
    Column("due_at", Moment, nullable=False),
    Column("lease_holder", String(160)),
    Column("lease_until", Moment),
    Column("done_at", Moment),
    Column("trouble", String(120)),  # name of the last error, no content
)
Index(
    "ix_shop_events_waiting",
    shop_events.c.lane,
    shop_events.c.id,
    sqlite_where=shop_events.c.state == WAITING,
    postgresql_where=shop_events.c.state == WAITING,
)

#: One row for each thing that a shopper is told unasked, so that she is told once.
shop_notices = Table(
    "shop_notices",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(320), nullable=False),  # what is told once: kind, order or product, promise
    Column("customer_id", String(128), nullable=False),
    Column("kind", String(12), nullable=False),  # late, shipped, delivered, restocked
    Column("order_number", String(64)),
    Column("product_id", String(64)),
    Column("facts", Text, nullable=False),  # sealed JSON
    Column("state", String(8), nullable=False),  # waiting, told, dropped
    Column("owed", Boolean(create_constraint=False), nullable=False),  # the shop has to hear that it was told
    Column("conversation_id", String(40)),  # where it was told; no key: the row outlives the conversation
    Column("created_at", Moment, nullable=False, index=True),
    Column("told_at", Moment),
    UniqueConstraint("key", name="uq_shop_notices_key"),
    Index("ix_shop_notices_customer_id", "customer_id", "state"),
)

webhook_outbox = Table(
    "webhook_outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # the order within a conversation
    Column("delivery_id", String(32), nullable=False, unique=True),
    Column("address", Integer, nullable=False),  # which of the configured addresses, from 1 on
    Column("conversation_id", String(40), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("body", Text, nullable=False),  # JSON as it is sent: ids and codes
    Column("created_at", Moment, nullable=False, index=True),
    Column("state", String(8), nullable=False),  # waiting, done, aside
    Column("since", Moment, nullable=False),  # from here on the days of trying are counted
    Column("tries", Integer, nullable=False),
    Column("due_at", Moment, nullable=False),
    Column("lease_holder", String(160)),
    Column("lease_until", Moment),
    Column("done_at", Moment),
    Column("trouble", String(120)),  # of the last try: an HTTP status or the name of an error
    Index("ix_webhook_outbox_conversation_id", "conversation_id"),
)
Index(
    "ix_webhook_outbox_waiting",
    webhook_outbox.c.conversation_id,
    webhook_outbox.c.address,
    webhook_outbox.c.id,
    sqlite_where=webhook_outbox.c.state == WAITING,
    postgresql_where=webhook_outbox.c.state == WAITING,
)

#: What one front at a time does from time to time.
front_duties = Table(
    "front_duties",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("due_at", Moment, nullable=False),
    Column("lease_holder", String(160)),
    Column("lease_until", Moment),
)

conversation_ratings = Table(
    "conversation_ratings",
    metadata,
    Column(
        "conversation_id", String(40), ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("score", Integer, nullable=False),  # 1 to 5, like the dimensions
    Column("product", Integer),
    Column("service", Integer),
    Column("experience", Integer),
    Column("emotion", Integer),
    Column("social", Integer),
    Column("comment", Text),  # sealed
    Column("first_at", Moment, nullable=False, index=True),
    Column("at", Moment, nullable=False),
)
