"""``zhixin webhooks``, and the settings of what is told in either direction."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.app.children import FRONT, environment
from bot.app.cli import main
from bot.app.front_settings import FrontError, FrontSettings
from bot.app.settings import SettingsError, load
from bot.conversation.database import Database
from bot.conversation.migrate import upgrade
from bot.conversation.opening import Opening
from bot.conversation.outbox import Outbox
from bot.conversation.outbox_rows import TRIED_FOR, OutboxRows
from bot.conversation.schema import SHANGHAI
from bot.conversation.writing import Writing
from tests.bot.conversation.harness import vault

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SHANGHAI)
GOOD = {"ZHIXIN_EVENT_KEYS": "a=" + "e" * 40, "ZHIXIN_WEBHOOK_KEY": "w" * 40}


def outbox_with_one_dead(url: str) -> str:
    """A record with one delivery that died; return its id."""
    upgrade(url)

    async def fill() -> str:
        database = Database(url)
        moment = NOON
        writing = Writing(vault(), lambda: moment, "h")
        writing.outbox = Outbox(1)
        opening = Opening(writing, channel="web", customer_id=None, net="n", key=None, notice=None)
        await database.write(opening)
        outbox = OutboxRows(database, holder="h", clock=lambda: moment)
        moment = NOON + TRIED_FOR + timedelta(minutes=1)
        (row,) = await outbox.rows.claim(1)
        assert not await outbox.failed(row, "http_500")
        (dead,) = await outbox.listed("aside", 10)
        await database.close()
        return dead.delivery_id

    return asyncio.run(fill())


def zhixin(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["webhooks", *arguments])
    said = capsys.readouterr()
    return int(left.value.code or 0), said.out, said.err


def test_the_dead_are_listed_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZHIXIN_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    delivery_id = outbox_with_one_dead(f"sqlite:///{tmp_path / 'record.db'}")
    code, out, _ = zhixin(capsys, "list")
    assert code == 0 and delivery_id in out and "dead" in out and "http_500" in out
    assert zhixin(capsys, "retry")[0] == 1  # names nothing
    assert zhixin(capsys, "retry", "wh_nothing")[0] == 1
    code, out, _ = zhixin(capsys, "retry", delivery_id)
    assert code == 0 and "1 deliveries" in out
    assert "waiting" in zhixin(capsys, "list", "--state", "waiting")[1]
    assert zhixin(capsys, "list", "--state", "dead")[1] == ""
    assert zhixin(capsys, "retry", "--all")[1].startswith("zhixin: 0")


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"ZHIXIN_EVENT_KEYS": "e" * 40}, "ZHIXIN_EVENT_KEYS"),
        ({"ZHIXIN_EVENT_KEYS": "a=short"}, "ZHIXIN_EVENT_KEYS"),
        ({"ZHIXIN_EVENT_KEYS": f"a={'e' * 40},a={'f' * 40}"}, "ZHIXIN_EVENT_KEYS"),
        ({"ZHIXIN_WEBHOOK_URLS": "https://shop.example/hook"}, "ZHIXIN_WEBHOOK_KEY"),
        ({**GOOD, "ZHIXIN_WEBHOOK_URLS": "http://shop.example/hook"}, "ZHIXIN_WEBHOOK_URLS"),
        ({**GOOD, "ZHIXIN_WEBHOOK_URLS": "ftp://shop.example/hook"}, "ZHIXIN_WEBHOOK_URLS"),
        ({**GOOD, "ZHIXIN_WEBHOOK_URLS": "https://me:pw@shop.example/"}, "ZHIXIN_WEBHOOK_URLS"),
        ({**GOOD, "ZHIXIN_WEBHOOK_URLS": "https://shop.example:99999/"}, "ZHIXIN_WEBHOOK_URLS"),
        ({"ZHIXIN_LATE_WATCH_S": "0"}, "ZHIXIN_LATE_WATCH_S"),
    ],
)
def test_what_is_set_wrong_is_named_and_never_shown(tmp_path: Path, env: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(env, tmp_path)
    assert any(named in problem for problem in caught.value.problems)
    assert not any("e" * 40 in problem or "me:pw" in problem for problem in caught.value.problems)


def test_the_front_gets_what_it_needs_and_shows_none_of_it(tmp_path: Path) -> None:
    urls = "https://shop.example/hook, http://127.0.0.1:9/x"
    settings = load({**GOOD, "ZHIXIN_WEBHOOK_URLS": urls, "ZHIXIN_LATE_WATCH_S": "30"}, tmp_path)
    front = FrontSettings.from_environment(environment(FRONT, settings, {}))
    assert front.events.keys == {"a": "e" * 40} and front.events.webhook_key == "w" * 40
    assert front.events.addresses == ("https://shop.example/hook", "http://127.0.0.1:9/x")
    assert front.events.watch_every == timedelta(seconds=30)
    for secret in ("e" * 40, "w" * 40):
        assert secret not in repr(settings) and secret not in repr(front)


def test_the_front_refuses_keys_that_are_none(tmp_path: Path) -> None:
    settings = load(GOOD, tmp_path)
    env = {**environment(FRONT, settings, {}), "ZHIXIN_EVENT_KEYS": "nonsense"}
    with pytest.raises((FrontError, ValueError)):
        _ = FrontSettings.from_environment(env).events
