"""What a shopper writes beside her order, and why an order was cancelled.

Going down loses both.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of orders cancelled before nobody knows why."""
    op.add_column("orders", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("orders", sa.Column("cancel_cause", sa.String(length=24), nullable=True))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("orders", "cancel_cause")
    op.drop_column("orders", "note")
