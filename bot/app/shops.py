"""The shop as the command line opens it: the same gateway as the processes', from the settings."""

from __future__ import annotations

from actions.shop.gateway import ShopGateway
from bot.app.children import SHOP_KEYS, plain
from bot.app.settings import Settings, variable


def open_shop(settings: Settings) -> ShopGateway:
    """Open the shop of the settings, of either kind. Close it when done."""
    from actions.shop.open import open_gateway

    keys = ("mode", "data_dir", "data_keys", *SHOP_KEYS)
    return open_gateway({variable(key): plain(getattr(settings, key)) for key in keys})
