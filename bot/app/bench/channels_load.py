"""The load of the channels' bench: shoppers' messages at a constant rate, in a process of its own.

Open loop: a message is sent at its moment whether earlier ones have been acknowledged or not, and its time
counts from that moment. So a front that stands still for a second is charged with that second by every
message that was due in it, and not by the one alone that a polite client would have had under way. What this
process itself was late is told apart: it is no delay of the front's.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from multiprocessing.connection import Connection

import aiohttp

from bot.app.bench.script import VISIT
from persona.privacy.signing import signed_headers

#: A call that takes longer has failed; a platform would have given up long before.
_TIMEOUT = aiohttp.ClientTimeout(total=60)


@dataclass(frozen=True)
class Job:
    """What is sent.

    Attributes:
        url: of the front's channel.
        key: signs it.
        shoppers: how many write, in turn.
        rate: messages a second.
        seconds: how long.
        prefix: begins the shoppers' names.
    """

    url: str
    key: str = field(repr=False)
    shoppers: int
    rate: float
    seconds: float
    prefix: str = "s"

    @property
    def count(self) -> int:
        """Return how many messages that makes."""
        return max(1, round(self.rate * self.seconds))


@dataclass(frozen=True)
class Due:
    """One message and its moment, in seconds after the beginning."""

    at: float
    shopper: str
    message_id: str
    text: str


@dataclass
class Samples:
    """What became of the messages; all times in milliseconds.

    Attributes:
        acknowledged: from the moment that a message was due until it was acknowledged.
        served: the same from the moment that it was really sent.
        late: from due to really sent.
        accepted: ids of the messages that were acknowledged.
        errors: what went wrong, how often.
    """

    acknowledged: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    client_cpu_s: float = 0.0


def schedule(job: Job) -> Iterator[Due]:
    """Yield all messages: evenly over the time, each shopper in turn, each with a visit of her own order."""
    for number in range(job.count):
        shopper, turn = number % job.shoppers, number // job.shoppers
        name = f"{job.prefix}{shopper}"
        line = VISIT[(shopper * 5 + turn) % len(VISIT)]
        yield Due(number / job.rate, name, f"{name}-{turn}", line.text)


async def send_all(job: Job, samples: Samples, session: aiohttp.ClientSession) -> None:
    """Send what is due when it is due, and wait for what is under way at the end."""
    running: set[asyncio.Task[None]] = set()
    begin = time.perf_counter() + 0.05
    for due in schedule(job):
        moment = begin + due.at
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        task = asyncio.create_task(_send(job, due, moment, samples, session))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


async def _send(job: Job, due: Due, moment: float, samples: Samples, session: aiohttp.ClientSession) -> None:
    body = json.dumps({"user": due.shopper, "message_id": due.message_id, "text": due.text}).encode()
    headers = {
        **signed_headers(job.key, datetime.now(timezone.utc), body),
        "Content-Type": "application/json",
    }
    began = time.perf_counter()
    try:
        async with session.post(job.url, data=body, headers=headers) as response:
            await response.read()
            ended, status = time.perf_counter(), response.status
    except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as exc:
        samples.errors[type(exc).__name__] += 1
        return
    samples.late.append((began - moment) * 1000)
    if status != 202:
        samples.errors[f"HTTP {status}"] += 1
        return
    samples.acknowledged.append((ended - moment) * 1000)
    samples.served.append((ended - began) * 1000)
    samples.accepted.append(due.message_id)


async def _run(job: Job, door: Connection) -> Samples:
    samples = Samples()
    connector = aiohttp.TCPConnector(limit=0)  # or later messages would wait for earlier ones' connections
    async with aiohttp.ClientSession(timeout=_TIMEOUT, connector=connector) as session:
        door.send("ready")
        await asyncio.get_running_loop().run_in_executor(None, door.recv)
        cpu = time.process_time()
        await send_all(job, samples, session)
        samples.client_cpu_s = time.process_time() - cpu
    return samples


def work(job: Job, door: Connection) -> None:
    """Do a job in this process: say ``ready`` through the door, wait for an answer, send :class:`Samples`."""
    try:
        door.send(asyncio.run(_run(job, door)))
    except Exception as exc:  # the parent says it in one sentence
        door.send(exc if isinstance(exc, RuntimeError) else RuntimeError(f"{type(exc).__name__}: {exc}"))
    finally:
        door.close()
