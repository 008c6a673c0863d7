"""A reference backend over a demo shop, a client that talks to it, and a clock that no test waits for."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from actions.shop.http import HttpShop
from actions.shop.http_auth import ApiKey
from actions.shop.http_breaker import Breaker
from actions.shop.http_transport import HttpOptions, Transport
from actions.shop.reference.guard import Guard
from actions.shop.reference.server import Reference, make_app
from actions.shop.sql import SqlShop
from tests.support.shop import VAULT, Clock, demo_template

KEY = "reference-key-of-the-tests"


@dataclass
class Seconds:
    """Monotonic time that passes only while somebody sleeps."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Stage:
    """All that a test of the HTTP shop looks at."""

    sql: SqlShop
    clock: Clock
    reference: Reference
    url: str
    seconds: Seconds
    make: Callable[..., HttpShop]
    shop: HttpShop

    def faults(self, text: str) -> None:
        """Switch what the backend does wrong."""
        self.reference.faults.switch(text)


@pytest.fixture
def sql_clock() -> Clock:
    return Clock()


@pytest.fixture
async def stage(tmp_path: Path, sql_clock: Clock) -> AsyncIterator[Stage]:
    shutil.copy(demo_template(), tmp_path / "shop.db")
    sql = SqlShop(f"sqlite:///{tmp_path / 'shop.db'}", VAULT, sql_clock)
    reference = Reference(sql, Guard(keys=(KEY,), clients={"zhixin": "client-secret"}))
    server = TestServer(make_app(reference))
    await server.start_server()
    url = str(server.make_url("/")).rstrip("/")
    seconds = Seconds()
    opened: list[HttpShop] = []

    def make(auth: object = None, options: HttpOptions | None = None, **more: object) -> HttpShop:
        transport = Transport(
            str(more.pop("url", url)),
            auth or ApiKey(KEY),  # type: ignore[arg-type]
            options or HttpOptions(call_timeout_s=2.0, budget_s=5.0),
            clock=seconds,
            sleep=seconds.sleep,
            chance=lambda: 0.5,
            breaker=Breaker("test", clock=seconds),
            **more,  # type: ignore[arg-type]
        )
        opened.append(HttpShop(transport))
        return opened[-1]

    yield Stage(sql, sql_clock, reference, url, seconds, make, make())
    for shop in opened:
        await shop.close()
    await server.close()
    await sql.close()


Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def small_server() -> AsyncIterator[Callable[[Answering], Awaitable[str]]]:
    """Starts servers of one handler; returns their addresses."""
    servers: list[TestServer] = []

    async def start(handler: Answering) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(app)
        await server.start_server()
        servers.append(server)
        return str(server.make_url("/")).rstrip("/")

    yield start
    for server in servers:
        await server.close()
