"""How the page is dressed, whether a form is open, and when a rating was asked for.

Revision: 0007. Going down loses it: pages are neutral until the belief is firm anew, and a rating may
be asked for once more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column(
        "conversations", sa.Column("dress", sa.String(16), nullable=False, server_default="neutral")
    )
    op.add_column(
        "conversations", sa.Column("form_open", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("conversations", sa.Column("rating_asked_at", sa.BigInteger()))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("conversations", "rating_asked_at")
    op.drop_column("conversations", "form_open")
    op.drop_column("conversations", "dress")
