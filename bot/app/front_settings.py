"""What the front is told by its environment, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.app import channel_values, checks
from bot.app.desk import DeskOptions
from bot.app.events import EventSettings
from bot.channels.limits import Rate, RateLimits
from bot.channels.tokens import parse_keys
from bot.channels.widget_files import WidgetOptions
from bot.conversation.alerts import GroupRobot
from bot.conversation.postgres import ServerLimits
from bot.desk.transport import SecureCookies
from persona.telemetry.access import LOOPBACK

#: A product's page of the demo shop, on the front itself.
DEMO_PRODUCT_URL = "/demo/p/{product_id}"


def inner(port: int) -> str:
    """Return where a process of this machine answers."""
    return f"http://127.0.0.1:{port}"


class FrontError(Exception):
    """The front cannot start; the text says what to do."""


@dataclass(frozen=True)
class FrontSettings:
    """What the environment says; see ``docs/architecture.md``, "Environment of the processes"."""

    record_url: str = field(repr=False)
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
    rasa_origin: str = ""
    action_origin: str = ""
    trusted_proxies: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    embed_origins: tuple[str, ...] = ()
    product_url: str = ""
    limits: RateLimits = field(default_factory=RateLimits)
    desk_idle: timedelta = DeskOptions.idle
    desk_cookies: SecureCookies = SecureCookies.AUTO
    desk_origins: tuple[str, ...] = ()
    data_dir: Path = Path()
    metrics_networks: str = LOOPBACK
    drain_s: float = 1.0
    stop_within_s: float = 10.0
    record: ServerLimits = field(default_factory=ServerLimits)
    redis_url: str = field(default="", repr=False)
    event_keys: str = field(default="", repr=False)
    webhook_urls: tuple[str, ...] = ()
    webhook_key: str = field(default="", repr=False)
    alert_urls: tuple[str, ...] = field(default=(), repr=False)
    late_watch: timedelta = EventSettings.watch_every
    channels: Mapping[str, Any] = field(default_factory=dict)
    public_url: str = ""
    bind_url: str = ""

    @property
    def events(self) -> EventSettings:
        """Return what is said of events and webhooks; ValueError where a key is malformed."""
        keys = parse_keys(self.event_keys) if self.event_keys else {}
        return EventSettings(
            keys,
            self.webhook_urls,
            self.webhook_key,
            self.late_watch,
            groups=tuple(map(GroupRobot.parse, self.alert_urls)),
            desk=f"{self.public_url}/desk" if self.public_url else "",
        )

    @property
    def widget(self) -> WidgetOptions:
        """Return what is said of the widget."""
        product_url = self.product_url or (DEMO_PRODUCT_URL if self.demo else None)
        return WidgetOptions(self.embed_origins, self.demo, product_url)

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
            return checks.split(given(name, ""))

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
                rasa_origin=given("RASA_ORIGIN", ""),
                action_origin=given("ACTION_ORIGIN", ""),
                trusted_proxies=several("TRUSTED_PROXIES"),
                allowed_origins=several("ALLOWED_ORIGINS"),
                embed_origins=checks.split(checks.exact_origins(given("EMBED_ORIGINS", ""))),
                product_url=checks.product_url(given("PRODUCT_URL", "")),
                limits=RateLimits(
                    address=_rate(given("RATE_ADDRESS", ""), default.address),
                    opening=_rate(given("RATE_OPENING", ""), default.opening),
                    conversation=_rate(given("RATE_CONVERSATION", ""), default.conversation),
                ),
                desk_idle=timedelta(hours=float(given("DESK_IDLE_HOURS", "12"))),
                desk_cookies=SecureCookies(given("DESK_SECURE_COOKIES", "auto")),
                desk_origins=several("DESK_ORIGINS"),
                data_dir=data_dir,
                metrics_networks=given("METRICS_NETWORKS", cls.metrics_networks),
                drain_s=float(given("DRAIN_S", str(cls.drain_s))),
                stop_within_s=float(given("STOP_WITHIN_S", str(cls.stop_within_s))),
                record=ServerLimits(
                    int(given("RECORD_CONNECTIONS", str(ServerLimits.connections))),
                    float(given("STATEMENT_TIMEOUT_S", str(ServerLimits.statement_s))),
                ),
                redis_url=given("REDIS_URL", ""),
                event_keys=given("EVENT_KEYS", ""),
                webhook_urls=several("WEBHOOK_URLS"),
                webhook_key=given("WEBHOOK_KEY", ""),
                alert_urls=several("ALERT_URLS"),
                late_watch=timedelta(seconds=float(given("LATE_WATCH_S", "60"))),
                channels=channel_values.read(given("CHANNELS", ""), environ),
                public_url=given("PUBLIC_URL", ""),
                bind_url=given("BIND_URL", ""),
            )
        except ValueError as exc:
            raise FrontError(f"the environment is not right: {exc}") from exc


def _rate(text: str, default: Rate) -> Rate:
    return Rate.parse(text) if text else default
