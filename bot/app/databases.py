"""The rooms' databases as the supervisor and the command line need them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bot.app.settings import Settings
from persona.privacy.vault import Vault


def _upgrade_shop(settings: Settings) -> None:
    from actions.shop.database import upgrade

    if settings.own_shop:
        upgrade(settings.shop_url)


def _upgrade_record(settings: Settings) -> None:
    from bot.conversation.migrate import upgrade

    upgrade(settings.record_url)


def _upgrade_trackers(settings: Settings) -> None:
    from bot.components.tracker_rows import TrackerRows

    TrackerRows(settings.tracker_url, Vault.from_text(settings.data_keys)).close()


#: Setting of the URL -> what brings that database's schema to the newest revision.
UPGRADES: dict[str, Callable[[Settings], None]] = {
    "shop_url": _upgrade_shop,
    "record_url": _upgrade_record,
    "tracker_url": _upgrade_trackers,
}


def seed_demo(settings: Settings) -> bool:
    """Fill the demo shop unless it has customers, or is not ours; say whether it was filled now."""
    if not settings.own_shop:
        return False
    from actions.shop.seed.demo import seed_demo as seed

    return seed(settings.shop_url, Vault.from_text(settings.data_keys))


def customer_ids(settings: Settings, limit: int) -> list[str]:
    """Return ids of customers of the embedded shop, in their order."""
    from sqlalchemy import select

    from actions.shop.database import open_engine
    from actions.shop.schema import CustomerRow

    engine = open_engine(settings.shop_url, None)
    try:
        with engine.connect() as connection:
            query = select(CustomerRow.customer_id).order_by(CustomerRow.customer_id).limit(limit)
            return [str(row[0]) for row in connection.execute(query)]
    finally:
        engine.dispose()


def reset_demo(settings: Settings) -> None:
    """Empty record and trackers and fill the demo shop anew, where it is ours. The stack must be stopped."""
    from actions.shop.seed.demo import reset_demo as reset_shop
    from bot.components.tracker_rows import TrackerRows
    from bot.conversation.database import make_engine
    from bot.conversation.schema import metadata

    vault = Vault.from_text(settings.data_keys)
    if settings.own_shop:
        reset_shop(settings.shop_url, vault)
    engine = make_engine(settings.record_url)
    try:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    finally:
        engine.dispose()
    rows = TrackerRows(settings.tracker_url, vault)
    try:
        rows.delete(rows.ids())
    finally:
        rows.close()


def export_profile(settings: Settings, customer_id: str) -> dict[str, Any] | None:
    """Return what the shop holds of a customer as JSON-ready data; None if it knows none."""
    from actions.shop.errors import NotFoundError
    from bot.app.shops import open_shop

    async def read() -> dict[str, Any] | None:
        shop = open_shop(settings)
        try:
            customer = await shop.customer(customer_id)
            history = await shop.history(customer_id)
            terms = [
                await shop.invoice_terms(o.order_number, customer_id=customer_id) for o in history.orders
            ]
            invoices = [term.current for term in terms if term.current is not None]
            return {"customer": customer, "history": history, "invoices": invoices}
        except NotFoundError:
            return None
        finally:
            await shop.close()

    return asyncio.run(read())
