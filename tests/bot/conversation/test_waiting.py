"""Waiting for an event: in time, too late, and told to end in the very moment in which it happens."""

from __future__ import annotations

import asyncio

import pytest

from bot.conversation.waiting import happened


async def test_it_says_whether_it_happened() -> None:
    event = asyncio.Event()
    assert not await happened(event, 0.01)
    asyncio.get_running_loop().call_soon(event.set)
    assert await happened(event, None)
    assert await happened(event, 0.0)


async def test_an_end_in_the_same_moment_is_not_lost() -> None:
    event = asyncio.Event()

    async def forever() -> None:
        while True:
            await happened(event, 60)
            event.clear()

    for turns in range(6):  # the end may meet the event at any step of the wait
        loop = asyncio.create_task(forever())
        await asyncio.sleep(0)
        event.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        loop.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asyncio.shield(loop), 2)
        event.clear()


async def test_nothing_is_left_behind() -> None:
    before = len(asyncio.all_tasks())
    await happened(asyncio.Event(), 0.01)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before
