"""Alembic environment of the record: runs inside the transaction that `bot.conversation.migrate` opened."""

from __future__ import annotations

from alembic import context

from bot.conversation.migrate import VERSION_TABLE
from bot.conversation.schema import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=False,  # the caller's transaction spans all steps
)
context.run_migrations()
