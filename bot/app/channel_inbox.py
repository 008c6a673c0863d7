"""Looks after what stands still on messaging channels, for ``zhixin channel inbox`` and ``retry``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.app.output import CommandError
from bot.app.settings import Settings
from bot.conversation import channel_trouble
from bot.conversation.channel_trouble import Retried, Troubles
from bot.conversation.database import Database
from bot.conversation.schema import SHANGHAI

T = TypeVar("T")


def look(settings: Settings, channel: str | None, limit: int) -> Troubles:
    """Return what stands still; CommandError where the record cannot be read."""
    return _run(settings, lambda record: record.read(lambda c: channel_trouble.look(c, channel, limit)))


def retry(settings: Settings, channel: str | None) -> Retried:
    """Have it worked on again by the fronts that run; CommandError where the record cannot be written."""
    now = datetime.now(SHANGHAI)
    return _run(settings, lambda record: record.write(lambda c: channel_trouble.retry(c, channel, now)))


def _run(settings: Settings, act: Callable[[Database], Awaitable[T]]) -> T:
    url = make_url(settings.record_url)
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        raise CommandError("there is no record yet: start the stack once with `zhixin run`")

    async def work() -> T:
        database = Database(settings.record_url)
        try:
            return await act(database)
        finally:
            await database.close()

    try:
        return asyncio.run(work())
    except SQLAlchemyError as exc:
        kind = type(getattr(exc, "orig", None) or exc).__name__
        raise CommandError(f"the record cannot be used ({kind}); `zhixin db status` says more") from None
