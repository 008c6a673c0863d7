"""The shop's events in the record: stored before they are acknowledged, worked on in order, once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation.database import Database
from bot.conversation.events_schema import ASIDE, DONE, WAITING, shop_events
from bot.conversation.shop_news import ShopNews
from bot.conversation.waiting_rows import WaitingRows, insert_once
from persona.privacy.vault import Vault

_s = shop_events.c

#: So often an event is tried that fails although the shop answers; then it goes aside.
MOST_TRIES = 6
_LONGEST_PAUSE = timedelta(minutes=5)

#: How long an event is known, so that its repetition is one.
KEPT = timedelta(days=30)


class Receipt(str, Enum):
    """What became of an event that was handed in."""

    ACCEPTED = "accepted"  # stored now
    REPEATED = "repeated"  # stored before, with the same content
    CONFLICT = "conflict"  # its id was used for other content: nothing was stored


@dataclass(frozen=True)
class TakenEvent:
    """An event that this process works on.

    Attributes:
        tries: so often it has failed by a fault of its own or of ours.
        delays: so often the shop was away.
    """

    row_id: int
    news: ShopNews
    tries: int
    delays: int


class EventBook:
    """Stores events and hands them out.

    Args:
        database: the record.
        vault: seals them.
        clock: returns the present as an aware datetime.
        holder: this process's name as the holder of leases.
    """

    def __init__(self, database: Database, vault: Vault, clock: Callable[[], datetime], holder: str) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self.rows = WaitingRows(database, shop_events, (_s.lane,), holder=holder, clock=clock)

    async def keep(self, news: Sequence[ShopNews]) -> tuple[Receipt, ...]:
        """Store events in their order, in one transaction; they are on the disk when this returns."""
        receipts = await self._database.write(
            lambda connection: tuple(self._keep(connection, one) for one in news)
        )
        await self._database.flush()
        return receipts

    def _keep(self, connection: Connection, news: ShopNews) -> Receipt:
        now = self._clock()
        values = {
            "event_id": news.event_id,
            "lane": news.lane,
            "kind": news.kind.value,
            "customer_id": news.customer_id,
            "order_number": news.order_number,
            "product_id": news.product_id,
            "body": self._vault.seal(news.to_json(), body_context(news.event_id)),
            "happened_at": news.at,
            "received_at": now,
            "state": WAITING,
            "tries": 0,
            "delays": 0,
            "due_at": now,
        }
        if insert_once(connection, shop_events, values, keys=("event_id",)):
            return Receipt.ACCEPTED
        known = connection.execute(select(_s.body).where(_s.event_id == news.event_id)).scalar_one()
        # Compared opened: the hash of a phone number could be guessed.
        same = self._vault.open(known, body_context(news.event_id)) == news.to_json()
        return Receipt.REPEATED if same else Receipt.CONFLICT

    def open(self, row: Row) -> TakenEvent:
        """Return the event of a row that was taken."""
        return TakenEvent(row.id, self.read(row), row.tries, row.delays)

    def read(self, row: Row) -> ShopNews:
        """Return the content of a row."""
        return ShopNews.from_json(self._vault.open(row.body, body_context(row.event_id)))

    async def later(self, row: Row, trouble: str) -> None:
        """Try again after a pause: the shop, or the record, is away. There is no end to this."""
        pause = min(timedelta(seconds=2 ** min(row.delays, 10)), _LONGEST_PAUSE)
        await self.rows.again(row.id, self._clock() + pause, trouble=trouble, delays=row.delays + 1)

    async def failed(self, row: Row, trouble: str) -> bool:
        """Try again after a pause, a few times; return False where the event was given up and goes aside."""
        tries = row.tries + 1
        if tries >= MOST_TRIES:
            await self.rows.aside(row.id, trouble=trouble, tries=tries)
            return False
        pause = timedelta(seconds=2**tries)
        await self.rows.again(row.id, self._clock() + pause, trouble=trouble, tries=tries)
        return True

    async def oldest_waiting(self) -> datetime | None:
        """Return when the oldest event that waits came, None where none does."""
        return await self.rows.oldest_waiting(_s.received_at)

    def tidy(self, connection: Connection) -> None:
        """Forget events that were settled long ago."""
        before = self._clock() - KEPT
        connection.execute(shop_events.delete().where(_s.state.in_([DONE, ASIDE]), _s.received_at < before))


def body_context(event_id: str) -> str:
    """Return what binds a sealed event to its row."""
    return f"shop_events.body/{event_id}"
