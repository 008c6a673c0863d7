"""Bytes on a raw socket, where a well-behaved client would not let them through."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from tests.bot.conversation.harness import Front

#: Ends a test that has failed; nothing is measured by it.
PATIENCE_S = 30.0


@dataclass
class Wire:
    """One TCP connection to a front."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def to(cls, front: Front) -> Wire:
        return cls(*await asyncio.open_connection("127.0.0.1", front.server.port))

    async def send(self, data: bytes) -> None:
        """Send; that the server has hung up already is heard when reading."""
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def rest(self) -> bytes:
        """Everything until the server closes the connection."""
        found = b""
        try:
            async with _Patience():
                while piece := await self.reader.read(65536):
                    found += piece
        except ConnectionError:
            pass
        return found

    async def head(self) -> bytes:
        """The head of the next response."""
        async with _Patience():
            return await self.reader.readuntil(b"\r\n\r\n")

    def close(self) -> None:
        self.writer.close()


class _Patience:
    """A time limit (Python 3.10 has no `asyncio.timeout`)."""

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._timer = asyncio.get_running_loop().call_later(PATIENCE_S, task.cancel)

    async def __aexit__(self, *_: object) -> None:
        self._timer.cancel()


async def exchange(front: Front, data: bytes) -> bytes:
    """Send bytes on a fresh connection and return all that comes until the server hangs up."""
    wire = await Wire.to(front)
    await wire.send(data)
    found = await wire.rest()
    wire.close()
    return found


async def answers_others(front: Front) -> None:
    """Another shopper is served meanwhile."""
    other = await front.open()
    assert (await other.say("在吗"))[0]["text"] == "答：在吗"


def responses(data: bytes) -> int:
    """How many responses are in the bytes."""
    return data.count(b"HTTP/1.1 ") + data.count(b"HTTP/1.0 ")


def status(data: bytes) -> int:
    """The status of the first response."""
    return int(data.split(b" ", 2)[1])


def harmless(data: bytes, *never: str) -> None:
    """An error answer of the front: JSON, nothing of the inside, nothing echoed."""
    assert b"application/json" in data
    for word in (b"Traceback", b'File "', b"aiohttp", b"Python/", *(n.encode() for n in never)):
        assert word not in data, data


__all__ = ["Wire", "answers_others", "exchange", "harmless", "responses", "status"]
