"""Which part is being sent on a messaging channel.

Revision: 0009. Going down loses it: after a kill the log does not say what may have come twice.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("channel_links", sa.Column("sending", sa.Integer()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("channel_links", "sending")
