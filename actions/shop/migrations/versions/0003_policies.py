"""The shop's own rules as data, and what they were before each change.

Going down deletes both; going up again, the delivered ones are put in at the next start.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; what is delivered comes from files, not from here."""
    op.create_table(
        "policies",
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=32), nullable=False),
        sa.Column("clauses", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=True),
        sa.Column("changed_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("topic"),
    )
    op.create_table(
        "policy_versions",
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=32), nullable=False),
        sa.Column("clauses", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=True),
        sa.Column("changed_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["topic"], ["policies.topic"]),
        sa.PrimaryKeyConstraint("topic", "version"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("policy_versions")
    op.drop_table("policies")
