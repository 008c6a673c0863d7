"""Looks after the webhooks' outbox for ``zhixin webhooks``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

from bot.app.settings import Settings
from bot.conversation.database import Database
from bot.conversation.lease import new_holder
from bot.conversation.outbox_rows import Delivery, OutboxRows
from bot.conversation.schema import SHANGHAI

T = TypeVar("T")


def listed(settings: Settings, state: str | None, limit: int) -> tuple[Delivery, ...]:
    """Return deliveries, newest first; those of one state, or all that are not sent."""
    return _run(settings, lambda outbox: outbox.listed(state, limit))


def retry(settings: Settings, delivery_ids: Sequence[str] | None) -> int:
    """Have dead deliveries tried again, these or (None) all; return how many."""
    return _run(settings, lambda outbox: outbox.retry(delivery_ids))


def _run(settings: Settings, act: Callable[[OutboxRows], Awaitable[T]]) -> T:
    async def work() -> T:
        database = Database(settings.record_url)
        try:
            outbox = OutboxRows(database, holder=new_holder(), clock=lambda: datetime.now(SHANGHAI))
            return await act(outbox)
        finally:
            await database.close()

    return asyncio.run(work())
