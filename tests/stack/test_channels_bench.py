"""`zhixin bench --channels --start` with the real processes: a few messages, each answered once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.app.bench import channels

pytestmark = pytest.mark.stack


def test_a_few_messages_are_acknowledged_answered_and_delivered_once(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    plan = channels.Plan(rate=5.0, seconds=2.0, shoppers=3)
    assert channels.run(json_file=str(file), start=True, plan=plan) == 0
    report = json.loads(file.read_text(encoding="utf-8"))
    assert report["sent"] == report["accepted"] == report["acknowledged_ms"]["count"] == 10
    assert report["errors"] == {} and report["left"] == {"inbox": 0, "unanswered": 0, "undelivered": 0}
    answers = report["answers"]
    assert (answers["messages"], answers["twice"]) == (10, 0) and answers["once"] + answers["never"] == 10
    assert report["delivered"] == answers["replies"] >= 10 and report["delivered_twice"] == 0
    assert set(report["pss_mb"]["settled"]) == {"front", "rasa", "actions"}
