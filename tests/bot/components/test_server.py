"""The Rasa process as the supervisor starts it, with the tiny model."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from persona.privacy.vault import Vault
from tests.bot.components.conftest import PROJECT, SECRET, Actions, free_port

pytestmark = pytest.mark.model

KEY = Vault.new_key()


def environment(folder: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ZHIXIN_")}
    own = {
        "ZHIXIN_RASA_SECRET": SECRET,
        "ZHIXIN_ACTION_SECRET": "another-secret",
        "ZHIXIN_DATA_KEYS": f"k1={KEY}",
        "ZHIXIN_TRACKER_URL": f"sqlite:///{folder / 'tracker.db'}",
        "ZHIXIN_MODEL_DIR": str(folder),
    }
    return {**inherited, "PYTHONPATH": str(PROJECT), **own, **more}


@asynccontextmanager
async def running(model: Path, actions: Actions, folder: Path) -> AsyncIterator[tuple[str, Any]]:
    port = free_port()
    env = environment(folder, ZHIXIN_RASA_PORT=str(port), ZHIXIN_ACTION_PORT=str(actions.port))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.components.server", "--model", str(model),
        cwd=folder, env=env, stdout=asyncio.subprocess.PIPE, stderr=(folder / "log").open("w"),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 120)
        assert line == b"ready\n", (folder / "log").read_text("utf-8")
        yield f"http://127.0.0.1:{port}", process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def post(session: aiohttp.ClientSession, url: str, text: str, message_id: str = "m_1") -> Any:
    body = {"conversation_id": "c_1", "message_id": message_id, "text": text}
    async with session.post(
        f"{url}/webhooks/front/turn", json=body, headers={"X-Zhixin-Secret": SECRET}
    ) as answer:
        return answer.status, await answer.json()


async def test_it_serves_the_front_only_and_on_loopback_only(
    tiny_model: Path, actions: Actions, tmp_path: Path
) -> None:
    async with (
        running(tiny_model, actions, tmp_path) as (url, process),
        aiohttp.ClientSession() as session,
    ):
        async with session.get(f"{url}/webhooks/front/health") as answer:
            assert answer.status == 200
        for path in ("/", "/status", "/webhooks/rest/webhook", "/conversations/c_1/tracker", "/model/parse"):
            async with session.get(url + path) as answer:
                assert answer.status == 404
                assert await answer.text() == ""
        status, answer = await post(session, url, "我的订单呢")
        assert (status, answer["replies"]) == (200, [{"text": "action_order 1"}])
        with socket.socket() as other, pytest.raises(OSError):
            other.connect(("127.0.0.2", int(url.rpartition(":")[2])))
        assert "tensorflow" not in libraries(process.pid)


def libraries(pid: int) -> str:
    """Return the files that a process has mapped; nothing where there is no /proc."""
    maps = Path(f"/proc/{pid}/maps")
    return maps.read_text() if maps.exists() else ""


async def test_the_secret_of_the_action_server_is_sent(
    tiny_model: Path, actions: Actions, tmp_path: Path
) -> None:
    async with running(tiny_model, actions, tmp_path) as (url, _), aiohttp.ClientSession() as session:
        await post(session, url, "我的订单呢")
    assert actions.secrets == ["another-secret"]


async def test_a_turn_that_has_begun_is_finished_before_it_stops(
    tiny_model: Path, actions: Actions, tmp_path: Path
) -> None:
    async with running(tiny_model, actions, tmp_path) as (url, process), aiohttp.ClientSession() as session:
        call = asyncio.create_task(post(session, url, "慢慢来"))
        await asyncio.wait_for(actions.begun.wait(), 20)
        process.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.3)
        actions.release.set()
        status, answer = await call
        assert (status, answer["replies"]) == (200, [{"text": "action_slow 1"}])
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_a_repeat_after_kill_runs_again_only_if_nothing_was_recorded(
    tiny_model: Path, actions: Actions, tmp_path: Path
) -> None:
    async with running(tiny_model, actions, tmp_path) as (url, process), aiohttp.ClientSession() as session:
        call = asyncio.create_task(post(session, url, "慢慢来"))
        await asyncio.wait_for(actions.begun.wait(), 20)
        process.kill()
        await process.wait()
        with pytest.raises(aiohttp.ClientError):
            await call
    actions.release.set()
    async with running(tiny_model, actions, tmp_path) as (url, _), aiohttp.ClientSession() as session:
        _, answer = await post(session, url, "慢慢来")
        assert (answer["failed"], answer["replayed"]) == (False, False)
    assert len(actions.calls) == 2


@pytest.mark.parametrize("missing", ["ZHIXIN_RASA_SECRET", "ZHIXIN_ACTION_SECRET", "ZHIXIN_DATA_KEYS"])
def test_it_says_what_is_missing(missing: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot.components.server"],
        env={**environment(tmp_path), missing: ""}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert missing in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_model_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot.components.server"],
        env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "zhixin train" in done.stderr
