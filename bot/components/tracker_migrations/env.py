"""Alembic environment of the trackers: runs inside the transaction that `tracker_migrate` opened."""

from __future__ import annotations

from alembic import context

from bot.components.tracker_migrate import VERSION_TABLE

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    version_table=VERSION_TABLE,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=False,  # the caller's transaction spans all steps
)
context.run_migrations()
