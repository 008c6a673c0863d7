"""Settings of the desk, from the settings file to the front, and what a start says of missing accounts."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import accounts, children, prepare
from bot.app.front_settings import FrontError, FrontSettings
from bot.app.settings import SettingsError, load
from bot.conversation.desk_types import Role
from bot.conversation.passwords import generate
from bot.desk.transport import SecureCookies

GIVEN = {
    "ZHIXIN_DESK_IDLE_HOURS": "2.5",
    "ZHIXIN_DESK_SECURE_COOKIES": "on",
    "ZHIXIN_DESK_ORIGINS": "https://desk.shop.example, https://desk2.shop.example",
}


def test_the_front_gets_what_the_settings_say(tmp_path: Path) -> None:
    environment = children.environment(children.FRONT, load(GIVEN, tmp_path), {})
    desk = FrontSettings.from_environment(environment).desk
    assert (desk.idle, desk.cookies) == (timedelta(hours=2.5), SecureCookies.ON)
    assert tuple(desk.origins) == ("https://desk.shop.example", "https://desk2.shop.example")
    assert (desk.demo, desk.host) == (True, "127.0.0.1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ZHIXIN_DESK_IDLE_HOURS", "0"),
        ("ZHIXIN_DESK_IDLE_HOURS", "long"),
        ("ZHIXIN_DESK_SECURE_COOKIES", "maybe"),
        ("ZHIXIN_DESK_ORIGINS", "desk.shop.example"),
        ("ZHIXIN_DESK_ORIGINS", "https://desk.shop.example/desk"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load({name: value}, tmp_path)


def test_a_front_refuses_what_no_supervisor_would_hand_it(tmp_path: Path) -> None:
    environment = children.environment(children.FRONT, load({}, tmp_path), {})
    with pytest.raises(FrontError, match="maybe"):
        FrontSettings.from_environment({**environment, "ZHIXIN_DESK_SECURE_COOKIES": "maybe"})


def test_a_start_says_how_to_make_the_first_account_and_only_then(tmp_path: Path) -> None:
    settings = load({"ZHIXIN_DATA_DIR": str(tmp_path)}, tmp_path)
    prepare.upgrade_databases(settings)
    said: list[str] = []
    prepare.tell_how_to_add_agents(settings, said.append)
    assert len(said) == 1
    assert "zhixin agent add" in said[0]
    asyncio.run(accounts.use(settings, lambda a: a.add("lin", "小林", Role.ADMIN, generate())))
    prepare.tell_how_to_add_agents(settings, said.append)
    assert len(said) == 1
