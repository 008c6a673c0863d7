"""Strict reading of the shop's events: every fault is named by its field, and none is passed over."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.conversation.schema import SHANGHAI
from bot.conversation.shop_news import NewsKind, ShopNews

#: How far in the future an event may lie: the clocks of both sides differ.
AHEAD = timedelta(minutes=10)
_EARLIEST = datetime(2000, 1, 1, tzinfo=SHANGHAI)
_LATEST = datetime(2100, 1, 1, tzinfo=SHANGHAI)

_ID = re.compile(r"[\x21-\x7e]+")
_MONEY = re.compile(r"(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})")

Value = str | None


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field; `field` is its path, e.g. ``data.expected_by``."""

    field: str
    message: str


class EventFaultsError(ValueError):
    """An event that cannot be taken.

    Attributes:
        event_id: where it could be read.
        faults: everything that is wrong with it.
    """

    def __init__(self, event_id: str | None, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in faults))
        self.event_id = event_id
        self.faults = faults


# -- values: each returns the text that is kept, or raises ValueError with what is wanted -----------------


def _text(longest: int, *, least: int = 1) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("must not hold NUL or lone surrogates")
        if not least <= len(value.strip()) or len(value) > longest:
            raise ValueError(f"must have {least} to {longest} characters" if least else f"{longest} at most")
        return value

    return read


def _id(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest or not _ID.fullmatch(value):
            raise ValueError(f"must be 1 to {longest} printable ASCII characters without space")
        return value

    return read


def _number(least: int, most: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return str(value)

    return read


def _flag(value: Any) -> str:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return "true" if value else "false"


def _money(value: Any) -> str:
    if not isinstance(value, str) or not _MONEY.fullmatch(value) or Decimal(value) > 10_000_000:
        raise ValueError('must be yuan as a string with at most two places, like "89.00"')
    return value


def _moment(value: Any) -> str:
    return moment(value).isoformat()


def moment(value: Any) -> datetime:
    """Return a moment in the shop's time zone; ValueError where it is no ISO 8601 moment with its zone."""
    wanted = 'must be an ISO 8601 moment with its zone, like "2026-11-24T18:00:00+08:00"'
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError(wanted)
    whole, _, rest = value.partition(".")
    if rest:  # Python 3.10 reads three or six digits of a second, and no others
        digits = re.match(r"\d+", rest)
        assert digits is not None  # noqa: S101  # by the form above
        value = f"{whole}.{digits.group().ljust(6, '0')}{rest[digits.end() :]}"
    try:
        at = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        raise ValueError(wanted) from None
    if not _EARLIEST <= at < _LATEST:
        raise ValueError("must lie between 2000 and 2100")
    return at


def _one_of(*values: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return value

    return read


#: The levels and states that an event may name; the shop's models have the same (a test compares).
LEVELS = ("ordinary", "silver", "gold", "diamond")
RETURN_STATES = ("received", "done")

_CUSTOMER = ("customer_id",)
_ORDER = ("customer_id", "order_number")


@dataclass(frozen=True)
class Form:
    """What an event of one kind holds.

    Attributes:
        ids: which of customer_id, order_number and product_id it needs; it may have no others.
        needed: keys of `data` that must be there.
        optional: keys that may be.
        least: how many of the optional ones there must be.
    """

    ids: tuple[str, ...]
    needed: Mapping[str, Callable[[Any], str]]
    optional: Mapping[str, Callable[[Any], str]]
    least: int = 0


FORMS: Mapping[NewsKind, Form] = {
    NewsKind.PAID: Form(_ORDER, {}, {"amount": _money, "method": _text(24)}),
    NewsKind.SHIPPED: Form(
        _ORDER,
        {"carrier": _text(40), "tracking_number": _text(40)},
        {"promised_by": _moment, "expected_by": _moment},
    ),
    NewsKind.DELAYED: Form(_ORDER, {}, {"expected_by": _moment, "cause": _text(120)}, least=1),
    NewsKind.DELIVERED: Form(_ORDER, {}, {}),
    NewsKind.RETURNED: Form(_ORDER, {}, {"amount": _money, "state": _one_of(*RETURN_STATES)}),
    NewsKind.REVIEWED: Form(
        (*_ORDER, "product_id"),
        {"stars": _number(1, 5)},
        {"text": _text(5000, least=0), "pictures": _number(0, 99)},
    ),
    NewsKind.BROWSED: Form(
        (*_CUSTOMER, "product_id"),
        {"seconds": _number(0, 86_400)},
        {"compared": _flag, "detail_opened": _flag},
    ),
    NewsKind.PROFILE_CHANGED: Form(
        _CUSTOMER,
        {},
        {
            "name": _text(60),
            "phone": _text(20),
            "level": _one_of(*LEVELS),
            "points": _number(0, 100_000_000),
        },
        least=1,
    ),
    NewsKind.RESTOCKED: Form(("product_id",), {"stock": _number(0, 1_000_000)}, {"sku_id": _id(40)}),
}

_IDS: Mapping[str, Callable[[Any], str]] = {
    "customer_id": _id(128),
    "order_number": _id(64),
    "product_id": _id(64),
}
_FIELDS = {"event_id", "kind", "at", *_IDS, "data"}


def read_event(given: Any, now: datetime) -> ShopNews:
    """Return one event.

    Args:
        given: as parsed from JSON.
        now: the present, which an event may lie ahead of by :data:`AHEAD` at most.

    Raises:
        EventFaultsError: names everything that is wrong.
    """
    if not isinstance(given, dict):
        raise EventFaultsError(None, (Fault("", "must be an object"),))
    reading = _Reading(given)
    event_id = reading.value("event_id", _id(128))
    kind = reading.value("kind", _one_of(*(kind.value for kind in NewsKind)))
    at = _EARLIEST
    try:
        at = moment(given.get("at"))
        if at > now + AHEAD:
            reading.fault("at", "lies in the future")
    except ValueError as exc:
        reading.fault("at", str(exc))
    for name in sorted(set(given) - _FIELDS):
        reading.fault(_shown(name), "is no field of an event")
    ids: dict[str, Value] = dict.fromkeys(_IDS)
    data: dict[str, str] = {}
    if kind:
        form = FORMS[NewsKind(kind)]
        ids = {name: reading.identity(name, read, form) for name, read in _IDS.items()}
        data = reading.data(form)
    if reading.faults:
        raise EventFaultsError(event_id or None, tuple(reading.faults))
    return ShopNews(event_id, NewsKind(kind), at, data=data, **ids)


class _Reading:
    """Reads the fields of one event and collects what is wrong."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self.faults: list[Fault] = []

    def fault(self, field: str, message: str) -> None:
        self.faults.append(Fault(field, message))

    def value(self, name: str, read: Callable[[Any], str]) -> str:
        if name not in self._given:
            self.fault(name, "is missing")
            return ""
        try:
            return read(self._given[name])
        except ValueError as exc:
            self.fault(name, str(exc))
            return ""

    def identity(self, name: str, read: Callable[[Any], str], form: Form) -> Value:
        if name in form.ids:
            return self.value(name, read)
        if self._given.get(name) is not None:
            self.fault(name, "does not belong to this kind of event")
        return None

    def data(self, form: Form) -> dict[str, str]:
        given = self._given.get("data", {})
        if not isinstance(given, dict):
            self.fault("data", "must be an object")
            return {}
        known = {**form.needed, **form.optional}
        for name in sorted(set(given) - set(known)):
            self.fault(f"data.{_shown(name)}", "does not belong to this kind of event")
        found: dict[str, str] = {}
        for name, read in known.items():
            value = given.get(name)
            if value is None:
                if name in form.needed:
                    self.fault(f"data.{name}", "is missing")
                continue
            try:
                found[name] = read(value)
            except ValueError as exc:
                self.fault(f"data.{name}", str(exc))
        if not self.faults and sum(name in found for name in form.optional) < form.least:
            self.fault("data", f"needs at least one of {', '.join(form.optional)}")
        return found


def _shown(name: str) -> str:
    """Return an unknown field's name as it may be printed."""
    return name[:40].encode("utf-8", "replace").decode()
