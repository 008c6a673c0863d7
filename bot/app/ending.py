"""How the front ends: what it has taken is answered or handed on, and nobody is left on a dead line."""

from __future__ import annotations

import asyncio
import logging
import time

from aiohttp import web

from bot.channels.app import DRAINING, SOCKETS
from bot.conversation.service import Conversations
from persona.telemetry import metrics

logger = logging.getLogger(__name__)

#: Kept of the time to stop, in seconds, for closing what is open.
_FOR_CLOSING_S = 1.5
_PAUSE_S = 0.05
_LOOK_S = 0.5


async def end(app: web.Application, conversations: Conversations, *, drain_s: float, within_s: float) -> int:
    """Drain a front that was told to stop; the caller closes it then.

    Args:
        app: the front's.
        conversations: its conversations.
        drain_s: seconds that messages are still taken while ``/readyz`` says no.
        within_s: seconds until whoever told it to stop kills it.

    Returns:
        How many conversations are left to the next process.
    """
    deadline = time.monotonic() + max(within_s - _FOR_CLOSING_S, within_s / 2)
    draining, sockets = app[DRAINING], app[SOCKETS]
    draining.begin()
    logger.info("told to stop: not ready any more")
    await asyncio.sleep(min(drain_s, within_s / 4))
    draining.refuse()
    await sockets.leave(conversations.busy)
    finishing = asyncio.create_task(conversations.drain(deadline - time.monotonic()))
    while not finishing.done():
        await asyncio.wait({finishing}, timeout=_PAUSE_S)
        await sockets.leave(conversations.busy)  # each as soon as it has heard its answer
    left = finishing.result()
    fields = {"left": left}
    logger.info(
        "nothing is under way any more" if not left else "stopping with work under way",
        extra={"fields": fields},
    )
    return left


async def look_at_the_loop() -> None:
    """Note from time to time how late the event loop is: what blocks it delays everybody."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_LOOK_S)
        metrics.LOOP_LAG.set(max(0.0, time.perf_counter() - began - _LOOK_S))
