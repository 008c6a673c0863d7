"""``zhixin channel``: what an integrator is told of a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.app.channel_check import check, listed
from bot.app.settings import Secrets, SettingsError, load
from tests.fakes.signed import KEY

URL = "http://127.0.0.1:9/answers"


def test_a_channel_that_is_on_needs_its_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as raised:
        load({"ZHIXIN_CHANNELS": "signed,nowhere"}, tmp_path)
    told = " ".join(raised.value.problems)
    assert "ZHIXIN_SIGNED_KEYS is not set" in told and "ZHIXIN_SIGNED_URL is not set" in told
    assert "no channel 'nowhere'" in told


def test_settings_come_from_the_file_and_go_to_the_front_alone(tmp_path: Path) -> None:
    from bot.app.children import FRONT, RASA, environment
    from bot.app.front_settings import FrontSettings

    (tmp_path / "zhixin.yml").write_text(f"channels: signed\nsigned_keys: [{KEY}]\nsigned_cards: true\n")
    settings = load({"ZHIXIN_SIGNED_URL": URL}, tmp_path)
    assert KEY not in repr(settings)
    front = FrontSettings.from_environment(environment(FRONT, settings, {}))
    assert front.channels["signed"].keys == (KEY,) and front.channels["signed"].cards is True
    assert not any("SIGNED" in name for name in environment(RASA, settings, {}))


def test_check_tells_what_is_wrong(tmp_path: Path) -> None:
    settings = load({}, tmp_path, secrets=Secrets.SKIP)
    bad = check(settings, "signed", {"ZHIXIN_SIGNED_KEYS": "short", "ZHIXIN_SIGNED_URL": "ftp://x"})
    assert [one.wrong for one in bad] == [True, True, False] and "docs/channels.md" in bad[-1].text
    environ = {"ZHIXIN_CHANNELS": "signed", "ZHIXIN_SIGNED_KEYS": KEY, "ZHIXIN_SIGNED_URL": URL}
    good = check(load(environ, tmp_path, secrets=Secrets.SKIP), "signed", environ)
    assert [one.text for one in good if one.wrong] == [
        "127.0.0.1:9 cannot be reached: does its name resolve here, and may this machine call out to it?"
    ]
    assert {one.name: one.on for one in listed(settings)}["signed"] is False


@pytest.mark.parametrize(
    "address", ["http://[::1", "https://host:port/", "nonsense", "ftp://x", "http://shop.example"]
)
def test_an_address_that_is_none_is_a_sentence_and_no_trace(tmp_path: Path, address: str) -> None:
    settings = load({}, tmp_path, secrets=Secrets.SKIP)
    for name, key, more in (
        ("signed", "URL", {"KEYS": KEY}),
        ("dingtalk", "API", {"APP_KEY": "k", "APP_SECRET": "s"}),
        ("dingtalk", "WEB", {"APP_KEY": "k", "APP_SECRET": "s"}),
        ("feishu", "API", {"APP_ID": "cli_1", "APP_SECRET": "s", "ENCRYPT_KEY": "e"}),
    ):
        label = f"ZHIXIN_{name.upper()}_{key}"
        given = {f"ZHIXIN_{name.upper()}_{one}": value for one, value in more.items()}
        found = check(settings, name, {**given, label: address})
        assert [one.text.split(":")[0] for one in found if one.wrong] == [label]
