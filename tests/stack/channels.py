"""All six messaging channels of a stack, each against its small real server, and shoppers with a phone.

with Platforms() as platforms, Stack(folder, **platforms.settings()) as stack:
    phone = platforms.phone(stack, "wechat")
    phone.says("在吗 我想问下你们退货运费谁出阿")
    phone.sees("运费")
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack, closing
from datetime import datetime, timezone
from typing import Any, TypeVar

from tests.fakes.dingtalk import FakeDingTalk
from tests.fakes.feishu import FakeFeishu
from tests.fakes.signed import KEY, Receiver
from tests.fakes.wechat import AES_KEY, APP_ID, SECRET, TOKEN, FakeWeChat
from tests.fakes.wecom import FakeWecom
from tests.stack.channels_phone import Made, Phone, Shown
from tests.stack.channels_phones import PHONES
from tests.stack.harness import Stack
from tests.support.ports import free_ports

T = TypeVar("T")

#: A page of the shop on which who logs in is bound, and where its products are.
LOGIN = "https://shop.example/login"
PRODUCT = "https://shop.example/p/{product_id}"
#: An answer may take so long on a machine that has other things to do.
PATIENCE_S = 60.0


class Platforms:
    """The platforms' own servers, in a thread of their own; settings that lead a stack to them."""

    def __init__(self) -> None:
        self.signed = Receiver(lambda: datetime.now(timezone.utc))
        self.wechat = FakeWeChat()
        self.wechat_mini = FakeWeChat()
        self.wecom = FakeWecom()
        self.dingtalk = FakeDingTalk()
        self.feishu = FakeFeishu()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="platforms", daemon=True)
        self._open = AsyncExitStack()

    def __enter__(self) -> Platforms:
        self._thread.start()
        self.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.run(self._open.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something where the servers run."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def settings(self) -> dict[str, object]:
        """Return what an integrator sets, by key; the addresses lead to this machine instead."""
        (port,) = free_ports(1)
        return {
            "channels": ",".join(PHONES),
            "front_port": port,
            "public_url": f"http://127.0.0.1:{port}",
            "bind_url": LOGIN,
            "product_url": PRODUCT,
            "signed_keys": KEY,
            "signed_url": self.signed.url,
            "signed_cards": "on",
            "wechat_app_id": APP_ID,
            "wechat_secret": SECRET,
            "wechat_token": TOKEN,
            "wechat_aes_key": AES_KEY,
            "wechat_api": self.wechat.origin,
            "wechat_mini_app_id": APP_ID,
            "wechat_mini_secret": SECRET,
            "wechat_mini_token": TOKEN,
            "wechat_mini_aes_key": AES_KEY,
            "wechat_mini_api": self.wechat_mini.origin,
            "wecom_corp_id": self.wecom.corp_id,
            "wecom_secret": self.wecom.secret,
            "wecom_token": self.wecom.token,
            "wecom_aes_key": self.wecom.aes_key,
            "wecom_api": self.wecom.url,
            "dingtalk_app_key": self.dingtalk.app_key,
            "dingtalk_app_secret": self.dingtalk.app_secret,
            "dingtalk_api": self.dingtalk.url,
            "dingtalk_web": self.dingtalk.url,
            "feishu_app_id": self.feishu.app_id,
            "feishu_app_secret": self.feishu.app_secret,
            "feishu_encrypt_key": self.feishu.encrypt_key,
            "feishu_verification_token": self.feishu.verification_token,
            "feishu_api": self.feishu.url,
        }

    def phone(self, stack: Stack, channel: str) -> Talk:
        """Return a shopper nobody knows, with that platform's app in her hand."""
        return Talk(stack, PHONES[channel](stack.url, getattr(self, channel)))

    async def _start(self) -> None:
        for one in (
            self.signed,
            self.wechat,
            self.wechat_mini,
            self.wecom,
            self.dingtalk,
            self.feishu,
        ):
            await self._open.enter_async_context(one)


class Talk:
    """A shopper who writes on one channel.

    Args:
        stack: whose front her platform calls.
        phone: her app.
    """

    def __init__(self, stack: Stack, phone: Phone) -> None:
        self._stack = stack
        self.phone = phone
        self._seen = 0

    def does(self, made: Made) -> None:
        """Let the platform bring what she did; the front takes it at once."""
        assert self.phone.post(made) == self.phone.taken

    def says(self, text: str) -> None:
        """Type a message."""
        self.does(self.phone.text(text))

    def asks(self, text: str, *wanted: str) -> list[Shown]:
        """Type a message and wait until what came new says all of that; see :meth:`sees`."""
        self.says(text)
        return self.sees(*wanted)

    def taps(self, shown: list[Shown], title: str) -> None:
        """Choose what was shown, as the app does."""
        found = {name: choice for one in shown for name, choice in one.choices.items() if title in name}
        assert found, f"no {title!r} among {[list(one.choices) for one in shown]}"
        name, choice = next(iter(found.items()))
        self.does(self.phone.tapped(name, choice))

    def sees(self, *wanted: str, within_s: float = PATIENCE_S) -> list[Shown]:
        """Wait until what came new matches all patterns, and return it; it is old from then on."""
        deadline = time.monotonic() + within_s
        while True:
            shown = self.phone.shown()
            text = _read(shown[self._seen :])
            missing = [one for one in wanted if not re.search(one, text)]
            if not missing and len(shown) > self._seen:
                new, self._seen = shown[self._seen :], len(shown)
                return new
            assert time.monotonic() < deadline, f"{self.phone.name}: {missing} never came, but: {text}"
            time.sleep(0.05)

    def rest(self, quiet_s: float = 0.6) -> list[Shown]:
        """Return what else came, once nothing has come for a moment; for messages that may follow."""
        count, since = len(self.phone.shown()), time.monotonic()
        while time.monotonic() - since < quiet_s:
            time.sleep(0.05)
            if (now := len(self.phone.shown())) != count:
                count, since = now, time.monotonic()
        new, self._seen = self.phone.shown()[self._seen : count], count
        return new

    @property
    def everything(self) -> str:
        """All that she has ever been shown, as one text, choices too."""
        return _read(self.phone.shown())

    def conversation(self) -> str:
        """Return the conversation that her link stands in: hers is the last that was heard of."""
        found = self._rows(
            "SELECT conversation_id FROM channel_links WHERE channel = ? ORDER BY heard_at DESC LIMIT 1"
        )
        return str(found[0][0])

    def link_state(self) -> str:
        """Return whether she is written to: her link is the last that was heard of."""
        found = self._rows("SELECT state FROM channel_links WHERE channel = ? ORDER BY heard_at DESC LIMIT 1")
        return str(found[0][0])

    def _rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self._stack.settings.data_dir / "record.db")) as record:
            return record.execute(query, (self.phone.name,)).fetchall()


def _read(shown: list[Shown]) -> str:
    return "\n".join("\n".join([one.text, *one.choices]) for one in shown)
