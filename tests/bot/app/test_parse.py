"""`zhixin parse` with the real model: results alone on stdout, bad lines by number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.app import prepare
from bot.app.settings import PROJECT_ROOT, Secrets, load
from tests.stack.harness import environment

pytestmark = pytest.mark.model


def test_parse_prints_one_result_for_each_good_line(tmp_path: Path) -> None:
    env = environment(tmp_path)
    prepare.ensure_model(load(env, tmp_path, secrets=Secrets.SKIP), print, lambda: None)
    lines = [
        '{"text": "我的快递到哪了 202611200001"}',
        "no json",
        '{"text": "/restart"}',
        '{"text": " "}',
        '{"text": 1}',
    ]
    done = subprocess.run(
        [sys.executable, "-m", "bot.app.cli", "parse", "-"],
        cwd=PROJECT_ROOT,
        env={**os.environ, **env},
        input="\n".join(lines).encode(),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    first, second = (json.loads(line) for line in done.stdout.decode().splitlines())
    assert first["text"] == "我的快递到哪了 202611200001"
    assert first["intent"]["name"] == first["intent_ranking"][0]["name"] == "track_shipment"
    assert len(first["intent_ranking"]) == 3
    assert [(e["entity"], e["value"]) for e in first["entities"]] == [("order_number", "202611200001")]
    assert second["text"] == "/restart"
    assert second["intent"]["name"] != "restart"
    complaints = [line for line in done.stderr.decode().splitlines() if line.startswith("zhixin: line")]
    assert [line.split(":")[1].strip() for line in complaints] == ["line 2", "line 4", "line 5"]
