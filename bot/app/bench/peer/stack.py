"""Runs the peer: Rasa's own server with its REST channel, and the same action server over the same shop."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from pathlib import Path

import aiohttp

from bot.app import children
from bot.app.bench.peer import model
from bot.app.bench.script import Line
from bot.app.logs import tail
from bot.app.output import CommandError, say
from bot.app.settings import PROJECT_ROOT, Settings, variable
from bot.conversation.assertion import Assertions
from bot.conversation.schema import SHANGHAI

_START_S = 300.0
_STOP_S = 20.0
_LAST_LINES = 5


@dataclass(frozen=True)
class Peer:
    """A running peer.

    Attributes:
        url: its REST channel.
        pids: its processes by name.
        start_s: seconds from the start to the first answer of its health address, of both processes.
    """

    url: str
    pids: dict[str, int]
    start_s: float


class PeerDriver:
    """Talks to the peer's REST channel as :class:`bot.app.bench.load.Driver` talks to the front.

    Args:
        session: an open client session.
        url: the REST channel.
        assertions: signs who writes, as the front does for our bot.
        customers: ids of the shoppers, used in turn.
    """

    def __init__(
        self, session: aiohttp.ClientSession, url: str, assertions: Assertions, customers: list[str]
    ) -> None:
        """Keep what all conversations share."""
        self._session = session
        self._url = url
        self._assertions = assertions
        self._customers = cycle(customers)

    async def converse(self, lines: Iterable[Line]) -> list[float]:
        """Hold one conversation and return the milliseconds of each message."""
        customer, conversation = next(self._customers), f"c_{uuid.uuid4().hex[:24]}"
        times = []
        for line in lines:
            message = f"b_{uuid.uuid4().hex}"
            assertion = self._assertions.sign(
                conversation, message, customer_id=customer, orders=(), net="bench"
            )
            body = {"sender": conversation, "message": line.text, "metadata": {"assertion": assertion}}
            began = time.perf_counter()
            async with self._session.post(self._url, json=body) as response:
                replies = await response.json()
            times.append((time.perf_counter() - began) * 1000)
            if response.status != 200 or not replies:
                raise CommandError(f"the peer did not answer {line.text!r}: the measurement means nothing")
        return times


def driver(
    session: aiohttp.ClientSession, peer: Peer, settings: Settings, customers: list[str]
) -> PeerDriver:
    """Return what talks to a running peer."""
    assertions = Assertions(settings.assertion_key, lambda: datetime.now(SHANGHAI))
    return PeerDriver(session, peer.url, assertions, customers)


@contextmanager
def running(settings: Settings, folder: Path, ports: tuple[int, int]) -> Iterator[Peer]:
    """Run the peer over the shop of `settings` until the block ends; train its model where it is missing.

    Args:
        settings: of a stack that has filled its shop; nothing of it but shop, keys and secrets is used.
        folder: for the peer's tracker store and logs.
        ports: free ones for Rasa and the actions.

    Raises:
        CommandError: a process ended, or did not serve in five minutes.
    """
    rasa_port, action_port = ports
    trained = _trained(settings)
    own = {
        variable("rasa_port"): str(rasa_port),
        variable("action_port"): str(action_port),
        "PEER_TRACKER_DB": str(folder / "peer-tracker.db"),
    }
    here = model.HERE
    rasa = [
        *("-m", "rasa", "run", "--model", str(trained), "--interface", "127.0.0.1"),
        *("--port", str(rasa_port), "--endpoints", str(here / "endpoints.yml")),
        *("--credentials", str(here / "credentials.yml")),
    ]
    began = time.monotonic()
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, arguments, spec in (
            ("actions", ["-m", children.ACTIONS.module], children.ACTIONS),
            ("rasa", rasa, children.RASA),
        ):
            env = {**children.environment(spec, settings), **own}
            with (folder / f"peer-{name}.log").open("wb") as output:
                started[name] = subprocess.Popen(  # noqa: S603 (our own interpreter)
                    [sys.executable, *arguments], cwd=PROJECT_ROOT, env=env, stdout=output, stderr=output
                )
        for name, address in (
            ("actions", f"http://127.0.0.1:{action_port}/health"),
            ("rasa", f"http://127.0.0.1:{rasa_port}/webhooks/rest/"),
        ):
            _wait(name, address, started[name], folder, began)
        url = f"http://127.0.0.1:{rasa_port}/webhooks/rest/webhook"
        pids = {name: process.pid for name, process in started.items()}
        yield Peer(url, pids, time.monotonic() - began)
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _trained(settings: Settings) -> Path:
    target = model.path(settings.model_dir)
    if target.is_file():
        return target
    say("bench: training the peer's model; with DIET this takes minutes ...")
    env = {**children.bare_environment(), variable("model_dir"): str(settings.model_dir)}
    done = subprocess.run(
        [sys.executable, "-m", "bot.app.bench.peer.model"],
        cwd=PROJECT_ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not target.is_file():
        raise CommandError(f"the peer could not be trained: {done.stderr.strip()[-400:]}")
    return target


def _wait(name: str, address: str, process: subprocess.Popen[bytes], folder: Path, began: float) -> None:
    while time.monotonic() - began < _START_S:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 (loopback)
                if answer.status == 200:
                    return
        except OSError:  # not yet; URLError is one too
            pass
        time.sleep(0.2)
    last = "\n".join(f"  {line}" for line in tail(folder / f"peer-{name}.log", _LAST_LINES))
    raise CommandError(f"the peer's {name} did not serve; its last lines:\n{last}")
