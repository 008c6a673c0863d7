"""The services around an order: offers, invoices, price protection, repairs, slots, payments, stock, news.

Going down deletes what the first schema cannot hold: the new tables, the new columns, and the repair
requests with their steps and keys. Everything else stays as it is.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KIND = "ck_aftersalekind_kind"


def _columns() -> list[tuple[str, sa.Column]]:
    """Return the new columns with their tables, made anew: one column object fits into one table."""
    return [
        ("coupons", sa.Column("name", sa.String(length=40), nullable=False, server_default="")),
        ("coupons", sa.Column("promotion_id", sa.String(length=40), nullable=True)),
        ("customers", sa.Column("changed_at", sa.DateTime(), nullable=True)),
        ("skus", sa.Column("stock_at", sa.DateTime(), nullable=True)),
        ("skus", sa.Column("expected_on", sa.Date(), nullable=True)),
        ("orders", sa.Column("slot_starts_at", sa.DateTime(), nullable=True)),
        ("orders", sa.Column("slot_ends_at", sa.DateTime(), nullable=True)),
        ("shipments", sa.Column("out_for_delivery_at", sa.DateTime(), nullable=True)),
        ("shipments", sa.Column("news_at", sa.DateTime(), nullable=True)),
        ("after_sales", sa.Column("product_id", sa.String(length=32), nullable=True)),
        ("after_sales", sa.Column("description", sa.Text(), nullable=True)),
    ]


def upgrade() -> None:
    """Create the tables, add the columns, admit repairs."""
    for table, column in _columns():
        op.add_column(table, column)
    op.create_index("ux_coupons_promotion", "coupons", ["customer_id", "promotion_id"], unique=True)
    _admit("'refund', 'return', 'exchange', 'repair'")
    op.create_table(
        "promotions",
        sa.Column("promotion_id", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=24), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("product_ids", sa.JSON(), nullable=False),
        sa.Column("starts_at", sa.DateTime(), nullable=False),
        sa.Column("ends_at", sa.DateTime(), nullable=False),
        sa.Column("minimum", sa.Integer(), nullable=True),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("gift", sa.String(length=60), nullable=True),
        sa.Column("with_coupons", sa.Boolean(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=True),
        sa.Column("coupon_days", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('reduction', 'discount', 'gift', 'coupon')", name="ck_promotionkind_kind"
        ),
        sa.CheckConstraint("starts_at < ends_at", name="ck_promotions_time"),
        sa.PrimaryKeyConstraint("promotion_id"),
    )
    op.create_index(op.f("ix_promotions_ends_at"), "promotions", ["ends_at"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tax_number", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("requested_at", sa.DateTime(), nullable=False),
        sa.Column("issue_by", sa.DateTime(), nullable=False),
        sa.Column("issued_at", sa.DateTime(), nullable=True),
        sa.Column("invoice_number", sa.String(length=24), nullable=True),
        sa.CheckConstraint("kind IN ('electronic', 'paper', 'special')", name="ck_invoicekind_kind"),
        sa.CheckConstraint("state IN ('requested', 'issued', 'reversed')", name="ck_invoicestate_state"),
        sa.ForeignKeyConstraint(["order_number"], ["orders.order_number"]),
        sa.PrimaryKeyConstraint("order_number", "version"),
    )
    op.create_table(
        "price_claims",
        sa.Column("claim_id", sa.String(length=24), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("refund_by", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["order_number"], ["orders.order_number"]),
        sa.PrimaryKeyConstraint("claim_id", "line"),
    )
    op.create_index(op.f("ix_price_claims_order_number"), "price_claims", ["order_number"], unique=False)
    op.create_table(
        "payments",
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("method", sa.String(length=24), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.String(length=32), nullable=True),
        sa.Column("return_by", sa.DateTime(), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('succeeded', 'pending', 'failed', 'returned')", name="ck_paymentoutcome_outcome"
        ),
        sa.ForeignKeyConstraint(["order_number"], ["orders.order_number"]),
        sa.PrimaryKeyConstraint("order_number", "attempt"),
    )
    op.create_table(
        "stock_watches",
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("sku_id", sa.String(length=40), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.customer_id"]),
        sa.ForeignKeyConstraint(["product_id"], ["products.product_id"]),
        sa.PrimaryKeyConstraint("customer_id", "product_id", "sku_id"),
    )
    op.create_index("ix_stock_watches_product", "stock_watches", ["product_id", "told_at"], unique=False)


def downgrade() -> None:
    """Delete what is new, and the repairs, which the first schema does not know."""
    op.drop_index("ix_stock_watches_product", table_name="stock_watches")
    op.drop_table("stock_watches")
    op.drop_table("payments")
    op.execute("DELETE FROM writes WHERE outcome IN (SELECT claim_id FROM price_claims)")
    op.drop_index(op.f("ix_price_claims_order_number"), table_name="price_claims")
    op.drop_table("price_claims")
    op.drop_table("invoices")
    op.drop_index(op.f("ix_promotions_ends_at"), table_name="promotions")
    op.drop_table("promotions")
    op.execute(
        "DELETE FROM writes WHERE outcome IN (SELECT request_number FROM after_sales WHERE kind = 'repair')"
    )
    op.execute(
        "DELETE FROM after_sale_steps WHERE request_number IN "
        "(SELECT request_number FROM after_sales WHERE kind = 'repair')"
    )
    op.execute("DELETE FROM after_sales WHERE kind = 'repair'")
    _admit("'refund', 'return', 'exchange'")
    op.drop_index("ux_coupons_promotion", table_name="coupons")
    for table, column in reversed(_columns()):
        op.drop_column(table, column.name)


def _admit(kinds: str) -> None:
    """Let after-sales requests be of these kinds; SQLite needs the table copied for it."""
    with op.batch_alter_table("after_sales") as batch:
        batch.drop_constraint(_KIND, type_="check")
        batch.create_check_constraint(_KIND, f"kind IN ({kinds})")
