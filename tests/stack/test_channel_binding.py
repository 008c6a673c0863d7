"""A shopper on a channel proves in the chat who she is, through the real processes and the embedded shop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from actions.shop.sql import SqlShop
from bot.app import children
from bot.app.front import shanghai_now
from persona.privacy.masking import mask_phone
from persona.privacy.vault import Vault
from tests.bot.conversation.harness import until
from tests.fakes.signed import KEY, Receiver, signed
from tests.stack.harness import SPECS, Stack

pytestmark = pytest.mark.stack

CUSTOMER = "u1006"
_WAIT_S = 180.0


def test_a_channels_user_becomes_the_customer_and_ceases_to_be(tmp_path: Path) -> None:
    asyncio.run(_talk(tmp_path / "data"))


async def _talk(folder: Path) -> None:
    async with Receiver(shanghai_now) as receiver, aiohttp.ClientSession() as http:
        channel = {"channels": "signed", "signed_keys": KEY, "signed_url": receiver.url}
        with Stack(folder, **channel) as stack:
            shop = SqlShop(f"sqlite:///{folder / 'shop.db'}", Vault.from_text(stack.settings.data_keys))
            customer = await shop.customer(CUSTOMER)
            number = (await shop.orders(CUSTOMER))[0].order_number
            await shop.close()
            count = 0

            async def say(text: str, answered: Callable[[str], bool]) -> str:
                nonlocal count
                count += 1
                before = len(receiver.of("w1"))
                body = {"user": "w1", "message_id": f"m{count}", "text": text}
                async with http.post(f"{stack.url}/channels/signed", **signed(body, shanghai_now())) as got:
                    assert got.status == 202
                await until(lambda: any(map(answered, receiver.texts("w1")[before:])), _WAIT_S)
                return "\n".join(receiver.texts("w1")[before:])

            assert str(customer.points) not in await say("我有多少积分", lambda said: "绑定" in said)
            await say("绑定", lambda said: "12 位" in said)
            await say(number, lambda said: "11 位" in said)
            await say(f"{customer.phone[:-1]}{(int(customer.phone[-1]) + 1) % 10}", lambda said: "没" in said)
            told = await say(customer.phone, lambda said: "解绑" in said)
            assert mask_phone(customer.phone) in told
            assert customer.phone not in told
            await say("我有多少积分", lambda said: str(customer.points) in said)
            await say("解绑", lambda said: "解" in said and "绑定" in said)
            assert str(customer.points) not in await say("我有多少积分", lambda said: "绑定" in said)

            with closing(sqlite3.connect(folder / "record.db")) as record:
                rows = record.execute(
                    "SELECT act, how, customer_id FROM channel_bindings ORDER BY id"
                ).fetchall()
            assert rows == [
                ("bound", "verified", CUSTOMER),
                ("merged", "verified", CUSTOMER),
                ("unbound", "chat", CUSTOMER),
            ]
            for name in SPECS:
                log = children.log_path(SPECS[name], stack.settings).read_text("utf-8")
                assert customer.phone not in log
