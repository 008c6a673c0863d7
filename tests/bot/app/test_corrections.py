"""Exported corrections: the latest label, nothing personal, nobody who said no; the evaluation reads them."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from bot.app import corrections as exporting
from bot.app.cli import main
from bot.app.settings import Settings, load
from bot.conversation import privacy, rows
from bot.conversation.database import make_engine
from bot.conversation.desk_schema import agents, corrections
from bot.conversation.migrate import upgrade
from bot.conversation.schema import conversations, messages, service_requests, shoppers
from bot.conversation.types import Audience, Author, Kind
from persona.temperament import evaluate
from tests.support.shop import NOW, VAULT, demo_template

pytestmark = pytest.mark.slow

KEY = "t1=" + base64.urlsafe_b64encode(b"zhixin-test-key-of-32-bytes-long").decode().rstrip("=")

Line = tuple[str, str]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copy(demo_template(), tmp_path / "shop.db")
    made = load({"ZHIXIN_DATA_DIR": str(tmp_path), "ZHIXIN_DATA_KEYS": KEY}, tmp_path)
    upgrade(made.record_url)
    return made


class Record:
    """Writes conversations and corrections straight into the record."""

    def __init__(self, settings: Settings) -> None:
        self._engine = make_engine(settings.record_url)

    def run(self, work: Callable[[Any], Any]) -> None:
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            work(connection)

    def talk(self, cid: str, lines: list[Line], customer: str | None = None, **more: Any) -> None:
        values = {
            "id": cid,
            "secret_hash": "x",
            "channel": "web",
            "customer_id": customer,
            "orders": [],
            "owner": "BOT",
            "next_seq": len(lines) + 1,
            "pending": 0,
            "style": "neutral",
            "personalisation": True,
            "created_at": NOW,
            "last_at": NOW,
            "changed_at": NOW,
            **more,
        }

        def write(connection: Any) -> None:
            connection.execute(insert(conversations).values(**values))
            for seq, (who, text) in enumerate(lines, 1):
                note, tap = who == "note", who == "tap"
                author = Author.AGENT if note else Author.SHOPPER if tap else Author(who)
                kind = (
                    Kind.NOTE
                    if note
                    else Kind.BUTTON
                    if tap
                    else Kind.NOTICE
                    if who == "system"
                    else Kind.TEXT
                )
                content = {"button": "b", "title": text, "payload": "/x"} if tap else {"text": text}
                audience = Audience.DESK if note else Audience.ALL
                row = rows.message_row(
                    VAULT, cid, seq, content, author=author, kind=kind, at=NOW, audience=audience
                )
                connection.execute(insert(messages).values(**row))

        self.run(write)

    def correct(self, cid: str, label: str, seq: int = 99, at: datetime = NOW) -> None:
        self.run(
            lambda connection: connection.execute(
                insert(corrections).values(
                    conversation_id=cid,
                    label=label,
                    corrected_by="agent:a_1",
                    seq=seq,
                    key=f"{label}{seq}{at.isoformat()}",
                    at=at,
                )
            )
        )


@pytest.fixture
def record(settings: Settings) -> Record:
    return Record(settings)


def test_the_latest_label_counts_and_only_words_that_were_there(settings: Settings, record: Record) -> None:
    lines = [
        ("system", "隐私说明"),
        ("shopper", "东西呢？直接说什么时候到"),
        ("bot", "明天到。"),
        ("tap", "查物流"),
        ("note", "这位客户很急"),
        ("agent", "我来处理。"),
        ("shopper", "后来才说的话"),
    ]
    record.talk("c_1", lines)
    record.correct("c_1", "peace", seq=3)
    record.correct("c_1", "power", seq=6, at=NOW + timedelta(minutes=1))
    [entry] = exporting.export(settings)
    assert entry["label"] == "power"
    assert entry["turns"] == [
        {"who": "shopper", "text": "东西呢？直接说什么时候到"},
        {"who": "agent", "text": "明天到。"},
        {"who": "agent", "text": "我来处理。"},
    ]
    assert "c_1" not in json.dumps(entry)


def test_ids_are_new_each_time_and_tell_no_order(settings: Settings, record: Record) -> None:
    for n in range(6):
        record.talk(f"c_{n}", [("shopper", f"第 {n} 个问题")])
        record.correct(f"c_{n}", "none")
    once, again = exporting.export(settings), exporting.export(settings)
    assert not {e["id"] for e in once} & {e["id"] for e in again}
    assert [e["id"] for e in once] == sorted(e["id"] for e in once)


def test_whoever_wants_nothing_inferred_and_whoever_is_gone_is_left_out(
    settings: Settings, record: Record
) -> None:
    for cid, customer, on in (("c_on", "u1006", True), ("c_off", None, False), ("c_her", "u1007", True)):
        record.talk(cid, [("shopper", f"我是{cid}")], customer, personalisation=on)
        record.correct(cid, "perfect")
    record.talk("c_gone", [("shopper", "走了")], "u1008")
    record.correct("c_gone", "lively")
    record.talk("c_taps", [("tap", "查物流")])
    record.correct("c_taps", "power")
    record.run(lambda c: c.execute(insert(shoppers).values(customer_id="u1007", personalisation=False)))
    record.run(lambda c: privacy.erase_customer(c, "u1008"))
    assert [e["turns"][0]["text"] for e in exporting.export(settings)] == ["我是c_on"]


NASTY = [
    ("我的电话１３８００１３８０００，打给我", "138001380"),
    ("1 3 8-0 0 1 3.8 0 0 0 这个号", "8 0 0"),
    ("一三八零零一三八零零零", "一三八"),
    ("幺三八零零幺三八零零零 找我", "幺三八"),
    ("1\u200b3\u200b800138000", "138"),
    ("身份证 33010219900521123X", "19900521"),
    ("退到 6222 0212 3456 7890 123", "6222"),
    ("订单 2026 1120 0001 呢", "1120"),
    ("发票寄 lin.jingwen@example.com", "example"),
    ("收件人：钱多多，电话同上", "钱多多"),
    ("放到阳光花园3号楼2单元501就行", "501"),
    ("地址是广东省深圳市南山区科苑南路128号3栋1502", "科苑"),
    ("加我微信：jing_wen_90", "jing_wen"),
    ("看 https://example.com/o?id=77 这里", "example"),
    ("尾号 4821 的那个手机", "4821"),
    # of the customer's record: name, given name, spaced name, town, street, tracking
    ("我叫林静文，叫我静文就好", "静文"),
    ("林 静 文 的包裹", "静"),
    ("我人在杭州，文三西路 259 号那边", "杭州"),
    ("u1006 是我的账号吧", "u1006"),
]


@pytest.mark.parametrize(("text", "secret"), NASTY)
def test_nothing_personal_is_left(settings: Settings, record: Record, text: str, secret: str) -> None:
    record.talk("c_1", [("shopper", text), ("agent", f"收到：{text}")], "u1006")
    record.correct("c_1", "perfect")
    [entry] = exporting.export(settings)
    for turn in entry["turns"]:
        assert secret not in turn["text"]
        assert "[" in turn["text"]


def test_what_the_record_knows_goes_too(settings: Settings, record: Record) -> None:
    record.talk("c_1", [("shopper", "5566 打不通就找姜小满客服"), ("agent", "好的")])
    record.correct("c_1", "peace")

    def write(connection: Any) -> None:
        sealed = VAULT.seal("13712345566", "service_requests.contact/c_1")
        connection.execute(
            insert(service_requests).values(
                conversation_id="c_1", kind="callback", reason="x", contact=sealed, created_at=NOW
            )
        )
        values = {
            "id": "a_1",
            "login": "jiang",
            "name": "姜小满",
            "role": "agent",
            "password_hash": "x",
            "active": True,
            "presence": "online",
            "presence_at": NOW,
            "most": 3,
            "failures": 0,
            "created_at": NOW,
        }
        connection.execute(insert(agents).values({k: v for k, v in values.items() if k in agents.c}))

    record.run(write)
    [entry] = exporting.export(settings)
    assert "5566" not in entry["turns"][0]["text"]
    assert "姜小满" not in entry["turns"][0]["text"]


def test_style_survives(settings: Settings, record: Record) -> None:
    text = "298.50 元两件？请问 3 月 15 日前、24 小时内能发吗，尺码 170/88A 和 42 码差多少厘米？"
    record.talk("c_1", [("shopper", text)], "u1006")
    record.correct("c_1", "perfect")
    [entry] = exporting.export(settings)
    assert entry["turns"][0]["text"] == text


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["corrections", "export", *arguments])
    return int(left.value.code or 0)


def test_the_command_writes_what_the_evaluation_reads(
    settings: Settings,
    record: Record,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZHIXIN_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("ZHIXIN_DATA_KEYS", KEY)
    for label in ("power", "none"):
        record.talk(f"c_{label}", [("shopper", "马上退"), ("bot", "好")])
        record.correct(f"c_{label}", label)
    assert run("--json", str(tmp_path / "out.jsonl")) == 0
    assert "2 corrected conversations" in capsys.readouterr().err
    assert sorted(s.label for s in evaluate.load(tmp_path / "out.jsonl")) == ["none", "power"]
    assert run() == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert run("--json", str(tmp_path / "no" / "folder")) == 1


def test_without_the_shop_nothing_is_written_unless_asked(
    settings: Settings,
    record: Record,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZHIXIN_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("ZHIXIN_DATA_KEYS", KEY)
    record.talk("c_1", [("shopper", "在吗")], "u1006")
    record.correct("c_1", "lively")
    (settings.data_dir / "shop.db").unlink()
    assert run() == 1
    said = capsys.readouterr()
    assert (said.out, "Traceback" in said.err) == ("", False)
    assert "--without-shop" in said.err
    assert run("--without-shop") == 0
    assert json.loads(capsys.readouterr().out)["label"] == "lively"


def test_an_unknown_customer_hides_nobody_else(settings: Settings, record: Record) -> None:
    record.talk("c_1", [("shopper", "在吗")], "nobody")
    record.correct("c_1", "lively")
    assert len(exporting.export(settings)) == 1
    record.run(lambda c: c.execute(update(conversations).values(orders=["999999999999"])))
    assert len(exporting.export(settings)) == 1
