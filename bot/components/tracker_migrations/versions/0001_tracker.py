"""The table of the trackers.

Revision: 0001, the first. Databases of before there were revisions have the table already. Going down
forgets what the bot remembers of conversations; the record keeps what was said.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table where it is missing."""
    if sa.inspect(op.get_bind()).has_table("tracker"):
        return
    op.create_table(
        "tracker",
        sa.Column("conversation_id", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name="tracker_pkey"),
    )
    op.create_index("ix_tracker_updated_at", "tracker", ["updated_at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("tracker")
