"""Opens the shop that the environment names: our own tables, or a real shop's backend over HTTP."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from actions.shop.faulty import faulty
from actions.shop.gateway import ShopGateway
from actions.shop.http_settings import HttpSettings
from persona.privacy.vault import Vault

SQL, HTTP = "sql", "http"


def shop_kind(env: Mapping[str, str]) -> str:
    """Return what speaks for the shop.

    Raises:
        ValueError: neither ``sql`` nor ``http``.
    """
    kind = env.get("ZHIXIN_SHOP_KIND") or SQL
    if kind not in (SQL, HTTP):
        raise ValueError("ZHIXIN_SHOP_KIND must be sql (our own tables) or http (the shop's backend)")
    return kind


def shop_url(env: Mapping[str, str]) -> str:
    """Return the database URL: ``ZHIXIN_SHOP_URL``, else ``shop.db`` in the data folder."""
    return env.get("ZHIXIN_SHOP_URL") or f"sqlite:///{_data_dir(env) / 'shop.db'}"


def open_gateway(env: Mapping[str, str] | None = None) -> ShopGateway:
    """Open the shop. Nothing is created or migrated here, and nothing is asked yet.

    In demo mode the gateway obeys the fault switch, see :mod:`actions.shop.faulty`.

    Raises:
        ValueError: a setting is missing or malformed; the text names it, and shows no secret.
    """
    env = os.environ if env is None else env
    shop = _open_http(env) if shop_kind(env) == HTTP else _open_sql(env)
    if env.get("ZHIXIN_MODE") != "demo":
        return shop
    return faulty(shop, _data_dir(env) / "shop-fault", env.get("ZHIXIN_SHOP_FAULT", ""))


def _open_sql(env: Mapping[str, str]) -> ShopGateway:
    from actions.shop.sql import SqlShop

    keys = env.get("ZHIXIN_DATA_KEYS", "")
    if not keys:
        raise ValueError(
            "ZHIXIN_DATA_KEYS is missing: without data keys the shop's personal data stay closed"
        )
    return SqlShop(shop_url(env), Vault.from_text(keys))


def _open_http(env: Mapping[str, str]) -> ShopGateway:
    from actions.shop.http import HttpShop
    from actions.shop.http_auth import auth_of
    from actions.shop.http_transport import HttpOptions, Transport
    from persona.telemetry.tracing import outgoing_headers

    settings = HttpSettings.from_environment(env)
    problems = settings.problems()
    if problems:
        raise ValueError("; ".join(problems))
    options = HttpOptions(call_timeout_s=settings.call_timeout_s, budget_s=settings.timeout_s)
    return HttpShop(Transport(settings.url, auth_of(settings), options, headers=outgoing_headers))


def _data_dir(env: Mapping[str, str]) -> Path:
    return Path(env.get("ZHIXIN_DATA_DIR") or "var").resolve()
