"""Export and erasure of one customer over record, trackers and shop, each by its own room's functions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from bot.app.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from persona.privacy.vault import Vault


def export(settings: Settings, customer_id: str) -> dict[str, Any] | None:
    """Return all that is held of a customer as JSON-ready data, or None if nothing is.

    The trackers hold no more than the record's newest messages, so they are counted, not copied.
    """
    from bot.app import databases
    from bot.conversation.database import make_engine
    from bot.conversation.privacy import export_customer
    from persona.privacy.vault import Vault

    vault = Vault.from_text(settings.data_keys)
    engine = make_engine(settings.record_url)
    try:
        with engine.connect() as connection:
            record = export_customer(connection, vault, customer_id)
    finally:
        engine.dispose()
    profile = databases.export_profile(settings, customer_id)
    if (
        profile is None
        and not record["conversations"]
        and not record["events"]
        and not record["notices"]
        and record["belief"] is None
        and record["personalisation"]
    ):
        return None
    return {"customer_id": customer_id, "profile": _plain(profile), "record": record}


def _plain(value: Any) -> Any:
    """Return dataclasses, enums, money and moments as JSON carries them."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


@dataclass(frozen=True)
class Erasure:
    """What an erasure did."""

    found: tuple[str, ...]  # what was erased, in words; () where nothing was held
    shop_keeps: bool  # the shop's backend holds data of its own, and erases them in its own system


def erase(settings: Settings, customer_id: str) -> Erasure:
    """Delete all that is held of a customer in record, trackers and shop."""
    from bot.components.tracker_rows import TrackerRows
    from persona.privacy.vault import Vault

    vault = Vault.from_text(settings.data_keys)
    ids, known = erase_in_record(settings.record_url, vault, customer_id)
    rows = TrackerRows(settings.tracker_url, vault)
    try:
        trackers = rows.delete(ids)
    finally:
        rows.close()
    profile = _erase_in_shop(settings, customer_id)
    counted = (
        (len(ids), f"{len(ids)} conversations"),
        (trackers, f"{trackers} trackers"),
        (known, "the stored belief and choices"),
        (int(profile or False), "the shop's profile"),
    )
    return Erasure(tuple(words for count, words in counted if count), shop_keeps=profile is None)


def erase_in_record(url: str, vault: Vault, customer_id: str) -> tuple[tuple[str, ...], int]:
    """Delete all that the record holds of a customer, also while she is writing.

    Returns:
        The ids of her conversations, and how many rows of belief and choices there were.
    """
    from sqlalchemy import func, select

    from bot.conversation.database import make_engine
    from bot.conversation.postgres import transaction
    from bot.conversation.privacy import erase_customer, lock_customer
    from bot.conversation.schema import shoppers

    def work(connection: Connection) -> tuple[tuple[str, ...], int]:
        lock_customer(connection, vault, customer_id)
        counting = select(func.count()).select_from(shoppers).where(shoppers.c.customer_id == customer_id)
        known = int(connection.execute(counting).scalar_one())
        return erase_customer(connection, customer_id), known

    engine = make_engine(url)
    try:
        return transaction(engine.execution_options(writes=True), work)
    finally:
        engine.dispose()


def _erase_in_shop(settings: Settings, customer_id: str) -> bool | None:
    """Say whether the shop knew the customer and erased her; None where it does that itself."""
    from actions.shop.errors import NotOfferedError
    from bot.app.shops import open_shop

    async def run() -> bool | None:
        shop = open_shop(settings)
        try:
            return await shop.erase_customer(customer_id)
        except NotOfferedError:
            return None
        finally:
            await shop.close()

    return asyncio.run(run())
