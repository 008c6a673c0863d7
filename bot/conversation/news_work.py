"""Works on the shop's events: its own copy, the customer's prior, her open conversations, what she is told.

An event may be begun again at any line. What is asked of the shop is idempotent; what it changes in the
record is one transaction that also settles the event, so it happens once.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import null, select
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from bot.conversation import notices
from bot.conversation.database import Database
from bot.conversation.desk_schema import escalations
from bot.conversation.desk_types import EscalationState
from bot.conversation.duty import Duty
from bot.conversation.errors import LeaseLostError
from bot.conversation.escalation import Rules
from bot.conversation.event_book import EventBook
from bot.conversation.notices import Notice, NoticeKind
from bot.conversation.noticing import After, Noticing, Said, lock_conversations
from bot.conversation.schema import conversations
from bot.conversation.shop_news import NewsKind, NewsShop, Parcel, ShopAwayError, ShopNews
from bot.conversation.waiting_rows import LONGEST_WORK_S
from bot.conversation.writing import Writing

logger = logging.getLogger(__name__)

_c, _e = conversations.c, escalations.c

#: A dispatch that is told this late is no news any more.
_FRESH = timedelta(hours=24)
_PARCELS = {NewsKind.SHIPPED, NewsKind.DELAYED, NewsKind.DELIVERED}
#: After these a parcel is awaited no more.
_OVER = {NewsKind.DELIVERED, NewsKind.RETURNED}
#: Of these the desk's pages show nothing: they are not told to look again.
_QUIET = {NewsKind.BROWSED}


@dataclass(frozen=True)
class Found:
    """What the shop was asked about an event, before anything is changed.

    Attributes:
        notices: what is to be told, if it was not before.
        level: the customer's level after a change of her profile, None where it did not change.
    """

    notices: tuple[Notice, ...] = ()
    level: str | None = None


class NewsWork:
    """Works on one event after the other.

    Args:
        book: the events.
        database: the record.
        writing: the parts of transactions of this process.
        noticing: tells shoppers.
        shop: what is asked of the shop.
        duty: the customers' levels.
        rules: head starts in the queue.
        after: told of each conversation that was changed, with work that the record has given us.
    """

    def __init__(
        self,
        *,
        book: EventBook,
        database: Database,
        writing: Writing,
        noticing: Noticing,
        shop: NewsShop,
        duty: Duty,
        rules: Rules,
        after: After,
    ) -> None:
        self._book = book
        self._database = database
        self._writing = writing
        self._noticing = noticing
        self._shop = shop
        self._duty = duty
        self._rules = rules
        self._after = after

    async def work(self, row: Row) -> None:
        """Work on one event that was taken; it is settled, or waits for another time."""
        try:
            await asyncio.wait_for(self._do(row), LONGEST_WORK_S)
        except LeaseLostError:
            logger.info("event %s was worked on elsewhere", row.id)
        except (ShopAwayError, SQLAlchemyError, asyncio.TimeoutError) as exc:
            logger.info("event %s waits: %s", row.id, type(exc).__name__)
            await self._book.later(row, type(exc).__name__)
        except Exception as exc:
            # Names and numbers, no content: an event may hold a shopper's words.
            if await self._book.failed(row, type(exc).__name__):
                logger.warning("event %s (%s) failed: %s", row.id, row.kind, type(exc).__name__)
            else:
                logger.error(
                    "event %s (%s) was given up after %d tries: %s",
                    row.id,
                    row.kind,
                    row.tries + 1,
                    type(exc).__name__,
                    exc_info=exc,
                )

    async def _do(self, row: Row) -> None:
        news = self._book.read(row)
        await self._shop.take(news)
        found = await self._ask(news)
        if news.kind is NewsKind.RESTOCKED:
            await self._restocked(news)
        said, touched = await self._database.write(lambda c: self._keep(c, row, news, found))
        for one in said:
            self._after(one.conversation_id, one.work)
        for cid in touched:
            self._after(cid, None)

    # -- asking -----------------------------------------------------------------------------------------

    async def _ask(self, news: ShopNews) -> Found:
        if news.customer_id is None:
            return Found()
        if news.kind is NewsKind.PROFILE_CHANGED:
            return Found(level=await self._level(news.customer_id) if "level" in news.data else None)
        if news.kind in _PARCELS and news.order_number is not None:
            parcel = await self._shop.parcel(news.order_number, news.customer_id)
            if parcel is not None:
                return Found(self._about(news, parcel))
        return Found()

    async def _level(self, customer_id: str) -> str:
        try:
            return await self._duty.level(customer_id)
        except Exception as exc:  # whatever the shop raises where it does not answer
            raise ShopAwayError from exc

    def _about(self, news: ShopNews, parcel: Parcel) -> tuple[Notice, ...]:
        """Return what is to be told of a parcel after an event: of what is so now, not what was so then."""
        if news.kind is NewsKind.DELIVERED:
            fresh = news.at > self._writing.now() - _FRESH
            return (notices.delivered(parcel, news.at),) if fresh else ()
        if not parcel.on_its_way:
            return ()
        if parcel.late:
            return (notices.late(parcel),)
        fresh = news.at > self._writing.now() - _FRESH
        return (notices.shipped(parcel),) if news.kind is NewsKind.SHIPPED and fresh else ()

    async def _restocked(self, news: ShopNews) -> None:
        """Tell all who wait for a product, each in a transaction of her own, then the shop that it was so."""
        assert news.product_id is not None  # noqa: S101  # checked by whoever received it
        goods = await self._shop.goods(news.product_id, news.data.get("sku_id"))
        if goods is None or not goods.in_stock:
            return
        for customer_id in await self._shop.watchers(news.product_id):
            notice = notices.restocked(goods, customer_id, news.event_id)

            def work(connection: Connection, notice: Notice = notice) -> Said | None:
                if not self._noticing.note_down(connection, notice):
                    return None
                return self._noticing.tell(connection, notice)

            said = await self._database.write(work)
            if said is not None:
                self._after(said.conversation_id, said.work)
                await settle(self._shop, self._database, self._noticing, notice)

    # -- changing ---------------------------------------------------------------------------------------

    def _keep(
        self, connection: Connection, row: Row, news: ShopNews, found: Found
    ) -> tuple[list[Said], list[str]]:
        """Do all that an event does to the record; LeaseLostError where another process has done it."""
        self._book.rows.check(connection, row.id)
        # First what is told once, then the conversations: whoever tells takes them in this order.
        new = [notice for notice in found.notices if self._noticing.note_down(connection, notice)]
        touched: list[str] = []
        said: list[Said] = []
        if news.customer_id is not None:
            touched = self._touch(connection, news.customer_id, quiet=news.kind in _QUIET)
            told = (self._noticing.tell(connection, notice) for notice in new)
            said = [one for one in told if one is not None]
            if found.level is not None:
                self._rise(connection, news.customer_id, found.level)
        if news.kind in _OVER and news.order_number is not None:
            self._noticing.drop_late(connection, news.order_number)
        self._book.rows.done(connection, row.id)
        return said, touched

    def _touch(self, connection: Connection, customer_id: str, *, quiet: bool) -> list[str]:
        """Let her history be read again with her next message, and the desk look again."""
        ids = lock_conversations(connection, customer_id)
        if not ids:
            return []
        now = self._writing.now()
        values = {"history_held_for": null(), "shop_at": now}
        connection.execute(conversations.update().where(_c.id.in_(ids)).values(values))
        if quiet:
            return []
        recent = (_c.id.in_(ids), _c.last_at > now - notices.RECENT)
        connection.execute(conversations.update().where(*recent).values(changed_at=now))
        return list(connection.execute(select(_c.id).where(*recent)).scalars())

    def _rise(self, connection: Connection, customer_id: str, level: str) -> None:
        """Give a customer who waits the place of her new level."""
        start = self._rules.level_start
        waiting = connection.execute(
            select(_e.id, _e.place_at, _e.level)
            .select_from(escalations.join(conversations, _c.id == _e.conversation_id))
            .where(_c.customer_id == customer_id, _e.state == EscalationState.WAITING.value)
        ).all()
        for one in waiting:
            if one.level is None or one.level == level:  # not asked yet: it will be
                continue
            gained = start.get(level, timedelta(0)) - start.get(one.level, timedelta(0))
            connection.execute(
                escalations.update()
                .where(_e.id == one.id)
                .values(level=level, place_at=one.place_at - gained)
            )


async def settle(shop: NewsShop, database: Database, noticing: Noticing, notice: Notice) -> None:
    """Tell the shop that a customer was told, and note that it knows; it is told again until it does."""
    if notice.kind is not NoticeKind.RESTOCKED or notice.product_id is None:
        return
    try:
        await shop.told(notice.product_id, notice.customer_id, notice.key)
    except ShopAwayError:
        return
    await database.write(lambda c: noticing.settle(c, notice.key))
