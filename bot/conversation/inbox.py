"""What platforms have brought: stored before it is acknowledged, worked on in the order of arrival.

A repeat, also after a restart, finds its key and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation.channel_schema import channel_cursors, channel_inbox
from bot.conversation.database import Database
from bot.conversation.events_schema import WAITING
from bot.conversation.waiting_rows import WaitingRows, insert_once
from persona.privacy.vault import Vault

#: How long a repeat is known by its key.
KEPT = timedelta(days=7)
#: Rows that one look at what is over deletes.
_MOST_OVER = 500

_i, _c = channel_inbox.c, channel_cursors.c


@dataclass(frozen=True)
class Item:
    """One message or hint.

    Attributes:
        key: the platform's id of it, unique in its channel and account.
        lane: items of one lane are worked on one after the other.
        body: JSON-ready.
    """

    key: str
    lane: str
    body: Mapping[str, Any]


class Inbox:
    """The rows.

    Args:
        database: the record.
        vault: seals what was said.
        clock: returns the present as an aware datetime.
        holder: this process's name as the holder of leases.

    Attributes:
        rows: the queue, for a pump.
    """

    def __init__(self, database: Database, vault: Vault, clock: Callable[[], datetime], holder: str) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self.rows = WaitingRows(database, channel_inbox, (_i.channel, _i.lane), holder=holder, clock=clock)

    async def keep(self, channel: str, items: Sequence[Item]) -> int:
        """Store what is new of these, on disk when this returns; return how many.

        The platform waits for it, so it goes before all that the bot has to write.
        """
        ready = self._ready(channel, items)
        return await self._database.secure(lambda connection: self._insert(connection, ready))

    async def pulled(self, row: Row, account: str, items: Sequence[Item], cursor: str, *, more: bool) -> None:
        """Store a page that a hint's row has brought, with its cursor; the row is done with the last page.

        Raises:
            LeaseLostError: another process pulls now.
        """
        ready = self._ready(row.channel, items)

        def work(connection: Connection) -> None:
            self.rows.check(connection, row.id)
            self._insert(connection, ready)
            now = self._clock()
            keys = {"channel": row.channel, "account": account}
            insert_once(
                connection,
                channel_cursors,
                {**keys, "cursor": cursor, "changed_at": now},
                keys=("channel", "account"),
            )
            connection.execute(
                channel_cursors.update()
                .where(_c.channel == row.channel, _c.account == account)
                .values(cursor=cursor, changed_at=now)
            )
            if not more:
                self.settle(connection, row)

        await self._database.write(work)

    async def cursor(self, channel: str, account: str) -> str:
        """Return where to go on pulling; empty at first."""
        query = select(_c.cursor).where(_c.channel == channel, _c.account == account)
        found = await self._database.read(lambda connection: connection.execute(query).scalar())
        return found or ""

    async def accounts(self, channel: str) -> tuple[str, ...]:
        """Return the accounts that were ever pulled from."""
        query = select(_c.account).where(_c.channel == channel).order_by(_c.account)
        return tuple(await self._database.read(lambda connection: connection.execute(query).scalars().all()))

    def settle(self, connection: Connection, row: Row) -> None:
        """Note that a row is done: what was said is gone from here; LeaseLostError where it is another's."""
        self.rows.done(connection, row.id)
        connection.execute(channel_inbox.update().where(_i.id == row.id).values(body=None))

    def followed(self, connection: Connection, row: Row, since: datetime) -> bool:
        """Return whether more of a row's lane has come after a moment."""
        later = select(_i.id).where(
            _i.channel == row.channel, _i.lane == row.lane, _i.id > row.id, _i.received_at > since
        )
        return connection.execute(later.limit(1)).first() is not None

    def opened(self, row: Row) -> dict[str, Any]:
        """Return the body of a row."""
        body: dict[str, Any] = json.loads(self._vault.open(row.body, _context(row.channel, row.key)))
        return body

    def _ready(self, channel: str, items: Sequence[Item]) -> list[dict[str, Any]]:
        now = self._clock()
        ready = []
        for item in items:
            key = self._vault.blind(f"{channel}/{item.key}", "channel_inbox.key")
            body = json.dumps(dict(item.body), ensure_ascii=False)
            ready.append(
                {
                    "channel": channel,
                    "key": key,
                    "lane": item.lane,
                    "body": self._vault.seal(body, _context(channel, key)),
                    "received_at": now,
                    "state": WAITING,
                    "tries": 0,
                    "due_at": now,
                }
            )
        return ready

    def _insert(self, connection: Connection, ready: Sequence[dict[str, Any]]) -> int:
        return sum(
            insert_once(connection, channel_inbox, values, keys=("channel", "key")) for values in ready
        )

    async def sweep(self) -> None:
        """Delete what is done for long."""
        over = (
            select(_i.id).where(_i.received_at < self._clock() - KEPT, _i.state != WAITING).limit(_MOST_OVER)
        )
        await self._database.write(
            lambda connection: connection.execute(channel_inbox.delete().where(_i.id.in_(over)))
        )


def _context(channel: str, key: str) -> str:
    return f"channel_inbox.body/{channel}/{key}"
