"""The front process, ``python -m bot.app.front``: reads the environment, wires the rooms, serves."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from actions.shop.gateway import ShopGateway
from actions.shop.open import open_gateway
from bot.app.desk import DeskOptions, mount
from bot.app.shop_duty import ShopDuty
from bot.channels.app import WebOptions, make_app
from bot.channels.health import url_check
from bot.channels.limits import Addresses, Limiter, Rate, RateLimits
from bot.channels.tokens import Tokens, parse_keys
from bot.channels.web_base import Shared
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
from bot.conversation.migrate import upgrade
from bot.conversation.passwords import Passwords
from bot.conversation.queueing import whereabouts
from bot.conversation.rasa_client import RasaClient
from bot.conversation.reads import Reader
from bot.conversation.schema import SHANGHAI
from bot.conversation.service import Conversations
from bot.conversation.store import Store
from bot.conversation.words import Lines, Speaker
from bot.conversation.worker import Patience, Worker
from bot.desk.transport import SecureCookies
from persona.privacy.masking import MaskingFilter
from persona.privacy.vault import Vault
from persona.wording import Wording
from persona.wording.cards import CardTexts

logger = logging.getLogger(__name__)

_GRACE_S = 5.0


class FrontError(Exception):
    """The front cannot start; the text says what to do."""


@dataclass(frozen=True)
class FrontSettings:
    """What the environment says; see ``docs/architecture.md``, "Environment of the processes"."""

    record_url: str
    data_keys: str = field(repr=False)
    assertion_key: str = field(repr=False)
    rasa_secret: str = field(repr=False)
    token_keys: str = field(repr=False)
    demo: bool = False
    token_issuer: str = "zhixin"  # noqa: S105  # a name, no secret
    token_audience: str = "zhixin-shoppers"  # noqa: S105
    host: str = "127.0.0.1"
    port: int = 8080
    rasa_port: int = 5005
    action_port: int = 5055
    trusted_proxies: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    limits: RateLimits = field(default_factory=RateLimits)
    desk_idle: timedelta = DeskOptions.idle
    desk_cookies: SecureCookies = SecureCookies.AUTO
    desk_origins: tuple[str, ...] = ()

    @property
    def desk(self) -> DeskOptions:
        """Return what the desk is told."""
        return DeskOptions(self.desk_idle, self.desk_cookies, self.desk_origins, self.demo, self.host)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> FrontSettings:
        """Read and check the environment.

        Raises:
            FrontError: something is missing or malformed; the text names it.
        """

        def needed(name: str) -> str:
            value = environ.get(f"ZHIXIN_{name}", "")
            if not value:
                raise FrontError(f"ZHIXIN_{name} is missing")
            return value

        def given(name: str, default: str) -> str:
            return environ.get(f"ZHIXIN_{name}") or default

        def several(name: str) -> tuple[str, ...]:
            return tuple(part.strip() for part in given(name, "").split(",") if part.strip())

        data_dir = Path(given("DATA_DIR", "var")).resolve()
        default = RateLimits()
        try:
            return cls(
                record_url=given("RECORD_URL", f"sqlite:///{data_dir / 'record.db'}"),
                data_keys=needed("DATA_KEYS"),
                assertion_key=needed("ASSERTION_KEY"),
                rasa_secret=needed("RASA_SECRET"),
                token_keys=needed("TOKEN_KEYS"),
                demo=given("MODE", "production") == "demo",  # what is not said to be a demo is none
                token_issuer=given("TOKEN_ISSUER", cls.token_issuer),
                token_audience=given("TOKEN_AUDIENCE", cls.token_audience),
                host=given("FRONT_HOST", cls.host),
                port=int(given("FRONT_PORT", str(cls.port))),
                rasa_port=int(given("RASA_PORT", str(cls.rasa_port))),
                action_port=int(given("ACTION_PORT", str(cls.action_port))),
                trusted_proxies=several("TRUSTED_PROXIES"),
                allowed_origins=several("ALLOWED_ORIGINS"),
                limits=RateLimits(
                    address=_rate(given("RATE_ADDRESS", ""), default.address),
                    opening=_rate(given("RATE_OPENING", ""), default.opening),
                    conversation=_rate(given("RATE_CONVERSATION", ""), default.conversation),
                ),
                desk_idle=timedelta(hours=float(given("DESK_IDLE_HOURS", "12"))),
                desk_cookies=SecureCookies(given("DESK_SECURE_COOKIES", "auto")),
                desk_origins=several("DESK_ORIGINS"),
            )
        except ValueError as exc:
            raise FrontError(f"the environment is not right: {exc}") from exc


def _rate(text: str, default: Rate) -> Rate:
    return Rate.parse(text) if text else default


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
    except ValueError as exc:
        raise FrontError(str(exc)) from exc
    lines = Lines(speaker, CardTexts.load())
    try:
        rules = Rules.load()
    except ValueError as exc:
        raise FrontError(str(exc)) from exc
    try:
        lines.check()
    except Exception as exc:
        raise FrontError(f"a line of the front cannot be spoken: {exc}") from exc
    database = Database(settings.record_url)
    hub = Hub()
    if duty is None:
        duty = AroundTheClock() if shop is None else ShopDuty(shop)
    handing = Handing(lines, listener or Listener(), duty, rules)
    store = Store(database, vault, clock, new_holder(), handing)
    reader = Reader(database, vault, lambda c, cid, owner: whereabouts(c, cid, owner, clock(), rules))
    assertions = Assertions(settings.assertion_key, clock)
    rasa = RasaClient(
        f"http://127.0.0.1:{settings.rasa_port}",
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
    app = make_app(
        Shared(conversations, tokens, Limiter(settings.limits), addresses, vault),
        actions=url_check(f"http://127.0.0.1:{settings.action_port}/health"),
        shoppers=_demo_shoppers if settings.demo else None,
        options=WebOptions(origins=settings.allowed_origins),
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
    shop = open_gateway()
    app, conversations = compose(settings, speaker, shop=shop)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stopped.set)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_GRACE_S)
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
    finally:
        await runner.cleanup()
        await conversations.close()
        await shop.close()


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(MaskingFilter())
    logging.basicConfig(level=level, handlers=[handler])


def _use_fast_loop() -> None:
    """Take uvloop where it is installed (Rasa's web server brings it): a fifth less work for each message."""
    try:
        import uvloop
    except ImportError:
        return
    uvloop.install()


def main() -> int:
    """Run the front; return the exit code."""
    _log_to_stderr(os.environ.get("ZHIXIN_LOG_LEVEL", "INFO").upper())
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
