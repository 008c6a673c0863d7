"""Where a platform's API is can be set, for another region or a proxy; secrets go nowhere by accident."""

from __future__ import annotations

import pytest

from bot.channels.base import SettingsProblem
from bot.channels.channel_settings import read

NEEDED = {
    "wechat": {"APP_ID": "wxba5fad812f8e6fb9", "SECRET": "0" * 32, "TOKEN": "AAAAA"},
    "wechat_mini": {"APP_ID": "wxba5fad812f8e6fb9", "SECRET": "0" * 32, "TOKEN": "AAAAA"},
    "wecom": {"CORP_ID": "ww1436e0e65a779aee", "SECRET": "s", "TOKEN": "AAAAA", "AES_KEY": "A" * 43},
    "dingtalk": {"APP_KEY": "k", "APP_SECRET": "s"},
    "feishu": {"APP_ID": "cli", "APP_SECRET": "s", "ENCRYPT_KEY": "k"},
    "signed": {"KEYS": "k" * 32, "URL": "https://shop.example/answers"},
}
ADDRESSES = [(name, "API") for name in NEEDED if name != "signed"] + [("dingtalk", "WEB"), ("signed", "URL")]


def given(name: str, key: str, address: str) -> dict[str, str]:
    values = {**NEEDED[name], key: address}
    return {f"ZHIXIN_{name.upper()}_{key}": value for key, value in values.items()}


@pytest.mark.parametrize(("name", "key"), ADDRESSES)
def test_secrets_go_out_encrypted_or_stay_on_this_machine(name: str, key: str) -> None:
    for good in (
        "https://api.shop.example",
        "http://127.0.0.1:8000",
        "http://localhost:8000",
        "http://[::1]:8",
    ):
        assert getattr(read(name, given(name, key, good)), key.lower()) == good
    for bad in (
        "http://api.shop.example",
        "http://10.0.0.7",
        "http://127.0.0.1.shop.example",
        "ftp://a.example",
        "x",
    ):
        with pytest.raises(SettingsProblem, match=f"ZHIXIN_{name.upper()}_{key}"):
            read(name, given(name, key, bad))


@pytest.mark.parametrize("name", [name for name in NEEDED if name != "signed"])
@pytest.mark.parametrize(
    "bad", ["https://user:hush@a.example", "https://a.example?next=b", "https://a.example:x"]
)
def test_an_address_of_an_api_is_nothing_but_an_address(name: str, bad: str) -> None:
    with pytest.raises(SettingsProblem) as caught:
        read(name, given(name, "API", bad))
    assert "hush" not in str(caught.value)
