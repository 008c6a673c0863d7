"""One frozen settings object from environment variables (``ZHIXIN_*``) and one optional file.

Precedence: environment, then ``zhixin.yml`` in the working folder (or the file that ``ZHIXIN_CONFIG``
names), then the default. The file uses the same names in lower case without the prefix
(``front_port: 8080``). Every key is documented in ``docs/configuration.md``; a test compares both.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from actions.shop.http_settings import HttpSettings
from bot.app import channel_values, checks, secretstore
from persona.telemetry.log_format import LogFormat

PREFIX = "ZHIXIN_"
CONFIG_VARIABLE = "ZHIXIN_CONFIG"
DEFAULT_FILE = "zhixin.yml"

#: The checkout: where ``bot/domain`` and ``nlu_data`` are.
PROJECT_ROOT = Path(__file__).resolve().parents[2]


class Mode(str, Enum):
    """How the stack runs."""

    DEMO = "demo"
    PRODUCTION = "production"


class ShopKind(str, Enum):
    """What speaks for the shop."""

    SQL = "sql"  # our own tables, at `shop_url`
    HTTP = "http"  # the shop's backend, whose base address is `shop_url`


class PlainHttp(str, Enum):
    """Whether calls of the shop's backend may leave this machine unencrypted."""

    REFUSE = "refuse"
    ALLOW = "allow"


class DeskCookies(str, Enum):
    """Whether cookies of the desk travel over TLS only."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Secrets(str, Enum):
    """What :func:`load` does about secrets that are not given, in demo mode."""

    MAKE = "make"  # read those of ``<data_dir>/secrets.json``, making them if there are none
    READ = "read"  # read them; missing ones are a problem
    SKIP = "skip"  # leave them empty: for commands that need none, in either mode


class SettingsError(Exception):
    """The settings are wrong or incomplete.

    Attributes:
        problems: one sentence for each wrong or missing setting, all of them at once.
    """

    def __init__(self, problems: list[str]) -> None:
        """Keep the sentences; the text joins them as a list."""
        super().__init__("the settings are not right:\n" + "\n".join(f"  - {p}" for p in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Settings:
    """All settings, parsed. Meanings and units are in ``docs/configuration.md``.

    URLs and secrets are never empty after :func:`load`. Each field is the key of the file, and, in
    capitals with the prefix, the environment variable.
    """

    mode: Mode = Mode.DEMO
    data_dir: Path = Path("var")
    model_dir: Path = Path("models")
    record_url: str = field(default="", repr=False)  # an address may hold a password
    tracker_url: str = field(default="", repr=False)
    shop_kind: ShopKind = ShopKind.SQL
    shop_url: str = field(default="", repr=False)
    shop_key: str = field(default="", repr=False)
    shop_token_url: str = ""
    shop_client_id: str = ""
    shop_client_secret: str = field(default="", repr=False)
    shop_scope: str = ""
    shop_plain_http: PlainHttp = PlainHttp.REFUSE
    shop_call_timeout_s: float = 4.0
    record_connections: int = 6
    tracker_connections: int = 4
    statement_timeout_s: float = 15.0
    redis_url: str = field(default="", repr=False)
    data_keys: str = field(default="", repr=False)
    assertion_key: str = field(default="", repr=False)
    rasa_secret: str = field(default="", repr=False)
    action_secret: str = field(default="", repr=False)
    token_keys: str = field(default="", repr=False)
    token_issuer: str = "zhixin"  # noqa: S105
    token_audience: str = "zhixin-shoppers"  # noqa: S105
    front_host: str = "127.0.0.1"
    front_port: int = 8080
    allowed_origins: str = ""
    embed_origins: str = ""
    product_url: str = ""
    trusted_proxies: str = ""
    rate_address: str = "300/900"
    rate_opening: str = "30/120"
    rate_conversation: str = "4/240"
    desk_idle_hours: float = 12.0
    desk_secure_cookies: DeskCookies = DeskCookies.AUTO
    desk_origins: str = ""
    rasa_port: int = 5005
    action_port: int = 5055
    inner_host: str = "127.0.0.1"
    rasa_origin: str = ""
    action_origin: str = ""
    event_keys: str = field(default="", repr=False)
    webhook_urls: str = field(default="", repr=False)
    webhook_key: str = field(default="", repr=False)
    alert_urls: str = field(default="", repr=False)
    late_watch_s: float = 60.0
    channels: str = ""
    public_url: str = ""
    bind_url: str = ""
    shop_timeout_s: float = 9.0
    shop_fault: str = ""
    stop_within_s: float = 10.0
    drain_s: float = 1.0
    metrics_networks: str = "127.0.0.0/8,::1/128"
    log_level: str = "INFO"
    log_format: LogFormat = LogFormat.AUTO
    #: Variables of the messaging channels that are switched on; no key of its own.
    channel_values: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def front_url(self) -> str:
        """Return the address a browser opens."""
        host = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}.get(self.front_host, self.front_host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.front_port}"

    @property
    def own_shop(self) -> bool:
        """Whether the shop is tables of ours; else a backend keeps it, and nothing migrates or fills it."""
        return self.shop_kind is ShopKind.SQL

    @property
    def logs_dir(self) -> Path:
        """Return the folder of the processes' logs."""
        return self.data_dir / "logs"


#: Keys whose values must never be shown.
SECRET_KEYS = ("data_keys", "assertion_key", "rasa_secret", "action_secret", "token_keys")
#: Secrets that may be left out: without them there are no events, and no webhooks.
OPTIONAL_SECRET_KEYS = ("event_keys", "webhook_key")

_DATABASES = {"record_url": "record.db", "tracker_url": "tracker.db", "shop_url": "shop.db"}
_FIELDS = {f.name: f for f in fields(Settings) if f.name != "channel_values"}


def variable(key: str) -> str:
    """Return the environment variable of a key."""
    return PREFIX + key.upper()


def load(
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    *,
    secrets: Secrets = Secrets.MAKE,
    only: Collection[str] | None = None,
) -> Settings:
    """Read, check and complete the settings.

    Args:
        environ: the environment; the process's own by default.
        folder: where ``zhixin.yml`` is looked for and relative folders start; the working folder by default.
        secrets: what to do about secrets that are not given.
        only: the settings that one process alone gets: it needs no others' secrets. All by default.

    Raises:
        SettingsError: names everything that is wrong or missing at once.
    """
    environ = os.environ if environ is None else environ
    folder = Path.cwd() if folder is None else folder
    problems: list[str] = []
    data, where = _file(environ, folder, problems)
    named = environ.get(variable("channels")) or str(data.get("channels") or "")
    theirs = {name: name.removeprefix(PREFIX).lower() for name in channel_values.variables(named)}
    channels = {
        name: environ.get(name) or plain_text(data.get(key))
        for name, key in theirs.items()
        if environ.get(name) or data.get(key) is not None
    }
    known = _known(data, where, theirs.values(), problems)
    raw = {**known, **_from_environment(environ, theirs, problems)}
    values = _parse(raw, problems)
    if {"mode", "data_dir"} & (raw.keys() - values.keys()):
        raise SettingsError(problems)  # the rest cannot be judged without these two
    settings = Settings(**values, channel_values=channels)
    settings = _complete(settings, folder)
    problems += [] if secrets is Secrets.SKIP else channel_values.problems(settings.channels, channels)
    if secrets is Secrets.SKIP:
        pass
    elif settings.mode is Mode.DEMO:
        settings = _demo_secrets(settings, problems, make=secrets is Secrets.MAKE and not problems)
    else:
        problems += _production_secrets(settings, only)
    problems += checks.formats(settings.data_keys, settings.token_keys)
    problems += checks.signed(settings.event_keys, settings.webhook_urls, settings.webhook_key)
    problems += [] if secrets is Secrets.SKIP else _shop(settings)
    problems += checks.ports(
        {variable(k): getattr(settings, k) for k in ("front_port", "rasa_port", "action_port")}
    )
    if problems:
        raise SettingsError(problems)
    return settings


def _file(environ: Mapping[str, str], folder: Path, problems: list[str]) -> tuple[Mapping[Any, Any], Path]:
    named = environ.get(CONFIG_VARIABLE)
    path = folder / (named or DEFAULT_FILE)
    if not path.exists():
        if named:
            problems.append(f"{CONFIG_VARIABLE} names {path}, which does not exist")
        return {}, path
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        problems.append(f"{path} cannot be read as YAML: {str(exc).splitlines()[0]}")
        return {}, path
    if data is None:
        return {}, path
    if not isinstance(data, dict):
        problems.append(f"{path} must hold keys and values, like `front_port: 8080`")
        return {}, path
    return data, path


def _known(
    data: Mapping[Any, Any], path: Path, others: Collection[str], problems: list[str]
) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for key, value in data.items():
        if key in _FIELDS:
            known[key] = value
        elif key not in others:
            problems.append(f"{path}: unknown key {key!r}{_hint(str(key), _FIELDS)}")
    return known


def plain_text(value: Any) -> str:
    """Return a value of the file as a variable holds it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _from_environment(
    environ: Mapping[str, str], others: Collection[str], problems: list[str]
) -> dict[str, Any]:
    names = {variable(key): key for key in _FIELDS}
    # Platforms put variables of their own beside ours (a Kubernetes service named "zhixin" makes
    # ZHIXIN_PORT), so only what looks like a slip of the pen is a problem.
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in names and name not in {CONFIG_VARIABLE, *others}:
            hint = _hint(name, names, cutoff=0.87)
            if hint:
                problems.append(f"unknown variable {name}{hint}")
    return {key: environ[name] for name, key in names.items() if environ.get(name, "") != ""}


def _hint(word: str, known: Mapping[str, Any], cutoff: float = 0.7) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {close[0]}?" if close else ""


def _parse(raw: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in raw.items():
        default = _FIELDS[key].default
        kind = type(default)
        try:
            if isinstance(value, dict | list) or (isinstance(value, bool) and kind is not bool):
                raise ValueError("a single value is wanted")
            values[key] = checks.parse(key, value, kind)
        except ValueError as exc:
            problems.append(f"{variable(key)} (or {key} in the file): {exc}")
    return values


def _complete(settings: Settings, folder: Path) -> Settings:
    data_dir = (folder / settings.data_dir.expanduser()).resolve()
    given = {key: getattr(settings, key) for key in _DATABASES}
    urls: dict[str, Any] = {
        key: given[key] or f"sqlite:///{data_dir / name}"
        for key, name in _DATABASES.items()
        if key != "shop_url" or settings.shop_kind is ShopKind.SQL
    }
    return replace(
        settings,
        data_dir=data_dir,
        model_dir=(PROJECT_ROOT / settings.model_dir.expanduser()).resolve(),
        rasa_origin=settings.rasa_origin or f"http://127.0.0.1:{settings.rasa_port}",
        action_origin=settings.action_origin or f"http://127.0.0.1:{settings.action_port}",
        **urls,
    )


def _shop(settings: Settings) -> list[str]:
    if settings.shop_kind is ShopKind.SQL:
        http = settings.shop_url.startswith("http")
        return ["ZHIXIN_SHOP_URL is an address of HTTP: set ZHIXIN_SHOP_KIND=http too"] if http else []
    if settings.shop_url and not settings.shop_url.startswith("http"):
        return ["ZHIXIN_SHOP_URL is a database: with ZHIXIN_SHOP_KIND=http it is the backend's address"]
    demo = settings.mode is Mode.DEMO
    return HttpSettings(
        url=settings.shop_url,
        key=settings.shop_key,
        token_url=settings.shop_token_url,
        client_id=settings.shop_client_id,
        client_secret=settings.shop_client_secret,
        scope=settings.shop_scope,
        plain_http=demo or settings.shop_plain_http is PlainHttp.ALLOW,
        open_door=demo,
        timeout_s=settings.shop_timeout_s,
        call_timeout_s=settings.shop_call_timeout_s,
    ).problems()


def _production_secrets(settings: Settings, only: Collection[str] | None) -> list[str]:
    keys = [key for key in SECRET_KEYS if only is None or key in only]
    keys += [key for key in OPTIONAL_SECRET_KEYS if getattr(settings, key)]
    given = {variable(key): str(getattr(settings, key)) for key in keys}
    demo = secretstore.read(settings.data_dir)
    problems = checks.distinct(given)
    for key in keys:
        problems += checks.secret(variable(key), given[variable(key)], forbidden=demo.get(key, ""))
    return problems


def _demo_secrets(settings: Settings, problems: list[str], *, make: bool) -> Settings:
    missing = [key for key in SECRET_KEYS if not getattr(settings, key)]
    if not missing:
        return settings
    try:
        kept = secretstore.read_or_make(settings.data_dir) if make else secretstore.read(settings.data_dir)
    except OSError as exc:
        problems.append(f"the demo's secrets cannot be kept in {settings.data_dir}: {exc.strerror or exc}")
        return settings
    lacking = [key for key in missing if not kept.get(key)]
    if lacking and not problems:
        problems.append(
            f"no secrets in {settings.data_dir} yet: start the demo once with `zhixin run`"
            if len(lacking) == len(SECRET_KEYS)
            else f"{secretstore.path(settings.data_dir)} lacks {', '.join(lacking)}: delete it and start anew"
        )
    found: dict[str, Any] = {key: kept[key] for key in missing if kept.get(key)}
    return replace(settings, **found)
