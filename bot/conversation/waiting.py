"""Waits for an event without losing a cancellation.

``asyncio.wait_for`` of Python 3.10 swallows a cancellation that comes together with the result: a loop
that is told to end goes on for ever, and whoever waits for its end does too (CPython's issue 86296).
"""

from __future__ import annotations

import asyncio


async def happened(event: asyncio.Event, within_s: float | None) -> bool:
    """Wait until the event is set, at most so many seconds (None: however long); return whether it is."""
    waiter = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiter}, timeout=within_s)
    finally:
        waiter.cancel()
    return event.is_set()
