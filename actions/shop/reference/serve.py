"""Runs the reference backend over a demo shop of its own, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from aiohttp import web

from actions.shop.database import upgrade
from actions.shop.reference.faults import FaultBook
from actions.shop.reference.guard import Guard
from actions.shop.reference.server import Reference, make_app
from actions.shop.seed.demo import seed_demo
from actions.shop.sql import SqlShop
from persona.privacy.vault import Vault


def prepare(url: str, vault: Vault) -> None:
    """Make the demo shop ready at a database's URL, where it is not yet."""
    upgrade(url)
    seed_demo(url, vault)


async def serve(
    url: str,
    vault: Vault,
    guard: Guard,
    *,
    host: str,
    port: int,
    faults: str = "",
    ready: Callable[[int], None] = lambda port: None,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        url: database of the demo shop, see :func:`prepare`.
        vault: opens and seals its personal data.
        guard: who may ask.
        host: address to listen on.
        port: 0 takes a free one.
        faults: what goes wrong from the start.
        ready: called with the port once it listens.

    Raises:
        OSError: the port is taken.
        ValueError: a fault is not known.
    """
    book = FaultBook()
    book.switch(faults)
    shop = SqlShop(url, vault)
    runner = web.AppRunner(make_app(Reference(shop, guard, book)), access_log=None, shutdown_timeout=2.0)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await runner.setup()
        site = web.TCPSite(runner, host, port)
        await site.start()
        ready(int(runner.addresses[0][1]))
        await stopped.wait()
    finally:
        await runner.cleanup()
        await shop.close()
