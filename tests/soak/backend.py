"""A shop's backend during a soak: the reference in a process of its own, to be killed and made to fail."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from actions.shop.http_operations import API_KEY_HEADER
from bot.app import children
from tests.support.ports import free_ports

_READY_WITHIN_S = 60.0


class SoakBackend:
    """``zhixin shop serve`` over a demo shop of its own. Dies with the thread that starts it.

    Args:
        folder: where its data lie.

    Attributes:
        database: its SQLite shop, for the audit.
    """

    def __init__(self, folder: Path) -> None:
        self.database = folder / "reference.db"
        self._folder = folder
        self._port = free_ports(1)[0]
        self._key = secrets.token_urlsafe(24)
        self._process: tuple[subprocess.Popen[bytes], int] | None = None

    @property
    def settings(self) -> dict[str, object]:
        """What a stack is told of it."""
        return {"shop_kind": "http", "shop_url": f"http://127.0.0.1:{self._port}", "shop_key": self._key}

    def __enter__(self) -> SoakBackend:
        """Fill the shop and serve."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    def start(self) -> None:
        """Start the process and wait until it answers; its faults are gone."""
        own = {"ZHIXIN_DATA_DIR": str(self._folder), "ZHIXIN_SHOP_KEY": self._key}
        with (self._folder / "backend.log").open("ab") as output:
            self._process = children.spawn(
                ["bot.app.cli", "shop", "serve", "--port", str(self._port)],
                {**children.bare_environment(), **own},
                output=output,
            )
        deadline = time.monotonic() + _READY_WITHIN_S
        while True:
            try:
                self.calls()
                return
            except OSError:
                log = (self._folder / "backend.log").read_text("utf-8", "replace")
                assert self._process[0].poll() is None, f"the backend ended by itself:\n{log}"
                assert time.monotonic() < deadline, f"the backend was never ready:\n{log}"
                time.sleep(0.1)

    def kill(self) -> None:
        """``kill -9`` the process, in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop the process where it is (SIGSTOP): it accepts, and answers nobody."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def fault(self, text: str) -> None:
        """Switch what goes wrong, see :mod:`actions.shop.reference.faults`; "" ends it."""
        self._ask("PUT", "/reference/fault", text)

    def calls(self) -> int:
        """Return how many operations it has done with the shop since it was started."""
        return sum(self._ask("GET", "/reference/calls").values())

    def _ask(self, method: str, path: str, body: str | None = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request(method, path, body, {API_KEY_HEADER: self._key})
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status == 200, (answer.status, told)
            return json.loads(told)
        finally:
            connection.close()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process[0].pid, number)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        process, leash = self._process
        self._signal(number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(leash)
        self._process = None
