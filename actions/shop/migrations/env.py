"""Runs the shop's migrations on the connection that ``actions.shop.database`` hands over."""

from alembic import context

from actions.shop import schema

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=schema.Base.metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
with context.begin_transaction():
    context.run_migrations()
