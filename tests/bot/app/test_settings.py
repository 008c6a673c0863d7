"""Settings: precedence, every problem at once, secrets of both modes."""

from __future__ import annotations

import base64
import os
import re
import secrets
import stat
from dataclasses import fields
from pathlib import Path

import pytest

from bot.app import secretstore
from bot.app.front_settings import FrontError, FrontSettings
from bot.app.settings import (
    CONFIG_VARIABLE,
    PROJECT_ROOT,
    SECRET_KEYS,
    Mode,
    Secrets,
    Settings,
    SettingsError,
    load,
    variable,
)

#: What a front cannot start without.
FRONT = {
    f"ZHIXIN_{name}": "k=" + "x" * 40 for name in ("DATA_KEYS", "ASSERTION_KEY", "RASA_SECRET", "TOKEN_KEYS")
}


def good_secrets() -> dict[str, str]:
    return {
        "ZHIXIN_MODE": "production",
        "ZHIXIN_DATA_KEYS": "k1=" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "ZHIXIN_ASSERTION_KEY": secrets.token_urlsafe(32),
        "ZHIXIN_RASA_SECRET": secrets.token_urlsafe(32),
        "ZHIXIN_ACTION_SECRET": secrets.token_urlsafe(32),
        "ZHIXIN_TOKEN_KEYS": f"a={secrets.token_urlsafe(32)},b={secrets.token_urlsafe(32)}",
    }


def problems(env: dict[str, str], folder: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(env, folder)
    return list(caught.value.problems)


def test_the_environment_beats_the_file_and_the_file_beats_the_default(tmp_path: Path) -> None:
    (tmp_path / "zhixin.yml").write_text("front_port: 9001\nrasa_port: 9002\n")
    settings = load({"ZHIXIN_FRONT_PORT": "9003"}, tmp_path)
    assert (settings.front_port, settings.rasa_port, settings.action_port) == (9003, 9002, 5055)


def test_an_empty_variable_counts_as_not_given(tmp_path: Path) -> None:
    assert load({"ZHIXIN_FRONT_PORT": ""}, tmp_path).front_port == 8080


def test_databases_lie_in_the_data_folder_unless_named(tmp_path: Path) -> None:
    settings = load({"ZHIXIN_DATA_DIR": "here", "ZHIXIN_SHOP_URL": "postgresql://db/shop"}, tmp_path)
    assert settings.record_url == f"sqlite:///{tmp_path}/here/record.db"
    assert settings.shop_url == "postgresql://db/shop"


def test_everything_wrong_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "zhixin.yml").write_text("front_prot: 1\n")
    found = problems(
        {"ZHIXIN_RASA_PORT": "70000", "ZHIXIN_SHOP_URL": "mysql://x", "ZHIXIN_LOG_LEVL": "INFO"}, tmp_path
    )
    assert len(found) == 4
    text = "\n".join(found)
    assert "front_port" in text  # what was probably meant
    assert "ZHIXIN_RASA_PORT" in text
    assert "ZHIXIN_SHOP_URL" in text
    assert "ZHIXIN_LOG_LEVEL" in text


@pytest.mark.parametrize("content", ["- a\n", "front_port: [1]\n", "front_port: {\n", "front_port: true\n"])
def test_a_malformed_file_is_a_problem_and_no_crash(tmp_path: Path, content: str) -> None:
    (tmp_path / "zhixin.yml").write_text(content)
    assert len(problems({}, tmp_path)) == 1


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    assert CONFIG_VARIABLE in problems({CONFIG_VARIABLE: "none.yml"}, tmp_path)[0]


def test_origins_that_embed_are_written_as_browsers_write_them(tmp_path: Path) -> None:
    given = "https://Shop.Example:443, http://localhost:3000,http://localhost:3000 ,http://[::1]:80,"
    settings = load({"ZHIXIN_EMBED_ORIGINS": given}, tmp_path)
    assert settings.embed_origins == "https://shop.example,http://localhost:3000,http://[::1]"
    assert FrontSettings.from_environment({**FRONT, "ZHIXIN_EMBED_ORIGINS": given}).widget.origins == (
        "https://shop.example",
        "http://localhost:3000",
        "http://[::1]",
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EMBED_ORIGINS", "*", "name each one"),
        ("EMBED_ORIGINS", "https://*.shop.example", "name each one"),
        ("EMBED_ORIGINS", "https://shop.example/", "more than an origin"),
        ("EMBED_ORIGINS", "https://shop.example/path", "more than an origin"),
        ("EMBED_ORIGINS", "https://shop.example?x", "more than an origin"),
        ("EMBED_ORIGINS", "shop.example", "is no origin"),
        ("EMBED_ORIGINS", "https://", "is no origin"),
        ("EMBED_ORIGINS", "file:///x", "is no origin"),
        ("EMBED_ORIGINS", "null", "is no origin"),
        ("EMBED_ORIGINS", "https://a@shop.example", "is no origin"),
        ("EMBED_ORIGINS", "https://shop.example:99999", "cannot be read"),
        ("EMBED_ORIGINS", "https://商店.example", "xn--"),
        ("EMBED_ORIGINS", "https://a.example;script-src b", "xn--"),
        ("EMBED_ORIGINS", "https://a.example 'unsafe-inline'", "xn--"),
        ("PRODUCT_URL", "https://shop.example/p", "{product_id}"),
        ("PRODUCT_URL", "https://{product_id}.shop.example/", "{product_id}"),
        ("PRODUCT_URL", "javascript:alert({product_id})", "like https://"),
        ("PRODUCT_URL", "/p/{product_id}", "like https://"),
        ("PRODUCT_URL", "https://a@b.example/{product_id}", "like https://"),
        ("PRODUCT_URL", "https://b.example/{product_id}/{other}", "the only gap"),
    ],
)
def test_what_a_browser_would_misread_is_refused(tmp_path: Path, name: str, value: str, said: str) -> None:
    found = problems({f"ZHIXIN_{name}": value}, tmp_path)
    assert len(found) == 1 and f"ZHIXIN_{name}" in found[0] and said in found[0]
    with pytest.raises(FrontError, match="the environment is not right"):
        FrontSettings.from_environment({**FRONT, f"ZHIXIN_{name}": value})


def test_products_are_linked_to_the_shop_or_the_demo(tmp_path: Path) -> None:
    there = "https://shop.example/p?id={product_id}&from=chat"
    assert load({"ZHIXIN_PRODUCT_URL": there}, tmp_path).product_url == there
    for mode, given, linked in (
        ("production", "", None),
        ("demo", "", "/demo/p/{product_id}"),
        ("demo", there, there),
    ):
        env = {**FRONT, "ZHIXIN_MODE": mode, "ZHIXIN_PRODUCT_URL": given}
        assert FrontSettings.from_environment(env).widget.product_url == linked


def test_three_processes_need_three_ports(tmp_path: Path) -> None:
    assert "ZHIXIN_FRONT_PORT" in problems({"ZHIXIN_RASA_PORT": "8080"}, tmp_path)[0]


def test_the_demo_makes_its_secrets_once_for_the_owner_alone(tmp_path: Path) -> None:
    first = load({}, tmp_path)
    second = load({}, tmp_path)
    for key in SECRET_KEYS:
        assert len(getattr(first, key)) >= 32
        assert getattr(first, key) == getattr(second, key)
    mode = stat.S_IMODE(secretstore.path(first.data_dir).stat().st_mode)
    assert mode == 0o600


def test_reading_alone_makes_no_secrets(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="zhixin run"):
        load({}, tmp_path, secrets=Secrets.READ)
    assert not (tmp_path / "var").exists()


def test_production_takes_good_secrets(tmp_path: Path) -> None:
    settings = load(good_secrets(), tmp_path)
    assert settings.mode is Mode.PRODUCTION
    assert not secretstore.path(settings.data_dir).exists()


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_production_refuses_each_secret_missing_short_or_a_placeholder(tmp_path: Path, key: str) -> None:
    prefix = {"data_keys": "k1=", "token_keys": "a="}.get(key, "")
    name = variable(key)
    for bad in ("", prefix + "x9K2", prefix + "change-me-" * 5, prefix + "a" * 43):
        found = problems({**good_secrets(), name: bad}, tmp_path)
        assert any(name in problem for problem in found), bad
        assert not any(bad and bad in problem for problem in found), "a secret was shown"


def test_production_refuses_the_demos_secrets(tmp_path: Path) -> None:
    demo = load({}, tmp_path)
    env = {variable(key): getattr(demo, key) for key in SECRET_KEYS} | {"ZHIXIN_MODE": "production"}
    found = problems(env, tmp_path)
    assert {variable(key) for key in SECRET_KEYS} == {problem.split()[0] for problem in found}


def test_production_refuses_one_secret_for_two_doors(tmp_path: Path) -> None:
    env = good_secrets()
    env["ZHIXIN_RASA_SECRET"] = env["ZHIXIN_ACTION_SECRET"]
    assert any("must be its own" in problem for problem in problems(env, tmp_path))


def test_secrets_do_not_show_in_the_repr(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    for key in SECRET_KEYS:
        assert getattr(settings, key) not in repr(settings)


def test_every_setting_is_documented_and_nothing_else_is() -> None:
    page = (PROJECT_ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(ZHIXIN_[A-Z_]+)`", page, re.MULTILINE))
    ours = {f.name for f in fields(Settings)} - {"channel_values"}  # the platforms' own are in channels.md
    assert documented == {variable(name) for name in ours} | {CONFIG_VARIABLE}


def test_the_documented_defaults_are_the_real_ones() -> None:
    page = (PROJECT_ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(ZHIXIN_[A-Z_]+)` \| `([^`]*)`", page, re.MULTILINE))
    for field in fields(Settings):
        if field.name.endswith("_url") or field.name in {*SECRET_KEYS, "channel_values"}:
            continue
        default = getattr(field.default, "value", field.default)
        assert rows.get(variable(field.name), "") == str(default), field.name


def test_the_working_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("ZHIXIN_")]:
        monkeypatch.delenv(name)
    assert load().data_dir == tmp_path / "var"
