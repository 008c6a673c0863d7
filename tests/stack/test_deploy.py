"""What ``deploy/compose.yml`` starts, without an engine.

Each container is a process with an address, a data folder and an environment of its own; PostgreSQL and Redis
are the machine's.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from actions.shop.seed.demo import demo_customers, seed_demo
from bot.app import children, prepare, probe
from bot.app.client import ChatSession, FrontClient, FrontUnreachableError, text_of
from bot.app.settings import PROJECT_ROOT, Secrets, load
from bot.app.tokens import sign
from persona.privacy.vault import Vault
from tests.deploy.compose import example, read
from tests.support import postgres
from tests.support.ports import free_ports
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.stack, pytest.mark.service]

#: Each container has an address of its own; on Linux the whole of 127/8 is this machine.
HOSTS = {"actions": "127.0.0.2", "rasa": "127.0.0.3", "front": "127.0.0.4", "migrate": "127.0.0.5"}
_READY_WITHIN_S = 240.0
_STOP_WITHIN_S = 30.0


class Containers:
    """The services of the compose file as processes."""

    def __init__(self, folder: Path, databases: dict[str, str], redis: str) -> None:
        self._folder = folder
        self._redis = redis
        values = dict.fromkeys(example(), "x")
        values |= {name: secrets.token_urlsafe(40) for name in values if name.startswith("ZHIXIN_")}
        values["ZHIXIN_DATA_KEYS"] = "k1=" + secrets.token_hex(32)[:43] + "="
        values["ZHIXIN_TOKEN_KEYS"] = "a=" + secrets.token_urlsafe(40)
        self.services = read(values)["services"]
        self._databases = databases
        self._ports = dict(zip(("actions", "rasa", "front"), free_ports(3), strict=True))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of a container: the image's, compose's, and where things are here."""
        given = {key: self._here(str(value)) for key, value in self.services[name]["environment"].items()}
        for key in ("ZHIXIN_INNER_HOST", "ZHIXIN_FRONT_HOST"):
            if key in given:
                given[key] = HOSTS[name]
        here = {
            "ZHIXIN_MODE": "production",
            "ZHIXIN_DATA_DIR": str(self._folder / name),
            "ZHIXIN_MODEL_DIR": os.environ.get("ZHIXIN_TEST_MODEL_DIR") or str(PROJECT_ROOT / "models"),
            "ZHIXIN_ACTION_PORT": str(self._ports["actions"]),
            "ZHIXIN_RASA_PORT": str(self._ports["rasa"]),
            "ZHIXIN_FRONT_PORT": str(self._ports["front"]),
        }
        return children.bare_environment() | here | given

    def _here(self, value: str) -> str:
        for name, url in self._databases.items():
            if value.endswith(f"@postgres/zhixin_{name}"):
                return url
        for name, default in (("actions", 5055), ("rasa", 5005)):
            value = value.replace(f"http://{name}:{default}", f"http://{HOSTS[name]}:{self._ports[name]}")
        return value.replace("redis://redis:6379/0", self._redis)

    def run(self, name: str) -> str:
        """Run a container to its end; return what it said."""
        command = [sys.executable, *self.services[name]["command"][1:]]
        done = subprocess.run(
            command,
            env=self.environment(name),
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, name: str) -> None:
        """Start a container and wait until its health check is content."""
        with (self._folder / f"{name}.log").open("wb") as output:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "bot.app.cli", "run", "--only", name],
                env=self.environment(name),
                cwd=PROJECT_ROOT,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + _READY_WITHIN_S
        while probe.main([name], self.environment(name)) != 0:
            assert self._processes[name].poll() is None, f"{name} ended:\n{self.log(name)[-3000:]}"
            assert time.monotonic() < deadline, f"{name} was never healthy:\n{self.log(name)[-3000:]}"
            time.sleep(0.3)

    def stop(self, name: str) -> int:
        """Stop a container as an engine does; return its exit code."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(_STOP_WITHIN_S)

    def end(self) -> None:
        """Kill what still runs."""
        for process in self._processes.values():
            process.kill()
            process.wait()

    def log(self, name: str) -> str:
        """Return what a container has said."""
        return (self._folder / f"{name}.log").read_text("utf-8", errors="replace")

    @property
    def url(self) -> str:
        """Where the front answers."""
        return f"http://{HOSTS['front']}:{self._ports['front']}"


@contextmanager
def _containers(folder: Path) -> Iterator[Containers]:
    with ExitStack() as ends:
        urls = {
            name: ends.enter_context(postgres.database(name)).replace("+psycopg2", "")
            for name in ("record", "tracker", "shop")
        }
        redis = RedisServer(folder)
        redis.start()
        ends.callback(redis.kill)
        made = Containers(folder, urls, redis.url)
        ends.callback(made.end)
        yield made


@pytest.mark.skipif(sys.platform != "linux", reason="needs loopback addresses beside 127.0.0.1")
def test_the_services_of_compose_find_each_other_and_answer(tmp_path: Path) -> None:
    prepare.ensure_model(load({}, tmp_path, secrets=Secrets.SKIP), print, lambda: None)
    with _containers(tmp_path) as containers:
        containers.run("migrate")
        front = containers.environment("front")
        vault = Vault.from_text(front["ZHIXIN_DATA_KEYS"])
        seed_demo(front["ZHIXIN_SHOP_URL"], vault)
        for name in ("actions", "rasa", "front"):
            containers.start(name)

        settings = load(front, tmp_path, only=children.keys_of(children.FRONT))
        customer = next(c.customer_id for c in demo_customers() if "在途" in c.hint)
        chat = ChatSession.open(FrontClient(containers.url), sign(settings, customer))
        cards = [reply["card"] for reply in chat.say("我的快递到哪了") if reply["type"] == "card"]
        assert cards == ["shipment"], text_of(chat.replies)

        for name in ("rasa", "actions"):  # each is exchanged by itself
            assert containers.stop(name) == 0, containers.log(name)[-2000:]
            containers.start(name)
        chat = replace(chat, client=FrontClient(containers.url))  # the old connection has been idle for long
        again = text_of(chat.say("我有多少积分"))
        assert "积分" in again, again

        lines = [line for line in containers.log("front").splitlines() if line.startswith("{")]
        assert all(isinstance(json.loads(line), dict) for line in lines)
        for name in ("front", "rasa", "actions"):
            assert containers.stop(name) == 0, containers.log(name)[-2000:]
        with pytest.raises(FrontUnreachableError):
            chat.say("还在吗")
