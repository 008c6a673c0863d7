"""The first schema of the shop: catalogue, customers (sealed), orders, after-sales, behaviour, guards."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("order_hash", sa.String(length=32), nullable=False),
        sa.Column("source_hash", sa.String(length=32), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index(op.f("ix_attempts_at"), "attempts", ["at"], unique=False)
    op.create_index("ix_attempts_order", "attempts", ["order_hash", "at"], unique=False)
    op.create_index("ix_attempts_source", "attempts", ["source_hash", "at"], unique=False)
    op.create_table(
        "categories",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=32), nullable=False),
        sa.Column("aliases", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "customers",
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("points_expiring", sa.Integer(), nullable=False),
        sa.Column("points_expire_on", sa.Date(), nullable=True),
        sa.Column("registered_at", sa.DateTime(), nullable=False),
        sa.Column("birthday", sa.Text(), nullable=True),
        sa.CheckConstraint("level IN ('ordinary', 'silver', 'gold', 'diamond')", name="ck_memberlevel_level"),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "writes",
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_writes_at"), "writes", ["at"], unique=False)
    op.create_table(
        "addresses",
        sa.Column("address_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("consignee", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.customer_id"],
        ),
        sa.PrimaryKeyConstraint("address_id"),
    )
    op.create_index(op.f("ix_addresses_customer_id"), "addresses", ["customer_id"], unique=False)
    op.create_table(
        "coupons",
        sa.Column("coupon_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("minimum", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(length=32), nullable=False),
        sa.Column("valid_until", sa.DateTime(), nullable=False),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.customer_id"],
        ),
        sa.PrimaryKeyConstraint("coupon_id"),
    )
    op.create_index(op.f("ix_coupons_customer_id"), "coupons", ["customer_id"], unique=False)
    op.create_table(
        "products",
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("short_name", sa.String(length=24), nullable=False),
        sa.Column("category", sa.String(length=32), nullable=False),
        sa.Column("brand", sa.String(length=40), nullable=False),
        sa.Column("specs", sa.JSON(), nullable=False),
        sa.Column("size_table", sa.JSON(), nullable=False),
        sa.Column("warranty_months", sa.Integer(), nullable=False),
        sa.Column("warranty_terms", sa.Text(), nullable=False),
        sa.Column("certificates", sa.JSON(), nullable=False),
        sa.Column("returnable_days", sa.Integer(), nullable=False),
        sa.Column("rating_tenths", sa.Integer(), nullable=False),
        sa.Column("review_count", sa.Integer(), nullable=False),
        sa.Column("sold_30_days", sa.Integer(), nullable=False),
        sa.Column("listed_on", sa.Date(), nullable=False),
        sa.Column("picture", sa.String(length=120), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("aliases", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category"],
            ["categories.code"],
        ),
        sa.PrimaryKeyConstraint("product_id"),
    )
    op.create_index(op.f("ix_products_category"), "products", ["category"], unique=False)
    op.create_table(
        "browses",
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("compared", sa.Boolean(), nullable=False),
        sa.Column("detail_opened", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.customer_id"],
        ),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.product_id"],
        ),
        sa.PrimaryKeyConstraint("customer_id", "at"),
    )
    op.create_table(
        "orders",
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("placed_at", sa.DateTime(), nullable=False),
        sa.Column("paid_at", sa.DateTime(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(), nullable=True),
        sa.Column("ship_by", sa.DateTime(), nullable=True),
        sa.Column("pay_by", sa.DateTime(), nullable=True),
        sa.Column("urged_at", sa.DateTime(), nullable=True),
        sa.Column("goods_total", sa.Integer(), nullable=False),
        sa.Column("freight", sa.Integer(), nullable=False),
        sa.Column("discount", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("payment_method", sa.String(length=24), nullable=False),
        sa.Column("express", sa.Boolean(), nullable=False),
        sa.Column("coupon_id", sa.String(length=40), nullable=True),
        sa.Column("address_id", sa.String(length=40), nullable=False),
        sa.Column("consignee", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("phone_tail", sa.String(length=32), nullable=False),
        sa.Column("province", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('unpaid', 'paid', 'shipped', 'exception', 'delivered', 'refunding', 'refunded', "
            "'cancelled')",
            name="ck_orderstate_state",
        ),
        sa.CheckConstraint("total = goods_total + freight - discount", name="ck_orders_total"),
        sa.ForeignKeyConstraint(
            ["coupon_id"],
            ["coupons.coupon_id"],
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.customer_id"],
        ),
        sa.PrimaryKeyConstraint("order_number"),
    )
    op.create_index("ix_orders_customer", "orders", ["customer_id", "placed_at"], unique=False)
    op.create_table(
        "price_points",
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.product_id"],
        ),
        sa.PrimaryKeyConstraint("product_id", "since"),
    )
    op.create_table(
        "skus",
        sa.Column("sku_id", sa.String(length=40), nullable=False),
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=60), nullable=False),
        sa.Column("size", sa.String(length=40), nullable=True),
        sa.Column("colour", sa.String(length=40), nullable=True),
        sa.Column("price", sa.Integer(), nullable=False),
        sa.Column("stock", sa.Integer(), nullable=False),
        sa.CheckConstraint("stock >= 0", name="ck_skus_stock"),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.product_id"],
        ),
        sa.PrimaryKeyConstraint("sku_id"),
    )
    op.create_index(op.f("ix_skus_product_id"), "skus", ["product_id"], unique=False)
    op.create_table(
        "after_sales",
        sa.Column("request_number", sa.String(length=24), nullable=False),
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("fault", sa.String(length=16), nullable=False),
        sa.Column("refund_amount", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("review_by", sa.DateTime(), nullable=False),
        sa.Column("refund_by", sa.DateTime(), nullable=True),
        sa.Column("return_address", sa.String(length=200), nullable=True),
        sa.CheckConstraint("fault IN ('shop', 'shopper')", name="ck_fault_fault"),
        sa.CheckConstraint("kind IN ('refund', 'return', 'exchange')", name="ck_aftersalekind_kind"),
        sa.CheckConstraint(
            "state IN ('submitted', 'approved', 'received', 'done', 'rejected', 'withdrawn')",
            name="ck_aftersalestate_state",
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.customer_id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.order_number"],
        ),
        sa.PrimaryKeyConstraint("request_number"),
    )
    op.create_index("ix_after_sales_customer", "after_sales", ["customer_id", "created_at"], unique=False)
    op.create_index(op.f("ix_after_sales_order_number"), "after_sales", ["order_number"], unique=False)
    op.create_table(
        "order_items",
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("sku_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("short_name", sa.String(length=24), nullable=False),
        sa.Column("sku_label", sa.String(length=60), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_price", sa.Integer(), nullable=False),
        sa.Column("picture", sa.String(length=120), nullable=False),
        sa.Column("engraving", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.order_number"],
        ),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.product_id"],
        ),
        sa.ForeignKeyConstraint(
            ["sku_id"],
            ["skus.sku_id"],
        ),
        sa.PrimaryKeyConstraint("order_number", "line"),
    )
    op.create_index(op.f("ix_order_items_product_id"), "order_items", ["product_id"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("product_id", sa.String(length=32), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.customer_id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.order_number"],
        ),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.product_id"],
        ),
        sa.PrimaryKeyConstraint("order_number", "product_id"),
    )
    op.create_index(op.f("ix_reviews_customer_id"), "reviews", ["customer_id"], unique=False)
    op.create_index("ix_reviews_product", "reviews", ["product_id", "written_at"], unique=False)
    op.create_table(
        "shipments",
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("carrier", sa.String(length=40), nullable=False),
        sa.Column("tracking_number", sa.String(length=40), nullable=False),
        sa.Column("shipped_at", sa.DateTime(), nullable=False),
        sa.Column("promised_by", sa.DateTime(), nullable=False),
        sa.Column("expected_by", sa.DateTime(), nullable=False),
        sa.Column("delivered_at", sa.DateTime(), nullable=True),
        sa.Column("exception", sa.String(length=120), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.order_number"],
        ),
        sa.PrimaryKeyConstraint("order_number"),
    )
    op.create_table(
        "urges",
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("customer_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customers.customer_id"],
        ),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.order_number"],
        ),
        sa.PrimaryKeyConstraint("order_number", "at"),
    )
    op.create_index(op.f("ix_urges_customer_id"), "urges", ["customer_id"], unique=False)
    op.create_table(
        "after_sale_steps",
        sa.Column("request_number", sa.String(length=24), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_number"],
            ["after_sales.request_number"],
        ),
        sa.PrimaryKeyConstraint("request_number", "step"),
    )
    op.create_table(
        "shipment_trace",
        sa.Column("order_number", sa.String(length=12), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("place", sa.String(length=60), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["shipments.order_number"],
        ),
        sa.PrimaryKeyConstraint("order_number", "step"),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("shipment_trace")
    op.drop_table("after_sale_steps")
    op.drop_index(op.f("ix_urges_customer_id"), table_name="urges")
    op.drop_table("urges")
    op.drop_table("shipments")
    op.drop_index("ix_reviews_product", table_name="reviews")
    op.drop_index(op.f("ix_reviews_customer_id"), table_name="reviews")
    op.drop_table("reviews")
    op.drop_index(op.f("ix_order_items_product_id"), table_name="order_items")
    op.drop_table("order_items")
    op.drop_index(op.f("ix_after_sales_order_number"), table_name="after_sales")
    op.drop_index("ix_after_sales_customer", table_name="after_sales")
    op.drop_table("after_sales")
    op.drop_index(op.f("ix_skus_product_id"), table_name="skus")
    op.drop_table("skus")
    op.drop_table("price_points")
    op.drop_index("ix_orders_customer", table_name="orders")
    op.drop_table("orders")
    op.drop_table("browses")
    op.drop_index(op.f("ix_products_category"), table_name="products")
    op.drop_table("products")
    op.drop_index(op.f("ix_coupons_customer_id"), table_name="coupons")
    op.drop_table("coupons")
    op.drop_index(op.f("ix_addresses_customer_id"), table_name="addresses")
    op.drop_table("addresses")
    op.drop_index(op.f("ix_writes_at"), table_name="writes")
    op.drop_table("writes")
    op.drop_table("settings")
    op.drop_table("customers")
    op.drop_table("categories")
    op.drop_index("ix_attempts_source", table_name="attempts")
    op.drop_index("ix_attempts_order", table_name="attempts")
    op.drop_index(op.f("ix_attempts_at"), table_name="attempts")
    op.drop_table("attempts")
