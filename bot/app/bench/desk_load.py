"""The load of the desk's bench: agents at their pages and shoppers who write to them, in its own processes.

Each agent has one live connection and looks at her list; when it says that something has changed, the rows
concerned are fetched, and new messages of the conversation that is open. She opens the conversation whose
shopper has waited longest, reads, replies to most, and now and then goes back to the whole list. A shopper's
message has reached the screen when its row, or the open conversation, has been fetched with its words in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
import uuid
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import aiohttp

from bot.app.bench.desk_browser import AgentBrowser
from bot.app.bench.desk_browser import session as browser_session

#: What the page's scripts wait for before they fetch rows again, so that a busy desk is not asked each time.
_COALESCE_S = 0.4
#: More changed conversations than these, and the pages fetch the whole list.
_MOST_ONLY = 60
_SEQ = re.compile(r'data-seq=\\?"(\d+)\\?"')
_LETTERS = "bcdfghjkmnpqrtvwxz"
_WORDS = (
    "我的快递还没到，麻烦帮我看看到哪了",
    "退款什么时候能到账呢",
    "这个尺码偏大吗？我平时穿四十码的鞋",
    "地址写错了能改吗，还没发货的话",
    "好的，谢谢",
    "你们什么时候上班",
    "发票抬头要写公司名字，怎么弄",
)
_REPLY = "您好，已经帮您查到了，包裹今天下午会到您那边的网点，晚上八点前送到，有变化我马上告诉您。"


@dataclass(frozen=True)
class Shopper:
    """One conversation, seen from the shopper's side."""

    conversation_id: str
    secret: str


@dataclass(frozen=True)
class Desk:
    """One agent and the shoppers whom she has."""

    login: str
    password: str
    shoppers: tuple[Shopper, ...]


@dataclass(frozen=True)
class Job:
    """What one process does.

    Attributes:
        warm_s: how long everybody works before it is measured.
        shopper_s: mean seconds between two messages of one shopper.
        page_s: mean seconds between two conversations that an agent opens.
        reply_s: mean seconds between two replies of an agent.
        list_s: mean seconds between two looks at the whole list.
    """

    url: str
    desks: tuple[Desk, ...]
    seconds: float
    warm_s: float
    shopper_s: float
    page_s: float
    reply_s: float
    list_s: float
    seed: int


@dataclass
class Samples:
    """What one process measured: milliseconds by name, and what went wrong.

    Attributes:
        overtaken: messages whose row showed the shopper's next one already.
    """

    times: dict[str, list[float]] = field(default_factory=dict)
    sent: int = 0
    seen: int = 0
    overtaken: int = 0
    events: int = 0
    faults: list[str] = field(default_factory=list)
    client_cpu_s: float = 0.0

    def forget(self) -> None:
        """Begin anew: what was measured so far was the warming up."""
        self.times.clear()
        self.sent = self.seen = self.overtaken = self.events = 0

    def add(self, name: str, began: float) -> None:
        """Note what has taken since `began` (:func:`time.perf_counter`)."""
        self.times.setdefault(name, []).append((time.perf_counter() - began) * 1000)


class _Agent:
    """One agent at work."""

    def __init__(
        self, job: Job, desk: Desk, browser: AgentBrowser, samples: Samples, rnd: random.Random
    ) -> None:
        self._job = job
        self._desk = desk
        self._browser = browser
        self._samples = samples
        self._random = rnd
        self._mine = {one.conversation_id for one in desk.shoppers}
        self._open: str | None = None
        self._last_seq = 0
        self._changed: set[str] = set()
        self._everything = False
        self._news = asyncio.Event()
        self._waiting: dict[str, float] = {}  # conversation -> since when
        self.unseen: dict[str, tuple[str, float]] = {}  # words -> conversation, sent at

    async def prepare(self) -> None:
        """Log in and take the shoppers over."""
        await self._browser.log_in(self._desk.login, self._desk.password)
        await self._browser.post("/desk/presence", {"presence": "busy"})  # nobody is routed here
        for one in self._desk.shoppers:
            await self._browser.post(f"/desk/c/{one.conversation_id}/take", {})

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        """Return what runs at the same time."""
        return (self._listen(), self._refresh(), self._work(), self._look())

    def told(self, conversation_id: str, words: str, at: float) -> None:
        """Note that a shopper has written."""
        self.unseen[words] = (conversation_id, at)

    async def _listen(self) -> None:
        async for name, data in self._browser.live():
            self._samples.events += 1
            if name == "changed":
                if data["ids"] is None:
                    self._everything = True
                held = data.get("held", {})
                mine = self._browser.agent_id
                self._changed.update(
                    cid for cid in data["ids"] or () if cid in self._mine or held.get(cid) == mine
                )
                if self._changed or self._everything:
                    self._news.set()

    async def _refresh(self) -> None:
        """Fetch what has changed, as the pages' scripts do."""
        while True:
            await self._news.wait()
            self._news.clear()
            ids, everything = sorted(self._changed), self._everything
            self._changed.clear()
            self._everything = False
            if self._open in ids or everything:
                await self._read_messages()
            await self._read_rows(None if everything or len(ids) > _MOST_ONLY else ids)
            await asyncio.sleep(_COALESCE_S)

    async def _read_messages(self) -> None:
        cid = self._open
        text = await self._timed("messages", f"/desk/c/{cid}/messages?after={self._last_seq}")
        self._note_last(text)
        if self._look_for(text, cid):
            await self._timed("side", f"/desk/c/{cid}/customer")
        await self._browser.post(f"/desk/c/{cid}/seen", {"seq": str(self._last_seq)}, background=True)

    async def _read_rows(self, ids: list[str] | None) -> None:
        only = "" if ids is None else f"&only={','.join(ids)}"
        self._look_for(await self._timed("rows", f"/desk/queue?view=mine&compact=1{only}"), None)

    async def _timed(self, name: str, path: str, *, background: bool = True) -> str:
        began = time.perf_counter()
        text = await self._browser.get(path, background=background)
        self._samples.add(name, began)
        return text

    def _note_last(self, text: str) -> None:
        """Remember the number of the last message that a transcript shows."""
        self._last_seq = max((int(found) for found in _SEQ.findall(text)), default=self._last_seq)

    def _look_for(self, text: str, cid: str | None) -> int:
        """Note which of the shoppers' words have reached the screen; return how many."""
        known = len(self.unseen)
        for words, (whose, at) in tuple(self.unseen.items()):
            if cid in {None, whose} and words in text:
                del self.unseen[words]
                self._samples.seen += 1
                self._samples.add("screen", at)
                self._waiting.setdefault(whose, time.perf_counter())
                if cid is None:
                    self._overtake(whose, at)
        return known - len(self.unseen)

    def _overtake(self, cid: str, at: float) -> None:
        """Forget what a shopper wrote before: a row shows the newest line alone."""
        for words, (whose, sent) in tuple(self.unseen.items()):
            if whose == cid and sent < at:
                del self.unseen[words]
                self._samples.overtaken += 1

    async def _work(self) -> None:
        """Open the conversation that has waited longest, read, reply to most; the next one."""
        job = self._job
        await asyncio.sleep(self._random.uniform(0, job.page_s))
        while True:
            if not self._waiting:
                await asyncio.sleep(0.2)
                continue
            next_page = time.perf_counter() + self._random.uniform(0.5, 1.5) * job.page_s
            cid = min(self._waiting, key=lambda one: self._waiting[one])
            await self._turn_to(cid)
            self._waiting.pop(cid, None)
            await asyncio.sleep(self._random.uniform(0.2, 0.4) * job.page_s)
            if self._random.random() < job.page_s / job.reply_s:
                await self._reply(cid)
            await asyncio.sleep(max(0.0, next_page - time.perf_counter()))

    async def _turn_to(self, cid: str) -> None:
        """Open a conversation: its page, then what the page asks for by itself."""
        self._open, self._last_seq = (
            cid,
            0,
        )  # news that come before the page has come are fetched from the start
        page = await self._timed("conversation", f"/desk/c/{cid}", background=False)
        self._note_last(page)
        self._look_for(page, cid)
        await self._timed("side", f"/desk/c/{cid}/customer")
        await self._browser.post(f"/desk/c/{cid}/seen", {"seq": str(self._last_seq)}, background=True)

    async def _reply(self, cid: str) -> None:
        """Type, which lets the draft be looked at when the agent pauses, and send."""
        for part in (_REPLY[: len(_REPLY) // 2], _REPLY):
            began = time.perf_counter()
            await self._browser.post(f"/desk/c/{cid}/draft", {"text": part}, background=True)
            self._samples.add("draft", began)
            await asyncio.sleep(self._random.uniform(0.05, 0.15) * self._job.page_s)
        began = time.perf_counter()
        await self._browser.post(f"/desk/c/{cid}/reply", {"key": uuid.uuid4().hex, "text": _REPLY})
        self._samples.add("reply", began)

    async def _look(self) -> None:
        """Go back to the whole list now and then."""
        while True:
            await asyncio.sleep(self._random.uniform(0.5, 1.5) * self._job.list_s)
            view = self._random.choice(("mine", "waiting", "all"))
            await self._timed("queue", f"/desk/?view={view}", background=False)


async def _shopper(
    job: Job, agent: _Agent, one: Shopper, session: aiohttp.ClientSession, rnd: random.Random
) -> None:
    """Write now and then; wait for the front to have stored it."""
    headers = {"X-Conversation-Secret": one.secret}
    await asyncio.sleep(rnd.uniform(0, job.shopper_s))
    while True:
        words = "".join(rnd.choices(_LETTERS, k=7))
        body = {
            "conversation_id": one.conversation_id,
            "message_id": f"b_{uuid.uuid4().hex}",
            "text": f"{words} {rnd.choice(_WORDS)}",
        }
        agent.told(one.conversation_id, words, time.perf_counter())
        agent._samples.sent += 1
        began = time.perf_counter()
        async with session.post(f"{job.url}/api/v1/chat", json=body, headers=headers) as response:
            if response.status != 200:
                agent._samples.faults.append(f"a shopper was answered with {response.status}")
            await response.read()
        agent._samples.add("shopper", began)
        await asyncio.sleep(rnd.expovariate(1 / job.shopper_s))


async def _run(job: Job, door: Connection) -> Samples:
    rnd = random.Random(job.seed)
    samples = Samples()
    async with contextlib.AsyncExitStack() as stack:
        shoppers = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60))
        )
        agents = []
        for desk in job.desks:
            browser = AgentBrowser(await stack.enter_async_context(browser_session()), job.url)
            agents.append(_Agent(job, desk, browser, samples, rnd))
            await agents[-1].prepare()
        door.send("ready")
        await asyncio.get_running_loop().run_in_executor(None, door.recv)
        tasks = [asyncio.ensure_future(task) for agent in agents for task in agent.tasks()]
        for agent in agents:
            tasks += [
                asyncio.ensure_future(_shopper(job, agent, one, shoppers, rnd))
                for one in agent._desk.shoppers
            ]
        await asyncio.wait(tasks, timeout=job.warm_s, return_when=asyncio.FIRST_EXCEPTION)
        samples.forget()
        door.send("warm")
        cpu = time.process_time()
        done, running = await asyncio.wait(tasks, timeout=job.seconds, return_when=asyncio.FIRST_EXCEPTION)
        samples.client_cpu_s = time.process_time() - cpu
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        samples.faults += [str(task.exception() or "it ended too early") for task in done]
        late = time.perf_counter() - 5
        lost = sum(at < late for agent in agents for _, at in agent.unseen.values())
        if lost:
            samples.faults.append(f"{lost} messages were not on the screen after five seconds")
    return samples


def work(job: Job, door: Connection) -> None:
    """Do a job in this process: say ``ready`` through the door, wait for an answer, send :class:`Samples`."""
    try:
        door.send(asyncio.run(_run(job, door)))
    except Exception as exc:  # the parent says it in one sentence
        door.send(exc if isinstance(exc, RuntimeError) else RuntimeError(f"{type(exc).__name__}: {exc}"))
    finally:
        door.close()


def together(several: Sequence[Samples]) -> Mapping[str, list[float]]:
    """Return the samples of all processes by name."""
    merged: dict[str, list[float]] = {}
    for samples in several:
        for name, times in samples.times.items():
            merged.setdefault(name, []).extend(times)
    return merged
