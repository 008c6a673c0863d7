"""Opens the shop that the environment names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from actions.shop.faulty import FaultyShop
from actions.shop.gateway import ShopGateway
from actions.shop.sql import SqlShop
from persona.privacy.vault import Vault


def shop_url(env: Mapping[str, str]) -> str:
    """Return the database URL: ``ZHIXIN_SHOP_URL``, else ``shop.db`` in the data folder."""
    return env.get("ZHIXIN_SHOP_URL") or f"sqlite:///{_data_dir(env) / 'shop.db'}"


def open_gateway(env: Mapping[str, str] | None = None) -> ShopGateway:
    """Open the shop. Nothing is created or migrated here.

    In demo mode the gateway obeys the fault switch, see :mod:`actions.shop.faulty`.

    Raises:
        ValueError: the data keys are missing or malformed, or the URL names another kind of database.
    """
    env = os.environ if env is None else env
    keys = env.get("ZHIXIN_DATA_KEYS", "")
    if not keys:
        raise ValueError(
            "ZHIXIN_DATA_KEYS is missing: without data keys the shop's personal data stay closed"
        )
    shop = SqlShop(shop_url(env), Vault.from_text(keys))
    if env.get("ZHIXIN_MODE") != "demo":
        return shop
    return FaultyShop(shop, _data_dir(env) / "shop-fault", env.get("ZHIXIN_SHOP_FAULT", ""))


def _data_dir(env: Mapping[str, str]) -> Path:
    return Path(env.get("ZHIXIN_DATA_DIR") or "var").resolve()
