"""The front process, ``python -m bot.app.front``: reads the environment, wires the rooms, serves."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from actions.measured import measured
from actions.shop.gateway import ShopGateway
from actions.shop.open import open_gateway
from bot.app.demo_goods import DemoGoods
from bot.app.desk import mount
from bot.app.ending import end, look_at_the_loop
from bot.app.events import ShopEvents
from bot.app.front_settings import FrontError, FrontSettings, inner
from bot.app.messaging import with_channels
from bot.app.sharing import make_limiter, open_link, share_news
from bot.app.shelf_goods import ShelfGoods
from bot.app.shop_duty import ShopDuty
from bot.channels.app import WebOptions, make_app
from bot.channels.events import EventDoor, Events
from bot.channels.health import actions_look, disk_look, look_of
from bot.channels.limits import Addresses
from bot.channels.manner import MannerRoutes
from bot.channels.picture_upload import PictureUpload
from bot.channels.rating import RatingRoute
from bot.channels.serving import GuardedRunner
from bot.channels.shelf import ShelfRoutes
from bot.channels.tokens import Tokens, parse_keys
from bot.channels.web_base import Shared
from bot.conversation.asking import AskingRules
from bot.conversation.assertion import Assertions
from bot.conversation.database import Database
from bot.conversation.desk_reads import DeskReader
from bot.conversation.duty import AroundTheClock, Duty
from bot.conversation.escalation import Rules
from bot.conversation.handing import Handing
from bot.conversation.handover import Handover
from bot.conversation.hub import Hub
from bot.conversation.lease import new_holder
from bot.conversation.listening import Listener
from bot.conversation.manner import Manners
from bot.conversation.migrate import upgrade
from bot.conversation.passwords import Passwords
from bot.conversation.pictures import Pictures
from bot.conversation.queueing import whereabouts
from bot.conversation.rasa_client import RasaClient
from bot.conversation.reads import Reader
from bot.conversation.schema import SHANGHAI
from bot.conversation.service import Conversations
from bot.conversation.store import Store
from bot.conversation.watching import Watching
from bot.conversation.words import Lines, Speaker
from bot.conversation.worker import Patience, Worker
from persona.privacy.vault import Vault
from persona.strategy import load_strategies
from persona.telemetry import logs, metrics
from persona.telemetry.access import Readers
from persona.wording import Wording
from persona.wording.cards import CardTexts

logger = logging.getLogger(__name__)

_GRACE_S = 5.0


def shanghai_now() -> datetime:
    """Return the present in the shop's time zone."""
    return datetime.now(SHANGHAI)


def compose(
    settings: FrontSettings,
    speaker: Speaker,
    *,
    clock: Callable[[], datetime] = shanghai_now,
    patience: Patience | None = None,
    duty: Duty | None = None,
    shop: ShopGateway | None = None,
    listener: Listener | None = None,
    passwords: Passwords | None = None,
) -> tuple[web.Application, Conversations]:
    """Wire the rooms; nothing runs yet.

    Args:
        settings: what the environment says.
        speaker: the wording.
        clock: returns the present as an aware datetime.
        patience: the waiting times of the worker.
        duty: the service hours and the members' levels; without it the shop's.
        shop: the shop, for hours, levels and the desk; without it people are always there.
        listener: reads what is written to people.
        passwords: hashes those of agents.

    Raises:
        FrontError: a setting is malformed or a line of the front is missing.
    """
    try:
        vault = Vault.from_text(settings.data_keys)
        tokens = Tokens(
            parse_keys(settings.token_keys), settings.token_issuer, settings.token_audience, clock
        )
        addresses = Addresses(settings.trusted_proxies)
        told = settings.events
        readers = Readers(settings.metrics_networks)
        redis = open_link(settings.redis_url, vault)
    except ValueError as exc:
        raise FrontError(str(exc)) from exc
    lines = Lines(speaker, CardTexts.load())
    try:
        rules, asking = Rules.load(), AskingRules.load()
    except ValueError as exc:
        raise FrontError(str(exc)) from exc
    try:
        lines.check()
    except Exception as exc:
        raise FrontError(f"a line of the front cannot be spoken: {exc}") from exc
    database = Database(settings.record_url, settings.record)
    hub = Hub()
    if duty is None:
        duty = AroundTheClock() if shop is None else ShopDuty(shop)
    handing = Handing(lines, listener or Listener(), duty, rules, asking)
    store = Store(database, vault, clock, new_holder(), handing)
    reader = Reader(database, vault, lambda c, cid, owner: whereabouts(c, cid, owner, clock(), rules))
    assertions = Assertions(settings.assertion_key, clock)
    rasa = RasaClient(
        settings.rasa_origin or inner(settings.rasa_port),
        settings.rasa_secret,
        assertions,
        attendance=handing.attendance,
    )
    worker = Worker(
        store=store,
        rasa=rasa,
        assertions=assertions,
        lines=lines,
        hub=hub,
        patience=patience,
        misunderstood=rules.misunderstood_intents,
    )
    handover = Handover(database=database, writing=store.writing, handing=handing, hub=hub, worker=worker)
    desk = DeskReader(database, vault, clock, rules)
    conversations = Conversations(
        store=store,
        reader=reader,
        worker=worker,
        rasa=rasa,
        lines=lines,
        hub=hub,
        handover=handover,
        desk=desk,
    )
    watching = Watching(database, clock, rules, tuple(settings.channels))
    looks = [
        watching.usable,
        actions_look(f"{settings.action_origin or inner(settings.action_port)}/health"),
        disk_look(settings.data_dir),
    ]
    if redis is not None:
        looks.append(look_of("redis", redis.ping))
    events = ShopEvents(
        told,
        shop,
        database=database,
        writing=store.writing,
        handing=handing,
        duty=duty,
        worker=worker,
        hub=hub,
        clock=clock,
    )
    shared = Shared(conversations, tokens, make_limiter(settings.limits, redis, vault), addresses, vault)
    app = make_app(
        shared,
        looks=looks,
        figures=watching.look,
        readers=readers,
        shoppers=_demo_shoppers if settings.demo else None,
        goods=DemoGoods(shop) if settings.demo else None,
        options=WebOptions(origins=settings.allowed_origins, widget=settings.widget),
    )
    app.add_routes(Events(shared, EventDoor(told.keys, events.book, events.wake, clock)).routes())
    app.add_routes(PictureUpload(shared, Pictures(database, vault, clock)).routes())
    app.add_routes(RatingRoute(shared, events.ratings).routes())
    manners = Manners(database, store.writing, load_strategies(), events.after)
    app.add_routes(MannerRoutes(shared, manners).routes())
    app.add_routes(ShelfRoutes(shared, ShelfGoods(shop)).routes())
    conversations.beside = with_channels(
        events, app, settings, shared=shared, database=database, store=store, hub=hub, clock=clock
    )
    mount(
        app,
        handover=handover,
        reader=desk,
        database=database,
        vault=vault,
        hub=hub,
        addresses=addresses,
        clock=clock,
        options=settings.desk,
        shop=shop,
        wording=speaker if isinstance(speaker, Wording) else None,
        passwords=passwords,
    )
    share_news(app, redis, hub)
    return app, conversations


async def _demo_shoppers() -> Sequence[Mapping[str, Any]]:
    from actions.shop.seed.demo import demo_customers

    return [
        {"customer_id": customer.customer_id, "name": customer.display_name, "hint": customer.hint}
        for customer in demo_customers()
    ]


async def serve(settings: FrontSettings, speaker: Speaker) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        FrontError: the port is taken, or the wiring failed.
    """
    shop = measured(open_gateway())
    app, conversations = compose(settings, speaker, shop=shop)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopped.set)
    lag = asyncio.create_task(look_at_the_loop())
    runner = GuardedRunner(app, handle_signals=False, shutdown_timeout=_GRACE_S)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.host, settings.port, backlog=512).start()
        except OSError as exc:
            raise FrontError(
                f"cannot listen on {settings.host}:{settings.port}: {exc.strerror or exc}"
            ) from exc
        await conversations.start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await stopped.wait()
        await end(app, conversations, drain_s=settings.drain_s, within_s=settings.stop_within_s)
    finally:
        lag.cancel()
        await runner.cleanup()
        await conversations.close()
        await shop.close()


def _use_fast_loop() -> None:
    """Take uvloop where it is installed (Rasa's web server brings it): a fifth less work for each message."""
    try:
        import uvloop
    except ImportError:
        return
    uvloop.install()


def main() -> int:
    """Run the front; return the exit code."""
    logs.configure("front", loggers=("zhixin", "bot", "persona", "actions"))
    metrics.tell_build("front")
    try:
        settings = FrontSettings.from_environment(os.environ)
        upgrade(settings.record_url)
        _use_fast_loop()
        asyncio.run(serve(settings, Wording.load()))
    except FrontError as exc:
        logger.error("the front cannot start: %s", exc)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
