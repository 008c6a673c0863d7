"""What product pages tell besides (contents, usage, seller …), and what customers do not want to be shown.

Going down deletes both.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _columns() -> list[sa.Column]:
    """Return the new columns of products, made anew: one column object fits into one table."""
    return [
        sa.Column("contents", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("usage", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("search_words", sa.JSON(), nullable=False, server_default="[]"),
        sa.Column("shelf_life_days", sa.Integer(), nullable=True),
        sa.Column("produced_on", sa.Date(), nullable=True),
        sa.Column("seller", sa.String(length=60), nullable=True),
        sa.Column("installation_fee", sa.Integer(), nullable=True),
        sa.Column("gift_box", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("cold_chain", sa.Boolean(), nullable=False, server_default=sa.false()),
    ]


def upgrade() -> None:
    """Add the columns, create the table."""
    for column in _columns():
        op.add_column("products", column)
    op.create_table(
        "product_preferences",
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('disliked', 'owned')", name="ck_preferencekind_kind"),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.customer_id"]),
        sa.ForeignKeyConstraint(["product_id"], ["products.product_id"]),
        sa.PrimaryKeyConstraint("customer_id", "product_id"),
    )


def downgrade() -> None:
    """Delete what is new; the keys of preferences go with them."""
    op.execute("DELETE FROM writes WHERE outcome LIKE 'noted:%'")
    op.drop_table("product_preferences")
    for column in reversed(_columns()):
        op.drop_column("products", column.name)
