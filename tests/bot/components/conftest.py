"""A tiny model, trained once, and the front channel over HTTP with a little action server behind it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from persona.privacy.vault import Vault
from tests.support.ports import free_ports

PROJECT = Path(__file__).resolve().parents[3]
SECRET = "a-secret-of-the-tests"


@pytest.fixture(scope="session")
def rasa_loaded() -> None:
    from bot.components import tuning
    from bot.components.logs import configure_logging

    configure_logging("WARNING")
    tuning.load_rasa_without_tensorflow()
    tuning.apply()


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tiny")
    shutil.copytree(Path(__file__).parent / "tiny", root, dirs_exist_ok=True)
    for name in ("bot/config.yml", "bot/domain/base.yml"):
        shutil.copy(PROJECT / name, root / name)
    return root


@pytest.fixture(scope="session")
def tiny_model(rasa_loaded: None, tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from bot.components.training import train

    return train(tiny_root, tmp_path_factory.mktemp("models"), lambda line: None)


@dataclass
class Actions:
    """A double of the action server: a real little server whose answers a test sets."""

    port: int
    calls: list[dict[str, Any]] = field(default_factory=list)
    secrets: list[str | None] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        call = await request.json()
        self.secrets.append(request.headers.get("X-Zhixin-Secret"))
        self.calls.append(call)
        name = call["next_action"]
        if name == "action_slow":
            self.begun.set()
            await self.release.wait()
        if name == "action_broken":
            return web.json_response({"error": "broken"}, status=500)
        return web.json_response(
            self.answers.get(name, {"events": [], "responses": [{"text": f"{name} {len(self.calls)}"}]})
        )


@pytest.fixture
async def actions() -> AsyncIterator[Actions]:
    double = Actions(0)
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/webhook", double.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    double.port = runner.addresses[0][1]
    yield double
    double.release.set()
    await runner.cleanup()


@dataclass
class Front:
    """Talks to the channel as the front does."""

    session: aiohttp.ClientSession
    url: str
    agent: Any
    count: int = 0

    async def post(self, body: Any, secret: str | None = SECRET) -> tuple[int, Any]:
        headers = {"X-Zhixin-Secret": secret} if secret is not None else {}
        data = body if isinstance(body, bytes) else None
        async with self.session.post(
            f"{self.url}/turn", headers=headers, json=None if data is not None else body, data=data
        ) as answer:
            return answer.status, await answer.json()

    async def say(self, text: str, **more: Any) -> dict[str, Any]:
        return await self.turn(text=text, **more)

    async def turn(self, **body: Any) -> dict[str, Any]:
        self.count += 1
        whole = {"conversation_id": "c_1", "message_id": f"m_{self.count}", **body}
        status, answer = await self.post(whole)
        assert status == 200, answer
        return answer


def free_port() -> int:
    return free_ports(1)[0]


@asynccontextmanager
async def serving(model: Path, actions: Actions, url: str, vault: Vault) -> AsyncIterator[Front]:
    from rasa.core.agent import Agent
    from rasa.core.channels.channel import register
    from rasa.utils.endpoints import EndpointConfig
    from sanic import Sanic

    from bot.components.action_endpoint import ActionEndpoint
    from bot.components.front_channel import FrontChannel
    from bot.components.tracker_store import BoundedTrackerStore

    store = BoundedTrackerStore(url=url, vault=vault)
    endpoint = ActionEndpoint.like(
        EndpointConfig(f"http://127.0.0.1:{actions.port}/webhook", enable_selective_domain=True)
    )
    agent = Agent.load(model, action_endpoint=endpoint, tracker_store=store)
    agent.tracker_store = agent.processor.tracker_store = store
    app = Sanic(f"front_{free_port()}", configure_logging=False)
    channel = FrontChannel(SECRET)
    register([channel], app, route="/webhooks/")
    app.ctx.agent = agent
    port = free_port()
    Sanic.test_mode = True  # or Sanic rewrites its own methods for this app, and cannot for a second one
    server = await app.create_server("127.0.0.1", port, return_asyncio_server=True, access_log=False)
    await server.startup()
    await server.start_serving()
    async with aiohttp.ClientSession() as session:
        yield Front(session, f"http://127.0.0.1:{port}/webhooks/front", agent)
    await channel.drain()
    await server.close()
    await endpoint.close()
    store.close()


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault.from_text(f"k1={Vault.new_key()}")


@pytest.fixture
async def front(tiny_model: Path, actions: Actions, tmp_path: Path, vault: Vault) -> AsyncIterator[Front]:
    async with serving(tiny_model, actions, f"sqlite:///{tmp_path / 'tracker.db'}", vault) as front:
        yield front
