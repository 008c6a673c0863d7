"""The supervisor over three small real processes: order, ends of every kind, refusals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.app.settings import PROJECT_ROOT

pytestmark = pytest.mark.stack


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class FakeStack:
    """Starts fake stacks on one data folder and ends what a test left."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.ports = free_ports(3)
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, hears: Any = signal.SIG_DFL, **env: str) -> subprocess.Popen[str]:
        front, rasa, action = self.ports
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bot.app.fake_stack", *arguments],
            cwd=PROJECT_ROOT,
            env={
                **os.environ,
                "ZHIXIN_DATA_DIR": str(self.data_dir),
                "ZHIXIN_FRONT_PORT": str(front),
                "ZHIXIN_RASA_PORT": str(rasa),
                "ZHIXIN_ACTION_PORT": str(action),
                "ZHIXIN_STOP_WITHIN_S": "1",
                **env,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # The tests may themselves run under nohup, which children inherit.
            preexec_fn=lambda: signal.signal(signal.SIGHUP, hears),  # noqa: PLW1509
        )
        self.started.append(process)
        return process

    def until_ready(self, process: subprocess.Popen[str]) -> list[str]:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("zhixin ready"):
                return lines
        raise AssertionError(f"never ready: {lines}")

    def pids(self) -> dict[str, int]:
        return dict(json.loads((self.data_dir / "run.json").read_text())["pids"])


def gone(pids: list[int], within_s: float = 15.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not any(_alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[FakeStack]:
    stack = FakeStack(tmp_path / "data")
    yield stack
    for process in stack.started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def test_one_ready_line_and_a_clean_end_on_ctrl_c(stack: FakeStack) -> None:
    process = stack.start()
    lines = stack.until_ready(process)
    for page in ("demo", "widget", "desk"):
        assert f"http://127.0.0.1:{stack.ports[0]}/{page}/" in lines[-1]
    assert sum("ready" in line for line in lines) == 1
    pids = list(stack.pids().values())
    assert len(pids) == 3

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 0, output
    assert gone(pids)
    assert not (stack.data_dir / "run.json").exists()


def test_sigterm_stops_a_process_that_does_not_listen(stack: FakeStack) -> None:
    process = stack.start(FAKE_STUBBORN="rasa")
    stack.until_ready(process)
    pids = list(stack.pids().values())

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)

    assert process.returncode == 0
    assert gone(pids)


@pytest.mark.parametrize("name", ["actions", "rasa", "front"])
def test_when_one_dies_the_others_stop_and_the_cause_is_printed_masked(stack: FakeStack, name: str) -> None:
    process = stack.start(FAKE_DIES=name)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 1
    assert f"{name} ended with code 3" in output
    assert "calling 138****5678 failed" in output
    assert "13812345678" not in output


@pytest.mark.parametrize("name", ["actions", "rasa", "front"])
def test_one_that_does_not_serve_is_named_with_its_last_lines(stack: FakeStack, name: str) -> None:
    process = stack.start(FAKE_HANGS=name, FAKE_READY_WITHIN_S="3")
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 1
    assert f"{name} runs but did not serve within 3 s" in output
    assert "loading 138****5678" in output


@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGTERM, "told to end by SIGTERM"), (signal.SIGHUP, "SIGHUP")]
)
def test_a_start_that_is_ended_from_outside_says_so(stack: FakeStack, number: int, words: str) -> None:
    process = stack.start(FAKE_HANGS="rasa")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "starting" in line
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 130
    assert words in output and "before everything was ready" in output


def test_a_stack_under_nohup_survives_its_terminal(stack: FakeStack) -> None:
    process = stack.start(hears=signal.SIG_IGN)
    stack.until_ready(process)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=120)

    assert process.returncode == 0
    assert "SIGTERM" in output and "SIGHUP" not in output


def test_no_orphan_when_the_supervisor_is_killed(stack: FakeStack) -> None:
    process = stack.start(FAKE_STUBBORN="front")
    stack.until_ready(process)
    pids = list(stack.pids().values())

    process.kill()
    process.wait()

    assert gone(pids, within_s=20.0)


def test_a_start_after_a_kill_waits_for_the_remains_and_then_serves(stack: FakeStack) -> None:
    first = stack.start(FAKE_STUBBORN="front")
    stack.until_ready(first)
    first.kill()
    first.wait()

    lines = stack.until_ready(stack.start())

    assert any("waiting for the processes of the last run" in line for line in lines)


def test_a_second_stack_on_the_same_data_is_refused(stack: FakeStack) -> None:
    first = stack.start()
    stack.until_ready(first)

    second = stack.start(
        **dict(
            zip(
                ("ZHIXIN_FRONT_PORT", "ZHIXIN_RASA_PORT", "ZHIXIN_ACTION_PORT"),
                map(str, free_ports(3)),
                strict=True,
            )
        )
    )
    output, _ = second.communicate(timeout=120)

    assert second.returncode == 1
    assert f"process {first.pid}" in output and "ZHIXIN_DATA_DIR" in output
    assert len(output.strip().splitlines()) == 1
    assert first.poll() is None
    assert stack.pids()  # the refused one removed nothing


@pytest.mark.parametrize(
    ("index", "variable"), [(0, "ZHIXIN_FRONT_PORT"), (1, "ZHIXIN_RASA_PORT"), (2, "ZHIXIN_ACTION_PORT")]
)
def test_a_taken_port_is_named_with_the_way_out(stack: FakeStack, index: int, variable: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", stack.ports[index]))
        taken.listen()
        process = stack.start()
        output, _ = process.communicate(timeout=120)

    assert process.returncode == 1
    assert str(stack.ports[index]) in output and f"{variable}=" in output
    assert len(output.strip().splitlines()) == 1


def test_a_folder_that_cannot_be_written_is_named(stack: FakeStack, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    stack.data_dir = blocker / "data"
    process = stack.start()
    output, _ = process.communicate(timeout=120)

    assert process.returncode != 0
    assert str(stack.data_dir) in output


def test_logs_can_be_followed_with_the_name_of_the_process(stack: FakeStack) -> None:
    process = stack.start("--logs")
    lines = stack.until_ready(process)
    assert any(line.split("|")[0].strip() == "rasa" for line in lines if "|" in line)
