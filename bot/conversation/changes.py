"""Which conversations have news: what live pages ask the record for, other processes' news included."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.conversation.database import Database
from bot.conversation.desk_schema import escalations
from bot.conversation.desk_types import EscalationState
from bot.conversation.schema import conversations

_c, _e = conversations.c, escalations.c
_MOST = 1000


class Changes:
    """Reads when conversations changed.

    Args:
        database: the record's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(self, moment: datetime) -> Mapping[str, datetime]:
        """Return the conversations that changed at `moment` or later, with when; at most 1,000, oldest first.

        A transaction is committed a little after the time that it wrote down, so callers ask for a little
        more than they have not seen and tell by the time what is new.
        """
        query = (
            select(_c.id, _c.changed_at).where(_c.changed_at >= moment).order_by(_c.changed_at).limit(_MOST)
        )

        def work(connection: Connection) -> Mapping[str, datetime]:
            return {row.id: row.changed_at for row in connection.execute(query)}

        return await self._database.read(work)

    async def holders(self, conversation_ids: Collection[str]) -> Mapping[str, str]:
        """Return by conversation which agent has it; those that nobody has are left out."""
        query = select(_e.conversation_id, _e.agent_id).where(
            _e.conversation_id.in_(conversation_ids), _e.state == EscalationState.HELD.value
        )

        def work(connection: Connection) -> Mapping[str, str]:
            return {row.conversation_id: row.agent_id for row in connection.execute(query)}

        return await self._database.read(work)
