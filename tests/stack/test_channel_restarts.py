"""A thousand messages on three channels while the front is ended and killed: none lost, none out of order.

What comes twice is at most one part a kill, on the channel without keys alone, and the log tells of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.conversation.words import APOLOGY
from tests.stack.channel_audit import Got, History, audit
from tests.stack.channel_crowd import Crowd, Plan
from tests.stack.channel_restarts import run
from tests.stack.harness import Stack


@pytest.mark.stack
def test_a_thousand_messages_through_ends_and_kills(tmp_path: Path) -> None:
    with Crowd(Plan()) as crowd, Stack(tmp_path / "data", **crowd.settings()) as stack:
        report = run(stack, crowd)
    print("\n".join(report.lines()))
    assert not report.wrong, "\n".join(report.lines())
    assert report.messages >= 1000 and report.repeats >= 150
    assert report.ends + report.kills == 8 and report.retries > 0


# -- the audit itself: it must see what it is there for ---------------------------------------------------


def typed(seq: int, message_id: str) -> dict[str, Any]:
    return {"seq": seq, "author": "shopper", "type": "text", "text": message_id, "message_id": message_id}


def told(seq: int, message_id: str | None, text: str, **more: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "author": "bot",
        "type": "text",
        "text": text,
        "in_reply_to": message_id,
        "message_id": None,
    } | more


NOTICE = told(2, None, "notice", author="system", type="notice")
RECORD = (NOTICE, typed(3, "a"), told(4, "a", "one"), typed(5, "b"), told(6, "b", "two"))
SHOWN = (Got("notice"), Got("one"), Got("two"))
BEGAN = ("", "end", "kill")


def history(
    record: Sequence[dict[str, Any]] = RECORD,
    got: Sequence[Got] = SHOWN,
    *,
    acknowledged: Sequence[str] = ("a", "b"),
    keyed: bool = False,
    log: int = 0,
) -> History:
    return History("s", keyed, acknowledged, record, got, log)


def test_the_audit_is_content_where_all_is_well() -> None:
    assert audit(history(), BEGAN) == ([], 0)
    whole = [Got("notice\n\n回复 1：关闭\n\none"), Got("two\n\n回复 1：好")]
    assert audit(history(got=whole), BEGAN) == ([], 0)
    keyed = [Got("notice", "k1"), Got("one", "k2"), Got("one", "k2", 1), Got("two", "k3", 2)]
    assert audit(history(got=keyed, keyed=True), BEGAN) == ([], 0)
    same = (NOTICE, typed(3, "a"), told(4, "a", "one"), typed(5, "b"), told(6, "b", "one"))
    assert audit(history(same, [*SHOWN[:2], Got("one")]), BEGAN) == ([], 0)  # said twice, not sent twice


def test_the_audit_counts_what_came_twice_after_a_kill_and_wants_it_told() -> None:
    twice = [*SHOWN[:2], Got("one", life=2), Got("two", life=2)]
    assert audit(history(got=twice, log=1), BEGAN) == ([], 1)
    wrong, doubles = audit(history(got=twice), BEGAN)
    assert doubles == 1 and "the log tells of 0" in wrong[0]


def test_an_apology_is_an_answer_where_there_is_no_other() -> None:
    sorry = told(6, "b", "sorry", author="system", type="notice", code=APOLOGY)
    shown = (*SHOWN[:2], Got("sorry"))
    assert audit(history((*RECORD[:4], sorry), shown), BEGAN) == ([], 0)
    twice = history((*RECORD[:4], sorry, sorry | {"seq": 7}, told(8, "a", "more")), shown)
    assert any("a has several answers" in line for line in audit(twice, BEGAN)[0])


CASES: dict[str, tuple[History, str]] = {
    "lost": (history(RECORD[:3], SHOWN[:2]), "lost 1 acknowledged"),
    "stored twice": (
        history((*RECORD, typed(7, "b"), told(8, "b", "two")), (*SHOWN, Got("two"))),
        "1 too many",
    ),
    "taken out of order": (history(acknowledged=("b", "a")), "her messages are out of order"),
    "no answer": (history((*RECORD[:4],), SHOWN[:2]), "b has no answer"),
    "two answers": (
        history((*RECORD, told(7, "a", "again")), (*SHOWN, Got("again"))),
        "a has several answers",
    ),
    "answered out of order": (
        history(
            (NOTICE, typed(3, "a"), typed(4, "b"), told(5, "b", "two"), told(6, "a", "one")),
            (SHOWN[0], SHOWN[2], SHOWN[1]),
        ),
        "was answered out of order",
    ),
    "not delivered": (history(got=SHOWN[:2]), "1 replies were not delivered"),
    "delivered out of order": (history(got=(SHOWN[0], SHOWN[2], SHOWN[1])), "is not the next"),
    "twice without a kill": (
        history(got=(*SHOWN[:2], Got("one", life=1), SHOWN[2]), log=1),
        "without a kill",
    ),
    "twice in one life": (history(got=(*SHOWN[:2], *SHOWN[1:]), log=1), "without a kill"),
    "shown twice in spite of keys": (
        history(
            got=(Got("notice", "1"), Got("one", "2"), Got("one", "3", 2), Got("two", "4", 2)), keyed=True
        ),
        "shown twice under two keys",
    ),
    "another's words": (history(got=(*SHOWN, Got("three"))), "is not the next"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_audit_sees(case: str) -> None:
    broken, wanted = CASES[case]
    found, _ = audit(broken, BEGAN)
    assert any(wanted in line for line in found), found
