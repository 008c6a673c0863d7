"""Drives the front's API as shoppers would and times each message."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterable
from itertools import cycle
from typing import Protocol

import aiohttp

from bot.app.bench.script import Line, conversation
from bot.app.output import CommandError

_TIMEOUT = aiohttp.ClientTimeout(total=60)


class Talker(Protocol):
    """What holds conversations with a bot."""

    async def converse(self, lines: Iterable[Line]) -> list[float]:
        """Hold one conversation and return the milliseconds of each message."""


class Driver:
    """Talks to one front.

    Args:
        session: an open client session.
        url: the front's address.
        tokens: tokens of the shoppers, used in turn.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, tokens: list[str]) -> None:
        """Keep what all conversations share."""
        self._session = session
        self._url = url
        self._tokens = cycle(tokens)

    async def converse(self, lines: Iterable[Line]) -> list[float]:
        """Hold one conversation and return the milliseconds of each message; opening is not counted."""
        headers = {"Authorization": f"Bearer {next(self._tokens)}"}
        opened = await self._post("/api/v1/conversations", {}, headers)
        conversation_id, secret = (
            str(opened["conversation_id"]),
            {"X-Conversation-Secret": str(opened["secret"])},
        )
        times = []
        for line in lines:
            body = {
                "conversation_id": conversation_id,
                "message_id": f"b_{uuid.uuid4().hex}",
                "text": line.text,
            }
            began = time.perf_counter()
            answer = await self._post("/api/v1/chat", body, secret)
            times.append((time.perf_counter() - began) * 1000)
            if not answer["replies"]:
                raise CommandError(f"the bot did not answer {line.text!r}: the measurement means nothing")
        return times

    async def _post(self, path: str, body: dict[str, str], headers: dict[str, str]) -> dict[str, object]:
        async with self._session.post(self._url + path, json=body, headers=headers) as response:
            if response.status == 429:
                raise CommandError(
                    "the running stack's rate limit refuses this load: raise ZHIXIN_RATE_ADDRESS, "
                    "ZHIXIN_RATE_OPENING and ZHIXIN_RATE_CONVERSATION for the measurement, or use --start"
                )
            if response.status >= 300:
                raise CommandError(f"the front answered {response.status}: {(await response.text())[:200]}")
            answer: dict[str, object] = await response.json()
            return answer


def session() -> aiohttp.ClientSession:
    """Return a client session for :class:`Driver`; close it by `async with`."""
    return aiohttp.ClientSession(timeout=_TIMEOUT, connector=aiohttp.TCPConnector(limit=0))


async def several(driver: Talker, shoppers: int, conversations: int) -> tuple[list[float], float]:
    """Let `shoppers` hold `conversations` each, all at once.

    Returns:
        milliseconds of each message, and the seconds that the whole took.
    """

    async def one(shopper: int) -> list[float]:
        times: list[float] = []
        for number in range(conversations):
            times += await driver.converse(conversation(shopper * conversations + number))
        return times

    began = time.perf_counter()
    collected = await asyncio.gather(*(one(shopper) for shopper in range(shoppers)))
    return [ms for times in collected for ms in times], time.perf_counter() - began
