"""What the shop tells, what shoppers are told of it, webhooks, ratings.

Revision: 0004. Going down loses all of it; messages that were said stay.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _waiting() -> list[sa.Column[Any]]:
    """Return the columns of what waits to be worked on. Moments are milliseconds since the epoch."""
    return [
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_holder", sa.String(160)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("done_at", sa.BigInteger()),
        sa.Column("trouble", sa.String(120)),
    ]


def _foreign(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["conversation_id"], ["conversations.id"], name=f"fk_{table}_conversation_id", ondelete="CASCADE"
    )


def _partial(name: str, table: str, columns: list[str]) -> None:
    where = sa.text("state = 'waiting'")
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Create the tables and columns."""
    op.add_column("conversations", sa.Column("shop_at", sa.BigInteger()))
    op.add_column("conversations", sa.Column("earlier", sa.JSON()))
    op.create_table(
        "shop_events",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(128), nullable=False),
        sa.Column("lane", sa.String(144), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("customer_id", sa.String(128)),
        sa.Column("order_number", sa.String(64)),
        sa.Column("product_id", sa.String(64)),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("delays", sa.Integer(), nullable=False),
        *_waiting(),
        sa.PrimaryKeyConstraint("id", name="pk_shop_events"),
        sa.UniqueConstraint("event_id", name="uq_shop_events_event_id"),
    )
    op.create_index("ix_shop_events_customer_id", "shop_events", ["customer_id"])
    op.create_index("ix_shop_events_received_at", "shop_events", ["received_at"])
    _partial("ix_shop_events_waiting", "shop_events", ["lane", "id"])
    op.create_table(
        "shop_notices",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("key", sa.String(320), nullable=False),
        sa.Column("customer_id", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("order_number", sa.String(64)),
        sa.Column("product_id", sa.String(64)),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("owed", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("conversation_id", sa.String(40)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_shop_notices"),
        sa.UniqueConstraint("key", name="uq_shop_notices_key"),
    )
    op.create_index("ix_shop_notices_customer_id", "shop_notices", ["customer_id", "state"])
    op.create_index("ix_shop_notices_created_at", "shop_notices", ["created_at"])
    op.create_table(
        "webhook_outbox",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("delivery_id", sa.String(32), nullable=False),
        sa.Column("address", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        *_waiting(),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_outbox"),
        sa.UniqueConstraint("delivery_id", name="uq_webhook_outbox_delivery_id"),
        _foreign("webhook_outbox"),
    )
    op.create_index("ix_webhook_outbox_conversation_id", "webhook_outbox", ["conversation_id"])
    op.create_index("ix_webhook_outbox_created_at", "webhook_outbox", ["created_at"])
    _partial("ix_webhook_outbox_waiting", "webhook_outbox", ["conversation_id", "address", "id"])
    op.create_table(
        "front_duties",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_holder", sa.String(160)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_front_duties"),
    )
    op.create_table(
        "conversation_ratings",
        sa.Column("conversation_id", sa.String(40), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Integer())
            for name in ("product", "service", "experience", "emotion", "social")
        ),
        sa.Column("comment", sa.Text()),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_conversation_ratings"),
        _foreign("conversation_ratings"),
    )
    op.create_index("ix_conversation_ratings_first_at", "conversation_ratings", ["first_at"])


def downgrade() -> None:
    """Drop the tables and columns again."""
    op.drop_table("conversation_ratings")
    op.drop_table("front_duties")
    op.drop_table("webhook_outbox")
    op.drop_table("shop_notices")
    op.drop_table("shop_events")
    op.drop_column("conversations", "earlier")
    op.drop_column("conversations", "shop_at")
