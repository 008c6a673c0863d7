"""`zhixin run` with the real processes: one ready line, a fast second start, every way to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.app.client import ApiError, ChatSession, FrontClient
from bot.app.locking import alive
from bot.app.settings import PROJECT_ROOT
from tests.bot.app.test_settings import good_secrets
from tests.stack.harness import Stack, environment, until

pytestmark = pytest.mark.stack


class Run:
    """`zhixin run` in the foreground of a terminal, as far as a pipe is one."""

    def __init__(self, env: dict[str, str]) -> None:
        self.env = env
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot.app.cli", "run"],
            cwd=PROJECT_ROOT,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def until_ready(self) -> list[str]:
        lines = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            lines.append(line.rstrip())
            if line.startswith("zhixin ready"):
                return lines
        raise AssertionError("\n".join(lines))

    def end(self, number: int | None = None) -> tuple[int, str]:
        """Send a signal, wait, and return exit code and what was still printed."""
        if number is not None:
            self.process.send_signal(number)
        output, _ = self.process.communicate(timeout=60)
        return self.process.returncode, output

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.env['ZHIXIN_FRONT_PORT']}"

    @property
    def pids(self) -> dict[str, int]:
        state = json.loads((Path(self.env["ZHIXIN_DATA_DIR"]) / "run.json").read_text())
        return dict(state["pids"])


@pytest.fixture
def start() -> Iterator[Callable[[dict[str, str]], Run]]:
    runs: list[Run] = []

    def begin(env: dict[str, str]) -> Run:
        runs.append(Run(env))
        return runs[-1]

    yield begin
    for run in runs:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)


def test_run_twice_end_by_ctrl_c_and_by_a_death(
    start: Callable[[dict[str, str]], Run], stack: Stack, tmp_path: Path
) -> None:
    del stack  # its fixture has trained the model
    env = environment(tmp_path / "data")
    first = start(env)
    lines = first.until_ready()
    assert sum("ready" in line for line in lines) == 1
    assert f"{first.url}/demo/ " in lines[-1]
    assert any("demo shop filled" in line for line in lines)

    session = ChatSession.open(FrontClient(first.url))
    assert session.say("你好")
    assert first.end(signal.SIGINT)[0] == 0
    until(lambda: not any(alive(pid) for pid in first.pids.values()) if _state(env).exists() else True)

    second = start(env)
    lines = second.until_ready()
    assert not any("training" in line or "filled" in line for line in lines)
    kept = ChatSession(FrontClient(second.url), session.conversation_id, session.secret)
    assert any(message.get("text") == "你好" for message in kept.messages())

    pids = second.pids
    os.kill(pids["rasa"], signal.SIGKILL)
    code, output = second.end()
    assert code == 1
    assert "rasa was killed by signal 9" in output
    assert not any(alive(pid) for pid in pids.values())


def _state(env: dict[str, str]) -> Path:
    return Path(env["ZHIXIN_DATA_DIR"]) / "run.json"


def test_no_process_outlives_a_supervisor_that_is_killed(
    start: Callable[[dict[str, str]], Run], stack: Stack, tmp_path: Path
) -> None:
    del stack
    run = start(environment(tmp_path / "data"))
    run.until_ready()
    pids = run.pids
    run.process.kill()
    run.process.communicate()
    until(lambda: not any(alive(pid) for pid in pids.values()), within_s=30)


def test_production_runs_without_anything_of_the_demo(own_stack: Callable[..., Stack]) -> None:
    secrets = {name.removeprefix("ZHIXIN_").lower(): value for name, value in good_secrets().items()}
    running = own_stack(**secrets)
    client = running.client()
    for method, path in (("GET", "/demo/shoppers"), ("POST", "/demo/login")):
        with pytest.raises(ApiError) as refused:
            client.request(method, path, {"customer_id": "u1001"} if method == "POST" else None)
        assert refused.value.status == 404
    shopper = running.shopper()
    with pytest.raises(ApiError) as refused:
        shopper.reading()
    assert refused.value.status == 404
    assert not (running.settings.data_dir / "secrets.json").exists()


def test_production_refuses_the_demos_secrets(stack: Stack) -> None:
    ours = stack.settings
    env = {
        **environment(ours.data_dir, mode="production"),
        **{f"ZHIXIN_{k.upper()}": getattr(ours, k) for k in ("data_keys", "assertion_key", "token_keys")},
        "ZHIXIN_RASA_SECRET": ours.rasa_secret,
        "ZHIXIN_ACTION_SECRET": ours.action_secret,
    }
    done = Run(env)
    code, output = done.end()
    assert code == 2
    assert output.count("is the demo's secret") == 5


def test_loopback_doors_ask_for_their_secrets(stack: Stack) -> None:
    for port, path, variable in (
        (stack.settings.rasa_port, "/webhooks/front/turn", "ZHIXIN_RASA_SECRET"),
        (stack.settings.action_port, "/webhook", "ZHIXIN_ACTION_SECRET"),
    ):
        # The last one opened the door once: Rasa leaves variables in quoted YAML as they are.
        for secret in (None, "wrong", f"${{{variable}}}"):
            headers = {} if secret is None else {"X-Zhixin-Secret": secret}
            with pytest.raises(ApiError) as refused:
                FrontClient(f"http://127.0.0.1:{port}").request("POST", path, {}, headers)
            assert refused.value.status in (401, 403)


def test_processes_start_again_one_by_one(stack: Stack) -> None:
    shopper = stack.shopper()
    for name in ("rasa", "actions", "front"):
        stack.kill(name)
        assert not stack.alive(name)
        stack.start(name)
    began = time.monotonic()
    assert stack.returning(shopper).say("你好").text
    assert time.monotonic() - began < 30
