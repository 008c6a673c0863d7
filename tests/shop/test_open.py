"""Opening the shop by the environment, and making it fail on demand."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from actions.shop.errors import ShopTimeoutError, ShopUnavailableError
from actions.shop.gateway import ShopGateway
from actions.shop.models import OrderState
from actions.shop.open import open_gateway
from actions.shop.sql import SqlShop
from persona.privacy.vault import Vault
from tests.support.shop import demo_template

KEY = "t1=emhpeGluLXRlc3Qta2V5LW9mLTMyLWJ5dGVzLWxvbmc"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    shutil.copy(demo_template(), tmp_path / "shop.db")
    return {"ZHIXIN_MODE": "demo", "ZHIXIN_DATA_DIR": str(tmp_path), "ZHIXIN_DATA_KEYS": KEY}


def gateway_of(shop: SqlShop) -> ShopGateway:
    """mypy's proof that it implements the protocol."""
    return shop


async def test_the_environment_names_the_shop(env: dict[str, str]) -> None:
    shop = open_gateway(env)
    assert (await shop.customer("u1006")).name == "林静文"
    await shop.close()
    shop = open_gateway({**env, "ZHIXIN_SHOP_URL": f"sqlite:///{env['ZHIXIN_DATA_DIR']}/other.db"})
    with pytest.raises(ShopUnavailableError):
        await shop.customer("u1006")
    await shop.close()


def test_without_data_keys_nothing_opens(env: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="ZHIXIN_DATA_KEYS"):
        open_gateway({**env, "ZHIXIN_DATA_KEYS": ""})
    with pytest.raises(ValueError, match="id=<base64>"):
        open_gateway({**env, "ZHIXIN_DATA_KEYS": Vault.new_key()})


async def test_the_switch_works_while_the_shop_runs(env: dict[str, str], tmp_path: Path) -> None:
    shop = open_gateway(env)
    switch = tmp_path / "shop-fault"
    switch.write_text("down")
    with pytest.raises(ShopUnavailableError):
        await shop.orders("u1001")
    switch.unlink()
    order = next(o for o in await shop.orders("u1001") if o.state is OrderState.PAID)
    switch.write_text("lost\n")
    with pytest.raises(ShopTimeoutError):
        await shop.cancel_order(order.order_number, customer_id="u1001", key="k")
    switch.write_text("delay=0.2")
    start = time.monotonic()
    result = await shop.cancel_order(order.order_number, customer_id="u1001", key="k")
    assert time.monotonic() - start >= 0.2
    assert (result.repeated, result.order.state) == (True, OrderState.REFUNDING)
    await shop.close()


async def test_the_variable_is_the_default(env: dict[str, str]) -> None:
    shop = open_gateway({**env, "ZHIXIN_SHOP_FAULT": "down"})
    with pytest.raises(ShopUnavailableError):
        await shop.customer("u1001")
    await shop.close()
    with pytest.raises(ValueError, match="unknown fault"):
        open_gateway({**env, "ZHIXIN_SHOP_FAULT": "tired"})


async def test_production_ignores_the_switch(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "shop-fault").write_text("down")
    shop = open_gateway({**env, "ZHIXIN_MODE": "production", "ZHIXIN_SHOP_FAULT": "down"})
    assert (await shop.customer("u1006")).customer_id == "u1006"
    await shop.close()
