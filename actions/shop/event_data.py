"""Reads the texts that come with an event. Errors name the key, never the value: it may be personal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from actions.shop.columns import SHANGHAI
from actions.shop.errors import EventDataError

_MOST = Decimal(10_000_000)


class EventData:
    """The data of one event by key. Every method raises EventDataError where the value cannot be read."""

    def __init__(self, data: Mapping[str, str]) -> None:
        self._data = data

    def text(self, key: str, longest: int) -> str | None:
        """Return a text without blanks around it, cut to `longest` characters, or None."""
        value = self._data.get(key)
        if value is None:
            return None
        return value.replace("\0", "").strip()[:longest] or None

    def needed(self, key: str, longest: int) -> str:
        """Return a text that must be there."""
        value = self.text(key, longest)
        if value is None:
            raise EventDataError(key)
        return value

    def number(self, key: str, *, least: int = 0, most: int = 1_000_000) -> int | None:
        """Return a whole number within bounds, or None."""
        value = self._data.get(key)
        if value is None:
            return None
        if not (value.isascii() and value.isdigit() and len(value) <= 9 and least <= int(value) <= most):
            raise EventDataError(key)
        return int(value)

    def money(self, key: str) -> Decimal | None:
        """Return yuan with at most two places, or None."""
        value = self._data.get(key)
        if value is None:
            return None
        try:
            amount = Decimal(value)
        except InvalidOperation:
            raise EventDataError(key) from None
        if not amount.is_finite() or not 0 <= amount <= _MOST or amount != round(amount, 2):
            raise EventDataError(key)
        return round(amount, 2)

    def moment(self, key: str) -> datetime | None:
        """Return an aware moment in the shop's zone, or None."""
        value = self._data.get(key)
        if value is None:
            return None
        try:
            at = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            raise EventDataError(key) from None
        if at.tzinfo is None:
            raise EventDataError(key)
        try:
            return at.astimezone(SHANGHAI)
        except OverflowError:
            raise EventDataError(key) from None

    def flag(self, key: str) -> bool:
        """Return a flag; False where it is left out."""
        value = self._data.get(key, "false")
        if value not in ("true", "false"):
            raise EventDataError(key)
        return value == "true"
