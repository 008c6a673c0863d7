"""Access tokens of platforms: fetched once for all fronts, sealed in the record, renewed before they end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.conversation.channel_schema import channel_tokens
from bot.conversation.database import Database
from bot.conversation.waiting_rows import insert_once
from persona.privacy.vault import Vault, VaultError

#: A token is not used in the last part of its life, at most so long.
SPARE = timedelta(minutes=5)
#: How long what was read from the record is used without another look.
_LOOK_AGAIN = timedelta(seconds=30)

_t = channel_tokens.c


class TokenCache:
    """The tokens of one channel; implements :class:`bot.channels.base.Tokens`.

    A platform that gives a new token often ends the old one: so who needs one looks into the record first,
    and within a front they are fetched one at a time. Of two fronts that fetch at once the later counts.

    Args:
        channel: whose.
        database: the record.
        vault: seals them.
        clock: returns the present as an aware datetime.
    """

    def __init__(self, channel: str, database: Database, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._channel = channel
        self._database = database
        self._vault = vault
        self._clock = clock
        self._lock = asyncio.Lock()
        self._kept: dict[str, tuple[str, datetime, datetime]] = {}  # token, until when, when it was read

    async def get(self, name: str, fetch: Callable[[], Awaitable[tuple[str, float]]]) -> str:
        """Return a token; `fetch` returns a new one and the seconds that it lives."""
        if (known := self._fresh(name)) is not None:
            return known
        async with self._lock:
            if (known := self._fresh(name)) is not None:
                return known
            found = await self._read(name)
            if found is None:
                token, seconds = await fetch()
                spare = min(SPARE, timedelta(seconds=seconds / 10))
                found = token, self._clock() + timedelta(seconds=seconds) - spare
                await self._write(name, *found)
            self._kept[name] = (*found, self._clock())
            return found[0]

    async def expired(self, name: str, token: str) -> None:
        """Forget a token; another that has come meanwhile stays."""
        if self._kept.get(name, ("",))[0] == token:
            del self._kept[name]

        def work(connection: Connection) -> None:
            row = connection.execute(select(channel_tokens).where(_t.name == self._key(name))).first()
            if row is not None and self._opened(row.name, row.token) in (token, None):
                connection.execute(channel_tokens.delete().where(_t.name == row.name, _t.token == row.token))

        await self._database.write(work)

    def _fresh(self, name: str) -> str | None:
        token, until, read = self._kept.get(name, ("", None, None))
        now = self._clock()
        if until is None or read is None or until <= now or now - read > _LOOK_AGAIN:
            return None
        return token

    async def _read(self, name: str) -> tuple[str, datetime] | None:
        key = self._key(name)
        query = select(channel_tokens).where(_t.name == key, _t.expires_at > self._clock())
        row = await self._database.read(lambda connection: connection.execute(query).first())
        token = None if row is None else self._opened(key, row.token)
        return None if row is None or token is None else (token, row.expires_at)

    async def _write(self, name: str, token: str, until: datetime) -> None:
        key = self._key(name)
        values = {"token": self._vault.seal(token, _context(key)), "expires_at": until}

        def work(connection: Connection) -> None:
            if not insert_once(connection, channel_tokens, {"name": key, **values}, keys=("name",)):
                connection.execute(channel_tokens.update().where(_t.name == key).values(values))

        await self._database.write(work)

    def _opened(self, key: str, sealed: str) -> str | None:
        try:
            return self._vault.open(sealed, _context(key))
        except VaultError:
            return None

    def _key(self, name: str) -> str:
        return f"{self._channel}/{name}"


def _context(key: str) -> str:
    return f"channel_tokens.token/{key}"
