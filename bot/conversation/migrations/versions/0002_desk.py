"""Hand-over and the agents' desk.

Revision: 0002. Going down loses accounts, notes and the queue; conversations stay, and those that a person
held go back to the bot.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _conversation() -> sa.Column:
    return sa.Column("conversation_id", sa.String(40), nullable=False)


def _foreign(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["conversation_id"], ["conversations.id"], name=f"fk_{table}_conversation_id", ondelete="CASCADE"
    )


def upgrade() -> None:
    """Create the tables, and the columns that earlier rows get their values in."""
    # Moments are milliseconds since the epoch.
    op.add_column("messages", sa.Column("audience", sa.String(8), nullable=False, server_default="all"))
    op.add_column("messages", sa.Column("agent_id", sa.String(24)))
    op.add_column("messages", sa.Column("trouble", sa.String(16)))
    op.add_column("conversations", sa.Column("escalated_at", sa.BigInteger()))
    op.add_column("conversations", sa.Column("handed_seq", sa.Integer()))
    op.add_column("conversations", sa.Column("mood", sa.String(12)))
    op.add_column(
        "conversations", sa.Column("changed_at", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.execute("UPDATE conversations SET changed_at = last_at")
    op.create_index("ix_conversations_changed_at", "conversations", ["changed_at"])
    op.create_index("ix_conversations_owner", "conversations", ["owner", "last_at"])
    op.create_table(
        "agents",
        sa.Column("id", sa.String(24), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("role", sa.String(12), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("presence", sa.String(8), nullable=False),
        sa.Column("presence_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger()),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("routed_at", sa.BigInteger()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
        sa.UniqueConstraint("login", name="uq_agents_login"),
    )
    op.create_table(
        "login_failures",
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_login_failures"),
    )
    op.create_index("ix_login_failures_at", "login_failures", ["at"])
    op.create_table(
        "agent_sessions",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("agent_id", sa.String(24), nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("net", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name="pk_agent_sessions"),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_agent_sessions_agent_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_agent_sessions_agent_id", "agent_sessions", ["agent_id"])
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.String(24), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("conversation_id", sa.String(40)),
        sa.Column("customer_id", sa.String(128)),
        sa.Column("detail", sa.JSON()),
        sa.Column("net", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )
    op.create_index("ix_audit_log_agent_id", "audit_log", ["agent_id"])
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_index("ix_audit_log_conversation_id", "audit_log", ["conversation_id"])
    op.create_index("ix_audit_log_customer_id", "audit_log", ["customer_id"])
    op.create_table(
        "escalations",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _conversation(),
        sa.Column("reason", sa.String(24), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("place_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.String(128), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text()),
        sa.Column("order_number", sa.String(64)),
        sa.Column("agent_id", sa.String(24)),
        sa.Column("wanted_agent_id", sa.String(24)),
        sa.Column("left_agent_id", sa.String(24)),
        sa.Column("held_at", sa.BigInteger()),
        sa.Column("first_reply_at", sa.BigInteger()),
        sa.Column("waits_since", sa.BigInteger()),
        sa.Column("level", sa.String(16)),
        sa.Column("told_at", sa.BigInteger()),
        sa.Column("nobody_at", sa.BigInteger()),
        sa.Column("nudged_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("ended_by", sa.String(128)),
        sa.Column("outcome", sa.String(24)),
        sa.PrimaryKeyConstraint("id", name="pk_escalations"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_escalations_agent_id"),
        _foreign("escalations"),
        sa.ForeignKeyConstraint(["wanted_agent_id"], ["agents.id"], name="fk_escalations_wanted_agent_id"),
    )
    op.create_index("ix_escalations_agent", "escalations", ["agent_id", "state"])
    op.create_index("ix_escalations_ended", "escalations", ["ended_at"])
    op.create_index("ix_escalations_conversation_id", "escalations", ["conversation_id"])
    op.create_index("ix_escalations_queue", "escalations", ["state", "rank", "place_at"])
    op.create_index(
        "uq_escalations_open",
        "escalations",
        ["conversation_id"],
        unique=True,
        sqlite_where=sa.text("state != 'ended'"),
        postgresql_where=sa.text("state != 'ended'"),
    )
    op.create_table(
        "desk_marks",
        _conversation(),
        sa.Column("snoozed_until", sa.BigInteger()),
        sa.Column("flagged_at", sa.BigInteger()),
        sa.Column("flagged_by", sa.String(24)),
        sa.Column("flag_reason", sa.Text()),
        sa.PrimaryKeyConstraint("conversation_id", name="pk_desk_marks"),
        _foreign("desk_marks"),
    )
    op.create_table(
        "desk_reads",
        _conversation(),
        sa.Column("agent_id", sa.String(24), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("here_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("conversation_id", "agent_id", name="pk_desk_reads"),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_desk_reads_agent_id", ondelete="CASCADE"
        ),
        _foreign("desk_reads"),
    )
    op.create_table(
        "conversation_tags",
        _conversation(),
        sa.Column("tag", sa.String(32), nullable=False),
        sa.Column("agent_id", sa.String(24), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "tag", name="pk_conversation_tags"),
        _foreign("conversation_tags"),
    )
    op.create_table(
        "mentions",
        _conversation(),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.String(24), nullable=False),
        sa.Column("read_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("conversation_id", "seq", "agent_id", name="pk_mentions"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_mentions_agent_id", ondelete="CASCADE"),
        _foreign("mentions"),
    )
    op.create_table(
        "answer_ratings",
        _conversation(),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agent_id", sa.String(24), nullable=False),
        sa.Column("good", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text()),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", "seq", "agent_id", name="pk_answer_ratings"),
        _foreign("answer_ratings"),
    )
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        _conversation(),
        sa.Column("customer_id", sa.String(128)),
        sa.Column("label", sa.String(8), nullable=False),
        sa.Column("before", sa.String(8)),
        sa.Column("corrected_by", sa.String(128), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
        _foreign("corrections"),
        sa.UniqueConstraint("conversation_id", "key", name="uq_corrections_key"),
    )
    op.create_index("ix_corrections_conversation_id", "corrections", ["conversation_id"])
    op.create_index("ix_corrections_customer_id", "corrections", ["customer_id"])


def downgrade() -> None:
    """Drop the tables and columns again."""
    op.execute("UPDATE conversations SET owner = 'BOT' WHERE owner IN ('WAITING', 'HUMAN')")
    op.execute("DELETE FROM messages WHERE audience != 'all'")
    op.drop_table("corrections")
    op.drop_table("answer_ratings")
    op.drop_table("mentions")
    op.drop_table("conversation_tags")
    op.drop_table("desk_reads")
    op.drop_table("desk_marks")
    op.drop_table("escalations")
    op.drop_table("audit_log")
    op.drop_table("login_failures")
    op.drop_table("agent_sessions")
    op.drop_table("agents")
    op.drop_index("ix_conversations_owner", "conversations")
    op.drop_index("ix_conversations_changed_at", "conversations")
    for column in ("changed_at", "mood", "handed_seq", "escalated_at"):
        op.drop_column("conversations", column)
    for column in ("trouble", "agent_id", "audience"):
        op.drop_column("messages", column)
