"""Column types that read the same on SQLite and PostgreSQL: sealed texts, money, moments."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import DateTime, Integer, Text
from sqlalchemy.types import TypeDecorator

from persona.privacy.vault import Vault

if TYPE_CHECKING:
    _Text = TypeDecorator[str]
    _Money = TypeDecorator[Decimal]
    _Moment = TypeDecorator[datetime]
else:  # SQLAlchemy 1.4 has no generic types at run time
    _Text = _Money = _Moment = TypeDecorator

#: The shop's time zone.
SHANGHAI = ZoneInfo("Asia/Shanghai")

_CENT = Decimal("0.01")
_VAULT = "zhixin_vault"


def give_vault(dialect: Any, vault: Vault) -> None:
    """Let the sealed columns of one engine use `vault`.

    A dialect object belongs to exactly one engine, so two shops with different keys can live in one
    process without a global.
    """
    setattr(dialect, _VAULT, vault)


class Sealed(_Text):
    """Text that is encrypted before it leaves the process.

    Args:
        context: ``table.column``; a sealed text moved to another column cannot be opened there.
    """

    impl = Text
    cache_ok = True

    def __init__(self, context: str = "") -> None:
        super().__init__()
        self.context = context

    def process_bind_param(self, value: Any, dialect: Any) -> str | None:
        """Seal on the way in."""
        return None if value is None else self._vault(dialect).seal(str(value), self.context)

    def process_result_value(self, value: Any, dialect: Any) -> str | None:
        """Open on the way out."""
        return None if value is None else self._vault(dialect).open(str(value), self.context)

    @staticmethod
    def _vault(dialect: Any) -> Vault:
        vault = getattr(dialect, _VAULT, None)
        if not isinstance(vault, Vault):
            raise TypeError("this engine was opened without data keys: personal data stay closed")
        return vault


class Money(_Money):
    """Yuan with two places, stored as whole fen (SQLite knows no decimals)."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> int | None:
        """Turn yuan into fen."""
        return None if value is None else int((Decimal(value) * 100).to_integral_exact())

    def process_result_value(self, value: Any, dialect: Any) -> Decimal | None:
        """Turn fen into yuan."""
        return None if value is None else (Decimal(value) / 100).quantize(_CENT)


class Moment(_Moment):
    """An aware datetime, stored as naive UTC, returned in the shop's time zone."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> datetime | None:
        """Refuse naive datetimes; they hide an hour that nobody meant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(timezone.utc).replace(tzinfo=None)  # type: ignore[no-any-return]

    def process_result_value(self, value: Any, dialect: Any) -> datetime | None:
        """Return the shop's time."""
        return None if value is None else value.replace(tzinfo=timezone.utc).astimezone(SHANGHAI)
