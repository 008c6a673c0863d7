"""Wires the messaging channels that are switched on into a front; nothing runs where there are none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web

from bot.app.front_settings import FrontSettings
from bot.channels import channel_settings
from bot.channels.app import DRAINING
from bot.channels.base import Platform, Tools
from bot.channels.binding import BindingRoutes
from bot.channels.carrying import Carried
from bot.channels.hearing import Hearing
from bot.channels.messaging import Messaging
from bot.channels.rendering import House
from bot.channels.tokens_cache import TokenCache
from bot.channels.web_base import Shared
from bot.conversation.carrier import Carrier
from bot.conversation.courier import Courier
from bot.conversation.database import Database
from bot.conversation.hub import Hub
from bot.conversation.inbox import Inbox
from bot.conversation.pictures import Pictures
from bot.conversation.service import Beside
from bot.conversation.store import Store
from persona.telemetry import metrics
from persona.wording.cards import CardTexts

logger = logging.getLogger(__name__)


def with_channels(
    beside: Beside,
    app: web.Application,
    settings: FrontSettings,
    *,
    shared: Shared,
    database: Database,
    store: Store,
    hub: Hub,
    clock: Callable[[], datetime],
) -> Beside:
    """Return what runs beside the conversations, the channels with it, and add their routes."""
    if not settings.channels:
        return beside
    house = House(CardTexts.load().say, settings.public_url, settings.widget.product_url or "")
    made = MessagingChannels(
        settings.channels,
        house,
        beside,
        shared=shared,
        database=database,
        store=store,
        hub=hub,
        clock=clock,
        bind_url=settings.bind_url,
    )
    made.mount(app)
    return made


class MessagingChannels:
    """All messaging channels of one front, run beside its conversations.

    Args:
        channels: name → settings of each platform that is switched on.
        house: what rendering knows of the shop.
        beside: what runs beside the conversations already; it is started and stopped along.
        shared: what routes work with.
        database: the record.
        store: of conversations.
        hub: tells of news.
        clock: returns the present as an aware datetime.
        bind_url: the shop's page on which who logs in is bound.
    """

    def __init__(
        self,
        channels: Mapping[str, Any],
        house: House,
        beside: Beside,
        *,
        shared: Shared,
        database: Database,
        store: Store,
        hub: Hub,
        clock: Callable[[], datetime],
        bind_url: str = "",
    ) -> None:
        self._channels = channels
        metrics.CHANNELS.add(channels)
        self._store = store
        self._bind_url = bind_url
        self._house = house
        self._beside = beside
        self._shared = shared
        self._database = database
        self._hub = hub
        self._clock = clock
        self._pictures = Pictures(database, shared.vault, clock)
        self._http: aiohttp.ClientSession | None = None
        # Made when the front starts, for their calls need its event loop.
        self._platforms: dict[str, Platform] = {}
        self._carriers: dict[str, Carrier] = {}
        self._both: dict[str, tuple[Platform, Carried]] = {}
        holder = store.writing.holder
        self._inbox = Inbox(database, shared.vault, clock, holder)
        self._hearing = Hearing(
            inbox=self._inbox,
            store=store,
            conversations=shared.conversations,
            vault=shared.vault,
            pictures=self._pictures,
            platforms=self._both,
            bind_at=f"{house.public_url}/channels/bind" if bind_url and house.public_url else "",
        )
        self._courier = Courier(database, shared.vault, clock, holder, self._carriers)

    def mount(self, app: web.Application) -> None:
        """Add the routes."""
        messaging = Messaging(
            self._shared,
            names=self._channels,
            platforms=self._platforms,
            inbox=self._inbox,
            hearing=self._hearing,
            draining=app[DRAINING],
            clock=self._clock,
        )
        app.add_routes(BindingRoutes(self._shared, self._store, self._bind_url).routes())  # before {name}
        app.add_routes(messaging.routes())

    def start(self) -> None:
        """Begin."""
        self._beside.start()
        self._http = new_http()
        for name, settings in self._channels.items():
            tokens = TokenCache(name, self._database, self._shared.vault, self._clock)
            platform = channel_settings.kind(name).make(settings, Tools(self._http, tokens, self._clock))
            carried = Carried(platform, self._house, self._pictures, self._clock)
            self._platforms[name], self._carriers[name] = platform, carried
            self._both[name] = platform, carried
        self._hub.inward = self._courier.tell
        self._hearing.start()
        self._courier.start()

    def arrived(self, customer_id: str) -> None:
        """Hear that a customer has come."""
        self._beside.arrived(customer_id)

    async def close(self) -> None:
        """Stop, leaving the rest to whoever comes next."""
        self._hub.inward = None
        await self._hearing.close()
        await self._courier.close()
        if self._http is not None:
            await self._http.close()
        await self._beside.close()


def new_http() -> aiohttp.ClientSession:
    """Return what platforms are called with: no cookies, no proxies of the environment."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=10.0, connect=5.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )
