"""A demo with a past: shop, conversations, people and trackers, made once and copied for each test."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.app import backup, prepare
from bot.app.backup_file import Archive
from bot.app.settings import Settings, load
from bot.app.shops import open_shop
from bot.components.tracker_rows import TrackerRows
from bot.conversation.schema import SHANGHAI
from persona.privacy.vault import Vault
from tests.bot.conversation.desk_harness import Desk
from tests.bot.conversation.harness import Front
from tests.bot.conversation.rasa_stub import RasaStub, answer

NOW = datetime(2026, 11, 22, 13, 30, tzinfo=SHANGHAI)
SAID = "我的手机号是13912345678，快递到哪了😀"
TRACKED = '[{"event":"user","text":"我住在杭州西湖边"}]' * 20
#: Settings of a filled demo, and the id and secret of a conversation in it.
Made = tuple[Settings, str, str]
KEY = "main=" + "K" * 43


def settings_of(folder: Path, **given: str) -> Settings:
    """Return settings whose databases are SQLite files of `folder`, or where `given` says."""
    environ = {"ZHIXIN_DATA_DIR": str(folder), "ZHIXIN_DATA_KEYS": KEY}
    folder.mkdir(parents=True, exist_ok=True)
    return load({**environ, **{f"ZHIXIN_{name.upper()}": value for name, value in given.items()}}, folder)


def fill(settings: Settings) -> tuple[str, str]:
    """Fill the databases as a day in the shop does; return a conversation's id and secret."""
    prepare.upgrade_databases(settings)
    prepare.seed_demo(settings, lambda line: None)
    rows = TrackerRows(settings.tracker_url, Vault.from_text(settings.data_keys))
    for number in range(30):
        rows.save(f"c_{number}", 0, TRACKED)
    rows.save("c_0", 1, TRACKED + " ")
    rows.close()
    asyncio.run(_change_a_policy(settings))
    return asyncio.run(_talk(settings))


async def _change_a_policy(settings: Settings) -> None:
    """What held before a manager's change is kept beside it."""
    shop = open_shop(settings)
    policy = (await shop.policies())[0]
    await shop.change_policy(replace(policy, title="改过的名称"), by="zhou", key="policy-1")
    assert await shop.earlier_policies(policy.topic) == [policy]
    await shop.close()


async def _talk(settings: Settings) -> tuple[str, str]:
    rasa = RasaStub()
    await rasa.start()
    try:
        async with Front(settings.record_url, rasa.port, data_keys=settings.data_keys) as front:
            desk = Desk(front)
            lin = await desk.hire("小林")
            shopper = await front.open("u1001", **{"Idempotency-Key": "key-of-u1001"})
            rasa.script = lambda request: answer(
                request,
                [
                    {"text": "记下了", "buttons": [{"title": "查物流", "payload": "/track_shipment"}]},
                    {
                        "custom": {
                            "type": "directive",
                            "directive": "complaint",
                            "reason": "慢",
                            "contact": "13812345678",
                            "order_number": None,
                            "answer_by": None,
                            "level": None,
                            "live": False,
                            "completes": False,
                        }
                    },
                ],
            )
            await shopper.say(SAID, "m_said")
            await front.conversations.open(channel="web", customer_id="u1001", net="n", resume=True)
            rasa.script = answer
            for number in range(6):
                other = await front.open(f"u{number}")
                await other.say(f"第{number}位", "m_1")
                await desk.hands.tag(other.conversation_id, lin, tag="late", on=True)
            await desk.hands.take_over(other.conversation_id, lin)
            await desk.hands.note(other.conversation_id, lin, key="n", text="内部：别催她")
            await desk.hands.flag(other.conversation_id, lin, reason="看看")
            return shopper.conversation_id, shopper.secret
    finally:
        await rasa.stop()


def copy(source: Settings, folder: Path) -> Settings:
    """Return settings of a copy of SQLite databases that nobody has open."""
    folder.mkdir(parents=True)
    for name in ("record.db", "tracker.db", "shop.db"):
        shutil.copy(source.data_dir / name, folder / name)
    return settings_of(folder)


def empty(folder: Path, **given: str) -> Settings:
    """Return settings of databases with tables and no rows."""
    settings = settings_of(folder, **given)
    prepare.upgrade_databases(settings)
    return settings


def content(settings: Settings) -> dict[str, Any]:
    """Return what the databases hold: rows and checksum of each table, revision of each database."""
    with tempfile.TemporaryDirectory() as folder:
        written = backup.write(settings, Path(folder), NOW)
    return summary(written.manifest)


def summary(manifest: Any) -> dict[str, Any]:
    """Return the same of a manifest."""
    return {
        f"{database.name} {database.revision}": {
            table.name: (table.rows, table.sha256) for table in database.tables
        }
        for database in manifest.databases
    }


def written(settings: Settings, folder: Path) -> Path:
    """Write a backup."""
    return backup.write(settings, folder, NOW).path


def manifest_of(path: Path, settings: Settings) -> Any:
    """Return what a backup says of itself."""
    return Archive(path, settings.data_keys).manifest


def with_keys(settings: Settings, data_keys: str) -> Settings:
    """Return the settings with other data keys."""
    return replace(settings, data_keys=data_keys)
