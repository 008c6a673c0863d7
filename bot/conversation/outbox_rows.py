"""The outbox as whoever sends from it, or looks after it, sees it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation.database import Database
from bot.conversation.events_schema import ASIDE, DONE, WAITING, webhook_outbox
from bot.conversation.outbox import GROUPS
from bot.conversation.waiting_rows import WaitingRows

_o = webhook_outbox.c

#: So long a delivery is tried; then it is dead until somebody has it tried again.
TRIED_FOR = timedelta(days=3)
#: A group is not told of what is older: who waited then was found on the desk.
ALERTED_FOR = timedelta(hours=2)
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(hours=1)
#: How long what was sent, and what is dead, can be looked at.
KEPT_SENT, KEPT_DEAD = timedelta(days=7), timedelta(days=30)


@dataclass(frozen=True)
class Delivery:
    """One delivery, for people."""

    delivery_id: str
    address: int
    conversation_id: str
    kind: str
    created_at: datetime
    state: str  # waiting, done, aside (dead)
    tries: int
    due_at: datetime
    trouble: str | None


def pause_after(tries: int, delivery_id: str) -> timedelta:
    """Return the pause after so many failed tries: it doubles up to an hour, each a bit apart."""
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(tries - 1, 20), LONGEST_PAUSE)
    spread = zlib.crc32(f"{delivery_id}/{tries}".encode()) % 1000 / 1000
    return pause * (0.9 + 0.2 * spread)


class OutboxRows:
    """Deliveries that wait, and their fates.

    Args:
        database: the record.
        holder: this process's name as the holder of leases.
        clock: returns the present as an aware datetime.
    """

    def __init__(self, database: Database, *, holder: str, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        lane = (_o.conversation_id, _o.address)
        self.rows = WaitingRows(database, webhook_outbox, lane, holder=holder, clock=clock)

    async def sent(self, row: Row) -> None:
        """Note that the receiver has it; LeaseLostError where another process has taken it over."""
        await self._database.write(lambda connection: self.rows.done(connection, row.id))

    async def failed(self, row: Row, trouble: str, wait: timedelta | None = None) -> bool:
        """Try again later; return False where the time is over and the delivery is dead.

        Args:
            row: the delivery.
            trouble: what went wrong.
            wait: how long the receiver asked to be left alone.
        """
        now, tries = self._clock(), row.tries + 1
        if now - row.since >= (ALERTED_FOR if row.address > GROUPS else TRIED_FOR):
            await self.rows.aside(row.id, trouble=trouble, tries=tries)
            return False
        pause = max(pause_after(tries, row.delivery_id), min(wait or timedelta(0), LONGEST_PAUSE))
        await self.rows.again(row.id, now + pause, trouble=trouble, tries=tries)
        return True

    async def gone(self, row: Row, trouble: str) -> None:
        """Give a delivery up at once: there is nowhere to send it."""
        await self.rows.aside(row.id, trouble=trouble)

    async def oldest_waiting(self) -> datetime | None:
        """Return when the oldest delivery that waits was written, None where none does."""
        return await self.rows.oldest_waiting(_o.created_at)

    async def listed(self, state: str | None, limit: int) -> tuple[Delivery, ...]:
        """Return deliveries, newest first: those of one state, or what is not sent."""

        def work(connection: Connection) -> tuple[Delivery, ...]:
            wanted = _o.state == state if state is not None else _o.state != DONE
            found = connection.execute(
                select(webhook_outbox).where(wanted).order_by(_o.id.desc()).limit(limit)
            )
            return tuple(
                Delivery(
                    delivery_id=row.delivery_id,
                    address=row.address,
                    conversation_id=row.conversation_id,
                    kind=row.kind,
                    created_at=row.created_at,
                    state=row.state,
                    tries=row.tries,
                    due_at=row.due_at,
                    trouble=row.trouble,
                )
                for row in found
            )

        return await self._database.read(work)

    async def retry(self, delivery_ids: Sequence[str] | None) -> int:
        """Try deliveries at once, and for three days more; return how many there were.

        Args:
            delivery_ids: which ones; None for all that are dead. What was sent is never sent again.
        """

        def work(connection: Connection) -> int:
            now = self._clock()
            wanted = (
                _o.state == ASIDE
                if delivery_ids is None
                else _o.delivery_id.in_(list(delivery_ids)) & (_o.state != DONE)
            )
            done = connection.execute(
                webhook_outbox.update()
                .where(wanted)
                .values(state=WAITING, since=now, due_at=now, done_at=None, tries=0)
            )
            return int(done.rowcount)

        return await self._database.write(work)

    def tidy(self, connection: Connection) -> None:
        """Forget what was sent, or died, long ago."""
        now = self._clock()
        for state, kept in ((DONE, KEPT_SENT), (ASIDE, KEPT_DEAD)):
            connection.execute(webhook_outbox.delete().where(_o.state == state, _o.done_at < now - kept))
