"""Log lines: one object each, nobody can forge one, and nothing personal or secret stands in them."""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from persona.telemetry import tracing
from persona.telemetry.log_format import LogFormat
from persona.telemetry.logs import JsonFormatter, TextFormatter
from persona.telemetry.scrub import Scrubber, secrets_of

ENVIRON = {
    "ZHIXIN_RASA_SECRET": "rasa-Zz81kQpLm0/+aa==",
    "ZHIXIN_TOKEN_KEYS": "a=first-Key-of-tokens,b=second-Key-of-tokens",
    "ZHIXIN_SHOP_KEY": "the-Shop-key-9931",
    "ZHIXIN_RECORD_URL": "postgresql://zhixin:p%40ss-word-77@db:5432/record",
    "ZHIXIN_MODE": "production",
    "PATH": "/usr/bin-of-everybody",
}
PRIVATE = {
    "phone": "13800138000",
    "spaced phone": "138 0013 8000",
    "identity card": "330106199003074512",
    "bank card": "6222021234567890123",
    "mail": "lin.xiaoyu@example.com",
    "address": "浙江省杭州市西湖区文三路138号2栋501室",
    "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MTAwMSJ9.c2lnbmF0dXJl",
    "bearer": "Authorization: Bearer abcDEF123456789xyz",
    "Rasa's secret": "rasa-Zz81kQpLm0/+aa==",
    "one of the token keys": "second-Key-of-tokens",
    "the shop's key": "the-Shop-key-9931",
    "a database's password": "p@ss-word-77",
    "a conversation's secret": "secret=Q2h1bmtPZlJhbmRvbQ",
}
SCRUBBER = Scrubber(secrets_of(ENVIRON))


def record(message: str, *args: Any, exc: BaseException | None = None) -> logging.LogRecord:
    info = None if exc is None else (type(exc), exc, exc.__traceback__)
    return logging.LogRecord("bot.test", logging.ERROR, "x.py", 1, message, args, info)


def line(made: logging.LogRecord) -> dict[str, Any]:
    text_of = JsonFormatter("front", SCRUBBER).format(made)
    assert "\n" not in text_of and len(text_of.splitlines()) == 1
    return dict(json.loads(text_of))


def heart(private: str) -> str:
    return (
        private.rpartition("=")[2].rpartition(" ")[2]
        if ("Bearer" in private or "secret=" in private)
        else private
    )


def raised(message: str) -> Exception:
    try:
        raise ValueError(message)
    except ValueError as exc:
        return exc


@pytest.mark.parametrize("private", PRIVATE.values(), ids=PRIVATE)
def test_nothing_private_stands_in_any_part_of_a_line(private: str) -> None:
    for made in (
        record(f"about {private} it was"),
        record("about %s it was", private),
        record("about %s", {"deep": [private]}),
        record("failed", exc=raised(f"no such thing: {private}")),
    ):
        made.fields = {"what": private}
        for formatted in (
            JsonFormatter("front", SCRUBBER).format(made),
            TextFormatter(SCRUBBER).format(made),
        ):
            assert heart(private) not in formatted, formatted
            assert "bot.test" in formatted


def test_an_exception_names_nobody() -> None:
    told = line(record("failed", exc=raised("收件人：林小雨，电话 13800138000")))["exception"]
    assert "林小雨" not in told
    assert "ValueError" in told and "test_logs.py" in told


def test_the_values_of_a_statement_are_not_shown() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE people (name TEXT PRIMARY KEY, note TEXT)"))
        values = {"n": "林小雨", "w": "我想退款，\n地址是[parameters: 三号"}
        connection.execute(text("INSERT INTO people VALUES (:n, :w)"), values)
        with pytest.raises(IntegrityError) as caught:
            connection.execute(text("INSERT INTO people VALUES (:n, :w)"), values)
    told = line(record("failed: %s", caught.value, exc=caught.value))
    assert isinstance(caught.value.orig, sqlite3.IntegrityError)
    for part in (told["message"], told["exception"]):
        assert "UNIQUE constraint failed" in part
        assert "林小雨" not in part and "退款" not in part and "三号" not in part


def test_the_row_that_postgresql_shows_is_not_shown() -> None:
    shown = (
        'duplicate key value violates unique constraint "people_pkey"\n'
        "DETAIL:  Key (name)=(林小雨) already exists.\n"
        'null value in column "x" violates not-null constraint\n'
        "DETAIL:  Failing row contains (林小雨, 文三路, null).\n"
    )
    told = line(record("failed", exc=raised(shown)))["exception"]
    assert "people_pkey" in told
    assert "林小雨" not in told and "文三路" not in told


@given(st.text(max_size=200))
@example('x\n{"level":"INFO","message":"forged"}')
@example("a\u2028b\u0085c\x1b[2Jd\u202e")
@example("\ud800")
def test_no_line_can_be_forged(said: str) -> None:
    told = line(record("said %s", said, exc=raised(said)))
    assert told["level"] == "ERROR"
    shown = TextFormatter(Scrubber()).format(record("said %s", said, exc=raised(said)))
    first, *rest = shown.splitlines()
    assert " ERROR " in first
    assert all(more.startswith("    ") for more in rest)
    assert "\x1b" not in shown


def test_a_line_that_cannot_be_formatted_is_still_one_and_clean() -> None:
    told = line(record("two %s %s", "13800138000"))
    assert "13800138000" not in json.dumps(told)


def test_trace_and_conversation_stand_in_the_line() -> None:
    with tracing.use(tracing.of_message("c_abc", "m_1")):
        told = line(record("x"))
    assert told["trace_id"] == tracing.of_message("c_abc", "m_1").trace_id
    assert told["conversation_id"] == "c_abc"
    with tracing.use(None, "c_ 13800138000"):  # what a client calls a conversation is no id yet
        assert "conversation_id" not in line(record("x"))
    assert told["time"].endswith("+08:00")


def test_a_demo_writes_for_people_and_production_for_machines() -> None:
    assert LogFormat.AUTO.settled("demo") is LogFormat.TEXT
    assert LogFormat.AUTO.settled("production") is LogFormat.JSON
    assert LogFormat.TEXT.settled("production") is LogFormat.TEXT


PROGRAM = """
import logging, threading, warnings
from persona.telemetry import logs
logs.configure("front", loggers=("bot",), environ={"ZHIXIN_LOG_FORMAT": "json"})
logging.getLogger("bot.x").info("ours\\nwith two lines")
logging.getLogger("aiohttp.server").info("theirs, not wanted")
logging.getLogger("aiohttp.server").error("theirs about 13800138000")
logging.getLogger("bot.x").info("does not %d fit", "13800138000")
warnings.warn("a warning")
thread = threading.Thread(target=lambda: 1 / 0); thread.start(); thread.join()
raise RuntimeError("the end, said 13800138000")
"""


@pytest.fixture(scope="module")
def output() -> Iterator[list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1 and not done.stdout
    assert "13800138000" not in done.stderr
    yield [json.loads(found) for found in done.stderr.splitlines()]


def test_a_whole_process_writes_objects_only(output: list[dict[str, Any]]) -> None:
    messages = [told["message"] for told in output]
    assert messages[0] == "ours\nwith two lines"
    assert messages[1] == "theirs about 138****8000"
    assert not any("not wanted" in message for message in messages)
    assert output[-1]["level"] == "CRITICAL" and "RuntimeError" in output[-1]["exception"]
    assert any("ZeroDivisionError" in told.get("exception", "") for told in output)
    assert any("a warning" in message for message in messages)
