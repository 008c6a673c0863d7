"""The command line: what it prints, where, and how it exits. No stack runs here."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import jwt
import pytest

from bot.app import databases, prepare
from bot.app.cli import main
from bot.app.settings import PROJECT_ROOT, Settings, load

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Done:
    stdout: str
    stderr: str
    returncode: int


class Zhixin(Protocol):
    def __call__(self, *arguments: str, data_dir: Path, stdin: str | bytes = "", **env: str) -> Done: ...


@pytest.fixture
def zhixin(capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Zhixin:
    """Run the command line in this process: an interpreter for each call would take seconds."""

    def run(*arguments: str, data_dir: Path, stdin: str | bytes = "", **env: str) -> Done:
        raw = stdin if isinstance(stdin, bytes) else stdin.encode()
        with monkeypatch.context() as patch:
            for name, value in {"ZHIXIN_DATA_DIR": str(data_dir), **env}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
            with pytest.raises(SystemExit) as left:
                main(list(arguments))
        out, err = capsysbinary.readouterr()
        return Done(out.decode(), err.decode(), int(left.value.code or 0))

    return run


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A demo's data folder, filled, with no stack."""
    folder = tmp_path_factory.mktemp("demo")
    settings = load({"ZHIXIN_DATA_DIR": str(folder)}, folder)
    prepare.upgrade_databases(settings)
    prepare.seed_demo(settings, lambda line: None)
    return settings


def test_help_names_every_command(zhixin: Zhixin, tmp_path: Path) -> None:
    done = zhixin("--help", data_dir=tmp_path)
    assert done.returncode == 0
    for name in (
        "run",
        "train",
        "chat",
        "token",
        "assess",
        "parse",
        "bench",
        "db",
        "demo",
        "customer",
        "agent",
        "evaluate",
    ):
        assert name in done.stdout


def test_wrong_arguments_exit_with_two(zhixin: Zhixin, tmp_path: Path) -> None:
    assert zhixin("chatt", data_dir=tmp_path).returncode == 2
    assert zhixin("token", data_dir=tmp_path).returncode == 2


def test_wrong_settings_exit_with_two_and_name_the_setting(zhixin: Zhixin, tmp_path: Path) -> None:
    done = zhixin("run", data_dir=tmp_path, ZHIXIN_MODE="production", ZHIXIN_RASA_SECRET="short")
    assert done.returncode == 2
    assert "ZHIXIN_RASA_SECRET is too short" in done.stderr
    assert "ZHIXIN_TOKEN_KEYS is missing" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())  # nothing was begun


def test_a_token_proves_the_customer_under_the_demos_key(zhixin: Zhixin, shop: Settings) -> None:
    done = zhixin("token", "C0001", "--minutes", "5", data_dir=shop.data_dir)
    assert done.returncode == 0, done.stderr
    kid, _, key = shop.token_keys.partition("=")
    token = done.stdout.strip()
    claims = jwt.decode(token, key, algorithms=["HS256"], issuer="zhixin", audience="zhixin-shoppers")
    assert claims["sub"] == "C0001"
    assert claims["exp"] - claims["iat"] == 300
    assert jwt.get_unverified_header(token)["kid"] == kid


def test_chat_without_a_stack_says_how_to_start_one(zhixin: Zhixin, shop: Settings) -> None:
    done = zhixin("chat", "--url", "http://127.0.0.1:9", data_dir=shop.data_dir)
    assert done.returncode == 1
    assert "zhixin run" in done.stderr
    assert "Traceback" not in done.stderr


# --- assess ------------------------------------------------------------------------------------------------


def assess(
    zhixin: Zhixin, text: str | bytes, tmp_path: Path
) -> tuple[list[dict[str, object]], list[str], int]:
    done = zhixin("assess", "-", data_dir=tmp_path, stdin=text)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.splitlines(), done.returncode


def test_assess_reads_each_shopper_turn_in_order(zhixin: Zhixin, tmp_path: Path) -> None:
    turns = [
        {"text": "直接给我退，马上，别废话", "at": "2026-11-20T10:00:00+08:00"},
        {"text": "好的，已为您提交", "who": "agent"},
        {"text": "赶紧的，给个准信", "who": "shopper", "at": 1763604060},
    ]
    [line], errors, code = assess(zhixin, json.dumps({"id": 7, "turns": turns}, ensure_ascii=False), tmp_path)
    assert (errors, code) == ([], 0)
    assert line["id"] == 7
    readings = line["turns"]
    assert isinstance(readings, list)
    assert len(readings) == 2  # the agent's turn gives context and no reading
    for reading, text in zip(readings, (turns[0]["text"], turns[2]["text"]), strict=True):
        assert set(reading["probabilities"]) == {"power", "perfect", "peace", "lively"}
        assert abs(sum(reading["probabilities"].values()) - 1) < 1e-9
        assert reading["temperament"] in {"power", "perfect", "peace", "lively", None}
        assert reading["mood"]
        for item in reading["evidence"]:
            assert set(item) == {"cue", "text", "start", "end", "type", "weight"}
            assert text[item["start"] : item["end"]] == item["text"]
    assert max(readings[1]["probabilities"], key=readings[1]["probabilities"].get) == "power"


def test_history_moves_the_first_reading_and_is_told_once(zhixin: Zhixin, tmp_path: Path) -> None:
    history = {"orders": 12, "express_share": 1.0, "minutes_to_buy": 2, "urges": 6}
    lines = [
        {"id": "with", "turns": [{"text": "你好"}, {"text": "在吗"}], "history": history},
        {"id": "without", "turns": [{"text": "你好"}, {"text": "在吗"}]},
    ]
    (known, new), _, _ = assess(zhixin, "\n".join(map(json.dumps, lines)), tmp_path)
    cues = [[e["cue"] for e in turn["evidence"]] for turn in known["turns"]]  # type: ignore[attr-defined]
    assert any(cue.startswith("history:") for cue in cues[0])
    assert not any(cue.startswith("history:") for cue in cues[1])
    power = [line["turns"][0]["probabilities"]["power"] for line in (known, new)]  # type: ignore[index]
    assert power[0] > power[1]


BAD_LINES = [
    "no json",
    "[]",
    '{"turns": []}',
    '{"id": 1}',
    '{"id": 1, "turns": {}}',
    '{"id": 1, "turns": [{"text": 5}]}',
    '{"id": 1, "turns": [{"text": "x", "who": "robot"}]}',
    '{"id": 1, "turns": [{"text": "x", "at": "yesterday"}]}',
    '{"id": 1, "turns": [], "history": {"horoscope": 1}}',
    '{"id": 1, "turns": [], "history": []}',
    "[" * 100_000,
]


def test_each_bad_line_is_named_by_its_number_and_stops_nothing(zhixin: Zhixin, tmp_path: Path) -> None:
    good = '{"id": "ok", "turns": [{"text": "你好"}]}'
    text = "\n".join(["", *BAD_LINES, good]) + "\n"
    lines, errors, code = assess(zhixin, text, tmp_path)
    assert [line["id"] for line in lines] == ["ok"]
    assert code == 1
    assert [e.split(":")[1].strip() for e in errors] == [f"line {n}" for n in range(2, len(BAD_LINES) + 2)]


def test_strange_bytes_and_lone_surrogates_do_no_harm(zhixin: Zhixin, tmp_path: Path) -> None:
    good = b'{"id": "\\ud800", "turns": [{"text": "\\ud83d \\u0000 \xe4\xbd\xa0"}]}'
    lines, errors, code = assess(zhixin, b"\xef\xbb\xbf" + good + b"\n\xff\xfe\n" + good, tmp_path)
    assert len(lines) == 2
    assert len(errors) == 1
    assert "UTF-8" in errors[0]
    assert code == 1


def test_a_file_that_is_not_there_is_one_sentence(zhixin: Zhixin, tmp_path: Path) -> None:
    done = zhixin("assess", str(tmp_path / "none.jsonl"), data_dir=tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.stack
def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    line = json.dumps({"id": 1, "turns": [{"text": "你好"}]})
    (tmp_path / "many.jsonl").write_text((line + "\n") * 3000)
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m bot.app.cli assess {tmp_path}/many.jsonl | head -n 1"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


# --- data --------------------------------------------------------------------------------------------------


def test_seeding_twice_changes_nothing(shop: Settings) -> None:
    before = databases.customer_ids(shop, 100)
    assert len(before) >= 16
    assert databases.seed_demo(shop) is False
    assert databases.customer_ids(shop, 100) == before


def test_db_upgrade_works_on_an_empty_folder_and_again(zhixin: Zhixin, tmp_path: Path) -> None:
    for _ in range(2):
        done = zhixin("db", "upgrade", data_dir=tmp_path / "new")
        assert done.returncode == 0, done.stderr
    assert {"shop.db", "record.db", "tracker.db"} <= {p.name for p in (tmp_path / "new").iterdir()}


def test_a_database_that_does_not_answer_is_named(zhixin: Zhixin, tmp_path: Path) -> None:
    done = zhixin("db", "upgrade", data_dir=tmp_path, ZHIXIN_RECORD_URL="postgresql://127.0.0.1:9/none")
    assert done.returncode == 1
    assert "ZHIXIN_RECORD_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_export_holds_the_profile_and_erasure_takes_the_personal_data(zhixin: Zhixin, tmp_path: Path) -> None:
    settings = load({"ZHIXIN_DATA_DIR": str(tmp_path)}, tmp_path)
    prepare.upgrade_databases(settings)
    prepare.seed_demo(settings, lambda line: None)
    customer, other = databases.customer_ids(settings, 2)

    exported = zhixin("customer", "export", customer, data_dir=tmp_path)
    assert exported.returncode == 0, exported.stderr
    data = json.loads(exported.stdout)
    name, phone = data["profile"]["customer"]["name"], data["profile"]["customer"]["phone"]
    assert name and phone
    company = databases.export_profile(settings, "u1026")
    assert company is not None
    assert [invoice.title.tax_number for invoice in company["invoices"]] == ["91330600MA0ZX26P1Q"]
    neighbour = json.loads(zhixin("customer", "export", other, data_dir=tmp_path).stdout)

    erased = zhixin("customer", "erase", customer, "--yes", data_dir=tmp_path)
    assert erased.returncode == 0, erased.stderr

    after = zhixin("customer", "export", customer, data_dir=tmp_path).stdout
    assert name not in after
    assert phone not in after
    assert json.loads(after)["profile"]["customer"]["addresses"] == []
    assert json.loads(zhixin("customer", "export", other, data_dir=tmp_path).stdout) == neighbour


def test_an_unknown_customer_is_said_so(zhixin: Zhixin, shop: Settings) -> None:
    for command in (["export", "nobody"], ["erase", "nobody", "--yes"]):
        done = zhixin("customer", *command, data_dir=shop.data_dir)
        assert done.returncode == 1
        assert "nobody" in done.stderr


def test_demo_reset_is_refused_while_a_stack_holds_the_data(zhixin: Zhixin, shop: Settings) -> None:
    from bot.app.locking import DataLock

    lock = DataLock(shop.data_dir)
    lock.take(lambda line: None)
    try:
        done = zhixin("demo", "reset", "--yes", data_dir=shop.data_dir)
    finally:
        lock.release()
    assert done.returncode == 1
    assert str(os.getpid()) in done.stderr


def test_demo_reset_brings_erased_customers_back(zhixin: Zhixin, tmp_path: Path) -> None:
    settings = load({"ZHIXIN_DATA_DIR": str(tmp_path)}, tmp_path)
    prepare.upgrade_databases(settings)
    prepare.seed_demo(settings, lambda line: None)
    [customer] = databases.customer_ids(settings, 1)
    before = databases.export_profile(settings, customer)
    assert zhixin("customer", "erase", customer, "--yes", data_dir=tmp_path).returncode == 0
    assert databases.export_profile(settings, customer) != before

    done = zhixin("demo", "reset", "--yes", data_dir=tmp_path)

    assert done.returncode == 0, done.stderr
    restored = databases.export_profile(settings, customer)
    assert restored is not None
    assert before is not None
    assert restored["customer"] == before["customer"]


def test_every_reply_is_laid_side_by_side_for_a_manager(zhixin: Zhixin, tmp_path: Path) -> None:
    page = tmp_path / "pages" / "replies.html"
    done = zhixin("evaluate", "replies", "--html", str(page), data_dir=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "0 to mend" in done.stdout
    html = page.read_text("utf-8")
    assert "utter_track_late" in html
    assert all(name in html for name in ("力量型", "完美型", "和平型", "活泼型"))


def test_queries_that_cannot_be_used_are_named(zhixin: Zhixin, tmp_path: Path) -> None:
    data, labels = tmp_path / "queries.tsv", tmp_path / "map.yml"
    data.write_text("物流\t到哪了\n取消 不要了\n", "utf-8")
    labels.write_text("物流: [track_shipment]\n", "utf-8")
    done = zhixin("evaluate", "nlu", "--data", str(data), "--map", str(labels), data_dir=tmp_path)
    assert done.returncode == 1 and f"{data}:2" in done.stderr
    data.write_text("物流\t到哪了\n", "utf-8")
    labels.write_text("物流: [no_such_intent]\n", "utf-8")
    done = zhixin("evaluate", "nlu", "--data", str(data), "--map", str(labels), data_dir=tmp_path)
    assert done.returncode == 1 and "there is no intent no_such_intent" in done.stderr
