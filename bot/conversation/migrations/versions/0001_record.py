"""The conversation record.

Revision: 0001, the first.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _conversation(**options: object) -> sa.Column:
    # Moments are milliseconds since the epoch.
    return sa.Column("conversation_id", sa.String(40), nullable=False, **options)


def _foreign(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["conversation_id"], ["conversations.id"], name=f"fk_{table}_conversation_id", ondelete="CASCADE"
    )


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.String(128)),
        sa.Column("orders", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(8), nullable=False),
        sa.Column("next_seq", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("belief", sa.JSON()),
        sa.Column("style", sa.String(16), nullable=False),
        sa.Column("personalisation", sa.Boolean(), nullable=False),
        sa.Column("history_held_for", sa.String(128)),
        sa.Column("lease_holder", sa.String(160)),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("goodbye_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
    )
    op.create_index("ix_conversations_customer_id", "conversations", ["customer_id"])
    op.create_index(
        "ix_conversations_pending",
        "conversations",
        ["pending"],
        sqlite_where=sa.text("pending > 0"),
        postgresql_where=sa.text("pending > 0"),
    )
    op.create_table(
        "owner_changes",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _conversation(),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.String(8)),
        sa.Column("after", sa.String(8), nullable=False),
        sa.Column("changed_by", sa.String(128), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        _foreign("owner_changes"),
        sa.PrimaryKeyConstraint("id", name="pk_owner_changes"),
    )
    op.create_index("ix_owner_changes_conversation_id", "owner_changes", ["conversation_id"])
    op.create_table(
        "messages",
        _conversation(),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("author", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("channel_message_id", sa.String(80)),
        sa.Column("in_reply_to", sa.String(80)),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("reading", sa.Text()),
        sa.Column("intent", sa.JSON()),
        sa.Column("net", sa.String(32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        _foreign("messages"),
        sa.PrimaryKeyConstraint("conversation_id", "seq", name="pk_messages"),
        sa.UniqueConstraint("conversation_id", "channel_message_id", name="uq_messages_channel_message_id"),
    )
    op.create_table(
        "offered_buttons",
        _conversation(),
        sa.Column("id", sa.String(24), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        _foreign("offered_buttons"),
        sa.PrimaryKeyConstraint("conversation_id", "id", name="pk_offered_buttons"),
    )
    op.create_table(
        "service_requests",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _conversation(),
        sa.Column("customer_id", sa.String(128)),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text()),
        sa.Column("order_number", sa.String(64)),
        sa.Column("answer_by", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger()),
        _foreign("service_requests"),
        sa.PrimaryKeyConstraint("id", name="pk_service_requests"),
    )
    op.create_index("ix_service_requests_conversation_id", "service_requests", ["conversation_id"])
    op.create_index("ix_service_requests_customer_id", "service_requests", ["customer_id"])
    op.create_table(
        "shoppers",
        sa.Column("customer_id", sa.String(128), nullable=False),
        sa.Column("personalisation", sa.Boolean(), nullable=False),
        sa.Column("belief", sa.JSON()),
        sa.Column("belief_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("customer_id", name="pk_shoppers"),
    )
    op.create_table(
        "openings",
        sa.Column("key", sa.String(64), nullable=False),
        _conversation(),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        _foreign("openings"),
        sa.PrimaryKeyConstraint("key", name="pk_openings"),
    )
    op.create_index("ix_openings_conversation_id", "openings", ["conversation_id"])
    op.create_index("ix_openings_at", "openings", ["at"])


def downgrade() -> None:
    """Drop the tables."""
    for table in (
        "openings",
        "shoppers",
        "service_requests",
        "offered_buttons",
        "messages",
        "owner_changes",
        "conversations",
    ):
        op.drop_table(table)
