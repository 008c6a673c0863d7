"""Messaging channels: who writes there, what waits, cursors, access tokens, bindings.

Revision: 0008. Going down loses who writes on a channel: she is a new shopper with her next message.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "channel_links",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("user_key", sa.String(64), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("conversation_id", sa.String(40), sa.ForeignKey("conversations.id", ondelete="CASCADE")),
        sa.Column("customer_id", sa.String(128)),
        sa.Column("delivered_seq", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("trouble", sa.String(120)),
        sa.Column("lease_holder", sa.String(160)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("channel", "account", "user_key", name="uq_channel_links_user_key"),
    )
    op.create_index("ix_channel_links_conversation_id", "channel_links", ["conversation_id"])
    op.create_index("ix_channel_links_customer_id", "channel_links", ["customer_id"])
    op.create_table(
        "channel_inbox",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("lane", sa.String(80), nullable=False),
        sa.Column("body", sa.Text()),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_holder", sa.String(160)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("done_at", sa.BigInteger()),
        sa.Column("trouble", sa.String(120)),
        sa.UniqueConstraint("channel", "key", name="uq_channel_inbox_key"),
    )
    op.create_index("ix_channel_inbox_received_at", "channel_inbox", ["received_at"])
    waiting, aside = sa.text("state = 'waiting'"), sa.text("state = 'aside'")
    op.create_index(
        "ix_channel_inbox_waiting",
        "channel_inbox",
        ["channel", "lane", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index(
        "ix_channel_inbox_aside",
        "channel_inbox",
        ["channel"],
        sqlite_where=aside,
        postgresql_where=aside,
    )
    op.create_table(
        "channel_cursors",
        sa.Column("channel", sa.String(16), primary_key=True),
        sa.Column("account", sa.String(128), primary_key=True),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "channel_tokens",
        sa.Column("name", sa.String(160), primary_key=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "channel_bindings",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("account", sa.String(128), nullable=False),
        sa.Column("user_key", sa.String(64), nullable=False),
        sa.Column("customer_id", sa.String(128), nullable=False),
        sa.Column("act", sa.String(12), nullable=False),
        sa.Column("how", sa.String(12), nullable=False),
        sa.Column("conversation_id", sa.String(40)),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_channel_bindings_customer_id", "channel_bindings", ["customer_id"])


def downgrade() -> None:
    """Drop them."""
    for table in ("bindings", "tokens", "cursors", "inbox", "links"):
        op.drop_table(f"channel_{table}")
