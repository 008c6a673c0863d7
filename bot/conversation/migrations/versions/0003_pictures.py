"""Pictures that agents send.

Revision: 0003. Going down loses the pictures; the messages that showed them stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    # Moments are milliseconds since the epoch.
    op.create_table(
        "desk_pictures",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("conversation_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(4), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_pictures"),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name="fk_desk_pictures_conversation_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_desk_pictures_conversation_id", "desk_pictures", ["conversation_id"])
    op.create_index("ix_desk_pictures_ends_at", "desk_pictures", ["ends_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("desk_pictures")
