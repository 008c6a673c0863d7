"""Who needs care, as shoppers mention it.

Revision: 0005. Going down loses it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it is sealed."""
    op.add_column("conversations", sa.Column("care", sa.Text()))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("conversations", "care")
