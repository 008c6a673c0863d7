"""The settings of a shop's backend: what is wrong is said at the start, and nothing of ours is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.shop.errors import ShopUnavailableError
from actions.shop.faulty import FaultyShop
from actions.shop.http import HttpShop
from actions.shop.http_auth import ApiKey, OAuth2
from actions.shop.http_settings import HttpSettings
from actions.shop.open import open_gateway
from bot.app import databases
from bot.app.children import ACTIONS, FRONT, RASA, environment
from bot.app.settings import SettingsError, ShopKind, load
from bot.app.shops import open_shop

GOOD = {
    "ZHIXIN_SHOP_KIND": "http",
    "ZHIXIN_SHOP_URL": "https://shop.example/assistant",
    "ZHIXIN_SHOP_KEY": "k-1234",
}
CLIENT = {
    "ZHIXIN_SHOP_KIND": "http",
    "ZHIXIN_SHOP_URL": "https://shop.example",
    "ZHIXIN_SHOP_TOKEN_URL": "https://login.shop.example/token",
    "ZHIXIN_SHOP_CLIENT_ID": "zhixin",
    "ZHIXIN_SHOP_CLIENT_SECRET": "s-1234",
}


def problems(**env: str) -> list[str]:
    return HttpSettings.from_environment({f"ZHIXIN_SHOP_{k}": v for k, v in env.items()}).problems()


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "ZHIXIN_SHOP_URL is missing"),
        ({"URL": "shop.example", "KEY": "k"}, "no address"),
        ({"URL": "ftp://shop.example", "KEY": "k"}, "no address"),
        ({"URL": "https://", "KEY": "k"}, "no address"),
        ({"URL": "https://a:b@shop.example", "KEY": "k"}, "holds a password"),
        ({"URL": "https://shop.example/?a=1", "KEY": "k"}, "a query"),
        ({"URL": "http://shop.example", "KEY": "k"}, "plain http"),
        ({"URL": "https://shop.example"}, "needs credentials"),
        ({"URL": "http://127.0.0.1:1"}, "needs credentials"),
        ({"URL": "https://shop.example", "KEY": "k", "CLIENT_ID": "c"}, "choose one"),
        ({"URL": "https://shop.example", "CLIENT_ID": "c"}, "ZHIXIN_SHOP_TOKEN_URL is missing"),
        ({"URL": "https://shop.example", "KEY": "k\n"}, "ZHIXIN_SHOP_KEY holds characters"),
        ({"URL": "https://shop.example", "KEY": "孙"}, "ZHIXIN_SHOP_KEY holds characters"),
        ({"URL": "https://s.example", "KEY": "k", "CALL_TIMEOUT_S": "20"}, "ZHIXIN_SHOP_CALL_TIMEOUT_S"),
    ],
)
def test_what_is_wrong_is_said(env: dict[str, str], said: str) -> None:
    found = problems(**env)
    assert any(said in problem for problem in found), found
    assert not any(env.get("KEY", "k")[:5] in p for p in found if len(env.get("KEY", "")) > 3)


def test_what_is_right_is_taken() -> None:
    assert problems(URL="https://shop.example/a", KEY="k") == []
    assert problems(URL="http://127.0.0.1:8090", KEY="k") == []
    assert problems(URL="http://[::1]:8090", KEY="k") == []
    assert problems(URL="http://shop.internal", KEY="k", PLAIN_HTTP="allow") == []


async def test_the_environment_opens_the_backend() -> None:
    shop = open_gateway(GOOD)
    assert isinstance(shop, HttpShop)
    assert isinstance(shop.transport._auth, ApiKey)
    other = open_gateway(CLIENT)
    assert isinstance(other, HttpShop)
    assert isinstance(other.transport._auth, OAuth2)
    await shop.close()
    await other.close()


async def test_the_demo_may_do_without_credentials_and_obeys_the_switch(tmp_path: Path) -> None:
    env = {
        "ZHIXIN_MODE": "demo",
        "ZHIXIN_DATA_DIR": str(tmp_path),
        "ZHIXIN_SHOP_KIND": "http",
        "ZHIXIN_SHOP_URL": "http://127.0.0.1:9",
    }
    shop = open_gateway({**env, "ZHIXIN_SHOP_FAULT": "down"})
    assert isinstance(shop, FaultyShop)
    with pytest.raises(ShopUnavailableError, match="switched off"):
        await shop.customer("u1006")
    await shop.close()


@pytest.mark.parametrize(
    "env",
    [{**GOOD, "ZHIXIN_SHOP_KEY": ""}, {**GOOD, "ZHIXIN_SHOP_KIND": "soap"}, {"ZHIXIN_SHOP_KIND": "http"}],
)
def test_a_wrong_environment_opens_nothing(env: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="ZHIXIN_SHOP"):
        open_gateway(env)


def test_the_start_names_everything_and_shows_no_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load({**CLIENT, "ZHIXIN_SHOP_KEY": "k-5678", "ZHIXIN_FRONT_PORT": "x"}, tmp_path)
    text = str(caught.value)
    assert "choose one" in text
    assert "ZHIXIN_FRONT_PORT" in text
    assert "k-5678" not in text
    assert "s-1234" not in text


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"ZHIXIN_SHOP_URL": "https://shop.example"}, "ZHIXIN_SHOP_KIND=http"),
        ({"ZHIXIN_SHOP_KIND": "http", "ZHIXIN_SHOP_URL": "sqlite:///shop.db"}, "is a database"),
        ({"ZHIXIN_SHOP_KIND": "http"}, "ZHIXIN_SHOP_URL is missing"),
        ({"ZHIXIN_SHOP_KIND": "soap"}, "one of sql, http"),
    ],
)
def test_kind_and_address_must_fit(tmp_path: Path, env: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load(env, tmp_path)


async def test_children_get_what_they_need_and_the_secret_no_one_else(tmp_path: Path) -> None:
    settings = load(CLIENT, tmp_path)
    assert settings.shop_kind is ShopKind.HTTP
    assert "s-1234" not in repr(settings)
    for spec in (ACTIONS, FRONT):
        env = environment(spec, settings, {})
        assert {name: env[name] for name in CLIENT} == CLIENT
        shop = open_gateway(env)
        await shop.close()
    assert not any(name.startswith("ZHIXIN_SHOP") for name in environment(RASA, settings, {}))
    shop = open_shop(settings)
    await shop.close()


def test_a_shop_that_is_not_ours_is_neither_migrated_nor_filled(tmp_path: Path) -> None:
    settings = load(GOOD, tmp_path)
    assert not settings.own_shop
    for upgrade in databases.UPGRADES.values():
        upgrade(settings)
    assert not databases.seed_demo(settings)
    databases.reset_demo(settings)
    assert sorted(path.name for path in (tmp_path / "var").glob("*.db")) == ["record.db", "tracker.db"]
