"""Looks for late parcels from time to time, and tells what waits to be told. One front at a time does.

An event says the same sooner; the watch finds what no event told, and what nobody could be told at the time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy.engine import Connection

from bot.conversation import notices
from bot.conversation.database import Database
from bot.conversation.event_book import EventBook
from bot.conversation.news_work import settle
from bot.conversation.notices import Notice, NoticeKind
from bot.conversation.noticing import After, Noticing, Said
from bot.conversation.outbox_rows import OutboxRows
from bot.conversation.shop_news import NewsShop, ShopAwayError
from bot.conversation.waiting_rows import Duties

logger = logging.getLogger(__name__)

_WATCH, _TIDY = "late_parcels", "tidy"
_TIDY_EVERY = timedelta(hours=1)


class LateWatch:
    """The watch of one front.

    Args:
        database: the record.
        noticing: tells shoppers.
        shop: asked for late parcels.
        duties: whose turn it is.
        after: told of each conversation that was changed.
        every: pause between two looks.
        book: events, tidied up.
        outbox: deliveries, tidied up.
    """

    def __init__(
        self,
        *,
        database: Database,
        noticing: Noticing,
        shop: NewsShop,
        duties: Duties,
        after: After,
        every: timedelta,
        book: EventBook,
        outbox: OutboxRows,
    ) -> None:
        self._database = database
        self._noticing = noticing
        self._shop = shop
        self._duties = duties
        self._after = after
        self._every = every
        self._book = book
        self._outbox = outbox
        self._loop: asyncio.Task[None] | None = None
        self._arriving: set[asyncio.Task[None]] = set()

    # -- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look."""
        self._loop = asyncio.create_task(self._run(), name="late-watch")

    async def close(self) -> None:
        """Stop; what was begun is found again."""
        tasks = [*self._arriving, *([self._loop] if self._loop else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop = None

    def arrived(self, customer_id: str) -> None:
        """Tell a customer who has just opened a conversation, or logged in to one, what waits for her."""
        task = asyncio.create_task(self._arrived(customer_id))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _run(self) -> None:
        # Several fronts ask more often than it is due; whose turn it is says the record.
        pause = min(self._every.total_seconds(), 5.0)
        while True:
            try:
                await self.look_if_due()
            except Exception:
                logger.exception("late parcels could not be looked for")
            await asyncio.sleep(pause)

    # -- looking ----------------------------------------------------------------------------------------

    async def look_if_due(self) -> bool:
        """Look where it is due and this front's turn; return whether it was."""
        if not await self._duties.take(_WATCH, self._every):
            return False
        try:
            await self.look()
        except ShopAwayError:
            logger.info("the shop could not be asked for late parcels; it will be again")
        finally:
            await self._duties.finish(_WATCH)
        if await self._duties.take(_TIDY, _TIDY_EVERY):
            await self._database.write(self._tidy)
            await self._duties.finish(_TIDY)
        return True

    async def look(self) -> None:
        """Notice what is late, tell what waits, and settle what the shop has not heard.

        Raises:
            ShopAwayError: the shop does not answer.
        """
        late = {notice.key: notice for notice in map(notices.late, await self._shop.late())}
        known = await self._database.read(lambda c: self._noticing.known(c, late))
        for key, notice in late.items():
            if key not in known:
                await self._tell_new(notice)
        for notice in await self._database.read(self._noticing.with_a_place):
            await self._offer(notice, late)
        for notice in await self._database.read(self._noticing.owed):
            await settle(self._shop, self._database, self._noticing, notice)

    async def _arrived(self, customer_id: str) -> None:
        try:
            waiting = await self._database.read(lambda c: self._noticing.waiting_for(c, customer_id))
            for notice in waiting:
                await self._offer(notice, ())
        except ShopAwayError:
            logger.info("what waits for a customer is told later: the shop is away")
        except Exception:
            logger.exception("what waits for a customer could not be told yet")

    async def _tell_new(self, notice: Notice) -> None:
        def work(connection: Connection) -> Said | None:
            if not self._noticing.note_down(connection, notice):
                return None
            return self._noticing.tell(connection, notice)

        try:
            self._told(await self._database.write(work))
        except Exception:  # one that cannot be told holds up no other
            logger.exception("a late parcel could not be told of yet")

    async def _offer(self, notice: Notice, late: Collection[str]) -> None:
        """Tell what waits, as it is by now; forget what does not hold any more."""
        fresh = notice if notice.key in late else await self._still(notice)
        if fresh is None:
            await self._database.write(lambda c: self._noticing.drop(c, notice.key))
            return
        try:
            said = await self._database.write(lambda c: self._noticing.tell_waiting(c, fresh))
        except Exception:
            logger.exception("what waits could not be told yet")
            return
        self._told(said)
        if said is not None:
            await settle(self._shop, self._database, self._noticing, fresh)

    async def _still(self, notice: Notice) -> Notice | None:
        """Return a notice with the facts of now; None where it does not hold any more."""
        if notice.kind is NoticeKind.LATE and notice.order_number is not None:
            parcel = await self._shop.parcel(notice.order_number, notice.customer_id)
            if parcel is None or not parcel.late:
                return None
            now = notices.late(parcel)
            return now if now.key == notice.key else None  # a new promise is found by the watch
        if notice.kind is NoticeKind.RESTOCKED and notice.product_id is not None:
            waits = notice.customer_id in await self._shop.watchers(notice.product_id)
            return notice if waits else None
        return None

    def _told(self, said: Said | None) -> None:
        if said is not None:
            self._after(said.conversation_id, said.work)

    def _tidy(self, connection: Connection) -> None:
        self._noticing.tidy(connection)
        self._book.tidy(connection)
        self._outbox.tidy(connection)
