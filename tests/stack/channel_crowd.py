"""Platforms and their shoppers, beside a stack under test.

The platforms are the little servers of ``tests/fakes``. They behave as the real ones do: what is not
acknowledged is sent again, some of what is acknowledged too, at once or much later.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from bot.app.front import shanghai_now
from tests.fakes.feishu import FakeFeishu
from tests.fakes.signed import KEY, Receiver, signed
from tests.fakes.wechat import AES_KEY, APP_ID, SECRET, TOKEN, FakeWeChat, Poster
from tests.stack.channel_audit import Got

#: What is typed: whatever stranger says it is answered by words, without cards.
LINES = (
    "你好",
    "谢谢",
    "哈哈好的",
    "算了",
    "在吗",
    "我现在有多少积分",
    "我有几个订单",
    "我的快递到哪了",
    "你是机器人吗",
)
CHANNELS = ("signed", "wechat", "feishu")
KEYED = frozenset({"signed", "feishu"})
#: A platform takes a part, and says so up to so much later.
_LATE_S = 0.08


@dataclass(frozen=True)
class Plan:
    """How much is asked for.

    Attributes:
        seed: of all that is drawn.
        shoppers: of all channels together.
        messages: of each.
        repeats: share of calls that the platform makes once more.
        ends: how often the front is ended by SIGTERM.
        kills: how often by ``kill -9``; every second time right after a platform has taken a part.
    """

    seed: int = 7
    shoppers: int = 50
    messages: int = 20
    repeats: float = 0.2
    ends: int = 4
    kills: int = 4


# -- the platforms ------------------------------------------------------------------------------------------


class _Late:
    """What all three platforms have: they say late that they took a part, and tell of it at once."""

    def __init__(self, *given: Any, note: Callable[[str, Got], None], seed: str) -> None:
        super().__init__(*given)
        self.note = note
        self.random = random.Random(seed)

    async def late(self, answer: Awaitable[web.StreamResponse], user: str, part: Got) -> web.StreamResponse:
        made = await answer
        if made.status < 300:
            self.note(user, part)
            await asyncio.sleep(self.random.random() * _LATE_S)
        return made


class _Signed(_Late, Receiver):
    async def _take(self, request: web.Request) -> web.StreamResponse:  # type: ignore[override]
        said = json.loads(await request.read())
        return await self.late(super()._take(request), said["user"], Got(said["text"], said["delivery_id"]))


class _WeChat(_Late, FakeWeChat):
    async def _send(self, request: web.Request) -> web.StreamResponse:
        before, said = len(self.sent), await request.json()
        answer = super()._send(request)
        made = await answer
        if len(self.sent) == before:
            return made
        body = said[said["msgtype"]]

        async def same() -> web.StreamResponse:
            return made

        return await self.late(same(), said["touser"], Got(body.get("content") or body["head_content"]))


class _Feishu(_Late, FakeFeishu):
    async def _send(self, request: web.Request) -> web.StreamResponse:  # type: ignore[override]
        said = await request.json()
        words = "\n\n".join(_strings(json.loads(said["content"])))
        return await self.late(super()._send(request), said["receive_id"], Got(words, said["uuid"]))


def _strings(content: Any) -> list[str]:
    """Return the words of a message or card, in order."""
    if isinstance(content, Mapping):
        found = [content[name] for name in ("text", "content") if isinstance(content.get(name), str)]
        inside = [one for name, one in content.items() if not isinstance(one, str)]
        return [*found, *(text for one in inside for text in _strings(one))]
    return [text for one in content for text in _strings(one)] if isinstance(content, list) else []


class Crowd:
    """The platforms and their shoppers, in an event loop of a thread of their own.

    Attributes:
        port: of the front; set before :meth:`talk`.
        life: how many fronts there were before the present one; whoever restarts it counts.
        taken: set whenever a platform without key takes a part.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.life = 0
        self.port = 0
        self.taken = threading.Event()
        self.got: dict[tuple[str, str], list[Got]] = {}
        self.acknowledged: dict[tuple[str, str], list[str]] = {}
        self.count = 0
        self.repeats = 0
        self.retries = 0
        self.failures: list[str] = []
        self._drawn = random.Random(f"{plan.seed}/crowd")
        self._poster = Poster(AES_KEY)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._ends = contextlib.AsyncExitStack()
        self._http: aiohttp.ClientSession
        self._later: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Crowd:
        self._thread.start()
        self.run(self._open()).result(30)
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._ends.aclose()).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def run(self, work: Any) -> Any:
        """Run a coroutine in the loop; returns its future."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> None:
        seed = self.plan.seed
        self._http = await self._ends.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        )
        self.signed = await self._ends.enter_async_context(
            _Signed(shanghai_now, note=self._noting("signed"), seed=f"{seed}/signed")
        )
        self.wechat = await self._ends.enter_async_context(
            _WeChat(note=self._noting("wechat"), seed=f"{seed}/wechat")
        )
        self.feishu = await self._ends.enter_async_context(
            _Feishu(note=self._noting("feishu"), seed=f"{seed}/feishu")
        )

    def _noting(self, channel: str) -> Callable[[str, Got], None]:
        def note(user: str, part: Got) -> None:
            self.got.setdefault((channel, user), []).append(Got(part.text, part.key, self.life))
            if channel not in KEYED:
                self.taken.set()

        return note

    def settings(self) -> dict[str, object]:
        """Return what an integrator sets."""
        return {
            "channels": ",".join(CHANNELS),
            "signed_keys": KEY,
            "signed_url": self.signed.url,
            "wechat_app_id": APP_ID,
            "wechat_secret": SECRET,
            "wechat_token": TOKEN,
            "wechat_aes_key": AES_KEY,
            "wechat_api": self.wechat.origin,
            "feishu_app_id": self.feishu.app_id,
            "feishu_app_secret": self.feishu.app_secret,
            "feishu_encrypt_key": self.feishu.encrypt_key,
            "feishu_verification_token": self.feishu.verification_token,
            "feishu_api": self.feishu.url,
        }

    # -- what shoppers do -------------------------------------------------------------------------------

    async def talk(self) -> None:
        """Let all shoppers say what they have to, and the platforms repeat what they repeat."""
        crowd = (self._live(number) for number in range(self.plan.shoppers))
        ends = await asyncio.gather(*crowd, return_exceptions=True)
        ends += await asyncio.gather(*self._later, return_exceptions=True)
        self.failures += [f"a platform gave up: {end!r}" for end in ends if isinstance(end, BaseException)]

    async def _live(self, number: int) -> None:
        channel, user = CHANNELS[number % len(CHANNELS)], f"ou_{number:03}"
        drawn = random.Random(f"{self.plan.seed}/{number}")
        await asyncio.sleep(drawn.random() * 2)
        for place in range(self.plan.messages):
            await self.say(channel, user, drawn.choice(LINES), f"{place}", drawn)
            await asyncio.sleep(drawn.random() * 1.2)

    async def say(self, channel: str, user: str, text: str, ident: str, drawn: random.Random) -> None:
        """Have a platform deliver a message until it is acknowledged, some once more."""
        call = getattr(self, f"_call_{channel}")(user, text, ident)
        dice = drawn.random()
        if dice < self.plan.repeats / 2:  # both on their way at once
            self.repeats += 1
            await asyncio.gather(self._deliver(channel, call, drawn), self._deliver(channel, call, drawn))
        else:
            await self._deliver(channel, call, drawn)
        self.acknowledged.setdefault((channel, user), []).append(text)
        self.count += 1
        if self.plan.repeats / 2 <= dice < self.plan.repeats:  # much later, behind others of hers
            self.repeats += 1
            task = asyncio.create_task(self._much_later(channel, call, drawn))
            self._later.add(task)

    async def _much_later(self, channel: str, call: dict[str, Any], drawn: random.Random) -> None:
        await asyncio.sleep(0.3 + drawn.random() * 4)
        await self._deliver(channel, call, drawn)

    async def _deliver(self, channel: str, call: dict[str, Any], drawn: random.Random) -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, asyncio.TimeoutError, ConnectionError):
                url = f"http://127.0.0.1:{self.port}/channels/{channel}"
                async with self._http.post(url, **call) as got:
                    if got.status < 300:
                        return
                    if got.status in {400, 401}:
                        raise AssertionError(f"{channel}: {got.status} {await got.text()}")
            self.retries += 1
            await asyncio.sleep(0.3 + drawn.random())

    def _call_signed(self, user: str, text: str, ident: str) -> dict[str, Any]:
        return signed({"user": user, "message_id": ident, "text": text}, shanghai_now())

    def _call_wechat(self, user: str, text: str, _ident: str) -> dict[str, Any]:
        now = shanghai_now()
        query, body = self._poster.request(now, self._poster.message(now, "text", user, Content=text))
        return {"params": query, "data": body}

    def _call_feishu(self, user: str, text: str, ident: str) -> dict[str, Any]:
        more = {"message_id": f"om_{user}_{ident}"}
        headers, body = self.feishu.signed(self.feishu.message({"text": text}, user=user, **more))
        return {"headers": headers, "data": body}

    async def call_back(self, users: Sequence[tuple[str, str]], ident: str) -> None:
        """Let those write once more for whom something waits because her messages are used up."""
        for channel, user in users:
            await self.say(channel, user, LINES[1], ident, self._drawn)
