"""The figures of a process, in Prometheus' form: what there is, in one place, so that dashboards find it.

A registry of our own, so that nothing collides with what libraries register. No label ever holds an id or a
word of anybody: each takes its values from a fixed list, and what is not on the list counts as ``other``
(:class:`Known`). Each process tells its own part; ``docs/observability.md`` lists all.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"

disable_created_metrics()  # type: ignore[no-untyped-call]  # when a series began is of use to nobody here
REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

#: From a cached answer to a shop that is away: seconds.
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Known:
    """The values that a label may take.

    Args:
        values: the list; more may be added at the start, from a domain or a list of routes.
    """

    def __init__(self, *values: str) -> None:
        self._values = set(values)

    def add(self, values: Iterable[str]) -> None:
        """Let more values be told apart."""
        self._values.update(values)

    def of(self, value: str | None) -> str:
        """Return the value where it is on the list, else ``other``."""
        return value if value in self._values else OTHER

    def __len__(self) -> int:
        return len(self._values)


class FirstSeen(Known):
    """Values that only running code makes (names of exceptions): the first of them, and no more.

    Args:
        most: how many are told apart.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def of(self, value: str | None) -> str:
        """Return the value while there is room for it."""
        if value and value.isidentifier() and len(self) < self._most:
            self.add([value])
        return super().of(value)


# -- all processes -----------------------------------------------------------------------------------------

BUILD = Gauge("zhixin_build_info", "What runs: always 1.", ["process", "version"], registry=REGISTRY)
ERRORS = Counter("zhixin_errors", "Lines logged as ERROR, by exception.", ["kind"], registry=REGISTRY)
STAGE_SECONDS = Histogram(
    "zhixin_stage_seconds",
    "Time of one stage of a message. Front: accept, wait, turn, keep, message. Rasa: parse, action, run.",
    ["stage"],
    buckets=_BUCKETS,
    registry=REGISTRY,
)
STAGES = Known("accept", "wait", "turn", "keep", "message", "parse", "action", "run")
ERROR_KINDS = FirstSeen(40)

# -- the front ---------------------------------------------------------------------------------------------

MESSAGES = Counter(
    "zhixin_messages", "Messages of shoppers taken, without repeats.", ["channel", "kind"], registry=REGISTRY
)
CHANNELS, MESSAGE_KINDS = Known("rest", "websocket"), Known("text", "button", "picture")
CHANNEL_CALLS = Counter(
    "zhixin_channel_calls", "Calls of messaging platforms.", ["channel", "outcome"], registry=REGISTRY
)
CHANNEL_SENDS = Counter(
    "zhixin_channel_sends", "Parts sent to messaging platforms.", ["channel", "outcome"], registry=REGISTRY
)
CHANNEL_DOUBLES = Counter(
    "zhixin_channel_doubles",
    "Parts sent again although they may have been taken, where the platform knows no key.",
    ["channel"],
    registry=REGISTRY,
)
ANSWERS = Counter("zhixin_answers", "Answers of the bot that were stored.", ["outcome"], registry=REGISTRY)
OUTCOMES = Known("ok", "failed", "misunderstood")
RETRIES = Counter("zhixin_turn_retries", "Attempts at a turn that failed.", ["reason"], registry=REGISTRY)
RETRY_REASONS = Known("away", "broken", "refused")
ESCALATIONS = Counter("zhixin_escalations", "Hand-overs opened.", ["reason"], registry=REGISTRY)
HAND_BACKS = Counter("zhixin_hand_backs", "Conversations given back to the bot.", ["by"], registry=REGISTRY)
HAND_BACK_BY = Known("agent", "shopper", "system", "bot")
REQUESTS = Counter("zhixin_http_requests", "Requests answered.", ["route", "status"], registry=REGISTRY)
ROUTES = Known()
SOCKETS = Gauge("zhixin_sockets_open", "Open WebSockets.", registry=REGISTRY)
DRAINING = Gauge("zhixin_draining", "1 while the process is stopping.", registry=REGISTRY)
LOOP_LAG = Gauge("zhixin_event_loop_lag_seconds", "How late the event loop last was.", registry=REGISTRY)

# -- Rasa --------------------------------------------------------------------------------------------------

TURNS = Counter("zhixin_turns", "Turns.", ["outcome"], registry=REGISTRY)
TURN_OUTCOMES = Known("ok", "failed", "replayed", "broken")
INTENTS = Counter("zhixin_intents", "What was understood.", ["intent"], registry=REGISTRY)
INTENT_NAMES = Known()
TURNS_UNDER_WAY = Gauge("zhixin_turns_under_way", "Turns that have begun.", registry=REGISTRY)

# -- the actions -------------------------------------------------------------------------------------------

ACTIONS = Counter("zhixin_actions", "Actions run.", ["action", "outcome"], registry=REGISTRY)
ACTION_NAMES, ACTION_OUTCOMES = Known(), Known("ok", "rejected", "failed")
ACTION_SECONDS = Histogram("zhixin_action_seconds", "Time of an action.", buckets=_BUCKETS, registry=REGISTRY)

# -- whoever speaks to the shop ----------------------------------------------------------------------------

SHOP_CALLS = Counter(
    "zhixin_shop_calls",
    "Calls of the shop, retries not told apart.",
    ["operation", "outcome"],
    registry=REGISTRY,
)
SHOP_SECONDS = Histogram(
    "zhixin_shop_call_seconds",
    "Time of a call of the shop.",
    ["operation"],
    buckets=_BUCKETS,
    registry=REGISTRY,
)
SHOP_OUTCOMES = Known("ok", "refused", "unavailable", "cut_off", "failed")
SHOP_RETRIES = Counter("zhixin_shop_retries", "Reads asked again.", ["operation"], registry=REGISTRY)
SHOP_BREAKER = Gauge(
    "zhixin_shop_breaker", "The circuit breaker: 0 closed, 0.5 half open, 1 open.", registry=REGISTRY
)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Measure the block as a stage, however it ends."""
    began = perf_counter()
    try:
        yield
    finally:
        STAGE_SECONDS.labels(STAGES.of(name)).observe(perf_counter() - began)


def tell_build(process: str) -> None:
    """Tell which version of the project this process runs."""
    try:
        number = version("zhixin")
    except PackageNotFoundError:  # run from a folder that was not installed
        number = "unknown"
    BUILD.labels(process, number).set(1)


def breaker(state: str) -> None:
    """Note the state of the shop's circuit breaker: ``closed``, ``half_open`` or ``open``."""
    SHOP_BREAKER.set({"closed": 0.0, "half_open": 0.5, "open": 1.0}[state])


class CountErrors(logging.Handler):
    """Counts what is logged as an error, by the name of its exception."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)

    def emit(self, record: logging.LogRecord) -> None:
        """Count one line."""
        exc = record.exc_info[0] if record.exc_info else None
        ERRORS.labels(ERROR_KINDS.of(exc.__name__) if exc is not None else "logged").inc()


class Snapshot:
    """Figures that are looked up when somebody asks, told as gauges; one look serves all until the next.

    Args:
        registry: where it is told.
        families: name, help and label names of each figure; those that a look does not find are not told.
    """

    def __init__(
        self, registry: CollectorRegistry, families: Collection[tuple[str, str, tuple[str, ...]]]
    ) -> None:
        self._families = {name: (told, labels) for name, told, labels in families}
        self._found: dict[str, dict[tuple[str, ...], float]] = {}
        registry.register(self)  # type: ignore[arg-type]  # a collector by its methods

    def put(self, name: str, values: dict[tuple[str, ...], float]) -> None:
        """Note what was found: values of the labels → figure.

        Raises:
            KeyError: no such family.
        """
        assert name in self._families, name  # noqa: S101  (a slip of the pen of ours)
        self._found[name] = values

    def clear(self) -> None:
        """Forget all: what cannot be looked up is not told, and an alert on its absence can fire."""
        self._found = {}

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return the families without values, for the registry's check of names."""
        return [
            GaugeMetricFamily(name, told, labels=labels) for name, (told, labels) in self._families.items()
        ]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return what was found last."""
        for name, values in self._found.items():
            told, labels = self._families[name]
            family = GaugeMetricFamily(name, told, labels=labels)
            for of, value in values.items():
                family.add_metric(of, value)
            yield family


def exposition(registry: CollectorRegistry = REGISTRY) -> bytes:
    """Return all figures as text."""
    return generate_latest(registry)


def names(registry: CollectorRegistry = REGISTRY) -> frozenset[str]:
    """Return the names of all series of a registry, ``_bucket``, ``_sum`` and ``_total`` included."""
    return frozenset(registry._names_to_collectors)  # prometheus_client keeps them for its own check
