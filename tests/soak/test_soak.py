"""The short, seeded form of `make soak`: every trouble once, and an audit that sees broken promises."""

from __future__ import annotations

import random
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.soak import verdict
from tests.soak.backend import SoakBackend
from tests.soak.run import RATES, Plan, soak
from tests.soak.shoppers import Sent, SoakShopper
from tests.stack.harness import Stack


@pytest.mark.stack
def test_whatever_dies_every_message_has_one_answer_and_every_write_is_done_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Stack(tmp_path / "data", **RATES) as stack:
        report = soak(stack, Plan(seed=7, shoppers=50, messages=12, pause_s=1.2, troubles=7, growth_mb=100))
    assert not report.wrong, "\n".join(report.lines())
    assert report.accepted >= 50 * 20
    assert {"kill front", "kill rasa", "kill actions", "fault"} <= set(report.troubles)
    assert report.writes > 0


@pytest.mark.stack
def test_the_backend_of_a_soak_fails_dies_and_comes_back_well_with_the_same_shop(tmp_path: Path) -> None:
    def now(backend: SoakBackend) -> int:
        headers = {"X-Api-Key": str(backend.settings["shop_key"])}
        asked = urllib.request.Request(f"{backend.settings['shop_url']}/v1/now", headers=headers)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    with SoakBackend(tmp_path / "backend") as backend:
        whose = verdict.Ownership.read(backend.database)
        assert whose.orders and now(backend) == 200 and backend.calls() == 1
        backend.fault("status=500,done")
        assert now(backend) == 500 and backend.calls() == 2
        backend.kill()
        with pytest.raises(urllib.error.URLError):
            now(backend)
        backend.start()
        assert now(backend) == 200 and backend.calls() == 1, "on the same port, well"
        assert verdict.Ownership.read(backend.database) == whose


# -- the audit itself: it must see what it is there for ---------------------------------------------------


def shopper(*sent: Sent, customer: str | None = "u1") -> SoakShopper:
    return SoakShopper("", None, random.Random(1), customer, None, "s", "c_1", "x", list(sent))  # type: ignore[arg-type]


def typed(seq: int, message_id: str) -> dict[str, Any]:
    return {"seq": seq, "author": "shopper", "type": "text", "text": "?", "message_id": message_id}


def told(seq: int, message_id: str, text: str = "!", **more: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "author": "bot",
        "type": "text",
        "text": text,
        "in_reply_to": message_id,
        "message_id": None,
    } | more


ACCEPTED = (Sent("a", 1, True), Sent("b", 2, True))
CASES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "lost": ([typed(1, "a"), told(2, "a"), typed(3, "b")], "s b has 0 answers"),
    "twice": ([typed(1, "a"), told(2, "a"), typed(3, "b"), told(4, "b"), told(6, "a")], "s a has 2 answers"),
    "stored twice": (
        [typed(1, "a"), told(2, "a"), typed(3, "b"), typed(4, "b"), told(5, "b")],
        "s b is stored 2 times",
    ),
    "out of order": ([typed(1, "a"), typed(2, "b"), told(3, "b"), told(4, "a")], "out of order"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_audit_sees(case: str) -> None:
    history, wanted = CASES[case]
    found = list(verdict.unanswered_or_twice(shopper(*ACCEPTED), history, frozenset()))
    assert any(wanted in line for line in found), found


def test_the_audit_is_content_with_answers_in_several_parts_and_with_an_apology() -> None:
    apology = told(6, "b", type="notice", buttons=[{"id": "x", "title": "找人工"}])
    history = [typed(1, "a"), told(2, "a", "one"), told(3, "a", "two"), typed(4, "b"), apology]
    assert not list(verdict.unanswered_or_twice(shopper(*ACCEPTED), history, frozenset({6})))
    again = [*history, apology | {"seq": 8}]
    assert list(verdict.unanswered_or_twice(shopper(*ACCEPTED), again, frozenset({6, 8})))


def test_the_audit_sees_anothers_order() -> None:
    whose = verdict.Ownership({"202611200001": "u2"}, {"SF123": "u2"})
    for text in ("订单 202611200001", "顺丰 SF123"):
        assert list(verdict.leaks(shopper(), [told(1, "a", text)], whose))
    mine = verdict.Ownership({"202611200001": "u1"}, {"SF123": "u1"})
    assert not list(verdict.leaks(shopper(), [told(1, "a", "订单 202611200001")], mine))
    assert list(verdict.leaks(shopper(customer=None), [told(1, "a", "订单 202611200001")], mine))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    import contextlib
    import sqlite3

    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(
            """
            CREATE TABLE after_sales (order_number, kind, reason, state);
            CREATE TABLE urges (order_number, at);
            INSERT INTO after_sales VALUES
                ('1', 'refund', 'changed_mind', 'done'), ('1', 'refund', 'changed_mind', 'done'),
                ('2', 'return', 'quality', 'submitted'), ('2', 'refund', 'late', 'approved'),
                ('3', 'refund', 'late', 'done');
            INSERT INTO urges VALUES ('4', '2026-11-22 10:00:00.000000'), ('4', '2026-11-22 10:30:00.000000'),
                ('5', '2026-11-22 10:00:00.000000'), ('5', '2026-11-22 11:30:00.000000');
            """
        )
    yield path


def test_the_audit_sees_what_was_done_twice(shop: Path) -> None:
    found = sorted(line.split(":")[0] for line in verdict.done_twice(shop))
    assert found == [
        "open requests of one order 2",
        "refunds of one cancelled order 1",
        "urges of one order within the hour 4",
    ]
