"""Brings what the shop tells, and what others are told, to the front: composition, and the shop's adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from actions.shop.errors import NotFoundError, NotOfferedError, ShopUnavailableError
from actions.shop.gateway import ShopGateway
from actions.shop.models import Order, OrderState
from actions.shop.service_models import EventKind, ShopEvent
from bot.conversation.alert_watch import AlertWatch
from bot.conversation.alerts import GroupRobot
from bot.conversation.database import Database
from bot.conversation.duty import Duty
from bot.conversation.event_book import EventBook
from bot.conversation.events_schema import front_duties
from bot.conversation.handing import Handing
from bot.conversation.hub import Hub
from bot.conversation.late_watch import LateWatch
from bot.conversation.news_work import NewsWork
from bot.conversation.noticing import Noticing
from bot.conversation.outbox import Outbox
from bot.conversation.outbox_rows import OutboxRows
from bot.conversation.ratings import Ratings
from bot.conversation.shop_news import Goods, NewsShop, NoShop, Parcel, ShopAwayError, ShopNews
from bot.conversation.types import Work
from bot.conversation.waiting_rows import Duties, Pump
from bot.conversation.webhooks import WebhookSender
from bot.conversation.worker import Worker
from bot.conversation.writing import Writing

_ON_ITS_WAY = {OrderState.SHIPPED, OrderState.EXCEPTION}
#: More than this are not late at once in a shop whose carrier works; the oldest promises come first.
_MOST_LATE = 100


@dataclass(frozen=True)
class EventSettings:
    """What the settings say of events and webhooks; see ``docs/configuration.md``.

    Attributes:
        keys: kid -> secret of those who may tell events.
        addresses: where webhooks go.
        webhook_key: signs them.
        watch_every: pause between two looks for late parcels.
        groups: robots of the agents' groups, which are told of hand-overs.
        desk: address of the desk from outside, for links; empty where it is not known.
    """

    keys: Mapping[str, str] = field(repr=False)
    addresses: Sequence[str] = field(repr=False)
    webhook_key: str = field(repr=False)
    watch_every: timedelta = timedelta(seconds=60)
    groups: Sequence[GroupRobot] = field(default=(), repr=False)
    desk: str = ""


class GatewayNews:
    """The shop's gateway as the news need it.

    Args:
        shop: the gateway.
    """

    def __init__(self, shop: ShopGateway) -> None:
        self._shop = shop

    async def take(self, news: ShopNews) -> None:
        """Let the shop's own copy take the event over; a shop that keeps its data itself knows it already."""
        event = ShopEvent(
            event_id=news.event_id,
            kind=EventKind(news.kind.value),
            at=news.at,
            customer_id=news.customer_id,
            order_number=news.order_number,
            product_id=news.product_id,
            data=tuple(sorted(news.data.items())),
        )
        try:
            await self._shop.take(event)
        except NotOfferedError:
            return
        except ShopUnavailableError as exc:
            raise ShopAwayError from exc

    async def parcel(self, order_number: str, customer_id: str) -> Parcel | None:
        """Return the parcel of a customer's order."""
        try:
            order = await self._shop.order(order_number, customer_id=customer_id)
            now = await self._shop.now()
        except NotFoundError:
            return None
        except ShopUnavailableError as exc:
            raise ShopAwayError from exc
        return to_parcel(order, now)

    async def late(self) -> Sequence[Parcel]:
        """Return late parcels; none where the shop does not say."""
        try:
            found = await self._shop.late_orders(limit=_MOST_LATE)
            now = await self._shop.now()
        except NotOfferedError:
            return ()
        except ShopUnavailableError as exc:
            raise ShopAwayError from exc
        late: list[Parcel] = []
        for one in found:
            parcel = to_parcel(one.order, now)
            if parcel is not None and parcel.on_its_way:
                late.append(
                    replace(parcel, promised_by=one.promised_by, expected_by=one.expected_by, late=True)
                )
        return late

    async def goods(self, product_id: str, sku_id: str | None) -> Goods | None:
        """Return a product, or its variant."""
        try:
            product = await self._shop.product(product_id)
        except NotFoundError:
            return None
        except ShopUnavailableError as exc:
            raise ShopAwayError from exc
        variants = [sku for sku in product.skus if sku_id in (None, sku.sku_id)]
        there = [sku for sku in variants if sku.stock > 0]
        named = there[0] if sku_id is not None and there else None
        return Goods(
            product_id=product_id,
            name=product.name,
            sku=None if named is None else named.label,
            price=(named or product).price,
            in_stock=bool(there),
        )

    async def watchers(self, product_id: str) -> Sequence[str]:
        """Return who waits for a product."""
        try:
            return await self._shop.stock_watchers(product_id)
        except (NotFoundError, NotOfferedError):
            return ()
        except ShopUnavailableError as exc:
            raise ShopAwayError from exc

    async def told(self, product_id: str, customer_id: str, key: str) -> None:
        """Say that a customer was told."""
        try:
            await self._shop.told_stock(product_id, customer_id, key=key)
        except (NotFoundError, NotOfferedError):
            return
        except ShopUnavailableError as exc:
            raise ShopAwayError from exc


def to_parcel(order: Order, now: datetime) -> Parcel | None:
    """Return the parcel of an order; None before it was sent, or while nothing is known of its carrier.

    Args:
        order: the order.
        now: the shop's time, by which promises are judged.
    """
    shipment = order.shipment
    if shipment is None or not shipment.carrier or not shipment.tracking_number:
        return None
    on_its_way = order.state in _ON_ITS_WAY and shipment.delivered_at is None
    # A delivery time that she chose herself later than the promise takes its place.
    promised = max(filter(None, (shipment.promised_by, order.slot_ends_at)))
    late = shipment.expected_by > promised or now > promised
    return Parcel(
        order_number=order.order_number,
        customer_id=order.customer_id,
        items=tuple(item.short_name for item in order.items),
        carrier=shipment.carrier,
        tracking_number=shipment.tracking_number,
        promised_by=promised,
        # A time that has passed is none to hope for.
        expected_by=shipment.expected_by if shipment.expected_by > now else None,
        delivered_at=shipment.delivered_at,
        on_its_way=on_its_way,
        late=on_its_way and late,
    )


class ShopEvents:
    """Everything about events, notices, webhooks and ratings in one front.

    Args:
        settings: what the settings say.
        shop: the gateway, or None where there is no shop.
        database: the record.
        writing: the parts of transactions of this process.
        handing: has words, hours and head starts.
        duty: the customers' levels.
        worker: takes up conversations that the record hands out.
        hub: tells watchers.
        clock: returns the present as an aware datetime.

    Attributes:
        book: the events.
        outbox: the webhooks' deliveries.
        ratings: the shoppers' ratings.
        watch: looks for late parcels.
        alerts: looks for shoppers who wait too long.
        after: tells of a conversation that was changed.
    """

    def __init__(
        self,
        settings: EventSettings,
        shop: ShopGateway | None,
        *,
        database: Database,
        writing: Writing,
        handing: Handing,
        duty: Duty,
        worker: Worker,
        hub: Hub,
        clock: Callable[[], datetime],
    ) -> None:
        def after(conversation_id: str, work: Work | None) -> None:
            if work is not None:
                worker.take(work)
            hub.publish(conversation_id)

        source: NewsShop = NoShop() if shop is None else GatewayNews(shop)
        self.after = after
        writing.outbox = Outbox(len(settings.addresses), len(settings.groups))
        noticing = Noticing(writing, handing)
        self.book = EventBook(database, writing.vault, clock, writing.holder)
        self.outbox = OutboxRows(database, holder=writing.holder, clock=clock)
        self.ratings = Ratings(database, writing, after)
        work = NewsWork(
            book=self.book,
            database=database,
            writing=writing,
            noticing=noticing,
            shop=source,
            duty=duty,
            rules=handing.rules,
            after=after,
        )
        duties = Duties(database, front_duties, holder=writing.holder, clock=clock)
        self.alerts = AlertWatch(database=database, writing=writing, rules=handing.rules, duties=duties)
        self.watch = LateWatch(
            database=database,
            noticing=noticing,
            shop=source,
            duties=duties,
            after=after,
            every=settings.watch_every,
            book=self.book,
            outbox=self.outbox,
        )
        self._sender = WebhookSender(
            addresses=settings.addresses,
            key=settings.webhook_key,
            outbox=self.outbox,
            clock=clock,
            groups=settings.groups,
            desk=settings.desk,
        )
        self._events = Pump("events", self.book.rows, work.work)
        self._webhooks = Pump("webhooks", self.outbox.rows, self._sender.work, at_once=8)
        self._alerts = bool(settings.groups)
        self._sends = self._alerts or bool(settings.addresses)

    def wake(self) -> None:
        """Work on events at once: some have come."""
        self._events.wake()

    def start(self) -> None:
        """Begin; what a former process left comes first."""
        self._events.start()
        self.watch.start()
        if self._sends:
            self._webhooks.start()
        if self._alerts:
            self.alerts.start()

    def arrived(self, customer_id: str) -> None:
        """Tell a customer who has just come what waits for her."""
        self.watch.arrived(customer_id)

    async def close(self) -> None:
        """Stop, leaving the rest to whoever comes next."""
        await self.watch.close()
        await self.alerts.close()
        await self._events.close()
        await self._webhooks.close()
        await self._sender.close()
