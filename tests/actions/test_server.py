"""The action server over HTTP: who may call it, what it answers to errors, what it hands to actions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
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

pytestmark = pytest.mark.slow

SECRET = "a-secret-of-the-tests"
PROJECT = Path(__file__).resolve().parents[2]

ACTIONS = """
import asyncio
from rasa_sdk import Action
from rasa_sdk.interfaces import ActionExecutionRejection
from actions.shop_access import gateway

class Speak(Action):
    def name(self):
        return "action_speak"
    async def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text=str(sorted(domain.get("forms", {}))))
        dispatcher.utter_message(text=gateway().word)
        return []

class Break(Action):
    def name(self):
        return "action_break"
    async def run(self, dispatcher, tracker, domain):
        raise RuntimeError("phone 13800138000 of " + tracker.sender_id)

class Reject(Action):
    def name(self):
        return "action_reject"
    async def run(self, dispatcher, tracker, domain):
        raise ActionExecutionRejection("action_reject", "not now")
"""

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from actions import server

class Shop:
    word = "the shop is open"
    async def now(self):
        if (__import__("pathlib").Path(sys.argv[1]) / "down").exists():
            raise RuntimeError("down")
    async def close(self):
        print("closed", flush=True)

server.configure_logging("INFO")
app = server.build_app(sys.argv[2], Shop, package="sample_actions", domain={"forms": {"colour_form": {}}})
async def tell(*_):
    print("ready", flush=True)
app.register_listener(tell, "after_server_start")
app.run(host="127.0.0.1", port=int(sys.argv[3]), workers=1, access_log=False, motd=False)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """The running process and a client for it."""

    def __init__(self, session: aiohttp.ClientSession, port: int, folder: Path) -> None:
        self.session = session
        self.url = f"http://127.0.0.1:{port}"
        self.folder = folder
        self.output = ""

    async def call(self, action: str, secret: str | None = SECRET, **more: Any) -> tuple[int, str]:
        tracker = {"sender_id": "c_1", "slots": {}, "latest_message": {"text": "我叫林小雨"}, "events": []}
        body = {"next_action": action, "version": "3.6.21", "tracker": tracker, **more}
        headers = {"X-Zhixin-Secret": secret} if secret is not None else {}
        async with self.session.post(f"{self.url}/webhook", json=body, headers=headers) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Server]:
    (folder / "sample_actions.py").write_text(ACTIONS, "utf-8")
    (folder / "program.py").write_text(PROGRAM, "utf-8")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "ignore",
        str(folder / "program.py"),
        str(folder),
        SECRET,
        str(port),
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        cwd=PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    seen = []
    try:
        while (line := (await asyncio.wait_for(process.stdout.readline(), 60)).decode()) != "ready\n":
            assert line, "".join(seen)
            seen.append(line)
        async with aiohttp.ClientSession() as session:
            server = Server(session, port, folder)
            yield server
        process.send_signal(signal.SIGTERM)
        rest, _ = await asyncio.wait_for(process.communicate(), 20)
        server.output = "".join(seen) + rest.decode()
        assert process.returncode == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_only_who_knows_the_secret_is_served(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        for wrong in (None, "", SECRET[:-1], "ä"):
            status, text = await server.call("action_speak", secret=wrong)
            assert (status, json.loads(text)) == (401, {"error": "wrong_secret"})
        for path in ("/actions", "/", "/docs"):
            async with server.session.get(server.url + path) as answer:
                assert answer.status == 401
        status, text = await server.call("action_speak")
    assert status == 200
    assert [r["text"] for r in json.loads(text)["responses"]] == ["['colour_form']", "the shop is open"]
    assert "closed" in server.output


async def test_errors_tell_the_caller_nothing_and_the_log_no_personal_data(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        status, text = await server.call("action_break")
        assert (status, json.loads(text)) == (500, {"error": "failed"})
        headers = {"X-Zhixin-Secret": SECRET}
        for body in (b"", b"{", b"[]", b"7", b"\xff"):
            async with server.session.post(f"{server.url}/webhook", data=body, headers=headers) as answer:
                assert answer.status in {400, 500}
                assert len(await answer.text()) < 100
        status, text = await server.call("action_unknown")
        assert status == 404
        status, text = await server.call("action_reject")
        assert (status, json.loads(text)) == (400, {"error": "not now", "action_name": "action_reject"})
        status, _ = await server.call("action_speak")
        assert status == 200
    assert "action_break" in server.output
    assert "138****8000" in server.output
    assert not re.search("13800138000|林小雨", server.output)


async def test_a_body_without_end_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        for _ in range(10):
            # It hangs up on what it refuses, sometimes before all is written and the answer read.
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                status, text = await server.call("action_speak", padding="x" * 3_000_000)
                break
        assert status == 413
        assert len(text) < 200


async def test_without_the_shop_it_serves_and_says_so(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        (tmp_path / "down").touch()
        async with server.session.get(f"{server.url}/health") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "degraded", "shop": False})
        (tmp_path / "down").unlink()
        await asyncio.sleep(1.1)  # one look serves a second
        async with server.session.get(f"{server.url}/health") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "ok", "shop": True})


def test_forms_and_slots_come_from_all_domain_files(tmp_path: Path) -> None:
    from actions.server import forms_and_slots

    (tmp_path / "a.yml").write_text("forms: {f: {required_slots: [x]}}\nresponses: {utter_a: []}", "utf-8")
    (tmp_path / "b.yml").write_text("slots: {x: {type: text}}\nversion: '3.1'", "utf-8")
    assert forms_and_slots(tmp_path) == {
        "forms": {"f": {"required_slots": ["x"]}},
        "slots": {"x": {"type": "text"}},
    }


def test_without_a_secret_it_does_not_start() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ZHIXIN_")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "actions.server"],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "ZHIXIN_ACTION_SECRET" in done.stderr
    assert "Traceback" not in done.stderr
